/**
 * Who the masters are, since when, and whom that comes from. An epoch record is the body of an
 * entry of the log, so it is stored, sent, hashed and committed as a transaction is.
 *
 * As a body it is the CBOR array
 * `[clusterId, lineage, epoch, [[name, storeId] ...], parent | null, [ancestor ...], origin]` with
 * `parent` and each ancestor `[lineage, epoch, revision, hash]` and `origin` `[kind, by, atMs]`;
 * ids and hashes are byte strings.
 */
import { ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { isFullName } from '../node/names.js';
import { decodeBody, encodeBody } from '../wire/payload.js';
import { HASH_DIGITS, ID_DIGITS, type Position } from './entry.js';

/** One master of an epoch. Its store belongs to it as its name does: another store is a newcomer. */
export interface Master {
  readonly name: string;
  /** In hex; drawn when the store was made. */
  readonly storeId: string;
}

/** Where an epoch, or another lineage, begins: after this place of that lineage. */
export interface Origin extends Position {
  readonly lineage: string;
  readonly epoch: number;
}

/** How an epoch came to be. For people: nothing is decided by it but `kind`. */
export interface EpochCause {
  /** `bootstrap` and `force` begin a lineage, `add` and `remove` stay within theirs. */
  readonly kind: 'bootstrap' | 'add' | 'remove' | 'force';
  /** Who gave the command: a node, a user, as the caller names it. */
  readonly by: string;
  /** When, in milliseconds since 1970 by the clock of the caller. */
  readonly atMs: number;
}

/** The epoch record. Ids and hashes are in hex. */
export interface EpochRecord {
  readonly clusterId: string;
  /** Random; new with each force. */
  readonly lineage: string;
  /** 1 for bootstrap, then one more with each record, across lineages. */
  readonly epoch: number;
  /** The first is the sequencer. */
  readonly masters: readonly Master[];
  /** What the epoch was built on; null for bootstrap only. */
  readonly parent: Origin | null;
  /**
   * Where each forced lineage left the one before it, the newest first, at most
   * `limits.configAncestors`. A lineage in this list is an ancestor: it is stale. One that is not
   * (and is not ours) is foreign.
   */
  readonly ancestors: readonly Origin[];
  readonly cause: EpochCause;
}

/** What one lineage is to another, seen from the record of the second. */
export type Kinship = 'same' | 'ancestor' | 'foreign';

/**
 * Where `lineage` was left on the way to the lineage of `record`: its entries after that place were
 * never acknowledged. Null when it is not an ancestor.
 */
export function forkFrom(record: EpochRecord, lineage: string): Origin | null {
  return record.ancestors.find((ancestor) => ancestor.lineage === lineage) ?? null;
}

/** What the other's lineage is to ours. */
export function kinship(ours: EpochRecord, theirs: EpochRecord): Kinship {
  if (ours.clusterId !== theirs.clusterId) return 'foreign';
  if (ours.lineage === theirs.lineage) return 'same';
  return forkFrom(ours, theirs.lineage) === null ? 'foreign' : 'ancestor';
}

/** Whether this is a master of the epoch, by its name and by its store. */
export function isMaster(record: EpochRecord, { name, storeId }: Master): boolean {
  return record.masters.some((master) => master.name === name && master.storeId === storeId);
}

/** The record that follows another within its lineage. */
export function nextRecord(
  record: EpochRecord,
  at: Position,
  masters: readonly Master[],
  cause: EpochCause,
): EpochRecord {
  const { lineage, epoch } = record;
  const parent = { lineage, epoch, revision: at.revision, hash: at.hash };
  return { ...record, epoch: epoch + 1, masters, parent, cause };
}

/** The record of a forced epoch: the same, in a new lineage that leaves the old one here. */
export function forcedRecord(
  record: EpochRecord,
  at: Position,
  masters: readonly Master[],
  cause: EpochCause,
  lineage: string,
): EpochRecord {
  const next = nextRecord(record, at, masters, cause);
  const ancestors = [next.parent as Origin, ...record.ancestors].slice(0, limits.configAncestors);
  return { ...next, lineage, ancestors };
}

const id = (hex: string) => Buffer.from(hex, 'hex');

/** The body of its entry. */
export function encodeRecord(record: EpochRecord): Uint8Array {
  const { clusterId, lineage, epoch, masters, parent, ancestors, cause } = record;
  const place = (at: Origin) => [id(at.lineage), at.epoch, at.revision, id(at.hash)];
  return encodeBody([
    id(clusterId),
    id(lineage),
    epoch,
    masters.map(({ name, storeId }) => [name, id(storeId)]),
    parent === null ? null : place(parent),
    ancestors.map(place),
    [cause.kind, cause.by, cause.atMs],
  ]).body;
}

/** @throws ProtocolError ERR_PROTOCOL, and nothing else. */
export function readRecord(body: Buffer): EpochRecord {
  const [clusterId, lineage, epoch, masters, parent, ancestors, cause] = list(
    decodeBody('cbor', body),
    7,
    7,
  );
  const [kind, by, atMs] = list(cause, 3, 3);
  if (kind !== 'bootstrap' && kind !== 'add' && kind !== 'remove' && kind !== 'force') {
    throw malformed('its cause');
  }
  if (typeof by !== 'string' || by.length > limits.configCauseCharacters) throw malformed('by');
  if (typeof atMs !== 'number') throw malformed('its time');
  const record: EpochRecord = {
    clusterId: readHex(clusterId, ID_DIGITS),
    lineage: readHex(lineage, ID_DIGITS),
    epoch: readNumber(epoch, 1),
    masters: list(masters, 1, limits.configMasters).map(readMaster),
    parent: parent === null ? null : readOrigin(parent),
    ancestors: list(ancestors, 0, limits.configAncestors).map(readOrigin),
    cause: { kind, by, atMs },
  };
  if (new Set(record.masters.map(({ name }) => name)).size !== record.masters.length) {
    throw malformed('a master twice');
  }
  return record;
}

function readMaster(value: unknown): Master {
  const [name, storeId] = list(value, 2, 2);
  if (typeof name !== 'string' || !isFullName(name)) throw malformed('a name');
  return { name, storeId: readHex(storeId, ID_DIGITS) };
}

function readOrigin(value: unknown): Origin {
  const [lineage, epoch, revision, hash] = list(value, 4, 4);
  return {
    lineage: readHex(lineage, ID_DIGITS),
    epoch: readNumber(epoch, 1),
    revision: readNumber(revision, 0),
    hash: readHex(hash, HASH_DIGITS),
  };
}

function list(value: unknown, least: number, most: number): readonly unknown[] {
  if (Array.isArray(value) && value.length >= least && value.length <= most) return value;
  throw malformed('a list');
}

function readNumber(value: unknown, least: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number;
  throw malformed('a number');
}

function readHex(value: unknown, digits: number): string {
  if (!Buffer.isBuffer(value) || value.length * 2 !== digits) throw malformed('an id or a hash');
  return value.toString('hex');
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', `malformed epoch record: ${what}`);
}
