/**
 * A look at a CBOR body (RFC 8949) before it is decoded, because the decoder is not made for
 * hostile input: 64 KiB of tagged big numbers cost it half a second, tags 27 to 29 build objects,
 * records can be defined inline, and some 2,300 levels overflow its stack. What passes here is
 * plain data (integers, floats, booleans, null, undefined, byte strings, UTF-8 texts, arrays, and
 * maps with text keys) and the tags of tags.ts with the content they must have.
 */
import { isUtf8 } from 'node:buffer';
import { ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { tags, typedArrayElementBytes } from './tags.js';

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Keys that no object of a body may have: they reach an object's prototype. */
export function isForbiddenKey(key: string): boolean {
  // To look into a Set takes longer, and few keys are of 9 or 11 characters.
  return (key.length === 9 || key.length === 11) && FORBIDDEN_KEYS.has(key);
}

/** What the decoder is to know of a body. */
export interface ScannedBody {
  /** It holds byte strings: what is made of them may share memory with the body. */
  readonly hasBytes: boolean;
  /** It holds typed arrays, which must not share memory with what was received. */
  readonly hasTypedArrays: boolean;
}

/**
 * Passes exactly one acceptable item that fills all of `data`.
 *
 * @throws ProtocolError ERR_PROTOCOL: an unknown tag or one with the wrong content, an indefinite
 *   length, a reserved or simple value, a key that is not text (of a Map: not a scalar), is
 *   forbidden or comes twice, text that is not UTF-8, deeper than `limits.bodyDepth`, more items
 *   than `limits.bodyItems` or `limits.bodyNumberKeys`, more bytes than `limits.cborBodyBytes`,
 *   truncated, or bytes left over.
 */
export function scanBody(data: Buffer): ScannedBody {
  const scan = new Scan(data);
  scan.whole();
  return scan;
}

function refused(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', `a body that is not acceptable CBOR: ${what}`);
}

/** Major types. */
const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;

const NULL = 0xf6;

/** Up to here keys are compared with one another, which is faster than a Set; 66 pairs at most. */
const FEW_KEYS = 12;
/** Where the keys of small maps lie, by level. Reused: a scan is one turn. */
const keyStarts = new Int32Array((limits.bodyDepth + 1) * FEW_KEYS);
const keyLengths = new Int32Array((limits.bodyDepth + 1) * FEW_KEYS);

/** Recursion is bounded: one level of arrays and maps is at most three calls. */
class Scan implements ScannedBody {
  hasBytes = false;
  hasTypedArrays = false;
  readonly #data: Buffer;
  #at = 0;
  #items = 0;
  #numberKeys = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  whole(): void {
    const { length } = this.#data;
    if (length > limits.cborBodyBytes) throw refused(`more than ${limits.cborBodyBytes} bytes`);
    this.#item(0);
    if (this.#at !== length) throw refused('bytes after its end');
  }

  /** One item with all that is in it; it lies in `depth` arrays or maps. */
  #item(depth: number): void {
    this.#count();
    switch (this.#major()) {
      case UNSIGNED:
      case NEGATIVE:
        this.#argument();
        return;
      case BYTES:
        this.#bytes();
        return;
      case TEXT:
        this.#text();
        return;
      case ARRAY:
        this.#array(depth + 1);
        return;
      case MAP:
        this.#object(depth + 1);
        return;
      case TAG:
        this.#tagged(depth);
        return;
      default:
        this.#simple();
    }
  }

  #count(): void {
    if (++this.#items > limits.bodyItems) throw refused(`more than ${limits.bodyItems} items`);
  }

  /** The major type of what comes next. */
  #major(): number {
    if (this.#at >= this.#data.length) throw refused('it ends early');
    return (this.#data[this.#at] as number) >> 5;
  }

  /** Goes past `bytes` bytes; returns where they began. */
  #take(bytes: number): number {
    const start = this.#at;
    if (bytes > this.#data.length - start) throw refused('it ends early');
    this.#at = start + bytes;
    return start;
  }

  /**
   * The number in an item's head. Exact up to 2^53; beyond that it is larger than any body, which
   * is all that matters of a length.
   */
  #argument(): number {
    const info = (this.#data[this.#take(1)] as number) & 31;
    if (info < 24) return info;
    if (info > 27) throw refused('an indefinite or reserved length');
    const start = this.#take(1 << (info - 24));
    let value = 0;
    for (let i = start; i < this.#at; i++) value = value * 256 + (this.#data[i] as number);
    return value;
  }

  /** A float, boolean, null or undefined. */
  #simple(): void {
    const info = (this.#data[this.#take(1)] as number) & 31;
    if (info >= 20 && info <= 23) return;
    if (info < 25 || info > 27) throw refused('a simple value with no meaning here');
    this.#take(1 << (info - 24));
  }

  /** Returns where the bytes of a byte string begin; they end where the scan then is. */
  #bytes(): number {
    this.hasBytes = true;
    return this.#take(this.#argument());
  }

  #text(): number {
    const start = this.#take(this.#argument());
    const data = this.#data;
    const end = this.#at;
    for (let i = start; i < end; i++) {
      if ((data[i] as number) < 0x80) continue;
      if (!isUtf8(data.subarray(i, end))) throw refused('text that is not UTF-8');
      break;
    }
    return start;
  }

  /** The head of an array or a map at level `depth`: how many elements or pairs are in it. */
  #open(depth: number, itemsEach: number): number {
    const count = this.#argument();
    // Every item takes a byte at least: a count beyond that is a lie, and is refused before
    // anything is made of it.
    if (count * itemsEach > this.#data.length - this.#at) throw refused('it ends early');
    if (depth > limits.bodyDepth) throw refused(`deeper than ${limits.bodyDepth} levels`);
    return count;
  }

  #array(depth: number): void {
    const count = this.#open(depth, 1);
    for (let i = 0; i < count; i++) this.#item(depth);
  }

  #object(depth: number): void {
    const count = this.#open(depth, 2);
    const seen = count > FEW_KEYS ? new Set<string>() : null;
    for (let i = 0; i < count; i++) {
      this.#count();
      if (this.#major() !== TEXT) throw refused('a key that is not text');
      const start = this.#text();
      this.#checkNotForbidden(start);
      if (seen === null) this.#checkAmongFew(depth * FEW_KEYS, i, start);
      else checkNew(seen, this.#data.toString('latin1', start, this.#at));
      this.#item(depth);
    }
  }

  #checkNotForbidden(start: number): void {
    // They are ASCII of 9 and 11 bytes.
    const bytes = this.#at - start;
    if (bytes !== 9 && bytes !== 11) return;
    if (isForbiddenKey(this.#data.toString('latin1', start, this.#at))) {
      throw refused('a key that reaches the prototype');
    }
  }

  /** Compares the key that begins at `start` with the `index` keys before it. */
  #checkAmongFew(base: number, index: number, start: number): void {
    const length = this.#at - start;
    for (let other = base; other < base + index; other++) {
      if (keyLengths[other] !== length) continue;
      const otherStart = keyStarts[other] as number;
      let i = 0;
      while (i < length && this.#data[start + i] === this.#data[otherStart + i]) i++;
      if (i === length) throw refused('a key that comes twice');
    }
    keyStarts[base + index] = start;
    keyLengths[base + index] = length;
  }

  #tagged(depth: number): void {
    const tag = this.#argument();
    const major = this.#major();
    switch (tag) {
      case tags.date:
        this.#date();
        return;
      case tags.bigInt:
      case tags.negativeBigInt:
        this.#bigInt();
        return;
      case tags.set:
        if (major !== ARRAY) throw refused('a Set that is not an array');
        this.#set(depth + 1);
        return;
      case tags.map:
        if (major !== MAP) throw refused('a Map that is not a map');
        this.#map(depth + 1);
        return;
      case tags.error:
        this.#error();
        return;
      default:
        this.#typedArray(typedArrayElementBytes.get(tag));
    }
  }

  #date(): void {
    // Also refuses NaN.
    if (!(Math.abs(this.#number()) < limits.dateSeconds)) throw refused('a Date without meaning');
  }

  #bigInt(): number {
    if (this.#major() !== BYTES) throw refused('a BigInt that is not a byte string');
    const start = this.#bytes();
    if (8 * (this.#at - start) > limits.bigIntBits) {
      throw refused(`a BigInt of more than ${limits.bigIntBits} bits`);
    }
    return start;
  }

  #typedArray(elementBytes: number | undefined): void {
    if (elementBytes === undefined) throw refused('an unknown tag');
    if (this.#major() !== BYTES) throw refused('a typed array that is not a byte string');
    const start = this.#bytes();
    if ((this.#at - start) % elementBytes !== 0) throw refused('part of an element');
    this.hasTypedArrays = true;
  }

  #error(): void {
    if (this.#major() !== ARRAY || this.#argument() !== 3) throw refused('an Error of other parts');
    for (const part of ['name', 'message', 'code']) {
      this.#count();
      if (this.#major() === TEXT) this.#text();
      else if (part !== 'code') throw refused(`an Error whose ${part} is not a text`);
      else if (this.#data[this.#at] === NULL) this.#take(1);
      else this.#number();
    }
  }

  #set(depth: number): void {
    const count = this.#open(depth, 1);
    for (let i = 0; i < count; i++) {
      if (this.#isNumber()) this.#countNumberKey();
      this.#item(depth);
    }
  }

  #map(depth: number): void {
    const count = this.#open(depth, 2);
    if (count === 0) return;
    const seen = new Set<unknown>();
    for (let i = 0; i < count; i++) {
      this.#count();
      if (this.#isNumber()) this.#countNumberKey();
      checkNew(seen, this.#scalar());
      this.#item(depth);
    }
  }

  #countNumberKey(): void {
    if (++this.#numberKeys > limits.bodyNumberKeys) {
      throw refused(`more than ${limits.bodyNumberKeys} numbers in Maps and Sets`);
    }
  }

  /** Whether a number or a BigInt comes next. */
  #isNumber(): boolean {
    const major = this.#major();
    if (major === TAG) {
      const start = this.#at;
      const tag = this.#argument();
      this.#at = start;
      return tag === tags.bigInt || tag === tags.negativeBigInt;
    }
    return major <= NEGATIVE || (major === 7 && ((this.#data[this.#at] as number) & 31) > 24);
  }

  /** A key of a Map as a value that is equal to another where the decoded keys are. */
  #scalar(): unknown {
    const start = this.#at;
    switch (this.#major()) {
      case UNSIGNED:
      case NEGATIVE:
        return this.#isWide() ? this.#wideInteger() : this.#number();
      case TEXT: {
        const textStart = this.#text();
        return this.#data.toString('latin1', textStart, this.#at);
      }
      case TAG: {
        const tag = this.#argument();
        if (tag !== tags.bigInt && tag !== tags.negativeBigInt) break;
        const value = readBigInt(this.#data.subarray(this.#bigInt(), this.#at));
        return tag === tags.bigInt ? value : -1n - value;
      }
      case 7:
        if (((this.#data[start] as number) & 31) >= 24) return this.#number();
        this.#simple();
        // undefined is a scalar like the others.
        return simpleValues[(this.#data[start] as number) & 3];
    }
    throw refused('a key that is not a scalar');
  }

  /** An integer of 64 bits, which the decoder makes a BigInt. */
  #isWide(): boolean {
    return ((this.#data[this.#at] as number) & 31) === 27;
  }

  #wideInteger(): bigint {
    const start = this.#take(9);
    const value = this.#data.readBigUInt64BE(start + 1);
    return (this.#data[start] as number) >> 5 === UNSIGNED ? value : -1n - value;
  }

  /** An integer of up to 32 bits or a float. */
  #number(): number {
    const start = this.#at;
    const major = this.#major();
    if (major <= NEGATIVE && !this.#isWide()) {
      const value = this.#argument();
      return major === UNSIGNED ? value : -1 - value;
    }
    const info = (this.#data[start] as number) & 31;
    if (major !== 7 || info < 25 || info > 27) throw refused('a number that is none');
    this.#simple();
    if (info === 27) return this.#data.readDoubleBE(start + 1);
    if (info === 26) return this.#data.readFloatBE(start + 1);
    return readHalfFloat(this.#data.readUInt16BE(start + 1));
  }
}

/** By the last two bits of 0xf4 to 0xf7. */
const simpleValues = [false, true, null, undefined];

function checkNew<T>(seen: Set<T>, key: T): void {
  // One look-up, where `has` and `add` are two.
  const before = seen.size;
  if (seen.add(key).size === before) throw refused('a key that comes twice');
}

/** The unsigned number that big-endian bytes are. V8 reads it fast by way of hexadecimal text. */
export function readBigInt({ buffer, byteOffset, byteLength }: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(buffer, byteOffset, byteLength).toString('hex')}`);
}

/** RFC 8949, appendix D. */
function readHalfFloat(half: number): number {
  const exponent = (half >> 10) & 31;
  const mantissa = half & 1023;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent < 31) return sign * (mantissa + 1024) * 2 ** (exponent - 25);
  return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
}
