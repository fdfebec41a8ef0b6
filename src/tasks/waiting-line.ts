/**
 * Tasks that wait: the most urgent first, and of equally urgent ones the oldest. To add the newest,
 * to take the first and to remove any takes the same time at any length, so that tasks which are
 * given up in a long line cost nothing and leave nothing behind.
 */

/** What can stand in a line: in one at a time. */
export interface Waiting {
  /** From 0; the highest goes first. */
  readonly priority: number;
  /** Who came first has the least. */
  readonly order: number;
}

interface Place<T> {
  readonly item: T;
  readonly level: Level<T>;
  before: Place<T> | null;
  after: Place<T> | null;
}

interface Level<T> {
  first: Place<T> | null;
  last: Place<T> | null;
}

export class WaitingLine<T extends Waiting> {
  readonly #levels: readonly Level<T>[];
  readonly #places = new Map<T, Place<T>>();

  /** @param priorities how many there are */
  constructor(priorities: number) {
    this.#levels = Array.from({ length: priorities }, () => ({ first: null, last: null }));
  }

  get length(): number {
    return this.#places.size;
  }

  /** All of them, the most urgent first. */
  *[Symbol.iterator](): Iterator<T> {
    for (let at = this.#levels.length - 1; at >= 0; at--) {
      let place = this.#levels[at]?.first ?? null;
      for (; place !== null; place = place.after) yield place.item;
    }
  }

  /** The one that goes next; null when nobody waits. */
  get first(): T | null {
    if (this.#places.size === 0) return null;
    for (let at = this.#levels.length - 1; at >= 0; at--) {
      const first = this.#levels[at]?.first ?? null;
      if (first !== null) return first.item;
    }
    return null;
  }

  /** Puts one where it belongs. One that had its turn before is old, and found from the front. */
  add(item: T): void {
    const level = this.#levels[item.priority] as Level<T>;
    let after: Place<T> | null = null;
    if (level.last !== null && item.order < level.last.item.order) {
      after = level.first;
      while (after !== null && after.item.order < item.order) after = after.after;
    }
    const before = after === null ? level.last : after.before;
    const place: Place<T> = { item, level, before, after };
    if (before === null) level.first = place;
    else before.after = place;
    if (after === null) level.last = place;
    else after.before = place;
    this.#places.set(item, place);
  }

  /** @returns False when it does not stand here. */
  remove(item: T): boolean {
    const place = this.#places.get(item);
    if (place === undefined) return false;
    const { level, before, after } = place;
    if (before === null) level.first = after;
    else before.after = after;
    if (after === null) level.last = before;
    else after.before = before;
    return this.#places.delete(item);
  }
}

/** Which of two goes first. */
export function isBefore(one: Waiting, other: Waiting): boolean {
  if (one.priority !== other.priority) return one.priority > other.priority;
  return one.order < other.order;
}
