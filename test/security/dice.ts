/** What an attacker does at random, from a seed, so that every attempt can be made again. */
import { SeededRandom } from '../unit/link/pair.js';

export class Dice extends SeededRandom {
  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    return this.bytes(6).readUIntBE(0, 6) % bound;
  }

  /** One of a list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** The same bytes with one bit of those from `start` on turned over. */
  flip(bytes: Buffer, start = 0): Buffer {
    const changed = Buffer.from(bytes);
    const at = start + this.below(bytes.length - start);
    changed[at]! ^= 1 << this.below(8);
    return changed;
  }
}
