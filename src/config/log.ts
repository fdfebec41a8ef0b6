/**
 * The log of one replica in memory, its state, and what of both is on its disk: part of a machine.
 * Everything that is to become durable goes through here, in one order, in batches.
 */
import { ConfigError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { Fifo } from '../link/fifo.js';
import { continues, type Entry, type Position, readEntry } from './entry.js';
import { type EpochRecord, readRecord } from './epoch-record.js';
import type { LoadState, ReplicatedState } from './state-contract.js';
import type {
  BaseItem,
  BasePoint,
  PersistBatch,
  SetAside,
  StoreContents,
  StoreFailure,
  StoreOperation,
} from './store-contract.js';

/** From this revision on, these are the masters. */
export interface Epoch {
  readonly revision: number;
  readonly record: EpochRecord;
}

/** A batch under way, and the end of the log that is on disk with it; null: of another log. */
interface UnderWay {
  readonly token: number;
  revision: number | null;
}

export class Log {
  readonly #load: LoadState;
  #state: ReplicatedState;
  #base: BasePoint;
  /** Those after the base. */
  #entries = new Fifo<Entry>();
  #entryBytes = 0;
  #uncommittedBytes = 0;
  /** The one in force at the base, and those after it. */
  #epochs: Epoch[] = [];
  #last: Position;
  #committed: number;
  #notedCommitted: number;
  /** Since when something is committed that was not noted; Infinity: all was. */
  #unnotedSinceMs = Number.POSITIVE_INFINITY;
  #durable: number;
  #submitted: number;
  #setAside: readonly SetAside[];
  /** From this revision on nothing is given to the store; Infinity: everything is. */
  #heldFrom = Number.POSITIVE_INFINITY;
  /** An entry that goes with the one before it. */
  #boundTo = 0;
  #failure: StoreFailure | null = null;
  #operations = new Fifo<StoreOperation>();
  #operationBytes = 0;
  readonly #underWay = new Fifo<UnderWay>();
  readonly #slaveNoteMs: number;
  #token = 0;

  /**
   * @param slaveNoteMs how long what nobody waits for may wait for the disk
   * @throws ConfigError ERR_STORE_CORRUPT: what the store holds does not belong together;
   *   ERR_STORE_FORMAT: a newer version wrote it.
   */
  constructor(
    contents: StoreContents,
    load: LoadState,
    slaveNoteMs: number = limits.configSlaveNoteMs,
  ) {
    const { base, committed, setAside } = contents;
    this.#slaveNoteMs = slaveNoteMs;
    this.#load = load;
    this.#base = base;
    this.#last = { revision: base.revision, hash: base.hash };
    this.#committed = base.revision;
    this.#setAside = setAside;
    try {
      this.#state = load(base.revision, contents.items);
      if (base.record !== null) this.#begin(base.revision, Buffer.from(base.record));
      for (const bytes of contents.log) this.#add(readEntry(asBuffer(bytes)));
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      if (cause.code === 'ERR_VERSION') throw newer(cause);
      throw corrupt(`the store is damaged: ${cause.message}`, cause);
    }
    if (committed < base.revision || committed > this.#last.revision) {
      throw corrupt(`revision ${committed} is committed, the log ends at ${this.#last.revision}`);
    }
    this.#moveCommitted(committed);
    this.#notedCommitted = committed;
    this.#durable = this.#last.revision;
    this.#submitted = this.#durable;
  }

  get state(): ReplicatedState {
    return this.#state;
  }

  /** Everything up to here is in the base only. */
  get base(): BasePoint {
    return this.#base;
  }

  get last(): Position {
    return this.#last;
  }

  get committed(): number {
    return this.#committed;
  }

  /** The place up to which all is known to be committed. */
  get committedAt(): Position {
    return { revision: this.#committed, hash: this.hashAt(this.#committed) as string };
  }

  /** Up to here, the log is on this disk. */
  get durable(): number {
    return this.#durable;
  }

  /** The newest epoch record in the log; null: the store is empty. */
  get record(): EpochRecord | null {
    return this.#epochs.at(-1)?.record ?? null;
  }

  /** Why the store takes nothing more; null: it does. */
  get failure(): StoreFailure | null {
    return this.#failure;
  }

  /** Whether entries at the end of the log are kept from the store. */
  get isHeld(): boolean {
    return this.#heldFrom <= this.#last.revision;
  }

  /** Sets of entries that the store keeps for people, the oldest first. */
  get setAside(): readonly SetAside[] {
    return this.#setAside;
  }

  /**
   * How much one may take for committed who has the log up to a place, of what is. Entries that are
   * only because of a forced one after them are so with that one: before it they may still be left.
   */
  committedWith(revision: number): number {
    if (revision >= this.#committed) return this.#committed;
    const isSame = this.recordAt(revision)?.lineage === this.recordAt(this.#committed)?.lineage;
    return isSame ? revision : 0;
  }

  /** Bytes of entries that are not committed. */
  get uncommittedBytes(): number {
    return this.#uncommittedBytes;
  }

  /** The record in force at a revision that is in the log, or in the base's. */
  recordAt(revision: number): EpochRecord | null {
    return this.#epochs.findLast((epoch) => epoch.revision <= revision)?.record ?? null;
  }

  /** Epoch records after a revision, with theirs; none of what the base has. */
  epochsAfter(revision: number): readonly Epoch[] {
    const newest = this.#epochs.at(-1);
    if (newest === undefined || newest.revision <= revision) return NO_EPOCHS;
    return this.#epochs.filter((epoch) => epoch.revision > revision);
  }

  /** Epoch records after the committed revision, with theirs. */
  uncommittedEpochs(): readonly Epoch[] {
    return this.epochsAfter(this.#committed);
  }

  /** The newest of them that was forced; null: none was. */
  uncommittedForce(): Epoch | null {
    return this.uncommittedEpochs().findLast(({ record }) => record.cause.kind === 'force') ?? null;
  }

  /** The hash at a revision; null: beyond the log, or before its base. */
  hashAt(revision: number): string | null {
    if (revision === this.#base.revision) return this.#base.hash;
    return this.entryAt(revision)?.hash ?? null;
  }

  entryAt(revision: number): Entry | undefined {
    const index = revision - this.#base.revision - 1;
    return index < 0 ? undefined : this.#entries.at(index);
  }

  /** Entries from one revision up to another: as many as go together, one at least. */
  batch(from: number, to: number): Entry[] {
    const entries: Entry[] = [];
    let bytes = 0;
    for (let at = from; at <= to && entries.length < limits.configBatchEntries; at++) {
      const entry = this.entryAt(at) as Entry;
      bytes += entry.bytes.length;
      if (entries.length > 0 && bytes > limits.configBatchBytes) break;
      entries.push(entry);
    }
    return entries;
  }

  /**
   * Puts an entry at the end. Here is the fence: an entry of another epoch than the newest in the
   * log, or of one that does not come after it, goes nowhere.
   *
   * @throws ProtocolError ERR_PROTOCOL: it cannot follow; nothing is changed.
   */
  append(entry: Entry): void {
    this.#add(entry);
    this.#push({ type: 'append', revision: entry.revision, bytes: entry.bytes });
  }

  /** Gives the store nothing from the next entry on, until `release`. */
  hold(): void {
    this.#heldFrom = this.#last.revision + 1;
  }

  release(): void {
    this.#heldFrom = Number.POSITIVE_INFINITY;
  }

  /** The same, and what was held goes to the store with the next entry, or not at all. */
  releaseWithNext(): void {
    if (!this.isHeld) return;
    this.release();
    this.#boundTo = this.#last.revision + 1;
  }

  /**
   * Takes the place of all: a snapshot.
   * @throws ProtocolError ERR_PROTOCOL: no state is made of such items; nothing is changed.
   */
  install(base: BasePoint, items: readonly BaseItem[], setAside: SetAside | null): void {
    this.#state = this.#load(base.revision, items);
    this.#base = base;
    this.#entries = new Fifo();
    this.#entryBytes = 0;
    this.#uncommittedBytes = 0;
    this.#epochs = [];
    this.#begin(base.revision, asBuffer(base.record as Uint8Array));
    this.#last = { revision: base.revision, hash: base.hash };
    this.#committed = base.revision;
    this.#notedCommitted = base.revision;
    this.#unnotedSinceMs = Number.POSITIVE_INFINITY;
    this.#durable = 0;
    this.#submitted = base.revision;
    for (const batch of this.#underWay) batch.revision = null;
    this.#operations = new Fifo();
    this.#operationBytes = 0;
    this.release();
    this.#push({ type: 'install', base, items, setAside });
    if (setAside !== null) {
      this.#setAside = [...this.#setAside, setAside].slice(-limits.configSetAside);
    }
  }

  /** Everything up to here is known to be committed. The disk learns it later: see `poll`. */
  commit(nowMs: number, revision: number): void {
    if (revision <= this.#committed) return;
    if (revision > this.#last.revision) throw new RangeError(`${revision} is not in the log`);
    this.#moveCommitted(revision);
    this.#unnotedSinceMs = Math.min(this.#unnotedSinceMs, nowMs);
  }

  /** What was set aside has been looked at. */
  forget(): void {
    this.#setAside = [];
    this.#push({ type: 'forget' });
  }

  /**
   * Moves the base on where the log has grown too long: a few entries at a time.
   * @param most not beyond this: who watches has yet to look at what comes after
   * @param heldFrom nor beyond this, unless the log is limits.configHeldLogs times too long:
   *   followers are still to be sent what comes after
   */
  compact(most = this.#committed, heldFrom = Number.POSITIVE_INFINITY): void {
    while (this.#isLong(1)) {
      const held = this.#isLong(limits.configHeldLogs) ? most : Math.min(most, heldFrom);
      const target = Math.min(this.#base.revision + COMPACTED_ENTRIES, this.#committed, held);
      if (target <= this.#base.revision) return;
      this.#compactTo(target);
    }
  }

  #isLong(times: number): boolean {
    const { configLogEntries, configLogBytes } = limits;
    if (this.#entries.length > times * configLogEntries + COMPACTED_ENTRIES) return true;
    return this.#entryBytes > times * configLogBytes;
  }

  /**
   * The next batch for the store, or null. That something is committed goes with other operations,
   * or alone when none have come for a while.
   * @param isAwaited whether somebody waits for what is on this disk. Where nobody does, entries
   *   wait for that note, and are flushed once with it.
   */
  poll(nowMs: number, isAwaited = true): PersistBatch | null {
    if (this.#failure !== null || this.#underWay.length >= limits.configPersists) return null;
    const isNoteDue = nowMs >= this.#noteAtMs(isAwaited);
    if (this.#operations.length === 0 && !isNoteDue) return null;
    if (!isAwaited && !isNoteDue && this.#mayWait()) return null;
    const operations: StoreOperation[] = [];
    let bytes = 0;
    for (;;) {
      const next = this.#operations.at(0);
      if (next === undefined) break;
      if (next.type === 'append' && next.revision >= this.#heldFrom) break;
      bytes += costBytes(next);
      const { length } = operations;
      const isLarge = length > 0 && bytes > limits.configBatchBytes;
      const isFull = length >= limits.configBatchEntries || isLarge;
      if (isFull && this.#submitted + 1 !== this.#boundTo) break;
      // What goes into the base is committed, and the store has to know before.
      if (next.type === 'compact') this.#note(operations, next.base.revision);
      operations.push(this.#operations.shift() as StoreOperation);
      this.#operationBytes -= costBytes(next);
      if (next.type === 'append') this.#submitted = next.revision;
    }
    this.#note(operations, this.committedWith(this.#submitted));
    if (this.#notedCommitted === this.#committed) this.#unnotedSinceMs = Number.POSITIVE_INFINITY;
    else if (isNoteDue) this.#unnotedSinceMs = nowMs;
    if (operations.length === 0) return null;
    const token = ++this.#token;
    this.#underWay.push({ token, revision: this.#submitted });
    return { token, operations };
  }

  /** When `poll` may have a batch though nothing else happens; Infinity for never. */
  deadline(isAwaited = true): number {
    if (this.#failure !== null || this.#underWay.length >= limits.configPersists) {
      return Number.POSITIVE_INFINITY;
    }
    return this.#noteAtMs(isAwaited);
  }

  /** The store says that a batch, and all before it, is durable. */
  persisted(token: number): void {
    for (let first = this.#underWay.at(0); first !== undefined; first = this.#underWay.at(0)) {
      if (first.token > token) return;
      this.#underWay.shift();
      if (first.revision !== null) this.#durable = first.revision;
    }
  }

  /** The store takes nothing more. */
  failed(code: StoreFailure): void {
    this.#failure ??= code;
    this.#operations = new Fifo();
  }

  /** When what is committed has to be noted, if nothing else is written before. */
  #noteAtMs(isAwaited: boolean): number {
    return this.#unnotedSinceMs + (isAwaited ? limits.configNoteMs : this.#slaveNoteMs);
  }

  #note(operations: StoreOperation[], committed: number): void {
    if (committed <= this.#notedCommitted) return;
    operations.push({ type: 'committed', revision: committed });
    this.#notedCommitted = committed;
  }

  #moveCommitted(revision: number): void {
    for (let at = this.#committed + 1; at <= revision; at++) {
      this.#uncommittedBytes -= (this.entryAt(at) as Entry).bytes.length;
    }
    this.#committed = revision;
  }

  #push(operation: StoreOperation): void {
    if (this.#failure !== null) return;
    this.#operations.push(operation);
    this.#operationBytes += costBytes(operation);
  }

  /** Less than a batch of entries, of which some are committed: they go when that is noted. */
  #mayWait(): boolean {
    if (this.#unnotedSinceMs === Number.POSITIVE_INFINITY) return false;
    if (this.#operations.at(0)?.type !== 'append') return false;
    const isFew = this.#operations.length < limits.configBatchEntries;
    return isFew && this.#operationBytes < limits.configBatchBytes;
  }

  #add(entry: Entry): void {
    const { record } = this;
    if (!continues(this.#last, entry)) {
      throw unfit(`entry ${entry.revision} does not follow ${this.#last.revision}`);
    }
    const next = entry.kind === 'epoch' ? readRecord(entry.body) : record;
    if (next === null || entry.epoch !== next.epoch) {
      throw unfit(`an entry of epoch ${entry.epoch} in epoch ${next?.epoch ?? 0}`);
    }
    if (next !== record) this.#checkNext(record, next);
    this.#state.apply(entry);
    this.#entries.push(entry);
    this.#entryBytes += entry.bytes.length;
    this.#uncommittedBytes += entry.bytes.length;
    this.#last = { revision: entry.revision, hash: entry.hash };
    if (next !== record) this.#epochs.push({ revision: entry.revision, record: next });
  }

  /** An epoch is built on all that is before it, and says so. */
  #checkNext(record: EpochRecord | null, next: EpochRecord): void {
    const { parent } = next;
    if (record === null || parent === null) {
      if (record !== parent) throw unfit('an epoch whose parent is another');
      return;
    }
    const isChild =
      next.clusterId === record.clusterId &&
      next.epoch > record.epoch &&
      parent.lineage === record.lineage &&
      parent.epoch === record.epoch &&
      parent.revision === this.#last.revision &&
      parent.hash === this.#last.hash;
    if (!isChild) throw unfit('an epoch whose parent is another');
  }

  #begin(revision: number, record: Buffer): void {
    this.#epochs.push({ revision, record: readRecord(record) });
  }

  #compactTo(revision: number): void {
    const hash = this.hashAt(revision) as string;
    const epoch = this.#epochs.findLastIndex((each) => each.revision <= revision);
    let { record } = this.#base;
    for (let at = this.#base.revision + 1; at <= revision; at++) {
      const entry = this.#entries.shift() as Entry;
      this.#entryBytes -= entry.bytes.length;
      if (entry.kind === 'epoch') record = entry.body;
    }
    this.#epochs.splice(0, epoch);
    this.#base = { revision, hash, record };
    this.#push({ type: 'compact', base: this.#base, ...this.#state.compact(revision) });
  }
}

/** Forgetting takes as long as what is forgotten: no turn is to be long. */
const COMPACTED_ENTRIES = 256;

const NO_EPOCHS: readonly Epoch[] = [];

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function costBytes(operation: StoreOperation): number {
  return operation.type === 'append' ? operation.bytes.length : 0;
}

function unfit(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', what);
}

function corrupt(what: string, cause?: unknown): ConfigError {
  const wayOut = 'move it away, start empty, and add this master again';
  return new ConfigError('ERR_STORE_CORRUPT', `${what}; ${wayOut}`, { cause });
}

function newer(cause: ProtocolError): ConfigError {
  const text = `a newer version of this package wrote the store (${cause.message})`;
  return new ConfigError('ERR_STORE_FORMAT', `${text}; update this one`, { cause });
}
