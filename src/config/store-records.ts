/**
 * What a store looks like inside: records under keys, in one order. Keys begin with a byte that
 * tells what they are.
 *
 * | key | value |
 * |---|---|
 * | 1 | format (4), id of the store (16) |
 * | 2 | base: CBOR `[generation, revision, hash, record or null]` |
 * | 3 | committed revision (8) |
 * | 4, number (8) | set aside: CBOR `[lineage, revision, hash, leftBy, entries]` |
 * | 4, number (8), index (4) | an entry of that |
 * | 5, generation (4), key | an item of the base |
 * | 6, revision (8) | an entry of the log |
 *
 * Numbers are big-endian, so that they lie in order. A value follows a CRC-32 of its key and of
 * itself: neither a changed byte nor a record in the place of another goes unnoticed.
 *
 * Items of another generation than that of the base are not there: the items of a snapshot are
 * written under the next one, in pieces, and count at once when the base says so.
 */
import { crc32 } from '../runtime/checksum.js';
import { decodeBody, encodeBody } from '../wire/payload.js';
import { HASH_DIGITS, ID_DIGITS } from './entry.js';
import {
  type BaseItem,
  type BasePoint,
  type SetAside,
  STORE_FORMAT,
  type StoreContents,
} from './store-contract.js';

/** One record, as the engine below keeps it. */
export interface StoreRecord {
  readonly key: Buffer;
  /** Null: it goes. */
  readonly value: Buffer | null;
}

/** Something in a store is not what this package wrote. */
export class DamagedRecord extends Error {}

const kinds = { format: 1, base: 2, committed: 3, setAside: 4, item: 5, entry: 6 } as const;
const CHECKSUM_BYTES = 4;
const NUMBER_BYTES = 8;
const INDEX_BYTES = 4;
const FORMAT_BYTES = 4;
const SET_ASIDE_KEY_BYTES = 1 + NUMBER_BYTES;
const ITEM_KEY_BYTES = 1 + INDEX_BYTES;
/** The shortest key of each kind that has more than its kind. */
const KEY_BYTES: Readonly<Record<number, number>> = {
  [kinds.setAside]: SET_ASIDE_KEY_BYTES,
  [kinds.item]: ITEM_KEY_BYTES,
  [kinds.entry]: 1 + NUMBER_BYTES,
};

const bare = (kind: number): Buffer => Buffer.of(kind);

function numbered(kind: number, number: number): Buffer {
  const key = Buffer.alloc(1 + NUMBER_BYTES);
  key[0] = kind;
  key.writeBigUInt64BE(BigInt(number), 1);
  return key;
}

function indexed(number: number, index: number): Buffer {
  const key = Buffer.alloc(SET_ASIDE_KEY_BYTES + INDEX_BYTES);
  numbered(kinds.setAside, number).copy(key);
  key.writeUInt32BE(index, SET_ASIDE_KEY_BYTES);
  return key;
}

function itemKey(generation: number, key: Uint8Array): Buffer {
  const whole = Buffer.alloc(ITEM_KEY_BYTES + key.length);
  whole[0] = kinds.item;
  whole.writeUInt32BE(generation, 1);
  whole.set(key, ITEM_KEY_BYTES);
  return whole;
}

function put(key: Buffer, ...parts: readonly Uint8Array[]): StoreRecord {
  const value = Buffer.concat([Buffer.alloc(CHECKSUM_BYTES), ...parts]);
  value.writeUInt32BE(crc32(value.subarray(CHECKSUM_BYTES), crc32(key)), 0);
  return { key, value };
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(NUMBER_BYTES);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** @throws DamagedRecord: its checksum does not fit. */
function contentOf({ key, value }: StoreRecord): Buffer {
  if (value === null || value.length < CHECKSUM_BYTES) throw new DamagedRecord('a short record');
  const content = value.subarray(CHECKSUM_BYTES);
  if (value.readUInt32BE(0) !== crc32(content, crc32(key))) {
    throw new DamagedRecord(`the checksum of record ${key.toString('hex', 0, 16)} does not fit`);
  }
  return content;
}

/** The records of a new, empty store. */
export function emptyStore(storeId: string, base: BasePoint): StoreRecord[] {
  const format = Buffer.alloc(FORMAT_BYTES);
  format.writeUInt32BE(STORE_FORMAT);
  return [
    put(bare(kinds.format), format, hex(storeId)),
    baseRecord(0, base),
    committedRecord(base.revision),
  ];
}

/** The base is at this place, and has the items of this generation. */
export function baseRecord(generation: number, { revision, hash, record }: BasePoint): StoreRecord {
  return put(bare(kinds.base), encodeBody([generation, revision, hex(hash), record]).body);
}

export function committedRecord(revision: number): StoreRecord {
  return put(bare(kinds.committed), number(revision));
}

export function itemRecord(generation: number, { key, value }: BaseItem): StoreRecord {
  return put(itemKey(generation, key), value);
}

export function noItem(generation: number, key: Uint8Array): StoreRecord {
  return { key: itemKey(generation, key), value: null };
}

export function entryRecord(revision: number, bytes: Uint8Array): StoreRecord {
  return put(numbered(kinds.entry, revision), bytes);
}

export function noEntry(revision: number): StoreRecord {
  return { key: numbered(kinds.entry, revision), value: null };
}

/** Where the items of other generations lie: from the first key on, and before the second. */
export function otherItems(generation: number): (readonly [Buffer, Buffer])[] {
  const nothing = Buffer.alloc(0);
  return [
    [bare(kinds.item), itemKey(generation, nothing)],
    [itemKey(generation + 1, nothing), bare(kinds.entry)],
  ];
}

/** What is set aside, under a number that no other has. */
export function setAsideRecords(at: number, set: SetAside): StoreRecord[] {
  const { lineage, after, leftBy, entries } = set;
  const head = [hex(lineage), after.revision, hex(after.hash), hex(leftBy), entries.length];
  return [
    put(numbered(kinds.setAside, at), encodeBody(head).body),
    ...entries.map((bytes, index) => put(indexed(at, index), bytes)),
  ];
}

export function noSetAside(at: number, entries: number): StoreRecord[] {
  return [
    { key: numbered(kinds.setAside, at), value: null },
    ...Array.from({ length: entries }, (_, index) => ({ key: indexed(at, index), value: null })),
  ];
}

/** Format of a store, from the record that every format has in the same place. */
export function formatOf(record: StoreRecord | undefined): number | null {
  if (record === undefined || !record.key.equals(bare(kinds.format))) return null;
  const content = contentOf(record);
  if (content.length < FORMAT_BYTES) throw new DamagedRecord('the format is torn');
  return content.readUInt32BE(0);
}

/** Where writing goes on. */
export interface StorePlace {
  readonly generation: number;
  /** Number of each set that is set aside, and how many entries it has. */
  readonly setAside: readonly { readonly at: number; readonly entries: number }[];
}

/** All that a store holds. */
export interface StoreReading {
  readonly contents: Omit<StoreContents, 'items'> & { readonly items: readonly BaseItem[] };
  readonly place: StorePlace;
}

interface OpenSet {
  readonly at: number;
  readonly count: number;
  readonly set: SetAside & { readonly entries: Buffer[] };
}

/** Reads records in the order of their keys. */
class Reader {
  #storeId: string | null = null;
  #base: { readonly generation: number; readonly point: BasePoint } | null = null;
  #committed: number | null = null;
  readonly #sets: OpenSet[] = [];
  readonly #items: BaseItem[] = [];
  readonly #log: Buffer[] = [];

  take(record: StoreRecord): void {
    const { key } = record;
    const content = contentOf(record);
    if (key.length < (KEY_BYTES[key[0] ?? 0] ?? 0)) throw new DamagedRecord('a short key');
    switch (key[0]) {
      case kinds.format:
        this.#storeId = content.toString('hex', FORMAT_BYTES);
        break;
      case kinds.base:
        this.#base = readBase(content);
        break;
      case kinds.committed:
        this.#committed = readRevision(content);
        break;
      case kinds.setAside:
        this.#takeSetAside(key, content);
        break;
      case kinds.item:
        this.#takeItem(key, content);
        break;
      case kinds.entry:
        this.#takeEntry(key, content);
        break;
      default:
        throw new DamagedRecord(`a record of kind ${key[0]}`);
    }
  }

  #takeSetAside(key: Buffer, content: Buffer): void {
    const at = Number(key.readBigUInt64BE(1));
    if (key.length === SET_ASIDE_KEY_BYTES) {
      this.#sets.push({ at, ...readSetAside(content) });
      return;
    }
    const open = this.#sets.at(-1);
    const entries = open?.at === at ? open.set.entries : [];
    if (open?.at !== at || !key.equals(indexed(at, entries.length))) {
      throw new DamagedRecord('an entry that was set aside is missing');
    }
    entries.push(content);
  }

  #takeItem(key: Buffer, value: Buffer): void {
    if (key.readUInt32BE(1) !== this.#base?.generation) return;
    this.#items.push({ key: key.subarray(ITEM_KEY_BYTES), value });
  }

  #takeEntry(key: Buffer, bytes: Buffer): void {
    const revision = Number(key.readBigUInt64BE(1));
    if (this.#base === null) throw new DamagedRecord('its place is missing');
    const expected = this.#base.point.revision + this.#log.length + 1;
    if (revision !== expected) throw new DamagedRecord(`entry ${expected} of the log is missing`);
    this.#log.push(bytes);
  }

  end(): StoreReading {
    const base = this.#base;
    const committed = this.#committed;
    const storeId = this.#storeId;
    if (storeId?.length !== ID_DIGITS) throw new DamagedRecord('the id of the store is missing');
    if (base === null || committed === null) throw new DamagedRecord('its place is missing');
    const { revision } = base.point;
    if (committed > revision + this.#log.length) {
      throw new DamagedRecord(`committed is ${committed}, beyond the log`);
    }
    if (this.#sets.some(({ count, set }) => set.entries.length !== count)) {
      throw new DamagedRecord('an entry that was set aside is missing');
    }
    return {
      contents: {
        format: STORE_FORMAT,
        storeId,
        base: base.point,
        items: this.#items,
        log: this.#log,
        // What is in the base is committed, whether or not that was noted by itself.
        committed: Math.max(committed, revision),
        setAside: this.#sets.map(({ set }) => set),
      },
      place: {
        generation: base.generation,
        setAside: this.#sets.map(({ at, count }) => ({ at, entries: count })),
      },
    };
  }
}

/**
 * Reads a whole store of this format.
 * @throws DamagedRecord, and nothing else.
 */
export function readStore(records: Iterable<StoreRecord>): StoreReading {
  const reader = new Reader();
  for (const record of records) reader.take(record);
  return reader.end();
}

function readRevision(content: Buffer): number {
  const value = content.length === NUMBER_BYTES ? Number(content.readBigUInt64BE(0)) : -1;
  if (!Number.isSafeInteger(value) || value < 0) throw new DamagedRecord('a revision is torn');
  return value;
}

/** A list of CBOR with as many values as are wanted. */
function readList(content: Buffer, length: number): readonly unknown[] {
  let list: unknown;
  try {
    list = decodeBody('cbor', content);
  } catch (error) {
    throw new DamagedRecord('a record is not CBOR', { cause: error });
  }
  if (!Array.isArray(list) || list.length !== length) throw new DamagedRecord('a record is torn');
  return list;
}

function readWhole(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new DamagedRecord('a number is torn');
}

function readHex(value: unknown, digits: number): string {
  if (Buffer.isBuffer(value) && value.length * 2 === digits) return value.toString('hex');
  throw new DamagedRecord('an id or a hash is torn');
}

function readBase(content: Buffer): { readonly generation: number; readonly point: BasePoint } {
  const [generation, revision, hash, record] = readList(content, 4);
  if (record !== null && !Buffer.isBuffer(record)) throw new DamagedRecord('the base is torn');
  const point = { revision: readWhole(revision), hash: readHex(hash, HASH_DIGITS), record };
  return { generation: readWhole(generation), point };
}

function readSetAside(content: Buffer): Omit<OpenSet, 'at'> {
  const [lineage, revision, hash, leftBy, count] = readList(content, 5);
  const after = { revision: readWhole(revision), hash: readHex(hash, HASH_DIGITS) };
  const ids = { lineage: readHex(lineage, ID_DIGITS), leftBy: readHex(leftBy, ID_DIGITS) };
  return { count: readWhole(count), set: { ...ids, after, entries: [] } };
}
