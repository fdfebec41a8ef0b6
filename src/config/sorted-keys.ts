/**
 * A set of texts in order, in blocks of bounded length. To put one among 100,000 or to take one out
 * costs 2 to 5 microseconds so, and 17 to 40 in the middle of one sorted array: a compaction that
 * forgets 10,000 keys would stop everything for 0.4 s. test/unit/config/tree-size.test.ts measures
 * both.
 */

/** A block that has become longer is halved. */
const BLOCK_KEYS = 512;

export class SortedKeys {
  /** None is empty, but for the only one. */
  readonly #blocks: string[][] = [[]];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a key that is not there. */
  add(key: string): void {
    const index = this.#blockOf(key);
    const block = this.#blocks[index] as string[];
    block.splice(lowerBound(block, key), 0, key);
    this.#size++;
    if (block.length <= BLOCK_KEYS) return;
    // What is added in order, as a snapshot is, leaves full blocks behind.
    const isAtEnd = block.at(-1) === key;
    this.#blocks.splice(index + 1, 0, block.splice(isAtEnd ? BLOCK_KEYS : BLOCK_KEYS / 2));
  }

  /** Takes a key away that is there. */
  delete(key: string): void {
    const index = this.#blockOf(key);
    const block = this.#blocks[index] as string[];
    block.splice(lowerBound(block, key), 1);
    this.#size--;
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(index, 1);
  }

  /** All keys with `from <= key < to`, in order. The set must not change meanwhile. */
  *between(from: string, to: string): Generator<string, void, undefined> {
    for (let index = this.#blockOf(from); index < this.#blocks.length; index++) {
      const block = this.#blocks[index] as string[];
      for (let at = lowerBound(block, from); at < block.length; at++) {
        const key = block[at] as string;
        if (key >= to) return;
        yield key;
      }
    }
  }

  /** The last block whose first key is not greater; the first block when there is none. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle]?.[0] as string) <= key) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** The place of the first that is not less. */
function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
