/** Chance for a machine, which has none of its own: numbers that follow from a seed. */

/** How much earlier things are done, evenly from 0 to a greatest time. */
export class Jitter {
  readonly #spanMs: number;
  #state: number;

  /** @param seed 32 random bits */
  constructor(spanMs: number, seed: number) {
    this.#spanMs = spanMs;
    // The generator stays at 0 once there.
    this.#state = seed | 0 || 1;
  }

  /** The next one, in milliseconds. */
  nextMs(): number {
    // Marsaglia's xorshift of 32 bits: what keeps links from keeping step needs no better one.
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return ((this.#state >>> 0) / 2 ** 32) * this.#spanMs;
  }
}
