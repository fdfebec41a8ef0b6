/**
 * Redundancy of one link: whether every plane has an active path. A pure machine. A new link has a
 * grace time for its paths to be confirmed; a plane without an active path after it counts as lost,
 * also one that never had one.
 */

export interface PlanePath {
  readonly plane: string;
  readonly active: boolean;
}

export interface RedundancyChange {
  readonly state: 'lost' | 'restored';
  /** Paths that are active now. */
  readonly activePaths: number;
  /** Planes with an active path. */
  readonly planes: readonly string[];
  /** Planes without. */
  readonly missing: readonly string[];
}

export class Redundancy {
  #planes: readonly string[];
  #graceUntilMs: number | null;
  #state: 'unjudged' | 'lost' | 'full' = 'unjudged';
  #missing: readonly string[] = [];
  #paths: readonly PlanePath[] = [];
  #change: RedundancyChange | null = null;

  /** @param planes names of all planes; with one alone there is never a change */
  constructor(planes: readonly string[], nowMs: number, graceMs: number) {
    this.#planes = planes;
    this.#graceUntilMs = planes.length > 1 ? nowMs + graceMs : null;
  }

  /** Whether every plane has an active path, as far as known. */
  get full(): boolean {
    return this.#look().missing.length === 0;
  }

  /** The planes are others from now on; new ones have `graceMs` to get an active path. */
  replan(planes: readonly string[], nowMs: number, graceMs: number): void {
    const hasNew = planes.some((plane) => !this.#planes.includes(plane));
    this.#planes = planes;
    this.#missing = this.#missing.filter((plane) => planes.includes(plane));
    if (hasNew && planes.length > 1) this.#graceUntilMs = nowMs + graceMs;
    if (planes.length < 2) {
      this.#graceUntilMs = null;
      if (this.#state === 'lost') this.#change = { state: 'restored', ...this.#look() };
      this.#state = 'unjudged';
    }
  }

  /** `paths`: all paths as they are now; null when only time has passed. */
  step(nowMs: number, paths: readonly PlanePath[] | null): void {
    if (paths !== null) this.#paths = paths;
    if (this.#planes.length < 2) return;
    const now = this.#look();
    if (now.missing.length === 0) {
      this.#graceUntilMs = null;
      if (this.#state === 'lost') this.#change = { state: 'restored', ...now };
      this.#state = 'full';
      this.#missing = [];
      return;
    }
    // One plane after another may go: each time more are missing is a loss of its own.
    if (this.#graceUntilMs !== null && nowMs < this.#graceUntilMs) return;
    this.#graceUntilMs = null;
    const isMore = now.missing.some((plane) => !this.#missing.includes(plane));
    if (isMore) this.#change = { state: 'lost', ...now };
    this.#state = 'lost';
    this.#missing = now.missing;
  }

  /** The change since the last call, once. */
  poll(): RedundancyChange | null {
    const change = this.#change;
    this.#change = null;
    return change;
  }

  deadline(): number | null {
    return this.#graceUntilMs;
  }

  #look(): Omit<RedundancyChange, 'state'> {
    const active = this.#paths.filter((path) => path.active);
    const covered = new Set(active.map(({ plane }) => plane));
    const planes = this.#planes.filter((plane) => covered.has(plane));
    const missing = this.#planes.filter((plane) => !covered.has(plane));
    // A path on a plane we cannot name still stands for one of those that seem missing.
    const strangers = active.filter(({ plane }) => !this.#planes.includes(plane)).length;
    return { activePaths: active.length, planes, missing: missing.slice(strangers) };
  }
}
