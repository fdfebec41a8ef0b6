/** From what a replica wants of its store to the records that change. */
import { limits } from '../limits.js';
import type { BaseItem, StoreContents, StoreOperation } from './store-contract.js';
import {
  baseRecord,
  committedRecord,
  entryRecord,
  itemRecord,
  noEntry,
  noItem,
  noSetAside,
  type StorePlace,
  type StoreRecord,
  setAsideRecords,
} from './store-records.js';

type Operation<Type extends StoreOperation['type']> = Extract<StoreOperation, { type: Type }>;

/** Follows what is in a store, as it will be when all that was asked for is done. */
export class StoreChanges {
  #generation: number;
  /** First and last revision of the log; the last is one less where it is empty. */
  #first: number;
  #last: number;
  readonly #setAside: { readonly at: number; readonly entries: number }[];

  constructor({ base, log }: Pick<StoreContents, 'base' | 'log'>, place: StorePlace) {
    this.#generation = place.generation;
    this.#first = base.revision + 1;
    this.#last = base.revision + log.length;
    this.#setAside = [...place.setAside];
  }

  get generation(): number {
    return this.#generation;
  }

  /** Where the items of the next `install` go, beforehand. */
  get nextGeneration(): number {
    return this.#generation + 1;
  }

  /** The records that an operation changes; those of a snapshot's items are there already. */
  of(operation: StoreOperation): StoreRecord[] {
    switch (operation.type) {
      case 'append':
        return this.#append(operation);
      case 'committed':
        return [committedRecord(operation.revision)];
      case 'compact':
        return this.#compact(operation);
      case 'install':
        return this.#install(operation);
      case 'forget':
        return this.#dropSetAside(0);
    }
  }

  #append({ revision, bytes }: Operation<'append'>): StoreRecord[] {
    if (revision !== this.#last + 1) throw new Error(`entry ${revision} after ${this.#last}`);
    this.#last = revision;
    return [entryRecord(revision, bytes)];
  }

  #compact({ base, puts, deletes }: Operation<'compact'>): StoreRecord[] {
    if (base.revision > this.#last) throw new Error(`base ${base.revision} after ${this.#last}`);
    return [
      ...deletes.map((key) => noItem(this.#generation, key)),
      ...puts.map((item) => itemRecord(this.#generation, item)),
      ...this.#dropEntries(base.revision),
      baseRecord(this.#generation, base),
    ];
  }

  #install({ base, setAside }: Operation<'install'>): StoreRecord[] {
    const gone = this.#dropEntries(this.#last);
    this.#generation++;
    this.#first = base.revision + 1;
    this.#last = base.revision;
    return [
      ...gone,
      baseRecord(this.#generation, base),
      committedRecord(base.revision),
      ...(setAside === null ? [] : this.#dropSetAside(limits.configSetAside - 1)),
      ...(setAside === null ? [] : setAsideRecords(this.#nextSet(setAside.entries), setAside)),
    ];
  }

  #nextSet(entries: readonly Uint8Array[]): number {
    const at = (this.#setAside.at(-1)?.at ?? 0) + 1;
    this.#setAside.push({ at, entries: entries.length });
    return at;
  }

  #dropEntries(last: number): StoreRecord[] {
    const records: StoreRecord[] = [];
    for (; this.#first <= last; this.#first++) records.push(noEntry(this.#first));
    return records;
  }

  /** The oldest go until so many are left. */
  #dropSetAside(left: number): StoreRecord[] {
    const gone = this.#setAside.splice(0, Math.max(0, this.#setAside.length - left));
    return gone.flatMap(({ at, entries }) => noSetAside(at, entries));
  }
}

/** Records in pieces of at most limits.configCommitBytes, or of one record that is larger. */
export function* inPieces(records: Iterable<StoreRecord>): Generator<StoreRecord[]> {
  let piece: StoreRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = recordBytes(record);
    if (piece.length > 0 && bytes + size > limits.configCommitBytes) {
      yield piece;
      piece = [];
      bytes = 0;
    }
    piece.push(record);
    bytes += size;
  }
  if (piece.length > 0) yield piece;
}

/** What one counts, so that many empty ones are bounded, too. */
export function recordBytes({ key, value }: StoreRecord): number {
  return RECORD_OVERHEAD_BYTES + key.length + (value?.length ?? 0);
}

const RECORD_OVERHEAD_BYTES = 64;

/** The items of a snapshot, as records. */
export function* itemRecords(
  generation: number,
  items: Iterable<BaseItem>,
): Generator<StoreRecord> {
  for (const item of items) yield itemRecord(generation, item);
}
