/** The reading end of a streamed reply. */
import { NodeError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { Fifo } from '../link/fifo.js';
import type { Timer, Timers } from '../runtime/index.js';
import type { CancelReason } from './control.js';

export interface IncomingStreamSetup {
  readonly timers: Timers;
  /** For errors. */
  readonly what: string;
  /** Bytes of items that may wait here. */
  readonly windowBytes: number;
  /** Longest time for which an item may be waited for. */
  readonly idleMs: number;
  /** Tells the giving end how much it may begin in all. */
  grant(totalBytes: number): void;
  /** Nobody reads any more. */
  cancel(reason: CancelReason): void;
}

interface Item {
  readonly value: unknown;
  readonly costBytes: number;
}

interface Reader<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: Error): void;
}

const DONE = { value: undefined, done: true } as const;

/**
 * A streamed reply, as `ClusterNode.stream` returns it: to be read once, with `for await` or
 * `next()`. Leaving the loop, or `return()`, ends it at the other end, too. What arrived before an
 * error is read before it is thrown.
 */
export class IncomingStream<T = unknown> implements AsyncIterableIterator<T, undefined> {
  readonly #setup: IncomingStreamSetup;
  readonly #items = new Fifo<Item>();
  readonly #readers = new Fifo<Reader<T>>();
  #timer: Timer | null = null;
  #receivedBytes = 0;
  #readBytes = 0;
  #grantedBytes: number = limits.streamInitialCreditBytes;
  /** The other end has the request: before, it would not know what credit is for. */
  #isDelivered = false;
  /** How it ended: null at its end, or an error that one reader is told. */
  #end: { error: Error | null } | null = null;

  /** @internal Use `ClusterNode.stream`. */
  constructor(setup: IncomingStreamSetup) {
    this.#setup = setup;
  }

  /**
   * The next item.
   * @throws (rejects) CallError ERR_HANDLER, ERR_NO_HANDLER; CallLostError ERR_LINK_DOWN; NodeError
   *   ERR_TIMEOUT (no item within `idleMs`), ERR_CANCELLED (the signal was aborted); once, and then
   *   it is done.
   */
  next(): Promise<IteratorResult<T, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#readBytes += item.costBytes;
      this.#grant();
      return Promise.resolve({ value: item.value as T, done: false });
    }
    if (this.#end !== null) {
      const { error } = this.#end;
      this.#end = { error: null };
      return error === null ? Promise.resolve(DONE) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      this.#await();
    });
  }

  /** Reads no further: the handler's iterable is ended, and its signal aborted. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#giveUp('cancelled', null);
    this.#end = { error: null };
    return Promise.resolve(DONE);
  }

  /** As `return`, and rejects with the error. */
  async throw(error?: unknown): Promise<IteratorResult<T, undefined>> {
    await this.return();
    throw error;
  }

  /** It is its own iterator: there is nothing to read twice. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal An item has come. @throws ProtocolError ERR_PROTOCOL: beyond its credit. */
  push(value: unknown, costBytes: number): void {
    if (this.#receivedBytes >= this.#grantedBytes) {
      throw new ProtocolError('ERR_PROTOCOL', 'more of a stream than there is credit for');
    }
    this.#receivedBytes += costBytes;
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#items.push({ value, costBytes });
      return;
    }
    this.#await();
    this.#readBytes += costBytes;
    this.#grant();
    reader.resolve({ value: value as T, done: false });
  }

  /** @internal The other end has the request. */
  delivered(): void {
    this.#isDelivered = true;
    this.#grant();
  }

  /** @internal Nothing more will come; `error` null: that was all. */
  finish(error: Error | null): void {
    if (this.#end !== null) return;
    this.#end = { error };
    this.#stopTimer();
    // Where somebody waits, no item does.
    for (let next = this.#readers.shift(); next !== undefined; next = this.#readers.shift()) {
      const told = this.#end.error;
      this.#end = { error: null };
      if (told === null) next.resolve(DONE);
      else next.reject(told);
    }
  }

  /** @internal The program gives up, by its signal. */
  abort(error: NodeError): void {
    this.#giveUp('cancelled', error);
  }

  #giveUp(reason: CancelReason, error: NodeError | null): void {
    const wasOver = this.#end !== null;
    while (this.#items.shift() !== undefined);
    if (wasOver) return;
    this.finish(error);
    this.#setup.cancel(reason);
  }

  /** Tells when a quarter of the window has been read: each telling is a message. */
  #grant(): void {
    const { windowBytes } = this.#setup;
    const totalBytes = this.#readBytes + windowBytes;
    if (!this.#isDelivered || this.#end !== null) return;
    if (totalBytes - this.#grantedBytes < windowBytes / 4) return;
    this.#grantedBytes = totalBytes;
    this.#setup.grant(totalBytes);
  }

  /** The clock runs while somebody waits, and begins anew with each item. */
  #await(): void {
    this.#stopTimer();
    if (this.#readers.length === 0) return;
    const { timers, idleMs, what } = this.#setup;
    this.#timer = timers.after(idleMs, () => {
      this.#giveUp('deadline', new NodeError('ERR_TIMEOUT', `${what}: nothing in ${idleMs} ms`));
    });
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
