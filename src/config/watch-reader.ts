/** Asynchronous iteration over a watch. */

/** What is read. */
export interface WatchSource<T> {
  /** What comes next; null when there is nothing now. */
  take(): T | null;
  isClosed(): boolean;
  /** Whoever read it has left, or could not be given what comes next. */
  close(): void;
}

/**
 * An iterator by hand: where a thousand watches are told the same, a generator around another takes
 * most of the time.
 */
export class WatchReader<T> implements AsyncIterableIterator<T, undefined> {
  readonly #source: WatchSource<T>;
  #resume: (() => void)[] = [];

  constructor(source: WatchSource<T>) {
    this.#source = source;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    const source = this.#source;
    for (;;) {
      let value: T | null;
      try {
        value = source.take();
      } catch (error) {
        source.close();
        throw error;
      }
      if (value !== null) return { value, done: false };
      if (source.isClosed()) return DONE;
      await new Promise<void>((resolve) => void this.#resume.push(resolve));
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#source.close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** There is something to take, or it was closed. */
  wake(): void {
    for (const resume of this.#resume.splice(0)) resume();
  }
}

const DONE = { value: undefined, done: true } as const;
