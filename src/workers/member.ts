/** One worker as its supervisor sees it. */
import type { Ending, KillReason, SupervisedView, WorkerState } from './supervisor-io.js';
import type { WorkerSpec } from './worker-spec.js';

/** What its process does. 'killing': it has failed, and is killed for it. */
export type Phase = 'down' | 'starting' | 'up' | 'stopping' | 'killing';

export class Member {
  /** The newest description. */
  spec: WorkerSpec;
  isDesired = false;
  phase: Phase = 'down';
  sinceMs: number;
  /** When its process was ready; null: it was not yet, or there is none. */
  #readySinceMs: number | null = null;
  /** Of its process; null without one. */
  launch: string | null = null;
  pid: number | null = null;
  /** By when it has to be ready, or to have stopped. */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** It is not started sooner. */
  notBeforeMs = Number.NEGATIVE_INFINITY;
  /** An operator has stopped it. */
  isHeld = false;
  /** It has ended for good. */
  isFinished = false;
  /** It has been ready since the group began last: others need not wait for it any more. */
  isSettled = false;
  /** Its process does not beat. */
  isStalled = false;
  /** It is being replaced because its description has changed. */
  isRolling = false;
  /** An earlier controller had asked it to stop, and it has not been ready since. */
  wasAsked = false;
  /**
   * It has to stop before it may start again: by itself, or together with others none of which may
   * start before all have stopped.
   */
  mustStop: 'alone' | 'together' | null = null;
  /** Failures in a row. */
  failures = 0;
  restarts = 0;
  lastEnding: Ending | null = null;
  /** It failed before anybody knew what is desired; judged when that is known. */
  isUnjudged = false;

  constructor(nowMs: number, spec: WorkerSpec) {
    this.spec = spec;
    this.sinceMs = nowMs;
  }

  get isRunning(): boolean {
    return this.phase === 'starting' || this.phase === 'up';
  }

  get isStale(): boolean {
    return this.launch !== null && this.launch !== this.spec.launch;
  }

  /** Its process is to be replaced, and nobody has begun with that. */
  get isOutdated(): boolean {
    return this.isRunning && this.isStale && this.mustStop === null;
  }

  /**
   * Others are not replaced meanwhile: it is being replaced, or has not been ready yet, perhaps
   * because an earlier controller had begun to replace it. One of the latter that has failed holds
   * nobody up: what has changed at the others may be what it needs.
   */
  get isAway(): boolean {
    if (this.isRolling) return true;
    const isAwaited = !this.isSettled || this.wasAsked;
    return isAwaited && this.phase !== 'up' && this.failures === 0;
  }

  /** For how long its process has been ready, whatever happens to it since. */
  upMs(nowMs: number): number {
    return this.#readySinceMs === null ? 0 : nowMs - this.#readySinceMs;
  }

  become(nowMs: number, phase: Phase, deadlineMs = Number.POSITIVE_INFINITY): void {
    if (phase === 'up') this.#readySinceMs = nowMs;
    if (phase === 'down' || phase === 'starting') this.#readySinceMs = null;
    this.phase = phase;
    this.sinceMs = nowMs;
    this.deadlineMs = deadlineMs;
  }

  /** What failed before counts no more. */
  forgive(): void {
    this.failures = 0;
    this.notBeforeMs = Number.NEGATIVE_INFINITY;
  }

  /** Why it is killed at its deadline. */
  get killReason(): KillReason {
    return this.phase === 'starting' ? 'late' : 'stop';
  }

  view(nowMs: number, isGivenUp: boolean, isWanted: boolean): SupervisedView {
    const { spec, sinceMs, pid, restarts, lastEnding, isStale, isHeld } = this;
    const state = this.#state(nowMs, isGivenUp, isWanted);
    const { name, group } = spec;
    return { name, group, state, sinceMs, pid, restarts, lastEnding, isStale, isHeld };
  }

  #state(nowMs: number, isGivenUp: boolean, isWanted: boolean): WorkerState {
    if (this.phase === 'up') return 'ready';
    if (this.phase === 'starting') return 'starting';
    if (this.phase !== 'down') return 'stopping';
    if (isWanted) return this.notBeforeMs > nowMs ? 'pausing' : 'waiting';
    if (this.isFinished) return 'finished';
    return isGivenUp && !this.isHeld ? 'given-up' : 'stopped';
  }
}

/** The order in which workers start: by number, then by name. */
export function inOrder(a: Member, b: Member): number {
  if (a.spec.order !== b.spec.order) return a.spec.order - b.spec.order;
  return a.spec.name < b.spec.name ? -1 : 1;
}
