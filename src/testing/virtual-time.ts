/** Virtual time: what is to happen, in the order in which it does. */

/** Where things are put that are to happen: virtual time, or time that keeps pace with the real. */
export interface Timeline {
  /** Milliseconds since an arbitrary moment. */
  readonly nowMs: number;
  /** A turn of a process ran whose promises have not had theirs. */
  isUnsettled: boolean;
  /** Has `run` called at `atMs`, or now when that is past. */
  at(atMs: number, run: () => void): void;
  /** The same, counted from now. */
  after(delayMs: number, run: () => void): void;
}

/** Something that is to happen. */
interface Entry {
  readonly atMs: number;
  readonly order: number;
  run: () => void;
}

/** A binary heap by time, and by the order of asking among equals. */
export class VirtualTime implements Timeline {
  nowMs = 1000;
  isUnsettled = false;
  readonly #heap: Entry[] = [];
  #order = 0;

  /** Entries that wait, called-off ones included. */
  get waiting(): number {
    return this.#heap.length;
  }

  /** When the next entry happens; Infinity when nothing is to. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  at(atMs: number, run: () => void): void {
    this.#rise({ atMs: Math.max(atMs, this.nowMs), order: this.#order++, run });
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  /** Moves time to the next entry and runs it; false when there is none. */
  step(): boolean {
    const first = this.#heap[0];
    if (first === undefined) return false;
    const last = this.#heap.pop() as Entry;
    if (last !== first) this.#sink(last);
    this.nowMs = first.atMs;
    first.run();
    return true;
  }

  /**
   * Lets `durationMs` pass: everything at its time, and all promises settled between two entries
   * that made any. A promise that waits for the real world (a file, a socket) is not waited for.
   */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.nowMs + durationMs;
    await settle();
    while (this.nextMs <= endMs) {
      this.step();
      if (!this.isUnsettled) continue;
      this.isUnsettled = false;
      await settle();
    }
    this.nowMs = endMs;
  }

  #rise(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Entry;
      if (isBefore(parent, entry)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  /** Puts `entry` in the place of the first. */
  #sink(entry: Entry): void {
    const heap = this.#heap;
    const end = heap.length;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= end) break;
      const right = below + 1;
      if (right < end && isBefore(heap[right] as Entry, heap[below] as Entry)) below = right;
      const child = heap[below] as Entry;
      if (isBefore(entry, child)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Lets every promise that can settle do so, and all callbacks of process.nextTick run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
