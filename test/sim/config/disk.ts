/**
 * A model of a store: it keeps the promises of store-contract.ts and no more. Batches become
 * durable late, each after the one before; of what is not durable when the process ends some first
 * part is there, or nothing. It holds what it is told to keep against the history of all entries.
 */
import { type Entry, ORIGIN, readEntry } from '../../../src/config/entry.js';
import { forkFrom, type Master, readRecord } from '../../../src/config/epoch-record.js';
import {
  type BaseItem,
  type BasePoint,
  type PersistBatch,
  type SetAside,
  STORE_FORMAT,
  type StoreContents,
  type StoreFailure,
  type StoreOperation,
} from '../../../src/config/store-contract.js';
import type { VirtualTime } from '../../../src/testing/virtual-time.js';
import type { SeededRandom } from '../../random.js';
import type { History, Known } from './history.js';

/** What is on a disk. */
export interface Image {
  readonly storeId: string;
  base: BasePoint;
  items: Map<string, BaseItem>;
  log: Entry[];
  committed: number;
  setAside: SetAside[];
}

type Install = Extract<StoreOperation, { type: 'install' }>;
type Compact = Extract<StoreOperation, { type: 'compact' }>;

/** How the store answers its machine. */
export interface DiskAnswers {
  persisted(token: number): void;
  failed(token: number, code: StoreFailure): void;
}

/** What happened to disks, to be counted together. */
export function newDiskCounts() {
  return { batches: 0, failedFlushes: 0, lostBatches: 0, installs: 0, compactions: 0 };
}

/** What the disk is part of. */
export interface DiskSetup {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly history: History;
  /** Mean time of a flush. */
  readonly flushMs: number;
  violated(what: string): void;
  /** For the trace. */
  note(what: string, revision: number): void;
}

/** What a store has that was just made. */
export function emptyImage(storeId: string): Image {
  const base = { ...ORIGIN, record: null };
  return { storeId, base, items: new Map(), log: [], committed: 0, setAside: [] };
}

function copyOf(image: Image): Image {
  const { items, log, setAside } = image;
  return { ...image, items: new Map(items), log: [...log], setAside: [...setAside] };
}

export class SimDisk {
  readonly name: string;
  /** No room, or not to be written to, until it is mended. */
  failure: StoreFailure | null = null;
  /** An operator put an older copy here, and it has not caught up with what there was before. */
  setBackFrom: Known | null = null;
  readonly counts = newDiskCounts();
  readonly #setup: DiskSetup;
  #image: Image;
  /** The end of the log that is durable, and with all that is on its way; null: empty. */
  #durable: Known | null = null;
  #end: Known | null = null;
  /** Up to here, by what was asked for, the log is in its base, and no entry any more. */
  #compacted = 0;
  #pending: PersistBatch[] = [];
  /** What was read of bytes that are on their way. */
  readonly #entries = new WeakMap<Uint8Array, Entry>();
  #answers: DiskAnswers | null = null;
  #nextToken = 1;
  /** Flushes take so many times as long. */
  #slowness = 1;
  /** Of the flush that is under way; 0: none is. */
  #flush = 0;
  #flushes = 0;
  #hasFailed = false;
  /** When the last answer is given. */
  #toldMs = 0;

  constructor(name: string, image: Image, setup: DiskSetup) {
    this.name = name;
    this.#setup = setup;
    this.#image = image;
  }

  get storeId(): string {
    return this.#image.storeId;
  }

  get durable(): Known | null {
    return this.#durable;
  }

  get end(): Known | null {
    return this.#end;
  }

  /** What is set aside there. */
  get setAside(): readonly SetAside[] {
    return this.#image.setAside;
  }

  /** A copy, as an operator makes one. */
  backup(): Image {
    return copyOf(this.#image);
  }

  /** A process opens the store. */
  open(answers: DiskAnswers): StoreContents {
    this.#answers = answers;
    this.#compacted = this.#image.base.revision;
    this.#nextToken = 1;
    this.#hasFailed = false;
    const { items, log, ...rest } = copyOf(this.#image);
    const sorted = [...items.keys()].sort().map((key) => items.get(key) as BaseItem);
    return { ...rest, format: STORE_FORMAT, items: sorted, log: log.map(({ bytes }) => bytes) };
  }

  /** The process is gone. Of what was on its way some first part is on the disk. */
  crash(): void {
    this.#answers = null;
    this.#flush = 0;
    const { random } = this.#setup;
    const kept = this.#hasFailed ? 0 : random.below(this.#pending.length + 1);
    for (const batch of this.#pending.slice(0, kept)) this.#keep(batch);
    this.counts.lostBatches += this.#pending.length - kept;
    this.#pending = [];
    this.#setup.history.lost(this.#end, this.#durable, this.storeId);
    this.#end = this.#durable;
  }

  /** Another store is put in the place of this one, while no process has it. */
  replace(image: Image, isOlderCopy: boolean): void {
    const { history } = this.#setup;
    const before = this.setBackFrom ?? this.#durable;
    this.#image = copyOf(image);
    this.#durable = history.find(image.log.at(-1)?.hash ?? image.base.hash) ?? null;
    this.#end = this.#durable;
    this.setBackFrom = isOlderCopy && !history.holds(this.#durable, before) ? before : null;
    // Another has what it had: nothing of that is lost, and what it said of its disk still counts.
    if (isOlderCopy) history.setBack.add(this.storeId);
  }

  persist(batch: PersistBatch): void {
    if (batch.token !== this.#nextToken) this.#violated(`batch ${batch.token} out of turn`);
    this.#nextToken++;
    this.counts.batches++;
    for (const operation of batch.operations) this.#begin(operation);
    this.#mustLeaveLast();
    this.#pending.push(batch);
    if (this.#flush === 0) this.#flushLater();
  }

  #violated(what: string): void {
    this.#setup.violated(`store of ${this.name}: ${what}`);
  }

  /** From now on, flushes take so many times as long; one that is under way begins again. */
  set slowness(times: number) {
    this.#slowness = times;
    if (this.#flush !== 0) this.#flushLater();
  }

  #flushLater(): void {
    const { time, random, flushMs } = this.#setup;
    const flush = ++this.#flushes;
    this.#flush = flush;
    time.after(random.exponential(flushMs * this.#slowness), () => {
      if (flush !== this.#flush) return;
      this.#flush = 0;
      this.#write();
    });
  }

  /** One write of the disk: of all that waits, or of some. */
  #write(): void {
    const { random } = this.#setup;
    if (this.failure !== null || this.#hasFailed) return this.#fail();
    const whole = this.#pending.length;
    const count = random.chance(0.7) ? whole : random.whole(1, whole);
    const written = this.#pending.splice(0, count);
    for (const batch of written) this.#keep(batch);
    this.#answer((answers) => {
      for (const { token } of written) answers.persisted(token);
    });
    if (this.#pending.length > 0) this.#flushLater();
  }

  /** All that waits fails. Some first part may be there when the store is opened again. */
  #fail(): void {
    const { random } = this.#setup;
    const code = this.failure ?? 'ERR_STORE';
    const failed = this.#pending.splice(0);
    const kept = this.#hasFailed || random.chance(0.7) ? 0 : random.below(failed.length + 1);
    for (const batch of failed.slice(0, kept)) this.#keep(batch);
    this.#hasFailed = true;
    this.counts.failedFlushes++;
    this.#answer((answers) => {
      for (const { token } of failed) answers.failed(token, code);
    });
  }

  /** What is done is told a little later, if there is still somebody to tell. */
  #answer(tell: (answers: DiskAnswers) => void): void {
    const { time, random, flushMs } = this.#setup;
    const answers = this.#answers;
    // The one before is told before: both wait for the same time, and this one no shorter.
    this.#toldMs = Math.max(this.#toldMs, time.nowMs + random.exponential(flushMs / 4));
    time.at(this.#toldMs, () => {
      if (answers !== null && answers === this.#answers) tell(answers);
    });
  }

  // --- what a machine asks for

  #begin(operation: StoreOperation): void {
    switch (operation.type) {
      case 'append':
        return this.#beginAppend(operation.bytes);
      case 'committed':
        return this.#mustBeCommitted(operation.revision, 'noted as committed');
      case 'compact':
        this.#compacted = operation.base.revision;
        return this.#mustBeCommitted(this.#compacted, 'compacted');
      case 'install':
        return this.#beginInstall(operation);
      case 'forget':
        return undefined;
    }
  }

  #beginAppend(bytes: Uint8Array): void {
    const { history } = this.#setup;
    const read = readEntry(bytes as Buffer);
    this.#entries.set(bytes, read);
    const known = history.learn(read, this.setBackFrom !== null);
    if (known === null) return;
    if (known.parent !== this.#end) {
      this.#violated(`entry ${known.entry.revision} is no continuation of what is there`);
    }
    this.#end = known;
    const { entry, record } = known;
    if (entry.kind !== 'epoch') return;
    const masters = record.masters.map(({ name }) => name).join();
    this.#setup.note(`epoch ${record.epoch} by ${record.cause.kind}: ${masters}`, entry.revision);
  }

  /** That it is a master no more is stored at one after all others: so one may always go on. */
  #mustLeaveLast(): void {
    const { entry, record, parent, durableIn, isCommitted } = this.#end ?? {};
    if (entry?.kind !== 'epoch' || record?.cause.kind !== 'remove' || isCommitted) return;
    const { setBack } = this.#setup.history;
    const isOwn = ({ storeId }: Master) => storeId === this.storeId;
    const isLeaving = parent?.record.masters.some(isOwn) && !record.masters.some(isOwn);
    if (!isLeaving || setBack.has(this.storeId)) return;
    const early = record.masters.filter(({ storeId }) => {
      return durableIn?.has(storeId) !== true && !setBack.has(storeId);
    });
    if (early.length === 0) return;
    const names = early.map(({ name }) => name).join();
    this.#violated(`it stores that it is to leave before it is on the disk of ${names}`);
  }

  #mustBeCommitted(revision: number, what: string): void {
    const end = this.#end;
    const known = end === null ? undefined : this.#setup.history.at(end.record.lineage, revision);
    if (known === undefined || !this.#setup.history.holds(end, known)) {
      if (revision > 0) this.#violated(`${revision} is ${what}, and is not in the log`);
    } else if (!known.isCommitted) {
      this.#violated(`${revision} is ${what}, and not all masters have it`);
    } else if (!known.isAgreed && end?.record.lineage === known.record.lineage) {
      this.#violated(`${revision} is ${what} without the force that commits it`);
    }
  }

  #beginInstall({ base, setAside }: Install): void {
    const { history } = this.#setup;
    const known = history.find(base.hash);
    if (known === undefined) return this.#violated('a snapshot of what nobody ever had');
    if (!known.isCommitted) this.#violated('a snapshot of what is not committed');
    const record = base.record === null ? null : readRecord(Buffer.from(base.record));
    if (record?.epoch !== known.record.epoch || record.lineage !== known.record.lineage) {
      this.#violated('a snapshot with another epoch record');
    }
    const before = this.#end;
    if (before !== null) this.#mustComeFrom(before, known);
    this.#mustSetAside(before, known, setAside);
    this.#compacted = base.revision;
    this.#end = known;
  }

  /** A lineage gives way to none but one that comes from it by force. */
  #mustComeFrom(before: Known, known: Known): void {
    const { lineage } = before.record;
    if (known.record.lineage === lineage) return;
    if (forkFrom(known.record, lineage) === null) {
      this.#violated(`lineage ${lineage} gives way to ${known.record.lineage}, which is foreign`);
    }
  }

  /** What only this store has is set aside before a snapshot takes its place: whole, in order. */
  #mustSetAside(before: Known | null, known: Known, setAside: SetAside | null): void {
    const { history } = this.#setup;
    const fork = history.fork(before, known);
    const surplus: Known[] = [];
    for (let at = before; at !== null && at !== fork; at = at.parent) surplus.unshift(at);
    if (surplus.length === 0) return;
    // What goes back: a set-back disk apart, nobody was ever told that it is committed, as part of
    // what is here. That others have forced, with it in their log, is nothing to this store.
    const told = surplus.find(({ acknowledgedIn }) => {
      return acknowledgedIn.some(({ first }) => history.holds(before, first));
    });
    const isExcused = history.lineageAfter(fork, known)?.isExcused === true;
    if (told !== undefined && !isExcused) {
      this.#violated(`revision ${told.entry.revision} was acknowledged, and goes back`);
    }
    // What was committed there may have been compacted, and is no entry any more.
    const isEntry = ({ entry }: Known) => !isExcused || entry.revision > this.#compacted;
    const kept = surplus.filter(isEntry);
    if (setAside === null) {
      if (kept.length > 0) this.#violated(`${kept.length} entries go, and are not set aside`);
      return;
    }
    const from = setAside.after.revision + 1;
    // More than that may be set aside: what was to go to this disk, and was held.
    const first = kept[0]?.entry.revision ?? from;
    const shown = setAside.entries.slice(Math.max(0, first - from));
    const isWhole = kept.every(({ entry }, at) => shown[at] && entry.bytes.equals(shown[at]));
    if (!isWhole) this.#violated('what is set aside is not what goes');
  }

  // --- what becomes durable

  #keep(batch: PersistBatch): void {
    for (const operation of batch.operations) this.#apply(operation);
    const { history } = this.#setup;
    if (this.#durable !== null) history.durable(this.#durable, this.storeId);
    if (history.holds(this.#durable, this.setBackFrom)) this.setBackFrom = null;
  }

  #apply(operation: StoreOperation): void {
    const image = this.#image;
    const { history } = this.#setup;
    switch (operation.type) {
      case 'append': {
        const entry = this.#entries.get(operation.bytes) as Entry;
        image.log.push(entry);
        this.#durable = history.find(entry.hash) ?? this.#durable;
        return;
      }
      case 'committed':
        image.committed = operation.revision;
        return;
      case 'compact':
        return this.#compact(operation);
      case 'install': {
        this.counts.installs++;
        const { base, items, setAside } = operation;
        image.base = base;
        image.items = new Map(items.map((item) => [textOf(item.key), item]));
        image.log = [];
        image.committed = base.revision;
        if (setAside !== null) image.setAside.push(setAside);
        this.#durable = history.find(base.hash) ?? null;
        return;
      }
      case 'forget':
        image.setAside = [];
    }
  }

  #compact({ base, puts, deletes }: Compact): void {
    const image = this.#image;
    this.counts.compactions++;
    for (const key of deletes) image.items.delete(textOf(key));
    for (const item of puts) image.items.set(textOf(item.key), item);
    image.log = image.log.filter(({ revision }) => revision > base.revision);
    image.base = base;
  }
}

/** Texts in the order of their bytes. */
function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}
