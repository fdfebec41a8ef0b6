/**
 * A machine whose time stands still until a test moves it, and whose randomness comes from a seed.
 */
import type { Runtime, Timer } from '../../../src/runtime/index.js';

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export class VirtualRuntime implements Runtime {
  #nowMs = 1000;
  #order = 0;
  #pending: Pending[] = [];
  #state: number;

  constructor(seed = 1) {
    this.#state = seed;
  }

  readonly clock = { nowMs: () => this.#nowMs };

  readonly timers = {
    after: (delayMs: number, callback: () => void): Timer => {
      const entry = { atMs: this.#nowMs + delayMs, order: this.#order++, callback };
      this.#pending.push(entry);
      return {
        cancel: () => {
          this.#pending = this.#pending.filter((other) => other !== entry);
        },
      };
    },
    soon: (callback: () => void): void => process.nextTick(callback),
  };

  readonly random = {
    bytes: (count: number): Buffer =>
      Buffer.from(Array.from({ length: count }, () => this.#next())),
  };

  /** Timers that wait. */
  get waiting(): number {
    return this.#pending.length;
  }

  /**
   * Lets `durationMs` pass: every timer on its time, and all promises settled between two of them.
   */
  async run(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await settle();
    for (;;) {
      const next = this.#pending
        .filter(({ atMs }) => atMs <= endMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.#pending = this.#pending.filter((entry) => entry !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /** A linear congruential generator: the same bytes for the same seed. */
  #next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return this.#state >>> 24;
  }
}

/** Lets every promise that can settle do so, and all callbacks of process.nextTick run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
