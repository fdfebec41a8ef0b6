/**
 * What a program gets from the machine it runs on, as interfaces, so that a simulation can stand in
 * for it: time, timers and randomness. Only this room touches the real ones.
 */
import { randomBytes } from './crypto.js';

/** Monotonic time. */
export interface Clock {
  /** Milliseconds since an arbitrary moment, with fractions; never goes back. */
  nowMs(): number;
  /**
   * The same as it was when it was first asked for in this turn of the event loop. Reading the
   * clock is a system call in many virtual machines, and a link that comes up is asked about the
   * time in a dozen places. Not for what is measured, nor for times a user gives.
   */
  turnMs(): number;
}

/** A timer that can be called off. */
export interface Timer {
  cancel(): void;
}

/** Calls back later. */
export interface Timers {
  /**
   * Calls `callback` once, no sooner than `delayMs` from now; 0: after all input and output that
   * waits has had its turn. Does not by itself keep the process alive when `unref` is set.
   */
  after(delayMs: number, callback: () => void, options?: { unref?: boolean }): Timer;
  /**
   * Calls `callback` at the end of this turn of the event loop: when what runs now, and whatever
   * other sockets had to say at once with it, has returned and the promises it settled have had
   * their turn, before anything else happens.
   */
  soon(callback: () => void): void;
}

/** Bytes nobody can guess. */
export interface Random {
  bytes(count: number): Buffer;
}

/** All of them. */
export interface Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

/**
 * Each process counts from a random moment. What is done at round times of its clock, so that the
 * process is woken once for all of it, would else be done at the same moments by all of a host.
 */
const ORIGIN_WITHIN_MS = 2 ** 16;

class SystemClock implements Clock {
  readonly #originMs = (randomBytes(4).readUInt32BE() / 2 ** 32) * ORIGIN_WITHIN_MS;
  #turnMs: number | null = null;
  readonly #forget = (): void => {
    this.#turnMs = null;
  };

  nowMs(): number {
    return this.#originMs + Number(process.hrtime.bigint()) / 1e6;
  }

  turnMs(): number {
    if (this.#turnMs === null) {
      this.#turnMs = this.nowMs();
      process.nextTick(this.#forget);
    }
    return this.#turnMs;
  }
}

/** The real machine. */
export const systemRuntime: Runtime = {
  clock: new SystemClock(),
  timers: {
    after(delayMs, callback, options) {
      if (delayMs <= 0) {
        const handle = setImmediate(callback);
        if (options?.unref === true) handle.unref();
        return { cancel: () => clearImmediate(handle) };
      }
      const handle = setTimeout(callback, delayMs);
      if (options?.unref === true) handle.unref();
      return { cancel: () => clearTimeout(handle) };
    },
    soon: (callback) => queueMicrotask(() => process.nextTick(callback)),
  },
  random: { bytes: (count) => randomBytes(count) },
};
