/** Chance that follows from a seed: the same orders and endings in every run. */
import { sha256 } from '../../runtime/crypto.js';

export class Chance {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** From 0, included, to 1, excluded; the same for the same label. */
  unit(label: string): number {
    return sha256(`${this.#seed} ${label}`).readUInt32BE(0) / 2 ** 32;
  }

  pick<T>(label: string, choices: readonly T[]): T {
    return choices[Math.floor(this.unit(label) * choices.length)] as T;
  }

  /** All of them in a random order. */
  shuffled<T>(label: string, all: readonly T[]): T[] {
    return all
      .map((each, index) => ({ each, at: this.unit(`${label} ${index}`) }))
      .sort((a, b) => a.at - b.at)
      .map(({ each }) => each);
  }
}
