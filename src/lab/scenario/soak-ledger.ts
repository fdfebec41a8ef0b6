/**
 * What arrived of numbered messages with order keys, in memory that does not grow with them: each
 * key counts from 0 for itself.
 */
export class SoakLedger {
  /** Messages, each counted once. */
  received = 0;
  duplicated = 0;
  reordered = 0;
  /** Next number of each key. */
  readonly #next: number[];
  readonly #missing: Set<number>[];

  constructor(keys: number) {
    this.#next = new Array<number>(keys).fill(0);
    this.#missing = Array.from({ length: keys }, () => new Set());
  }

  /** One message came. @throws RangeError: there is no such key. */
  note(key: number, number: number): void {
    const next = this.#next[key];
    const missing = this.#missing[key];
    if (next === undefined || missing === undefined) throw new RangeError(`no key ${key}`);
    if (number < next) {
      // It is late, or it was here before.
      if (missing.delete(number)) {
        this.reordered++;
        this.received++;
      } else this.duplicated++;
      return;
    }
    for (let late = next; late < number && missing.size < MISSING_MAX; late++) missing.add(late);
    this.#next[key] = number + 1;
    this.received++;
  }
}

/** Numbers of one key that may yet come late; beyond, what comes late counts as duplicated. */
const MISSING_MAX = 4096;
