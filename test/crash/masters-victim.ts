/** The masters that are started together, and those that are killed after. */
import { Deferred } from './deferred.js';
import type { Recovery, Victim } from './subject.js';

export class MastersVictim implements Victim {
  readonly #started = new Deferred<void>();
  readonly #recovered = new Deferred<Recovery>();
  readonly #kill: () => Promise<void>;
  /** Those that have not yet begun to open their store, and those that have not opened it. */
  readonly #awaited: Set<string>;
  readonly #unopened: Set<string>;
  /** When the last of them has begun, and has opened it. */
  #openingMs = Number.POSITIVE_INFINITY;
  #openedMs = Number.POSITIVE_INFINITY;
  #writes = 0;
  #wanted: { readonly at: number; readonly written: Deferred<void> } | null = null;

  constructor(started: readonly string[], kill: () => Promise<void>) {
    this.#awaited = new Set(started);
    this.#unopened = new Set(started);
    this.#kill = kill;
  }

  get started(): Promise<void> {
    return this.#started.promise;
  }

  get recovered(): Promise<Recovery> {
    return this.#recovered.promise;
  }

  /** A master begins to open its store. */
  opening(name: string): void {
    this.#awaited.delete(name);
    if (this.#awaited.size > 0) return;
    this.#openingMs = performance.now();
    this.#started.resolve();
  }

  /** It has opened it. */
  opened(name: string): void {
    this.#unopened.delete(name);
    if (this.#unopened.size === 0) this.#openedMs = performance.now();
  }

  /** A write is acknowledged that was asked for at `askedMs`. */
  wrote(askedMs: number): void {
    const nowMs = performance.now();
    // One that was asked for before may have been on its way, and even on all disks, before.
    if (askedMs >= this.#openingMs) {
      const openMs = this.#openedMs - this.#openingMs;
      this.#recovered.resolve({ openMs, recoveryMs: nowMs - this.#openedMs });
    }
    this.#writes++;
    if (this.#writes === this.#wanted?.at) this.#wanted.written.resolve();
  }

  fail(message: string): void {
    this.#started.reject(new Error(message));
    this.#recovered.reject(new Error(message));
    this.#wanted?.written.reject(new Error(message));
  }

  afterWrites(count: number): Promise<void> {
    const written = new Deferred<void>();
    this.#wanted = { at: this.#writes + count, written };
    return written.promise;
  }

  kill(): Promise<void> {
    return this.#kill();
  }
}
