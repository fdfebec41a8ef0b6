/** Calls that wait for their answer, each with a deadline. */
import { type ErrorCode, type ErrorDetails, NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { Outcome } from '../link/types.js';
import type { Timer, Timers } from '../runtime/index.js';

/** The peer's handler failed, or the peer could not give the call to one. */
export class CallError extends NodeError {
  /** `code` of what the peer's handler threw, as the peer told it; null when that had none. */
  readonly remoteCode: string | null;
  /** `message` of what the peer's handler threw. */
  readonly remoteMessage: string;

  constructor(code: ErrorCode, what: string, remote: RemoteFailure) {
    super(code, `${what}: ${remote.message}`);
    this.remoteCode = remote.code;
    this.remoteMessage = remote.message;
  }
}

/** The link ended before the answer came. */
export class CallLostError extends NodeError {
  /** Of the request: 'unsent' may be asked again safely, see docs/delivery.md. */
  readonly outcome: Outcome['type'];

  constructor(message: string, outcome: Outcome['type'], details: ErrorDetails) {
    super('ERR_LINK_DOWN', message, details);
    this.outcome = outcome;
  }
}

/** What a peer tells of a failed call. */
export interface RemoteFailure {
  /** False when there was no handler to give the call to. */
  readonly handled: boolean;
  readonly code: string | null;
  readonly message: string;
}

interface PendingCall {
  readonly to: string;
  readonly what: string;
  readonly timer: Timer;
  /** Of the request, once it is known. */
  outcome: Outcome | null;
  resolve(body: unknown): void;
  reject(error: Error): void;
}

/** One more than the largest number of a call. */
const ID_END = 2 ** 32;

export class PendingCalls {
  readonly #timers: Timers;
  readonly #calls = new Map<number, PendingCall>();
  #lastId = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get size(): number {
    return this.#calls.size;
  }

  /**
   * Notes a call and gives its number to `start`, which sends it; when that throws, nothing was
   * noted.
   * @returns the answer
   * @throws (as a rejection) NodeError ERR_QUEUE_FULL beyond limits.pendingCalls, ERR_TIMEOUT,
   *   whatever `start` threw, or what `fail` and `failAll` are given.
   */
  make(
    to: string,
    topic: string,
    deadlineMs: number,
    start: (id: number) => void,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#calls.size >= limits.pendingCalls) {
        const message = `${limits.pendingCalls} calls wait for their answers already`;
        throw new NodeError('ERR_QUEUE_FULL', message);
      }
      const id = this.#nextId();
      start(id);
      const what = `call of ${topic} at ${to}`;
      const timer = this.#timers.after(deadlineMs, () => {
        this.#calls.delete(id);
        reject(new NodeError('ERR_TIMEOUT', `${what}: no answer within ${deadlineMs} ms`));
      });
      this.#calls.set(id, { to, what, timer, outcome: null, resolve, reject });
    });
  }

  /** An answer. One that nobody waits for, or that comes from another node, is dropped. */
  resolve(from: string, id: number, body: unknown): void {
    this.#take(from, id)?.resolve(body);
  }

  /** A failure told by the peer. */
  fail(from: string, id: number, remote: RemoteFailure): void {
    const call = this.#take(from, id);
    if (call === null) return;
    const code = remote.handled ? 'ERR_HANDLER' : 'ERR_NO_HANDLER';
    call.reject(new CallError(code, call.what, remote));
  }

  /** What became of the request itself. */
  settled(id: number, outcome: Outcome): void {
    const call = this.#calls.get(id);
    if (call !== undefined) call.outcome = outcome;
  }

  /** The link to a node is over: what it has not answered it never will. */
  failAll(to: string, why: string, cause: Error | null): void {
    for (const [id, call] of [...this.#calls]) {
      if (call.to !== to) continue;
      this.#take(to, id);
      const details = cause === null ? {} : { cause };
      const request = call.outcome?.type ?? 'unknown';
      const text = `${call.what}: the link ended (${why}), the request is ${request}`;
      call.reject(new CallLostError(text, request, details));
    }
  }

  #take(from: string, id: number): PendingCall | null {
    const call = this.#calls.get(id);
    if (call === undefined || call.to !== from) return null;
    this.#calls.delete(id);
    call.timer.cancel();
    return call;
  }

  #nextId(): number {
    do {
      this.#lastId = (this.#lastId + 1) % ID_END;
    } while (this.#lastId === 0 || this.#calls.has(this.#lastId));
    return this.#lastId;
  }
}
