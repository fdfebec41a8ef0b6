/**
 * Results by idempotency key, so that a task which comes again is not run again. In encoded form:
 * its bytes are counted, and nobody can change it any more.
 */
import { decodeBody, type EncodedBody, encodeOwnBody } from '../wire/payload.js';

/** The bounds, of one pool. */
export interface RememberedLimits {
  readonly taskResults: number;
  readonly taskResultBytes: number;
}

export class Remembered {
  readonly #limits: RememberedLimits;
  readonly #results = new Map<string, EncodedBody>();
  #bytes = 0;

  constructor(limits: RememberedLimits) {
    this.#limits = limits;
  }

  /** Boxed, since a result may be anything; undefined when it is not known. */
  find(key: string): { readonly result: unknown } | undefined {
    const found = this.#results.get(key);
    if (found === undefined) return undefined;
    // What is bytes is copied: whoever gets it may change it.
    return { result: decodeBody(found.encoding, Buffer.from(found.body)) };
  }

  /**
   * Remembers one more; the oldest ones go. @throws NodeError ERR_ARGUMENT, ERR_MESSAGE_TOO_LARGE:
   * it is no result that could be told.
   */
  add(key: string, result: unknown): void {
    const encoded = encodeOwnBody(result);
    this.#results.set(key, encoded);
    this.#bytes += encoded.body.length;
    const { taskResults, taskResultBytes } = this.#limits;
    for (const [oldest, { body }] of this.#results) {
      if (this.#results.size <= taskResults && this.#bytes <= taskResultBytes) break;
      this.#results.delete(oldest);
      this.#bytes -= body.length;
    }
  }
}
