/** What an attacker does at random, from a seed, so that every attempt can be made again. */
import { SeededRandom } from '../random.js';

export class Dice extends SeededRandom {
  constructor(readonly seed: string) {
    super(seed);
  }

  /** The same bytes with one bit of those from `start` on turned over. */
  flip(bytes: Buffer, start = 0): Buffer {
    const changed = Buffer.from(bytes);
    const at = start + this.below(bytes.length - start);
    changed[at]! ^= 1 << this.below(8);
    return changed;
  }
}
