/** Calls that wait for their answer, each with a deadline. */
import { type ErrorCode, type ErrorDetails, NodeError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import type { Outcome } from '../link/types.js';
import type { Timers } from '../runtime/index.js';
import { onAbort } from './abort-listeners.js';
import type { CancelReason } from './control.js';
import { IncomingStream } from './incoming-stream.js';

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
  /** Where items go; null for a call with one answer. */
  readonly stream: IncomingStream | null;
  /** Of the request, once it is known. */
  outcome: Outcome | null;
  /** Nobody waits any more: what was to end the wait goes. */
  release(): void;
  resolve(body: unknown): void;
  reject(error: Error): void;
}

/** How a call waits. */
export interface WaitOptions {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** How a stream is read. */
export interface ReadOptions {
  readonly idleMs: number;
  readonly creditBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** What calls need to tell the other end. */
export interface CallsSetup {
  readonly timers: Timers;
  /** The peer has the call, and nobody waits for its answer any more. */
  cancel(to: string, id: number, reason: CancelReason): void;
  /** So much of this stream may be begun in all. */
  grant(to: string, id: number, totalBytes: number): void;
}

/** One more than the largest number of a call. */
const ID_END = 2 ** 32;

export class PendingCalls {
  readonly #setup: CallsSetup;
  readonly #calls = new Map<number, PendingCall>();
  /**
   * Given up before the request had its outcome: a cancellation must not overtake it, so it waits
   * until the peer has the request.
   */
  readonly #abandoned = new Map<number, { readonly to: string; readonly reason: CancelReason }>();
  #openStreams = 0;
  #lastId = 0;

  constructor(setup: CallsSetup) {
    this.#setup = setup;
  }

  get size(): number {
    return this.#calls.size;
  }

  /**
   * Notes a call and gives its number to `start`, which sends it; when that throws, nothing was
   * noted.
   * @returns the answer
   * @throws (as a rejection) NodeError ERR_QUEUE_FULL beyond limits.pendingCalls, ERR_CANCELLED
   *   (the signal), ERR_TIMEOUT, whatever `start` threw, or what `fail` and `failAll` are given.
   */
  make(
    to: string,
    topic: string,
    { deadlineMs, signal }: WaitOptions,
    start: (id: number) => void,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const what = `call of ${topic} at ${to}`;
      if (signal?.aborted === true) throw cancelled(what, signal);
      const id = this.#begin(start);
      const timer = this.#setup.timers.after(deadlineMs, () => {
        this.#giveUp(id, 'deadline');
        reject(new NodeError('ERR_TIMEOUT', `${what}: no answer within ${deadlineMs} ms`));
      });
      const unlisten =
        signal &&
        onAbort(signal, () => {
          this.#giveUp(id, 'cancelled');
          reject(cancelled(what, signal));
        });
      const release = () => {
        timer.cancel();
        unlisten?.();
      };
      this.#calls.set(id, { to, what, stream: null, outcome: null, release, resolve, reject });
    });
  }

  /**
   * The same for a streamed reply.
   * @throws NodeError ERR_QUEUE_FULL, ERR_LIMIT (beyond limits.openStreams), ERR_CANCELLED, and
   *   whatever `start` threw; nothing was noted then.
   */
  open(
    to: string,
    topic: string,
    { idleMs, creditBytes, signal }: ReadOptions,
    start: (id: number) => void,
  ): IncomingStream {
    const what = `stream of ${topic} at ${to}`;
    if (signal?.aborted === true) throw cancelled(what, signal);
    if (this.#openStreams >= limits.openStreams) {
      throw new NodeError('ERR_LIMIT', `${limits.openStreams} streams are open already`);
    }
    const id = this.#begin(start);
    const stream = new IncomingStream({
      timers: this.#setup.timers,
      what,
      windowBytes: creditBytes,
      idleMs,
      grant: (totalBytes) => this.#setup.grant(to, id, totalBytes),
      cancel: (reason) => this.#giveUp(id, reason),
    });
    const unlisten = signal && onAbort(signal, () => stream.abort(cancelled(what, signal)));
    this.#openStreams++;
    this.#calls.set(id, {
      to,
      what,
      stream,
      outcome: null,
      release: () => {
        this.#openStreams--;
        unlisten?.();
      },
      resolve: () => stream.finish(null),
      reject: (error) => stream.finish(error),
    });
    return stream;
  }

  /** An answer. One that nobody waits for, or that comes from another node, is dropped. */
  resolve(from: string, id: number, body: unknown): void {
    this.#take(from, id)?.resolve(body);
  }

  /**
   * An item of a stream. One that nobody reads any more is dropped.
   * @throws ProtocolError ERR_PROTOCOL: no stream was asked for, or it is beyond its credit.
   */
  item(from: string, id: number, value: unknown, costBytes: number): void {
    const call = this.#calls.get(id);
    if (call === undefined || call.to !== from) return;
    if (call.stream === null) {
      throw new ProtocolError('ERR_PROTOCOL', 'an item of a stream in answer to a call');
    }
    call.stream.push(value, costBytes);
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
    const isHandled = outcome.type === 'delivered' && outcome.code === undefined;
    const call = this.#calls.get(id);
    if (call !== undefined) {
      if (outcome.type === 'unsent' && outcome.code !== undefined) {
        const text = `${call.what}: its body was released or transferred before it was sent`;
        this.#take(call.to, id)?.reject(new NodeError(outcome.code, text));
        return;
      }
      call.outcome = outcome;
      if (isHandled) call.stream?.delivered();
      return;
    }
    const abandoned = this.#abandoned.get(id);
    if (abandoned === undefined) return;
    this.#abandoned.delete(id);
    if (isHandled) this.#setup.cancel(abandoned.to, id, abandoned.reason);
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

  /** Sends one under a number of its own. @throws NodeError ERR_QUEUE_FULL. */
  #begin(start: (id: number) => void): number {
    if (this.#calls.size + this.#abandoned.size >= limits.pendingCalls) {
      const message = `${limits.pendingCalls} calls wait for their answers already`;
      throw new NodeError('ERR_QUEUE_FULL', message);
    }
    const id = this.#nextId();
    start(id);
    return id;
  }

  #giveUp(id: number, reason: CancelReason): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    call.release();
    const { to, outcome } = call;
    if (outcome === null) this.#abandoned.set(id, { to, reason });
    else if (outcome.type === 'delivered') this.#setup.cancel(to, id, reason);
  }

  #take(from: string, id: number): PendingCall | null {
    const call = this.#calls.get(id);
    if (call === undefined || call.to !== from) return null;
    this.#calls.delete(id);
    call.release();
    return call;
  }

  #nextId(): number {
    do {
      this.#lastId = (this.#lastId + 1) % ID_END;
    } while (this.#lastId === 0 || this.#isTaken(this.#lastId));
    return this.#lastId;
  }

  #isTaken(id: number): boolean {
    return this.#calls.has(id) || this.#abandoned.has(id);
  }
}

function cancelled(what: string, signal: AbortSignal): NodeError {
  return new NodeError('ERR_CANCELLED', `${what}: cancelled`, { cause: signal.reason });
}
