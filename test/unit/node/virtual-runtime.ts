/**
 * A machine whose time stands still until a test moves it, and whose randomness comes from a seed.
 */
import type { Runtime, Timer } from '../../../src/runtime/index.js';
import { SeededRandom } from '../../random.js';
import { VirtualTime } from '../../sim/core/time.js';

export class VirtualRuntime implements Runtime {
  readonly random: SeededRandom;
  readonly #time = new VirtualTime();
  readonly #pending = new Set<() => void>();

  constructor(seed = 1) {
    this.random = new SeededRandom(seed);
  }

  readonly clock = { nowMs: () => this.#time.nowMs };

  readonly timers = {
    after: (delayMs: number, callback: () => void): Timer => {
      const once = () => {
        if (this.#pending.delete(once)) callback();
      };
      this.#pending.add(once);
      this.#time.after(delayMs, once);
      return { cancel: () => void this.#pending.delete(once) };
    },
    soon: (callback: () => void): void => process.nextTick(callback),
  };

  /** Timers that wait. */
  get waiting(): number {
    return this.#pending.size;
  }

  /**
   * Lets `durationMs` pass: every timer on its time, and all promises settled between two of them.
   */
  async run(durationMs: number): Promise<void> {
    const endMs = this.#time.nowMs + durationMs;
    await settle();
    while (this.#time.nextMs <= endMs) {
      this.#time.step();
      await settle();
    }
    this.#time.nowMs = endMs;
  }
}

/** Lets every promise that can settle do so, and all callbacks of process.nextTick run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
