/**
 * A queue that takes the same time at any length. `Array.prototype.shift` and `slice` move all that
 * is behind: a peer that lets much pile up and then takes it one by one would cost the square.
 */
const MANY = 1024;

/** First in, first out. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  /** Those before it are gone. */
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The one at this place, from 0; undefined beyond the last. */
  at(index: number): T | undefined {
    return this.#items[this.#head + index];
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    const isMostlyGone = this.#head >= MANY && 2 * this.#head >= this.#items.length;
    if (this.length === 0 || isMostlyGone) this.#compact();
    return item;
  }

  /** Takes the one at this place; the time grows with how many there are. */
  take(index: number): T | undefined {
    if (index >= this.length) return undefined;
    return this.#items.splice(this.#head + index, 1)[0];
  }

  /** Puts some before all others, in their order; the time grows with how many there are. */
  prepend(items: readonly T[]): void {
    if (items.length === 0) return;
    this.#items = [...items, ...this.#items.slice(this.#head)];
    this.#head = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i] as T;
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
