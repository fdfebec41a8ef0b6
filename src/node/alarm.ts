/** One timer that a machine's deadline moves about. */
import type { Runtime, Timer } from '../runtime/index.js';

export class Alarm {
  readonly #runtime: Runtime;
  readonly #callback: () => void;
  #timer: Timer | null = null;
  #atMs: number | null = null;

  constructor(runtime: Runtime, callback: () => void) {
    this.#runtime = runtime;
    this.#callback = callback;
  }

  /**
   * Calls the callback at `atMs` of the runtime's clock instead of whenever it was to be called;
   * null: not at all.
   */
  set(atMs: number | null): void {
    if (atMs === this.#atMs) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#atMs = atMs;
    if (atMs === null) return;
    const delayMs = Math.max(0, atMs - this.#runtime.clock.nowMs());
    this.#timer = this.#runtime.timers.after(delayMs, () => {
      this.#timer = null;
      this.#atMs = null;
      this.#callback();
    });
  }
}
