/** CBOR made from its grammar (RFC 8949): mostly acceptable, sometimes wrong in one place. */
import { limits } from '../../src/limits.js';
import { tags, typedArrayElementBytes } from '../../src/wire/tags.js';
import type { SeededRandom } from '../random.js';

const KEYS = ['a', 'b', 'key', 'length', 'toString', 'a key of more than twelve bytes', 'ü', ''];
const BAD_KEYS = ['__proto__', 'constructor', 'prototype'];
/** Tags the decoder knows and a body must not have. */
const BAD_TAGS = [0, 4, 5, 6, 14, 15, 25, 27, 28, 29, 51, 64, 105, 216, 225, 256, 0xdff9, 0xdffe];
const TYPED_ARRAYS = [...typedArrayElementBytes];
const ANY_TAG = [...Object.values(tags), ...TYPED_ARRAYS.map(([tag]) => tag), ...BAD_TAGS, 0xdfff];
/** In a body with faults, one item in so many is wrong. */
const WRONG_EVERY = 40;

/** What is begun when a body is large enough is still written to its end. */
const SLACK_BYTES = 256 * 1024;
/** Up to here a body is one item of any kind, beyond it an array of many. */
const SINGLE_BYTES = 64;

/** Writes bodies, one after the other. */
export class CborGrammar {
  readonly #target: Buffer;
  #random!: SeededRandom;
  #at = 0;
  /** From here on there are only small items. */
  #enough = 0;
  #hasFaults = false;

  constructor(greatestBytes: number) {
    this.#target = Buffer.alloc(greatestBytes + SLACK_BYTES);
  }

  /** A body of about `bytes` bytes, which are at most those of the constructor. */
  body(random: SeededRandom, bytes: number): Buffer {
    this.#random = random;
    this.#at = 0;
    this.#enough = bytes;
    this.#hasFaults = random.once(2);
    if (bytes <= SINGLE_BYTES) {
      this.#item(0);
    } else {
      this.#at = 5;
      let count = 0;
      for (; this.#at < bytes; count++) this.#item(1);
      this.#target.writeUInt8(0x9a, 0);
      this.#target.writeUInt32BE(count, 1);
    }
    return Buffer.from(this.#target.subarray(0, this.#at));
  }

  #byte(value: number): void {
    this.#target[this.#at++] = value;
  }

  /** Sometimes longer than it has to be, which is allowed. */
  #head(major: number, argument: number): void {
    const initial = major << 5;
    if (argument < 24 && !this.#random.once(16)) {
      this.#byte(initial | argument);
    } else if (argument < 256 && !this.#random.once(16)) {
      this.#byte(initial | 24);
      this.#byte(argument);
    } else if (argument < 65_536) {
      this.#byte(initial | 25);
      this.#at = this.#target.writeUInt16BE(argument, this.#at);
    } else {
      this.#byte(initial | 26);
      this.#at = this.#target.writeUInt32BE(argument, this.#at);
    }
  }

  #item(depth: number): void {
    const random = this.#random;
    if (this.#hasFaults && random.once(WRONG_EVERY)) return this.#wrong(depth);
    const isSmall = depth > limits.bodyDepth - 2 || this.#at >= this.#enough;
    switch (random.below(isSmall ? 4 : 8)) {
      case 0:
        return this.#number();
      case 1:
        return this.#text(random.pick(KEYS));
      case 2:
        return this.#byte(0xf4 + random.below(4));
      case 3:
        return this.#leaf();
      case 4:
        return this.#items(4, random.below(5), depth);
      case 5:
        return this.#object(depth);
      case 6:
        this.#head(6, tags.set);
        return this.#items(4, random.below(4), depth);
      default:
        return this.#map(depth);
    }
  }

  #number(): void {
    const random = this.#random;
    if (random.once(3)) {
      const info = 25 + random.below(3);
      this.#byte(0xe0 | info);
      this.#randomBytes(1 << (info - 24));
    } else if (random.once(8)) {
      this.#byte(random.pick([0x1b, 0x3b]));
      this.#randomBytes(8);
    } else {
      this.#head(random.below(2), random.u32() >>> random.below(32));
    }
  }

  #randomBytes(bytes: number): void {
    this.#random.fill(this.#target, this.#at, this.#at + bytes);
    this.#at += bytes;
  }

  #text(text: string): void {
    this.#head(3, Buffer.byteLength(text));
    this.#at += this.#target.write(text, this.#at);
  }

  #bytes(count: number): void {
    this.#head(2, count);
    this.#randomBytes(count);
  }

  /** A tagged value that is not a container. */
  #leaf(): void {
    const random = this.#random;
    switch (random.below(5)) {
      case 0:
        return this.#bytes(random.below(20));
      case 1:
        this.#head(6, tags.date);
        return this.#head(random.below(2), random.u32());
      case 2:
        this.#head(6, random.pick([tags.bigInt, tags.negativeBigInt]));
        return this.#bytes(random.below(limits.bigIntBits / 8 + 1));
      case 3: {
        const [tag, elementBytes] = random.pick(TYPED_ARRAYS);
        this.#head(6, tag);
        return this.#bytes(elementBytes * random.below(6));
      }
      default:
        this.#head(6, tags.error);
        this.#head(4, 3);
        this.#text(random.pick(['Error', 'TypeError', 'RegExp', '']));
        this.#text(random.pick(KEYS));
        return random.once(2) ? this.#byte(0xf6) : this.#text('ERR_CODE');
    }
  }

  #items(major: number, count: number, depth: number): void {
    this.#head(major, count);
    const total = major === 5 ? 2 * count : count;
    for (let i = 0; i < total; i++) this.#item(depth + 1);
  }

  #object(depth: number): void {
    const random = this.#random;
    const count = random.once(8) ? random.below(40) : random.below(5);
    this.#head(5, count);
    const first = random.below(KEYS.length);
    for (let i = 0; i < count; i++) {
      const key = KEYS[(first + i) % KEYS.length] as string;
      this.#text(i < KEYS.length ? key : `${key}${i}`);
      this.#item(depth + 1);
    }
  }

  #map(depth: number): void {
    const count = this.#random.below(5);
    this.#head(6, tags.map);
    this.#head(5, count);
    for (let i = 0; i < count; i++) {
      this.#number();
      this.#item(depth + 1);
    }
  }

  /** What must be refused, or is only right by chance. */
  #wrong(depth: number): void {
    const random = this.#random;
    switch (random.below(7)) {
      case 0:
        return this.#byte(random.u32());
      case 1:
        this.#head(6, random.pick(ANY_TAG));
        return depth > 40 ? this.#number() : this.#item(depth + 1);
      case 2:
        this.#head(5, 1);
        this.#text(random.pick(BAD_KEYS));
        return this.#number();
      case 3:
        // A count or length that is a lie.
        return this.#head(2 + random.below(4), random.u32() >>> random.below(32));
      case 4:
        // Of indefinite length.
        this.#byte((2 + random.below(4)) * 32 + 31);
        this.#number();
        return this.#byte(0xff);
      case 5:
        return this.#items(5, random.below(3), Math.min(depth, limits.bodyDepth));
      default:
        this.#head(3, 4);
        return this.#randomBytes(4);
    }
  }
}
