/**
 * The tree with its history (multi-version): what each key was at each revision that is still kept.
 *
 * A revision is a number: 0 is the empty tree, and each committed entry takes the next one, whether
 * it changes keys or not. `apply` takes an entry whole, and all it changes has its revision, so a
 * read at a revision sees all of an entry or nothing of it, however long the read takes and
 * whatever is applied meanwhile. `revision` may be ahead of what is committed: who reads says at
 * which revision.
 *
 * Compaction forgets what only revisions before `compacted` need. Two things then hold together,
 * and this is the whole contract with watches: a revision that can be read (`compacted` to
 * `revision`) is one after which all changes are still known, deletions too.
 *
 * A key has its versions in a list, a list in order knows all keys, another the changes of each
 * revision; all three hold the same objects. With 100,000 keys a put takes some 5 microseconds, a
 * get less than 1, a range as long as what it finds: no library was needed.
 */
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { boundsBelow } from './path.js';
import { SortedKeys } from './sorted-keys.js';
import type { KeyReader, Operation } from './transaction.js';

/** A key with its value. */
export interface Item {
  readonly key: string;
  /** As `encodeValue` made it; not to be written to. */
  readonly value: Buffer;
  /** The revision that put the key when it had no value. */
  readonly createRevision: number;
  /** The revision that put this value. */
  readonly modRevision: number;
  /** How often it was put since it was created; 1 is the first. */
  readonly version: number;
}

/** A key that was deleted. */
export interface Deletion {
  readonly key: string;
  readonly value: null;
  readonly createRevision: 0;
  /** The revision that deleted it. */
  readonly modRevision: number;
  readonly version: 0;
}

/** What a revision made of a key. */
export type Change = Item | Deletion;

/** What `range` is to find. */
export interface RangeOptions {
  /** Default: the newest. */
  readonly revision?: number;
  /** Only keys greater than this. */
  readonly after?: string;
  /** No more items than this. */
  readonly limit?: number;
}

const NO_CHANGES: readonly Change[] = [];

/** One tree. */
export class Tree implements KeyReader {
  /** What was ever put and is still known, by key, each from the oldest version to the newest. */
  readonly #versions = new Map<string, Change[]>();
  readonly #keys = new SortedKeys();
  /** Of the revisions after `compacted` that changed something. */
  readonly #changes = new Map<number, readonly Change[]>();
  #revision: number;
  #compacted: number;
  #liveKeys = 0;
  #liveBytes = 0;

  /** An empty tree, or one of a snapshot, whose items `load` takes. */
  constructor(revision = 0) {
    this.#revision = revision;
    this.#compacted = revision;
  }

  /** Of the last entry that was applied. */
  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision that can be read. */
  get compacted(): number {
    return this.#compacted;
  }

  /** Keys that have a value, at the newest revision. */
  get liveKeys(): number {
    return this.#liveKeys;
  }

  /** Bytes of these keys and their values. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /**
   * What a key was at a revision: its item or its deletion; undefined when nothing is known of it.
   * @throws ConfigError ERR_COMPACTED, ERR_BEHIND: not a revision that can be read.
   */
  get(key: string, revision = this.#revision): Change | undefined {
    this.checkReadable(revision);
    return newestAt(this.#versions.get(key), revision);
  }

  /**
   * What is known of a key up to a revision, from the oldest to the newest.
   * @throws ConfigError ERR_COMPACTED, ERR_BEHIND: not a revision that can be read.
   */
  history(key: string, revision = this.#revision): readonly Change[] {
    this.checkReadable(revision);
    const versions = this.#versions.get(key) ?? NO_CHANGES;
    return versions.slice(0, placeAt(versions, revision) + 1);
  }

  /**
   * The items a prefix holds at a revision, in the order of their keys. Ask again with the last key
   * as `after` for those beyond `limit`: at the same revision nothing is missed or comes twice.
   * @throws ConfigError ERR_COMPACTED, ERR_BEHIND: not a revision that can be read.
   */
  range(prefix: string, options: RangeOptions = {}): Item[] {
    const { revision = this.#revision, after, limit = Number.POSITIVE_INFINITY } = options;
    this.checkReadable(revision);
    const items: Item[] = [];
    for (const key of this.#keysUnder(prefix, after)) {
      if (items.length >= limit) break;
      const found = newestAt(this.#versions.get(key), revision);
      if (found !== undefined && found.value !== null) items.push(found);
    }
    return items;
  }

  /**
   * What a revision changed, which may be nothing.
   * @throws ConfigError ERR_COMPACTED: no longer known; ERR_BEHIND: not applied.
   */
  changesOf(revision: number): readonly Change[] {
    // What changed since a revision is known as long as that revision can be read.
    this.checkReadable(revision - 1);
    if (revision > this.#revision) throw this.#behind(revision);
    return this.#changes.get(revision) ?? NO_CHANGES;
  }

  /** What operations would leave each key with that they concern, null for no value. */
  outcomeOf(operations: readonly Operation[]): Map<string, Buffer | null> {
    const outcome = new Map<string, Buffer | null>();
    for (const operation of operations) {
      if (operation.type === 'put') outcome.set(operation.key, operation.value);
      else if (operation.type === 'delete') outcome.set(operation.key, null);
      else {
        for (const key of this.#keysUnder(operation.prefix, undefined)) {
          if (this.#live(key) !== undefined) outcome.set(key, null);
        }
      }
    }
    return outcome;
  }

  /**
   * Why operations must not be committed on top of the newest revision; null when nothing is wrong.
   * Asked before an entry is made of them: `apply` takes whatever is committed.
   */
  refusal(operations: readonly Operation[]): ConfigError | null {
    const changed = this.outcomeOf(operations);
    if (changed.size > limits.configChangedKeys) {
      return tooMany(`${limits.configChangedKeys} keys in one transaction`);
    }
    let keys = this.#liveKeys;
    let bytes = this.#liveBytes;
    for (const [key, value] of changed) {
      const before = this.#live(key);
      keys += (value === null ? 0 : 1) - (before === undefined ? 0 : 1);
      bytes += costBytes(key, value) - costBytes(key, before?.value ?? null);
    }
    // What makes less of it is always taken.
    if (keys > limits.configKeys && keys > this.#liveKeys) {
      return tooMany(`${limits.configKeys} keys in all`);
    }
    if (bytes > limits.configBytes && bytes > this.#liveBytes) {
      return tooMany(`${limits.configBytes} bytes in all`);
    }
    return null;
  }

  /**
   * Applies the entry of the next revision. Nobody changes its values after.
   * @returns What it changed: each key once, as the whole entry leaves it. Keys that were deleted
   *   and had no value are none.
   */
  apply(revision: number, operations: readonly Operation[]): readonly Change[] {
    if (revision !== this.#revision + 1) {
      throw new RangeError(`revision ${revision} cannot follow ${this.#revision}`);
    }
    const found: Change[] = [];
    for (const [key, value] of this.outcomeOf(operations)) {
      const before = this.#live(key);
      if (value !== null) found.push(nextItem(key, value, revision, before));
      else if (before !== undefined) found.push(deletion(key, revision));
    }
    // A list that has grown has room for 17, and thousands of lists are kept.
    const changes = found.slice();
    this.#revision = revision;
    for (const change of changes) this.#append(change);
    if (changes.length > 0) this.#changes.set(revision, changes);
    return changes;
  }

  /** Takes an item of a snapshot, whose value nobody changes after. Only before `apply`. */
  load(item: Item): void {
    this.#append({ ...item, value: kept(item.value) });
  }

  /**
   * Forgets what only revisions before this one need. Takes as long as what is forgotten, so a
   * little at a time is best. A revision before `compacted` is no matter.
   */
  compact(revision: number): void {
    if (revision > this.#revision) throw new RangeError(`revision ${revision} is not applied`);
    const touched = new Set<string>();
    for (let at = this.#compacted + 1; at <= revision; at++) {
      for (const { key } of this.#changes.get(at) ?? NO_CHANGES) touched.add(key);
      this.#changes.delete(at);
    }
    this.#compacted = Math.max(this.#compacted, revision);
    for (const key of touched) this.#forget(key, revision);
  }

  /**
   * Passes a revision that can be read.
   * @throws ConfigError ERR_COMPACTED, ERR_BEHIND: it cannot.
   */
  checkReadable(revision: number): void {
    if (revision < this.#compacted) {
      throw new ConfigError(
        'ERR_COMPACTED',
        `revision ${revision} is no longer kept, the oldest is ${this.#compacted}`,
      );
    }
    if (revision > this.#revision) throw this.#behind(revision);
  }

  #behind(revision: number): ConfigError {
    return new ConfigError('ERR_BEHIND', `revision ${revision} is not here, ${this.#revision} is`);
  }

  /** The newest version of a key, when that is a value. */
  #live(key: string): Item | undefined {
    const newest = this.#versions.get(key)?.at(-1);
    return newest === undefined || newest.value === null ? undefined : newest;
  }

  /** All keys that a prefix holds and something is known of, in order. */
  *#keysUnder(prefix: string, after: string | undefined): Generator<string, void, undefined> {
    const { from, to } = boundsBelow(prefix);
    const isFirst = after === undefined || after < prefix;
    if (isFirst && this.#versions.has(prefix)) yield prefix;
    // A key with one more character is the first that can follow.
    const start = after === undefined || after < from ? from : `${after}\0`;
    yield* this.#keys.between(start, to);
  }

  #append(change: Change): void {
    const { key } = change;
    const before = this.#live(key);
    const versions = this.#versions.get(key);
    if (versions === undefined) {
      this.#versions.set(key, [change]);
      this.#keys.add(key);
    } else versions.push(change);
    this.#liveKeys += (change.value === null ? 0 : 1) - (before === undefined ? 0 : 1);
    this.#liveBytes += costBytes(key, change.value) - costBytes(key, before?.value ?? null);
  }

  /** Drops versions of a key that no revision from this one on can see. */
  #forget(key: string, revision: number): void {
    const versions = this.#versions.get(key) as Change[];
    const visible = placeAt(versions, revision);
    // A deletion that is all there is at the oldest revision says no more than nothing does.
    const first = versions[visible]?.value === null ? visible + 1 : visible;
    if (first > 0) versions.splice(0, first);
    if (versions.length > 0) return;
    this.#versions.delete(key);
    this.#keys.delete(key);
  }
}

function tooMany(what: string): ConfigError {
  return new ConfigError('ERR_LIMIT', `the configuration has at most ${what}`);
}

function costBytes(key: string, value: Buffer | null): number {
  return value === null ? 0 : key.length + value.length;
}

/** About what a buffer with memory of its own costs besides its bytes. */
const BUFFER_COST_BYTES = 256;

/**
 * What may be kept: a copy, where a piece of Node's pool, or of a message, would keep much around
 * it alive.
 */
function kept(value: Buffer): Buffer {
  if (value.buffer.byteLength - value.length <= BUFFER_COST_BYTES) return value;
  const copy = Buffer.allocUnsafeSlow(value.length);
  value.copy(copy);
  return copy;
}

function nextItem(key: string, value: Buffer, revision: number, before: Item | undefined): Item {
  return {
    key,
    value: kept(value),
    createRevision: before?.createRevision ?? revision,
    modRevision: revision,
    version: (before?.version ?? 0) + 1,
  };
}

function deletion(key: string, revision: number): Deletion {
  return { key, value: null, createRevision: 0, modRevision: revision, version: 0 };
}

/** The place of the newest version that a revision sees; -1 for none. */
function placeAt(versions: readonly Change[], revision: number): number {
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((versions[middle] as Change).modRevision <= revision) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function newestAt(versions: readonly Change[] | undefined, revision: number): Change | undefined {
  return versions?.[placeAt(versions, revision)];
}
