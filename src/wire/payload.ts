/** Bodies of messages: from values to bytes and back. The only importer of cbor-x. */
import { Decoder, Encoder } from 'cbor-x';
import { NodeError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { isForbiddenKey, scanBody } from './scan.js';

/** How a body is to be read. */
export type BodyEncoding = 'bytes' | 'cbor';

/** A value made ready for the wire. */
export interface EncodedBody {
  readonly encoding: BodyEncoding;
  readonly body: Uint8Array;
}

// Plain maps only: no records, no tags, so that any CBOR reader can read them and our own scan lets
// them pass.
const options = {
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
};
const encoder = new Encoder(options);
const decoder = new Decoder(options);

/**
 * Encodes a body. A Buffer or Uint8Array as a whole goes as it is, without a copy; everything else
 * as CBOR.
 *
 * What can be sent is what arrives equal: null, undefined, booleans, numbers (but -0 as 0), BigInt
 * of 64 bits (-2^63 to 2^64 - 1), well-formed strings, Buffers and Uint8Arrays (arriving as
 * Buffer), arrays, and objects without a class, also nested. Date, Map, Set, functions, symbols and
 * instances of classes are refused rather than sent as something else.
 *
 * @throws NodeError ERR_ARGUMENT: the message says what it cannot hold; ERR_MESSAGE_TOO_LARGE: more
 *   than `limits.bodyItems` values.
 */
export function encodeBody(value: unknown): EncodedBody {
  if (value instanceof Uint8Array) return { encoding: 'bytes', body: value };
  new BodyCheck().value(value, 0);
  return { encoding: 'cbor', body: encoder.encode(value) };
}

/**
 * Decodes a body of a peer that is authenticated. Byte bodies are returned as they are, without a
 * copy.
 *
 * @throws ProtocolError ERR_PROTOCOL, and nothing else.
 */
export function decodeBody(encoding: BodyEncoding, bytes: Buffer): unknown {
  if (encoding === 'bytes') return bytes;
  scanBody(bytes);
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new ProtocolError('ERR_PROTOCOL', 'a body that cannot be decoded', { cause });
  }
}

const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

/**
 * In every engine this package runs on (Node 20 has V8 11.3), but not yet in the library of the
 * language level we compile for.
 */
interface WellFormedString {
  isWellFormed(): boolean;
}

/** Walks a value before it is encoded. */
class BodyCheck {
  #items = 0;

  value(value: unknown, depth: number): void {
    if (++this.#items > limits.bodyItems) {
      throw new NodeError('ERR_MESSAGE_TOO_LARGE', `a body has at most ${limits.bodyItems} values`);
    }
    switch (typeof value) {
      case 'undefined':
      case 'boolean':
      case 'number':
        return;
      case 'string':
        this.#text(value);
        return;
      case 'bigint':
        if (value < INT64_MIN || value > UINT64_MAX) throw unsendable('a BigInt over 64 bits');
        return;
      case 'object':
        if (value === null || value instanceof Uint8Array) return;
        this.#container(value, depth + 1);
        return;
      default:
        throw unsendable(`a ${typeof value}`);
    }
  }

  #container(value: object, depth: number): void {
    if (depth > limits.bodyDepth) {
      throw unsendable(`something deeper than ${limits.bodyDepth} levels, or a circle`);
    }
    const isArray = Array.isArray(value);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (
      isArray ? prototype !== Array.prototype : prototype !== Object.prototype && prototype !== null
    ) {
      throw unsendable(`an instance of ${value.constructor?.name ?? 'a class'}`);
    }
    if (isArray) {
      for (let i = 0; i < value.length; i++) this.value(value[i], depth);
      return;
    }
    for (const key of Object.keys(value)) {
      if (isForbiddenKey(key)) throw unsendable(`the key '${key}'`);
      this.value(key, depth);
      this.value((value as Record<string, unknown>)[key], depth);
    }
  }

  #text(text: string): void {
    if (!(text as unknown as WellFormedString).isWellFormed()) {
      throw unsendable('a string with half a surrogate pair');
    }
  }
}

function unsendable(what: string): NodeError {
  return new NodeError('ERR_ARGUMENT', `a body cannot hold ${what}`);
}
