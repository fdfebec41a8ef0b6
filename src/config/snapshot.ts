/**
 * A tree at one revision, out and in, in pieces of bounded size. A piece is records one after the
 * other, in the order of keys; the number in brackets is the length of a field in bytes,
 * big-endian:
 *
 *     length of the key (2), length of the value (4), revision that created it (8), revision that
 *     put it (8), version (8), key, value
 *
 * The digest is SHA-256 of the revision (8) and all pieces, and does not depend on where one piece
 * ends: who sends and who receives compute it as they go. Two trees have the same digest at a
 * revision when they hold the same keys, values and numbers there, whatever history they keep.
 */
import { ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { Sha256 } from '../runtime/crypto.js';
import { keyProblem } from './path.js';
import { type Item, Tree } from './tree.js';
import { checkValueBytes } from './value.js';

const HEAD_BYTES = 30;
/** Items looked at for one piece, so that small ones are not asked for one by one. */
const PIECE_ITEMS = 4096;
const TWO_TO_32 = 2 ** 32;

/** One piece, and where the next one begins. */
export interface SnapshotPiece {
  readonly bytes: Buffer;
  /** The `after` of the next piece; null when this is the last. */
  readonly next: string | null;
}

/**
 * The piece of a snapshot that begins behind a key. What is applied between two pieces is no
 * matter; only compaction past the revision ends a snapshot.
 * @param after '' for the first piece, then `next` of the one before
 * @throws ConfigError ERR_COMPACTED, ERR_BEHIND: not a revision that can be read.
 */
export function snapshotPiece(tree: Tree, revision: number, after: string): SnapshotPiece {
  const items = tree.range('', { revision, after, limit: PIECE_ITEMS });
  let bytes = 0;
  let count = 0;
  for (const item of items) {
    const grown = bytes + recordBytes(item);
    if (count > 0 && grown > limits.configPieceBytes) break;
    bytes = grown;
    count++;
  }
  const piece = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (let index = 0; index < count; index++) at = writeRecord(piece, at, items[index] as Item);
  const isLast = count === items.length && count < PIECE_ITEMS;
  return { bytes: piece, next: isLast ? null : (items[count - 1] as Item).key };
}

/** The digest of a snapshot, piece by piece. */
export class SnapshotDigest {
  readonly #hash = new Sha256();

  constructor(revision: number) {
    const bytes = Buffer.allocUnsafe(8);
    writeNumber(bytes, 0, revision);
    this.#hash.update(bytes);
  }

  add(piece: Uint8Array): void {
    this.#hash.update(piece);
  }

  /** The digest, in hex; nothing can be added after. */
  hex(): string {
    return this.#hash.hex();
  }
}

/**
 * The digest of a tree at a revision, in one turn: 100,000 keys take 0.2 s.
 * @throws ConfigError ERR_COMPACTED, ERR_BEHIND: not a revision that can be read.
 */
export function digestOf(tree: Tree, revision: number): string {
  const digest = new SnapshotDigest(revision);
  for (let after: string | null = ''; after !== null; ) {
    const piece = snapshotPiece(tree, revision, after);
    digest.add(piece.bytes);
    after = piece.next;
  }
  return digest.hex();
}

/** Makes a tree of the pieces of a snapshot. */
export class TreeLoader {
  readonly #tree: Tree;
  readonly #digest: SnapshotDigest;
  /** The key before. */
  #last = '';

  /** @param revision the one the snapshot is of */
  constructor(revision: number) {
    this.#tree = new Tree(revision);
    this.#digest = new SnapshotDigest(revision);
  }

  /**
   * Takes the next piece. After an error the loader is of no use.
   * @throws ProtocolError ERR_PROTOCOL: not a piece that `snapshotPiece` makes, not in order, or
   *   more than a tree may hold.
   */
  add(piece: Buffer): void {
    this.#digest.add(piece);
    for (let at = 0; at < piece.length; ) {
      const item = readRecord(piece, at);
      at += recordBytes(item);
      this.#check(item);
      this.#tree.load(item);
      this.#last = item.key;
    }
  }

  /**
   * The tree, when it is what was sent.
   * @throws ProtocolError ERR_PROTOCOL: it has another digest.
   */
  finish(digest: string): Tree {
    const own = this.#digest.hex();
    if (own === digest) return this.#tree;
    throw malformed(`its digest is ${own}, not ${digest}`);
  }

  #check({ key, value, createRevision, modRevision, version }: Item): void {
    if (keyProblem(key) !== null) throw malformed('a key that is none');
    if (key <= this.#last) throw malformed('keys that are not in order');
    const isPossible =
      createRevision >= 1 &&
      version >= 1 &&
      createRevision + version - 1 <= modRevision &&
      modRevision <= this.#tree.revision;
    if (!isPossible) throw malformed('revisions that cannot be');
    checkValueBytes(value);
    const bytes = this.#tree.liveBytes + key.length + value.length;
    if (this.#tree.liveKeys >= limits.configKeys || bytes > limits.configBytes) {
      throw malformed('more than a tree may hold');
    }
  }
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', `malformed snapshot: ${what}`);
}

function recordBytes({ key, value }: Item): number {
  return HEAD_BYTES + key.length + value.length;
}

function writeRecord(data: Buffer, at: number, item: Item): number {
  data.writeUInt16BE(item.key.length, at);
  data.writeUInt32BE(item.value.length, at + 2);
  writeNumber(data, at + 6, item.createRevision);
  writeNumber(data, at + 14, item.modRevision);
  writeNumber(data, at + 22, item.version);
  data.write(item.key, at + HEAD_BYTES, 'latin1');
  data.set(item.value, at + HEAD_BYTES + item.key.length);
  return at + recordBytes(item);
}

/** The value is a view of the piece. */
function readRecord(data: Buffer, at: number): Item {
  if (at + HEAD_BYTES > data.length) throw malformed('it ends within a record');
  const keyAt = at + HEAD_BYTES;
  const valueAt = keyAt + data.readUInt16BE(at);
  const end = valueAt + data.readUInt32BE(at + 2);
  if (end > data.length) throw malformed('it ends within a record');
  return {
    // Keys are ASCII, which is checked after: another byte is no character of a key.
    key: data.toString('latin1', keyAt, valueAt),
    value: data.subarray(valueAt, end),
    createRevision: readNumber(data, at + 6),
    modRevision: readNumber(data, at + 14),
    version: readNumber(data, at + 22),
  };
}

function writeNumber(data: Buffer, at: number, value: number): void {
  data.writeUInt32BE(Math.floor(value / TWO_TO_32), at);
  data.writeUInt32BE(value % TWO_TO_32, at + 4);
}

function readNumber(data: Buffer, at: number): number {
  const value = data.readUInt32BE(at) * TWO_TO_32 + data.readUInt32BE(at + 4);
  if (!Number.isSafeInteger(value)) throw malformed('a number that is too great');
  return value;
}
