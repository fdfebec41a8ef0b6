/**
 * Which path is to be the primary while paths are gray. A pure machine: it moves away from a gray
 * primary to a path that is not, at once, and back when it may and only after a long good time. A
 * pause that doubles with every move keeps it from flapping.
 */
import type { Switchover } from '../timing/switchover.js';
import type { SampledPath } from './path-monitor.js';

/** A path as steering sees it. */
export interface SteeredPath extends SampledPath {
  readonly isGray: boolean;
}

/** How long a path must have been active and not gray before traffic goes there. */
const GOOD_MS = 500;
/** How long the path that was left must have been so before traffic returns to it. */
const RETURN_MS = 60_000;
/** The pause after a move: it doubles with every move, up to the last. */
const PAUSE_MS = 15_000;
const PAUSE_MAX_MS = 300_000;
/** After so long without a move the pauses begin anew. */
const FORGET_MS = 900_000;

/** The machine; one for each link. */
export class Steering {
  readonly #switchover: Switchover;
  /** Since when each path has been good. */
  readonly #goodSince = new Map<string, number>();
  /** The path traffic belongs to. */
  #home: string | null = null;
  /** The path we chose last, while it is the primary. */
  #chosen: string | null = null;
  #moves = 0;
  #movedMs = Number.NEGATIVE_INFINITY;
  #wish: string | null = null;

  constructor(switchover: Switchover) {
    this.#switchover = switchover;
  }

  /** All paths as they are now. */
  step(nowMs: number, paths: readonly SteeredPath[]): void {
    this.#wish = null;
    this.#note(nowMs, paths);
    const primary = paths.find((path) => path.primary);
    if (primary === undefined) return;
    this.#settleHome(primary, paths);
    if (nowMs < this.#movedMs + this.#pauseMs(nowMs)) return;
    const target = primary.isGray
      ? this.#refuge(nowMs, paths)
      : this.#mayReturn(nowMs, primary)
        ? this.#home
        : null;
    if (target === null) return;
    this.#moves += 1;
    this.#movedMs = nowMs;
    this.#chosen = target;
    this.#wish = target;
    if (this.#switchover === 'stay') this.#home = target;
  }

  /** The address to make the primary, once; null when nothing is to be done. */
  poll(): string | null {
    const wish = this.#wish;
    this.#wish = null;
    return wish;
  }

  #note(nowMs: number, paths: readonly SteeredPath[]): void {
    const seen = new Set<string>();
    for (const { address, state, isGray } of paths) {
      seen.add(address);
      if (state !== 'active' || isGray) this.#goodSince.delete(address);
      else if (!this.#goodSince.has(address)) this.#goodSince.set(address, nowMs);
    }
    for (const address of [...this.#goodSince.keys()]) {
      if (!seen.has(address)) this.#goodSince.delete(address);
    }
  }

  /** Whoever else changes the primary means it: the kernel's own switch-over, or the program. */
  #settleHome(primary: SteeredPath, paths: readonly SteeredPath[]): void {
    const isGone = !paths.some(({ address }) => address === this.#home);
    const isOurs = primary.address === this.#chosen;
    if (isGone || (!isOurs && primary.address !== this.#home)) this.#home = primary.address;
    if (!isOurs) this.#chosen = null;
  }

  #pauseMs(nowMs: number): number {
    if (nowMs - this.#movedMs > FORGET_MS) this.#moves = 0;
    if (this.#moves === 0) return 0;
    return Math.min(PAUSE_MS * 2 ** (this.#moves - 1), PAUSE_MAX_MS);
  }

  /** The fastest of the good paths. */
  #refuge(nowMs: number, paths: readonly SteeredPath[]): string | null {
    const good = paths.filter(({ address }) => this.#wasGood(nowMs, address, GOOD_MS));
    good.sort((a, b) => a.rttMs - b.rttMs);
    return good[0]?.address ?? null;
  }

  #mayReturn(nowMs: number, primary: SteeredPath): boolean {
    if (this.#switchover === 'stay' || this.#home === null) return false;
    return primary.address !== this.#home && this.#wasGood(nowMs, this.#home, RETURN_MS);
  }

  #wasGood(nowMs: number, address: string, forMs: number): boolean {
    const sinceMs = this.#goodSince.get(address);
    return sinceMs !== undefined && nowMs - sinceMs >= forMs;
  }
}
