/** The questions whether the peer is alive that have no answer yet. */
import type { Timer, Timers } from '../runtime/index.js';

interface Probe {
  readonly done: (alive: boolean) => void;
  readonly timer: Timer;
}

export class Probes {
  readonly #timers: Timers;
  readonly #drain: () => void;
  readonly #probes = new Set<Probe>();

  /** @param drain reads what has arrived; it may call `answer`. */
  constructor(timers: Timers, drain: () => void) {
    this.#timers = timers;
    this.#drain = drain;
  }

  /** Calls `done` once: with true when the peer is heard within `withinMs`. */
  add(withinMs: number, done: (alive: boolean) => void): void {
    const probe: Probe = {
      done,
      timer: this.#timers.after(withinMs, () => {
        // Timers run before the poll for I/O: the answer may be waiting in the socket.
        this.#drain();
        if (this.#probes.delete(probe)) done(false);
      }),
    };
    this.#probes.add(probe);
  }

  /** Answers all of them. */
  answer(alive: boolean): void {
    if (this.#probes.size === 0) return;
    const probes = [...this.#probes];
    this.stop();
    this.#probes.clear();
    for (const probe of probes) probe.done(alive);
  }

  /** No timer of theirs fires any more. */
  stop(): void {
    for (const probe of this.#probes) probe.timer.cancel();
  }
}
