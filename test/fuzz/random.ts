/** Repeatable dice: the same seed throws the same numbers on every machine. */

/** Numbers by sfc32 (small, fast, counter of 2^32), from a seed and a stream of it. */
export class Dice {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 0;

  constructor(seed: number, stream = 0) {
    this.reset(seed, stream);
  }

  /** Begins anew: much cheaper than new dice for each of millions of inputs. */
  reset(seed: number, stream: number): void {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = Math.floor(stream / 2 ** 32) | 0;
    this.#counter = 1;
    // Without these, near seeds begin alike.
    for (let i = 0; i < 12; i++) this.uint32();
  }

  uint32(): number {
    const result = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** A whole number from 0 to less than `end`. */
  below(end: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * end);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Fills from `start` to `end`. */
  fill(target: Buffer, start: number, end: number): void {
    for (let i = start; i < end; i++) target[i] = this.uint32();
  }
}
