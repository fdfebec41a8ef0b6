/**
 * Messages of replicas in parts, since a message of a node's own has at most `limits.bundleBytes`.
 * A part is one byte, 1 when more of the message follows and 0 when it ends here, and then bytes of
 * the message. Parts come in order, and none is missing as long as the link is the same.
 *
 * A part of the byte 2 alone says that a replica begins at the end it comes from, and one of the
 * byte 3 that it ends: to the other it is as if the link were new, or gone. Links are there before
 * a replica is and stay after it, and what is said meanwhile is lost.
 */
import { ProtocolError } from '../errors.js';
import { limits } from '../limits.js';

const LAST = 0;
const MORE = 1;

/** The part that says that a replica begins. */
export const BEGIN: Buffer = Buffer.from([2]);
/** The part that says that a replica ends. */
export const END: Buffer = Buffer.from([3]);

/** Cuts a message, which is not kept. */
export function partsOf(message: Uint8Array): Buffer[] {
  const step = limits.configPartBytes - 1;
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length || at === 0; at += step) {
    const end = Math.min(at + step, message.length);
    const part = Buffer.allocUnsafe(1 + end - at);
    part[0] = end < message.length ? MORE : LAST;
    part.set(message.subarray(at, end), 1);
    parts.push(part);
  }
  return parts;
}

/** Puts the messages of one link together again. */
export class PartsReader {
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  /**
   * Takes the next part.
   * @returns The message it ends, in memory of its own; null when more follows.
   * @throws ProtocolError ERR_PROTOCOL: not a part, or more than limits.configMessageBytes in all.
   */
  take(part: Buffer): Buffer | null {
    const flag = part[0];
    if (flag !== LAST && flag !== MORE) throw malformed('a part that is none');
    this.#bytes += part.length - 1;
    if (this.#bytes > limits.configMessageBytes) {
      throw malformed(`a message over ${limits.configMessageBytes} bytes`);
    }
    // What a link hands out is a view of memory that it shares with other messages.
    const own = Buffer.allocUnsafeSlow(part.length - 1);
    part.copy(own, 0, 1);
    this.#parts.push(own);
    if (flag === MORE) return null;
    const whole = this.#parts.length === 1 ? own : Buffer.concat(this.#parts, this.#bytes);
    this.#parts.length = 0;
    this.#bytes = 0;
    return whole;
  }
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', `malformed message of the configuration: ${what}`);
}
