/**
 * What the process of the store writes, and how it is read again. Every batch tells of itself which
 * part of what it is, so that a part that is missing is seen.
 */
import type { BaseItem, StoreContents, StoreOperation } from '../../src/config/store-contract.js';
import type { SeededRandom } from '../../src/testing/random.js';

/** Most entries of one batch, and bytes of one entry, but for a few that are larger. */
const MOST_ENTRIES = 5;
const ENTRY_BYTES = 600;
const LARGE_BYTES = 60_000;
/** Of so many batches, one moves the base, and one installs a snapshot. */
const COMPACT_EVERY = 12;
const INSTALL_EVERY = 60;
const MOST_ITEMS = 400;
/** Keys of items that every move of the base changes, in one batch. */
const MARKS = ['mark/a', 'mark/b', 'mark/c'];

/** A batch that is acknowledged: what has to be found from then on. */
export interface Written {
  /** Last revision it brought. */
  readonly revision: number;
  /** Text of that entry; null: it was a snapshot. */
  readonly text: string | null;
}

/** One batch and what to expect of it. */
export interface Planned extends Written {
  readonly operations: StoreOperation[];
}

const bytes = (text: string): Buffer => Buffer.from(text);
const item = (key: string, value: string): BaseItem => ({ key: bytes(key), value: bytes(value) });
const hashOf = (revision: number): string => revision.toString(16).padStart(64, '0');
const pointOf = (revision: number) => ({ revision, hash: hashOf(revision), record: null });

/** Makes one batch after the other. */
export class Writer {
  readonly #random: SeededRandom;
  /** Tells the batches of one process from those of another. */
  readonly #name: string;
  #batch = 0;
  #base: number;
  #last: number;

  constructor({ base, log }: Pick<StoreContents, 'base' | 'log'>, random: SeededRandom) {
    this.#base = base.revision;
    this.#last = base.revision + log.length;
    this.#random = random;
    this.#name = random.u32().toString(36);
  }

  next(): Planned {
    this.#batch++;
    if (this.#random.below(INSTALL_EVERY) === 0) return this.#install();
    const isMoving = this.#last > this.#base && this.#random.below(COMPACT_EVERY) === 0;
    return isMoving ? this.#compact() : this.#append();
  }

  #append(): Planned {
    const count = 1 + this.#random.below(MOST_ENTRIES);
    const texts = Array.from({ length: count }, (_, index) => this.#text(index, count));
    const operations = texts.map((text): StoreOperation => {
      return { type: 'append', revision: ++this.#last, bytes: bytes(text) };
    });
    const committed: StoreOperation = { type: 'committed', revision: this.#last - count };
    return {
      operations: [...operations, committed],
      revision: this.#last,
      text: texts.at(-1)!,
    };
  }

  #text(index: number, count: number): string {
    const most = this.#random.below(50) === 0 ? LARGE_BYTES : ENTRY_BYTES;
    return `${this.#name}:${this.#batch}:${index}:${count}:${'x'.repeat(this.#random.below(most))}`;
  }

  #compact(): Planned {
    this.#base += 1 + this.#random.below(this.#last - this.#base);
    const puts = MARKS.map((key) => item(key, String(this.#base)));
    const base = pointOf(this.#base);
    return {
      operations: [{ type: 'compact', base, puts, deletes: [bytes('of snapshot')] }],
      revision: this.#base,
      text: null,
    };
  }

  #install(): Planned {
    this.#last += 1 + this.#random.below(10);
    this.#base = this.#last;
    const count = this.#random.below(MOST_ITEMS);
    const items = Array.from({ length: count }, (_, index) =>
      item(`item/${index}`, `${this.#last}/${count}`),
    );
    const marks = MARKS.map((key) => item(key, String(this.#last)));
    const base = pointOf(this.#last);
    return {
      operations: [{ type: 'install', base, items: [...items, ...marks], setAside: null }],
      revision: this.#last,
      text: null,
    };
  }
}

/** Batches of which only a part is there, in sentences. */
export function halfApplied({ base, items, log }: StoreContents): string[] {
  return [...halfSnapshots(base.revision, items), ...halfBatches(log)];
}

function halfSnapshots(base: number, items: Iterable<BaseItem>): string[] {
  const found: string[] = [];
  const all = new Map([...items].map(({ key, value }) => [String(key), String(value)]));
  for (const mark of MARKS) {
    const value = all.get(mark) ?? '0';
    if (Number(value) !== base) found.push(`${mark} is ${value}, the base is ${base}`);
  }
  const tags = new Set([...all].filter(([key]) => key.startsWith('item/')).map(([, tag]) => tag));
  const [tag] = tags;
  const count = all.size - MARKS.length;
  if (tags.size > 1) found.push(`items of ${tags.size} snapshots`);
  else if (tag !== undefined && tag.split('/')[1] !== String(count)) {
    found.push(`${count} items of snapshot ${tag}`);
  }
  return found;
}

function halfBatches(log: readonly Uint8Array[]): string[] {
  const found: string[] = [];
  let expected: string | null = null;
  for (const entry of log) {
    const [name, batch, index, count] = String(entry).split(':', 4);
    const head = `${name}:${batch}:${index}:${count}`;
    // The base may lie within a batch: the log then begins in the midst of it.
    const fits = expected === null || head === expected || (expected === '' && index === '0');
    if (!fits) found.push(`${head} in the place of ${expected === '' ? 'a batch' : expected}`);
    const isLast = Number(index) + 1 === Number(count);
    expected = isLast ? '' : `${name}:${batch}:${Number(index) + 1}:${count}`;
  }
  if (expected !== null && expected !== '') found.push(`the log ends before ${expected}`);
  return found;
}
