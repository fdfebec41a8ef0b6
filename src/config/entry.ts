/**
 * One entry of the log, as bytes that are the same at every replica, and the chain of hashes that
 * binds it to all before it.
 *
 * | bytes | field |
 * |---|---|
 * | 1 | layout of this entry, 1 |
 * | 1 | kind: 1 transaction, 2 epoch record |
 * | 6 | epoch |
 * | 8 | revision |
 * | 32 | hash of the entry before it; zeros for the first |
 * | 16 | request id |
 * | n | body |
 *
 * Its hash is SHA-256 of all of that. The sequencer encodes an entry once; all masters and slaves
 * store and pass on these bytes, and none encodes it anew.
 */
import { ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { sha256Hex } from '../runtime/crypto.js';

/** Layout of an entry. An older reader refuses a newer one. */
export const ENTRY_LAYOUT = 1;
/** Bytes of an entry before its body. */
export const ENTRY_HEADER_BYTES = 64;
const PREVIOUS_AT = 16;
const REQUEST_AT = 48;
/** Digits of a hash, and of an id (of a cluster, lineage, store or request), in hex. */
export const HASH_DIGITS = 64;
export const ID_DIGITS = 32;

/** What an entry holds: a transaction of the tree, or an epoch record. The values are on disk. */
export type EntryKind = 'transaction' | 'epoch';
const KINDS: readonly (EntryKind | undefined)[] = [undefined, 'transaction', 'epoch'];

/** A place in the history: everything up to and including this revision. */
export interface Position {
  /** 0: nothing yet. */
  readonly revision: number;
  /** Of the entry at that revision, in hex. It stands for all entries before it, too. */
  readonly hash: string;
}

/** Before the first entry. */
export const ORIGIN: Position = { revision: 0, hash: '0'.repeat(HASH_DIGITS) };

/** What the sequencer puts into an entry. */
export interface EntryFields {
  readonly kind: EntryKind;
  readonly epoch: number;
  /** In hex. */
  readonly requestId: string;
  readonly body: Uint8Array;
}

/** What else an entry has, as read from its bytes. */
type Reading = Pick<Entry, 'kind' | 'epoch' | 'revision' | 'requestId'>;

/**
 * An entry of the log. Nobody changes its bytes. A log holds thousands, so what its bytes tell
 * easily is read from them when it is asked for.
 */
export class Entry implements EntryFields, Position {
  readonly kind: EntryKind;
  readonly epoch: number;
  readonly revision: number;
  readonly requestId: string;
  readonly hash: string;
  /** All of it, as it is stored and sent. */
  readonly bytes: Buffer;

  /** Use `makeEntry` or `readEntry`. */
  constructor(bytes: Buffer, { kind, epoch, revision, requestId }: Reading) {
    this.kind = kind;
    this.epoch = epoch;
    this.revision = revision;
    this.requestId = requestId;
    this.hash = sha256Hex(bytes);
    this.bytes = bytes;
  }

  /** Hash of the entry before it, in hex. */
  get previous(): string {
    return this.bytes.toString('hex', PREVIOUS_AT, REQUEST_AT);
  }

  get body(): Buffer {
    return this.bytes.subarray(ENTRY_HEADER_BYTES);
  }
}

/** Makes the entry after `before`. The body is copied. */
export function makeEntry(before: Position, fields: EntryFields): Entry {
  const { kind, epoch, requestId } = fields;
  const revision = before.revision + 1;
  const bytes = Buffer.allocUnsafe(ENTRY_HEADER_BYTES + fields.body.length);
  bytes.writeUInt8(ENTRY_LAYOUT, 0);
  bytes.writeUInt8(KINDS.indexOf(kind), 1);
  bytes.writeUIntBE(epoch, 2, 6);
  bytes.writeBigUInt64BE(BigInt(revision), 8);
  bytes.write(before.hash, PREVIOUS_AT, 'hex');
  bytes.write(requestId, REQUEST_AT, 'hex');
  bytes.set(fields.body, ENTRY_HEADER_BYTES);
  return new Entry(bytes, { kind, epoch, revision, requestId });
}

/**
 * Reads an entry, from a peer or from disk. It keeps `bytes`, which nobody may change after.
 *
 * @throws ProtocolError ERR_PROTOCOL: not an entry; ERR_VERSION: one of another layout.
 */
export function readEntry(bytes: Buffer): Entry {
  if (bytes.length < ENTRY_HEADER_BYTES) throw malformed('it ends within its header');
  if (bytes.length > ENTRY_HEADER_BYTES + limits.configEntryBytes) {
    throw malformed(`it is over ${limits.configEntryBytes} bytes`);
  }
  if (bytes[0] !== ENTRY_LAYOUT) {
    const text = `an entry of layout ${bytes[0]}, not ${ENTRY_LAYOUT}`;
    throw new ProtocolError('ERR_VERSION', text);
  }
  const kind = KINDS[bytes[1] as number];
  if (kind === undefined) throw malformed(`its kind is ${bytes[1]}`);
  const revision = Number(bytes.readBigUInt64BE(8));
  if (revision < 1 || !Number.isSafeInteger(revision)) throw malformed('it has no revision');
  const requestId = bytes.toString('hex', REQUEST_AT, ENTRY_HEADER_BYTES);
  return new Entry(bytes, { kind, epoch: bytes.readUIntBE(2, 6), revision, requestId });
}

/** Whether an entry comes right after a place, by revision and by hash. */
export function continues(before: Position, entry: Entry): boolean {
  return entry.revision === before.revision + 1 && entry.previous === before.hash;
}

/** Whether two places are the same: then all before them is the same, too. */
export function isSamePosition(one: Position, two: Position): boolean {
  return one.revision === two.revision && one.hash === two.hash;
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', `malformed entry of the log: ${what}`);
}
