/**
 * Bodies of messages: from values to bytes and back. The only importer of cbor-x.
 *
 * cbor-x keeps its table of tags once per process. For the tags it reads as we do, its own readers
 * serve; those that are set here give the same values as its own, or belong to a tag that is ours.
 */
import { types } from 'node:util';
import { addExtension, Decoder, Encoder, Tag } from 'cbor-x';
import { NodeError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { isForbiddenKey, readBigInt, scanBody } from './scan.js';
import { tags, typedArrayTags } from './tags.js';
import { isWellFormed } from './text.js';

/** How a body is to be read. */
export type BodyEncoding = 'bytes' | 'cbor';

/** A value made ready for the wire. */
export interface EncodedBody {
  readonly encoding: BodyEncoding;
  readonly body: Uint8Array;
}

// Maps, not records, and byte strings without a tag: any CBOR reader can read them.
const options = {
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
};
const encoder = new Encoder(options);
/** Writes 9 bytes for each number, and is the only one that tells -0 from 0. */
const floatEncoder = new Encoder({ ...options, alwaysUseFloat: true });
/** Its type does not know that it may be told where a body ends. */
const decoder = new Decoder(options) as { decode(bytes: Uint8Array, end?: number): unknown };
/** For typed arrays: a view of what was received would give away all that lies around it. */
const copyingDecoder = new Decoder({ ...options, copyBuffers: true });

/**
 * Small bodies without bytes in them are decoded here: the decoder makes a DataView of each buffer
 * that it has not met, which takes longer than to copy such a body.
 */
const desk = Buffer.allocUnsafeSlow(1024);

/**
 * What is made of a smaller body gets memory of its own, from Buffer's pool: who keeps it would
 * otherwise keep all the memory that it was received into.
 */
export const smallBodyBytes = Buffer.poolSize >>> 1;

function readTag<Content>(tag: number, decode: (content: Content) => unknown): void {
  // Without a class it is for reading only, which the type does not know.
  addExtension({ tag, decode } as unknown as Parameters<typeof addExtension>[0]);
}

// The library's own readers take 150 ns for each byte of a BigInt.
readTag(tags.bigInt, readBigInt);
readTag(tags.negativeBigInt, (bytes: Uint8Array) => -1n - readBigInt(bytes));
readTag(tags.error, readError);

/**
 * Encodes a body. A Buffer or Uint8Array as a whole goes as it is, without a copy; everything else
 * as CBOR.
 *
 * What can be sent is what arrives equal:
 * - null, undefined, booleans, numbers (-0 too), well-formed strings, and BigInt of
 *   `limits.bigIntBits`;
 * - Buffers and Uint8Arrays (arriving as Buffer), and every other kind of typed array;
 * - Dates that are valid and within `limits.dateSeconds` of 1970;
 * - arrays, objects without a class, Sets, and Maps whose keys are strings, numbers, BigInts,
 *   booleans, null or undefined; what is in them may be anything of this list.
 *
 * An Error of any class arrives as a plain Error with its name, its message and, where it is a
 * string or a number, its code; never its stack or other properties. Everything else (functions,
 * symbols, instances of other classes, DataViews) is refused rather than sent as something else.
 *
 * Where cbor-x runs without its native helper, a string of more than 64 bytes arrives without the
 * byte order mark it began with.
 *
 * @throws NodeError ERR_ARGUMENT: the message says what it cannot hold; ERR_MESSAGE_TOO_LARGE: more
 *   than `limits.bodyItems` values, `limits.bodyNumberKeys` numbers in Maps and Sets, or
 *   `limits.cborBodyBytes` when encoded.
 */
export function encodeBody(value: unknown): EncodedBody {
  if (value instanceof Uint8Array) {
    if (value.length === 0 && isGivenAway(value)) throw unsendable('memory that was given away');
    return { encoding: 'bytes', body: value };
  }
  if (isEncoding) throw unsendable('a getter that sends');
  isEncoding = true;
  try {
    return { encoding: 'cbor', body: encodeCbor(value) };
  } finally {
    isEncoding = false;
  }
}

/** All encoders write into the same memory: what a getter sends would stand within the body. */
let isEncoding = false;

function encodeCbor(value: unknown): Uint8Array {
  outgoing.start();
  const writable = outgoing.value(value, 0);
  let body: Uint8Array;
  try {
    body = (outgoing.hasNegativeZero ? floatEncoder : encoder).encode(writable);
  } catch (cause) {
    const text = 'a body that was another when it was looked at again';
    throw new NodeError('ERR_ARGUMENT', text, { cause });
  }
  if (body.length > limits.cborBodyBytes) throw tooLarge();
  return body;
}

/**
 * As `encodeBody`, with a copy of bytes: for what a program may use again at once, because nobody
 * tells it when it was sent.
 */
export function encodeOwnBody(value: unknown): EncodedBody {
  const encoded = encodeBody(value);
  return encoded.encoding === 'bytes' ? { ...encoded, body: Buffer.from(encoded.body) } : encoded;
}

/** Whether an empty array is one whose memory was transferred: nothing can be made of that. */
function isGivenAway({ buffer }: Uint8Array): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/**
 * Decodes a body of a peer that is authenticated. Byte bodies are returned as they are, without a
 * copy. Of others, what is returned shares no memory with `bytes` when these are fewer than
 * `smallBodyBytes`; else the Buffers within do, unless there is a typed array as well.
 *
 * @throws ProtocolError ERR_PROTOCOL, and nothing else.
 */
export function decodeBody(encoding: BodyEncoding, bytes: Buffer): unknown {
  if (encoding === 'bytes') return bytes;
  const { hasBytes, hasTypedArrays } = scanBody(bytes);
  try {
    if (!hasBytes && bytes.length <= desk.length) {
      bytes.copy(desk);
      return decoder.decode(desk, bytes.length);
    }
    if (hasTypedArrays) return copyingDecoder.decode(bytes);
    const isShared = hasBytes && bytes.length < smallBodyBytes;
    return decoder.decode(isShared ? Buffer.from(bytes) : bytes);
  } catch (cause) {
    throw new ProtocolError('ERR_PROTOCOL', 'a body that cannot be decoded', { cause });
  }
}

/** The content of tag `tags.error`. */
type ErrorContent = readonly [name: string, message: string, code: string | number | null];

/** Always an Error, whatever class it had: a name from outside chooses no class here. */
function readError([name, message, code]: ErrorContent): Error {
  const { stackTraceLimit } = Error;
  // Our own stack says nothing of where the error comes from, and taking it is what costs time.
  // Reflect does not throw where intrinsics are frozen.
  Reflect.set(Error, 'stackTraceLimit', 0);
  const error = new Error(message);
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  if (name !== 'Error') {
    Object.defineProperty(error, 'name', { value: name, writable: true, configurable: true });
    error.stack = String(error);
  }
  return code === null ? error : Object.assign(error, { code });
}

const BIGINT_MAX = 2n ** BigInt(limits.bigIntBits) - 1n;

/** What is not changed is returned as it was: an object as itself. Faster than Object.is. */
function isSame(item: unknown, before: unknown): boolean {
  return item === before || Number.isNaN(before);
}

/**
 * Walks a value before it is encoded, and gives the value to encode in its place: the same, but
 * with everything that needs a tag in one. Containers are copied only where that changes them.
 */
class Outgoing {
  hasNegativeZero = false;
  #items = 0;
  #numberKeys = 0;
  /** At least as many bytes will be written. */
  #bytes = 0;

  /** Begins with another body. */
  start(): void {
    this.hasNegativeZero = false;
    this.#items = 0;
    this.#numberKeys = 0;
    this.#bytes = 0;
  }

  value(value: unknown, depth: number): unknown {
    this.#countItem();
    // Not a switch: that would have the engine make a text of every type.
    if (typeof value === 'string') {
      this.#text(value);
    } else if (typeof value === 'number') {
      if (value === 0 && 1 / value < 0) this.hasNegativeZero = true;
    } else if (typeof value === 'object') {
      return value === null ? value : this.#object(value, depth);
    } else if (typeof value === 'bigint') {
      if (value > BIGINT_MAX || value < -1n - BIGINT_MAX) {
        throw unsendable(`a BigInt over ${limits.bigIntBits} bits`);
      }
    } else if (typeof value !== 'boolean' && value !== undefined) {
      throw unsendable(`a ${typeof value}`);
    }
    return value;
  }

  #countItem(): void {
    if (++this.#items > limits.bodyItems) {
      throw new NodeError('ERR_MESSAGE_TOO_LARGE', `a body has at most ${limits.bodyItems} values`);
    }
  }

  /** Counts bytes that are going to be written, so that not more are than can be sent. */
  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > limits.cborBodyBytes) throw tooLarge();
  }

  #text(text: string): void {
    this.#count(text.length);
    if (!isWellFormed(text)) {
      throw unsendable('a string with half a surrogate pair');
    }
  }

  #object(value: object, depth: number): unknown {
    if (value instanceof Uint8Array) {
      this.#count(value.byteLength);
      return value;
    }
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (Array.isArray(value)) {
      if (prototype === Array.prototype) return this.#array(value, deeper(depth));
    } else if (prototype === Object.prototype || prototype === null) {
      return this.#plain(value as Record<string, unknown>, deeper(depth), prototype === null);
    } else if (types.isMap(value)) {
      if (prototype === Map.prototype) return this.#map(value, deeper(depth));
    } else if (types.isSet(value)) {
      if (prototype === Set.prototype) return this.#set(value, deeper(depth));
    } else if (types.isDate(value)) {
      if (prototype === Date.prototype) return this.#date(value);
    } else if (value instanceof Error || types.isNativeError(value)) {
      return this.#error(value);
    } else if (ArrayBuffer.isView(value) && prototype !== null) {
      const tag = typedArrayTags.get(prototype);
      if (tag !== undefined) return new Tag(this.#elements(value), tag);
    }
    throw unsendable(`an instance of ${value.constructor?.name ?? 'a class'}`);
  }

  #array(array: readonly unknown[], depth: number): readonly unknown[] {
    let changed: unknown[] | null = null;
    for (let i = 0; i < array.length; i++) {
      const before = array[i];
      const item = this.value(before, depth);
      if (isSame(item, before)) continue;
      changed ??= [...array];
      changed[i] = item;
    }
    return changed ?? array;
  }

  /** To the encoder, an object without a prototype could be anything: it gets one. */
  #plain(object: Record<string, unknown>, depth: number, isBare: boolean): object {
    let changed = isBare ? { ...object } : null;
    for (const key of Object.keys(object)) {
      if (isForbiddenKey(key)) throw unsendable(`the key '${key}'`);
      this.#countItem();
      this.#text(key);
      const before = object[key];
      const item = this.value(before, depth);
      if (isSame(item, before)) continue;
      changed ??= { ...object };
      changed[key] = item;
    }
    return changed ?? object;
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): ReadonlyMap<unknown, unknown> {
    const entries = new Map<unknown, unknown>();
    for (const [key, item] of map) {
      if (typeof key === 'object' && key !== null) throw unsendable('a Map with objects as keys');
      this.#countKey(key);
      entries.set(this.value(key, depth), this.value(item, depth));
    }
    return entries;
  }

  #set(set: ReadonlySet<unknown>, depth: number): Tag {
    const items = Array.from(set, (item) => {
      this.#countKey(item);
      return this.value(item, depth);
    });
    return new Tag(items, tags.set);
  }

  #countKey(key: unknown): void {
    if (typeof key !== 'number' && typeof key !== 'bigint') return;
    if (++this.#numberKeys > limits.bodyNumberKeys) {
      const most = `${limits.bodyNumberKeys} numbers in Maps and Sets`;
      throw new NodeError('ERR_MESSAGE_TOO_LARGE', `a body has at most ${most}`);
    }
  }

  #date(date: Date): Tag {
    const seconds = date.getTime() / 1000;
    if (!(Math.abs(seconds) < limits.dateSeconds)) {
      throw unsendable('a Date that is invalid or too far from 1970');
    }
    return new Tag(seconds, tags.date);
  }

  #elements({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
    this.#count(byteLength);
    // One whose memory was given away is empty, but cannot be looked at any more.
    return byteLength === 0 ? Buffer.alloc(0) : Buffer.from(buffer, byteOffset, byteLength);
  }

  #error(error: Error & { readonly code?: unknown }): Tag {
    const { name, message, code } = error;
    const content: ErrorContent = [
      typeof name === 'string' ? name : 'Error',
      typeof message === 'string' ? message : '',
      typeof code === 'string' || typeof code === 'number' ? code : null,
    ];
    for (const part of content) this.value(part, 0);
    return new Tag(content, tags.error);
  }
}

/** One for all bodies: they are encoded one at a time. */
const outgoing = new Outgoing();

function deeper(depth: number): number {
  if (depth < limits.bodyDepth) return depth + 1;
  throw unsendable(`something deeper than ${limits.bodyDepth} levels, or a circle`);
}

function unsendable(what: string): NodeError {
  return new NodeError('ERR_ARGUMENT', `a body cannot hold ${what}`);
}

function tooLarge(): NodeError {
  return new NodeError(
    'ERR_MESSAGE_TOO_LARGE',
    `a body has at most ${limits.cborBodyBytes} bytes when encoded`,
  );
}
