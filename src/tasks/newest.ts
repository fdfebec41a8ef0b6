/** A queue of which, when it is full, the oldest goes. */
import { Fifo } from '../link/fifo.js';

/** Keeps the newest `most`. */
export class Newest<T> {
  readonly #items = new Fifo<{ readonly value: T }>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  push(value: T): void {
    if (this.#items.length >= this.#most) this.#items.shift();
    this.#items.push({ value });
  }

  /** The oldest that is left, boxed since it may be anything; undefined when there is none. */
  shift(): { readonly value: T } | undefined {
    return this.#items.shift();
  }
}
