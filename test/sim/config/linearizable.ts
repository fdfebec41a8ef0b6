/**
 * Whether the history of one key can be told in an order: each call takes effect at one moment
 * between its beginning and its end, and each sees what the one before left (Herlihy and Wing).
 *
 * The search is that of Wing and Gong: of the calls that had begun before the first of the others
 * ended, one has to be the next, and each that saw what is there now may be. Where none is, it goes
 * back. With Lowe's memory: the same calls in another order, with the same value after, are not
 * looked at again.
 */

/** What one call did to the key, and saw of it. Null: the key has no value. */
export interface Effect {
  /** The value was this one. */
  readonly is?: string | null;
  /** The value was another than this. */
  readonly isNot?: string | null;
  /** The value is this one, after. */
  readonly put?: string | null;
}

/** One call, from its beginning to its end. */
export interface Call extends Effect {
  /** Places in the order of time, all different. */
  readonly beganAt: number;
  /** Infinity: nobody knows whether it ever took effect. */
  readonly endedAt: number;
}

/** The beginning or the end of a call, in a list that calls leave when they have their place. */
interface Moment {
  readonly call: Call;
  readonly atMs: number;
  /** Of a beginning: one bit of the set of calls, and its end, when it has one. */
  readonly bit: bigint;
  end: Moment | null;
  readonly isBeginning: boolean;
  before: Moment | null;
  after: Moment | null;
}

/** One call that was given its place, and what was there before. */
interface Taken {
  readonly moment: Moment;
  readonly value: string | null;
}

/** Beyond this the history says nothing that could be searched for in the time there is. */
const MOST_STEPS = 300_000;

/**
 * Whether there is such an order, for a key that had no value before.
 * @throws RangeError when too many calls were under way at one time to tell.
 */
export function isLinearizable(history: readonly Call[]): boolean {
  return new Search(history).run();
}

class Search {
  /** Before the first moment. */
  readonly #head: Moment;
  /** Calls with an end that have no place yet. */
  #left: number;
  #value: string | null = null;
  /** The calls that have their place. */
  #set = 0n;
  readonly #taken: Taken[] = [];
  readonly #seen = new Set<string>();

  constructor(history: readonly Call[]) {
    this.#left = history.filter(({ endedAt }) => endedAt < Number.POSITIVE_INFINITY).length;
    this.#head = listOf(history);
  }

  run(): boolean {
    let at = this.#head.after;
    while (this.#left > 0) {
      if (at?.isBeginning) {
        at = this.#take(at) ? this.#head.after : at.after;
        continue;
      }
      const last = this.#goBack();
      if (last === null) return false;
      at = last.after;
    }
    return true;
  }

  /** Gives a call the next place, unless it cannot have it, or that was looked at. */
  #take(moment: Moment): boolean {
    const { is, isNot, put } = moment.call;
    const value = this.#value;
    if (is !== undefined && is !== value) return false;
    if (isNot !== undefined && isNot === value) return false;
    const next = put === undefined ? value : put;
    const set = this.#set | moment.bit;
    const key = `${set.toString(36)}${next === null ? '' : ` ${next}`}`;
    if (this.#seen.has(key)) return false;
    if (this.#seen.size >= MOST_STEPS) throw new RangeError('too many calls at one time');
    this.#seen.add(key);
    this.#taken.push({ moment, value });
    this.#value = next;
    this.#set = set;
    if (moment.end !== null) this.#left--;
    leave(moment);
    if (moment.end !== null) leave(moment.end);
    return true;
  }

  /** Takes the last choice back; null when there was none. */
  #goBack(): Moment | null {
    for (let last = this.#taken.pop(); last !== undefined; last = this.#taken.pop()) {
      const { moment, value } = last;
      if (moment.end !== null) {
        comeBack(moment.end);
        this.#left++;
      }
      comeBack(moment);
      this.#value = value;
      this.#set ^= moment.bit;
      // What only looked was in nobody's way: without it nothing would have gone better.
      if (moment.call.put !== undefined) return moment;
    }
    return null;
  }
}

/** The moments of all calls in the order of time, behind a head that is none. */
function listOf(history: readonly Call[]): Moment {
  const moments: Moment[] = [];
  for (const [number, call] of history.entries()) {
    const shared = { call, before: null, after: null, bit: 1n << BigInt(number) };
    const isKnown = call.endedAt < Number.POSITIVE_INFINITY;
    const end = isKnown ? { ...shared, atMs: call.endedAt, end: null, isBeginning: false } : null;
    moments.push({ ...shared, atMs: call.beganAt, end, isBeginning: true });
    if (end !== null) moments.push(end);
  }
  moments.sort((a, b) => a.atMs - b.atMs);
  const nothing: Call = { beganAt: 0, endedAt: 0 };
  const head: Moment = {
    call: nothing,
    atMs: 0,
    bit: 0n,
    end: null,
    isBeginning: false,
    before: null,
    after: null,
  };
  let last = head;
  for (const moment of moments) {
    last.after = moment;
    moment.before = last;
    last = moment;
  }
  return head;
}

/** Takes a moment out of the list; it still knows its neighbours. */
function leave({ before, after }: Moment): void {
  if (before !== null) before.after = after;
  if (after !== null) after.before = before;
}

/** Puts the one that left last back. */
function comeBack(moment: Moment): void {
  const { before, after } = moment;
  if (before !== null) before.after = moment;
  if (after !== null) after.before = moment;
}
