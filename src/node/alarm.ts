/** One timer that a machine's deadline moves about. */
import { Wakes } from '../link/wakes.js';
import type { Runtime } from '../runtime/index.js';

export class Alarm {
  readonly #runtime: Runtime;
  readonly #callback: () => void;
  readonly #wakes: Wakes;
  #atMs: number | null = null;
  readonly #wake = (): void => {
    this.#atMs = null;
    this.#callback();
  };

  constructor(runtime: Runtime, callback: () => void) {
    this.#runtime = runtime;
    this.#wakes = Wakes.of(runtime);
    this.#callback = callback;
  }

  /**
   * Calls the callback at `atMs` of the runtime's clock instead of whenever it was to be called;
   * null: not at all.
   */
  set(atMs: number | null): void {
    if (atMs === this.#atMs) return;
    if (this.#atMs !== null) this.#wakes.remove(this.#atMs, this.#wake);
    this.#atMs = atMs;
    if (atMs !== null) this.#wakes.add(this.#runtime.clock.turnMs(), atMs, this.#wake);
  }
}
