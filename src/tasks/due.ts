/** Deadlines of many, of which few are ever reached. */

interface Entry<T> {
  readonly atMs: number;
  readonly item: T;
}

/**
 * What is due at some time, the earliest first: a binary heap in which each knows its place, so
 * that what is over before its time leaves at once.
 */
export class Due<T> {
  readonly #heap: Entry<T>[] = [];
  readonly #places = new Map<T, number>();

  /** When the earliest is due; null when nothing is. */
  get atMs(): number | null {
    return this.#heap[0]?.atMs ?? null;
  }

  /** Adds one that is not in it. */
  add(atMs: number, item: T): void {
    this.#heap.push({ atMs, item });
    this.#rise(this.#heap.length - 1);
  }

  /** One that is not in it is no matter. */
  remove(item: T): void {
    const at = this.#places.get(item);
    if (at === undefined) return;
    this.#places.delete(item);
    const last = this.#heap.pop() as Entry<T>;
    if (last.item === item) return;
    this.#heap[at] = last;
    this.#rise(at);
    this.#sink(this.#places.get(last.item) as number);
  }

  /** Takes the earliest that is due by then; null when none is. */
  take(nowMs: number): T | null {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > nowMs) return null;
    this.remove(first.item);
    return first.item;
  }

  #timeAt(at: number): number {
    return this.#heap[at]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  #rise(from: number): void {
    let at = from;
    const entry = this.#heap[at] as Entry<T>;
    while (at > 0 && entry.atMs < this.#timeAt((at - 1) >> 1)) {
      this.#put(at, this.#heap[(at - 1) >> 1]);
      at = (at - 1) >> 1;
    }
    this.#put(at, entry);
  }

  #sink(from: number): void {
    let at = from;
    const entry = this.#heap[at] as Entry<T>;
    for (;;) {
      const left = 2 * at + 1;
      const below = this.#timeAt(left + 1) < this.#timeAt(left) ? left + 1 : left;
      if (this.#timeAt(below) >= entry.atMs) break;
      this.#put(at, this.#heap[below]);
      at = below;
    }
    this.#put(at, entry);
  }

  #put(at: number, entry: Entry<T> | undefined): void {
    if (entry === undefined) return;
    this.#heap[at] = entry;
    this.#places.set(entry.item, at);
  }
}
