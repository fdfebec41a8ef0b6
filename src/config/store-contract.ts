/**
 * What a replica asks of its store, and what a store answers: types only. `store.ts` keeps these
 * promises on a disk, the simulation with a model of one.
 *
 * A store holds two things that touch without a gap:
 *
 * ```
 *   base                          log
 *   the tree at revision b   +    entries b+1, b+2 ... last
 * ```
 *
 * The tree at the base, with the request ids that are remembered, is a set of items whose keys and
 * values are bytes that mean nothing to the store. Everything newer is in the log, committed or
 * not. Nothing is stored twice: the newest epoch record, for one, is that of the last epoch entry
 * in the log, or else that of the base.
 */
import type { ErrorCode } from '../errors.js';
import type { Position } from './entry.js';

/** Format of a store. An older program refuses a newer one with ERR_STORE_FORMAT. */
export const STORE_FORMAT = 1;

/** One item of the base. */
export interface BaseItem {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** The place the base is at. An empty store has ORIGIN and no record. */
export interface BasePoint extends Position {
  /** Body of the newest epoch entry at or before it (see epoch-record.ts); null: there is none. */
  readonly record: Uint8Array | null;
}

/**
 * Entries that were never acknowledged and lay beyond the place where a forced lineage left theirs:
 * kept for people to look at, and part of nothing.
 */
export interface SetAside {
  /** Lineage they belonged to, in hex, and the place after which they began. */
  readonly lineage: string;
  readonly after: Position;
  /** The lineage that left them behind, in hex. */
  readonly leftBy: string;
  /** Whole entries, in order. */
  readonly entries: readonly Uint8Array[];
}

/**
 * One change of a store. A batch of them is atomic: after a crash all of it is there or nothing.
 */
export type StoreOperation =
  /**
   * One entry at the end of the log. The next one, by revision: the store may assert that, and
   * checks nothing else.
   */
  | { readonly type: 'append'; readonly revision: number; readonly bytes: Uint8Array }
  /** All up to this revision is committed. Never less than before, but for `install`. */
  | { readonly type: 'committed'; readonly revision: number }
  /**
   * The base moves on to a place that is in the log and committed: these items are put, those keys
   * are deleted, and entries up to and including it leave the log.
   */
  | {
      readonly type: 'compact';
      readonly base: BasePoint;
      readonly puts: readonly BaseItem[];
      readonly deletes: readonly Uint8Array[];
    }
  /**
   * A snapshot of another replica takes the place of all: the base has these items and no others,
   * the log is empty, committed is the base's revision. The store's id stays. What `setAside` holds
   * is added to what was set aside before; of that, the store keeps the newest
   * `limits.configSetAside`.
   */
  | {
      readonly type: 'install';
      readonly base: BasePoint;
      readonly items: readonly BaseItem[];
      readonly setAside: SetAside | null;
    }
  /** Everything that was set aside has been looked at and may go. */
  | { readonly type: 'forget' };

/** Operations that become durable together, in this order. */
export interface PersistBatch {
  /** 1 for the first batch after opening, then one more each. */
  readonly token: number;
  readonly operations: readonly StoreOperation[];
}

/** What a store may not be able to do, at opening or later. */
export type StoreFailure = Extract<
  ErrorCode,
  | 'ERR_STORE' // reading or writing failed: what the system says is in the message
  | 'ERR_STORE_FULL' // no room on the disk, or over the size the store may have
  | 'ERR_STORE_READ_ONLY' // the file or its file system cannot be written
  | 'ERR_STORE_IN_USE' // another process has it open
  | 'ERR_STORE_CORRUPT' // it is ours, and damaged
  | 'ERR_STORE_FOREIGN' // there is something at the path, and it is not ours
  | 'ERR_STORE_FORMAT' // written by a newer version of this package
>;

/**
 * How a store answers `persist`; each once for each batch, in the order of the batches, and never
 * from within `persist` itself.
 */
export interface StoreEvents {
  /**
   * The batch is durable: flushed to the disk, not only visible. So are all before it: whatever
   * happens, what is on disk is the batches up to some token, whole, and nothing of any later one.
   */
  persisted(token: number): void;
  /**
   * The batch could not be made durable. It may or may not be there when the store is opened again;
   * what was there before is untouched. The store takes nothing more: all batches after it fail as
   * well, and only opening it anew mends it. Reading goes on from memory.
   */
  failed(token: number, code: StoreFailure, message: string): void;
}

/** What a store holds when it is opened: all that its replica needs, and the store never reads. */
export interface StoreContents {
  readonly format: number;
  /** In hex, drawn at random when the store was made; a copied or restored store keeps it. */
  readonly storeId: string;
  readonly base: BasePoint;
  /** Of the base, in the order of their keys by bytes. Read once, at once. */
  readonly items: Iterable<BaseItem>;
  /**
   * Entries from base.revision + 1 on, without a gap, as they were appended; bounded, since the
   * replica compacts beyond `limits.configLogEntries` and `limits.configLogBytes`. It also checks
   * their hashes: where one does not fit, the store is corrupt.
   */
  readonly log: readonly Uint8Array[];
  /** The newest revision that is known here, durably, to be committed. At least the base's. */
  readonly committed: number;
  readonly setAside: readonly SetAside[];
}

/** A store that is open. One process has it at a time. */
export interface ConfigStore {
  readonly contents: StoreContents;
  /**
   * Begins to make a batch durable. Several may be under way; they become durable in the order of
   * this call. The bytes in them are not changed any more by anyone.
   */
  persist(batch: PersistBatch): void;
  /** Waits for what was begun, answers it, and releases the store. */
  close(): Promise<void>;
}

/**
 * How a store is opened. It makes a new, empty one where there is nothing at the path, and changes
 * nothing that it does not understand.
 *
 * Rejects with a ConfigError whose code is a StoreFailure and whose message says the way out. What
 * is corrupt, foreign, newer or in use is not written to, not even partly.
 */
export type OpenStore = (
  path: string,
  events: StoreEvents,
  /** The id of the store, in hex, should it have to be made. */
  newStoreId: string,
) => Promise<ConfigStore>;
