/** Numbers that follow from a seed: the same in every run. */
import type { Random } from '../runtime/index.js';

/** FNV-1a over UTF-16 units, 32 bits. */
export function hashText(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The generator sfc32 (Doty-Humphrey, PractRand): fast in 32-bit arithmetic. */
export class SeededRandom implements Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 0;

  constructor(seed: number | string) {
    this.reset(typeof seed === 'string' ? hashText(seed) : seed, 0);
  }

  /** Begins anew: much cheaper than another generator for each of millions of inputs. */
  reset(seed: number, stream: number): void {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = (Math.floor(seed / 2 ** 32) ^ Math.floor(stream / 2 ** 32)) | 0;
    this.#counter = 1;
    // Without these, near seeds begin alike.
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** A generator of its own, so that one part's use of numbers does not move another's. */
  fork(label: string): SeededRandom {
    return new SeededRandom(hashText(label, this.u32()));
  }

  u32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    return result >>> 0;
  }

  /** From 0, included, to 1, excluded. */
  unit(): number {
    return this.u32() / 2 ** 32;
  }

  /** A whole number from 0 to `end` - 1. */
  below(end: number): number {
    return Math.floor(this.unit() * end);
  }

  /** From `least` to `greatest`, with fractions. */
  between(least: number, greatest: number): number {
    return least + this.unit() * (greatest - least);
  }

  /** A whole number from `least` to `greatest`, both included. */
  whole(least: number, greatest: number): number {
    return least + this.below(greatest - least + 1);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** Small values often, great ones seldom. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.unit());
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count);
    this.fill(bytes, 0, count);
    return bytes;
  }

  /** Fills from `start` to `end`. */
  fill(target: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at++) target[at] = this.u32() >>> 24;
  }
}
