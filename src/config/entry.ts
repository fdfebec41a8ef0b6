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

/** An entry of the log. Nobody changes its bytes. */
export interface Entry extends EntryFields, Position {
  /** Hash of the entry before it, in hex. */
  readonly previous: string;
  readonly body: Buffer;
  /** All of it, as it is stored and sent. */
  readonly bytes: Buffer;
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
  bytes.write(before.hash, 16, 'hex');
  bytes.write(requestId, 48, 'hex');
  bytes.set(fields.body, ENTRY_HEADER_BYTES);
  const body = bytes.subarray(ENTRY_HEADER_BYTES);
  const hash = sha256Hex(bytes);
  return { kind, epoch, revision, previous: before.hash, requestId, body, bytes, hash };
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
  return {
    kind,
    epoch: bytes.readUIntBE(2, 6),
    revision,
    previous: bytes.toString('hex', 16, 48),
    requestId: bytes.toString('hex', 48, ENTRY_HEADER_BYTES),
    body: bytes.subarray(ENTRY_HEADER_BYTES),
    bytes,
    hash: sha256Hex(bytes),
  };
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
