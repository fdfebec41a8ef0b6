/**
 * Pairs of nodes without a link, over time: a pure machine. A pair that lasts longer than the
 * patience is told; every change of the told ones is news.
 */
import type { UnreachedNodes } from './events.js';
import type { UnreachedPair } from './reach-matrix.js';

interface Watched extends UnreachedPair {
  readonly sinceMs: number;
  readonly isTold: boolean;
}

export class Partition {
  readonly #patienceMs: number;
  #pairs: ReadonlyMap<string, Watched> = new Map();
  #news: 'detected' | 'changed' | 'cleared' | null = null;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** These are the pairs now. */
  step(nowMs: number, found: ReadonlyMap<string, UnreachedPair>): void {
    const before = this.#pairs;
    const now = new Map<string, Watched>();
    for (const [key, pair] of found) {
      const sinceMs = before.get(key)?.sinceMs ?? nowMs;
      now.set(key, { ...pair, sinceMs, isTold: nowMs - sinceMs >= this.#patienceMs });
    }
    this.#pairs = now;
    const told = (pairs: ReadonlyMap<string, Watched>) =>
      [...pairs].filter(([, { isTold }]) => isTold).map(([key]) => key);
    const old = new Set(told(before));
    const current = told(now);
    if (current.length === old.size && current.every((key) => old.has(key))) return;
    this.#news = current.length === 0 ? 'cleared' : old.size === 0 ? 'detected' : 'changed';
  }

  /** What became of the told pairs since the last call, once; null: nothing. */
  poll(): 'detected' | 'changed' | 'cleared' | null {
    const news = this.#news;
    this.#news = null;
    return news;
  }

  /** When the next pair has lasted long enough; Infinity for never. */
  deadline(): number {
    const waiting = [...this.#pairs.values()].filter(({ isTold }) => !isTold);
    return Math.min(
      Number.POSITIVE_INFINITY,
      ...waiting.map(({ sinceMs }) => sinceMs + this.#patienceMs),
    );
  }

  /** The pairs of the last step, `onlyTold` those alone that lasted. */
  pairs(nowMs: number, onlyTold: boolean): UnreachedNodes[] {
    return [...this.#pairs.values()]
      .filter(({ isTold }) => isTold || !onlyTold)
      .map(({ nodes, via, sinceMs }) => ({ nodes, via, lastedMs: Math.round(nowMs - sinceMs) }));
  }
}
