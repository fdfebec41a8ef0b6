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

  /** Calls `done` once, unless stopped before: with true when the peer is heard in this time. */
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

  /** The peer was heard: the answer to all of them. */
  answered(): void {
    if (this.#probes.size === 0) return;
    const probes = [...this.#probes];
    this.stop();
    this.#probes.clear();
    for (const probe of probes) probe.done(true);
  }

  /** The link is over: how it ended is told by itself, and nobody is answered any more. */
  stop(): void {
    for (const probe of this.#probes) probe.timer.cancel();
  }
}
