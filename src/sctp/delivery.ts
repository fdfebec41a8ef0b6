/** Handing messages to listeners. */
import type { MessageInfo } from './events.js';
import { META_FLAGS, META_PPID, META_SSN, META_STREAM, META_TSN } from './native.js';

/** Messages of one batch that listeners have no more need of. */
export interface Released {
  count: number;
}

/** A class, so that all have one hidden shape: this is made once per message. */
export class ReceivedInfo implements MessageInfo {
  readonly stream: number;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly tsn: number;
  readonly ssn: number;
  #released: Released | null;

  /** Of the message whose entry in `meta` begins at `at`. */
  constructor(released: Released, meta: Int32Array, at: number) {
    this.#released = released;
    this.stream = meta[at + META_STREAM]!;
    this.ppid = meta[at + META_PPID]! >>> 0;
    this.unordered = (meta[at + META_FLAGS]! & 1) !== 0;
    this.tsn = meta[at + META_TSN]! >>> 0;
    this.ssn = meta[at + META_SSN]!;
  }

  release(): void {
    if (this.#released !== null) this.#released.count++;
    this.#released = null;
  }
}

/**
 * What a listener throws is the program's own fault: it becomes an uncaught exception, as with any
 * emitter, but not before the rest of the batch, which exists nowhere else any more, has been
 * delivered.
 */
export function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
