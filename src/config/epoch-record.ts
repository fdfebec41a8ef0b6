/**
 * Who the masters are, since when, and whom that comes from. An epoch record is the body of an
 * entry of the log, so it is stored, sent, hashed and committed as a transaction is.
 *
 * As a body it is the CBOR array
 * `[clusterId, lineage, epoch, [[name, storeId] ...], parent | null, [ancestor ...], origin]` with
 * `parent` and each ancestor `[lineage, epoch, revision, hash]` and `origin` `[kind, by, atMs]`;
 * ids and hashes are byte strings.
 */
import { limits } from '../limits.js';
import { decodeBody, encodeBody } from '../wire/payload.js';
import type { Position } from './entry.js';
import {
  hexBytes,
  malformed,
  readHash,
  readId,
  readList,
  readName,
  readNumber,
  readText,
} from './fields.js';

/** One master of an epoch. Its store belongs to it as its name does: another is a newcomer. */
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

const CAUSES = ['bootstrap', 'add', 'remove', 'force'] as const;

/** How an epoch came to be. For people: nothing is decided by it but `kind`. */
export interface EpochCause {
  /** `bootstrap` and `force` begin a lineage, `add` and `remove` stay within theirs. */
  readonly kind: (typeof CAUSES)[number];
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

/** The body of its entry. */
export function encodeRecord(record: EpochRecord): Uint8Array {
  const { clusterId, lineage, epoch, masters, parent, ancestors, cause } = record;
  return encodeBody([
    hexBytes(clusterId),
    hexBytes(lineage),
    epoch,
    masters.map(({ name, storeId }) => [name, hexBytes(storeId)]),
    parent === null ? null : originBody(parent),
    ancestors.map(originBody),
    [cause.kind, cause.by, cause.atMs],
  ]).body;
}

/** @throws ProtocolError ERR_PROTOCOL, and nothing else. */
export function readRecord(body: Buffer): EpochRecord {
  const [clusterId, lineage, epoch, masters, parent, ancestors, cause] = readList(
    decodeBody('cbor', body),
    7,
    7,
  );
  const record: EpochRecord = {
    clusterId: readId(clusterId),
    lineage: readId(lineage),
    epoch: readNumber(epoch, 1),
    masters: readList(masters, 1, limits.configMasters).map(readMaster),
    parent: parent === null ? null : readOrigin(parent),
    ancestors: readList(ancestors, 0, limits.configAncestors).map(readOrigin),
    cause: readCause(cause),
  };
  const names = new Set(record.masters.map(({ name }) => name));
  if (names.size !== record.masters.length) throw malformed('a master twice');
  return record;
}

function originBody({ lineage, epoch, revision, hash }: Origin): unknown {
  return [hexBytes(lineage), epoch, revision, hexBytes(hash)];
}

function readOrigin(value: unknown): Origin {
  const [lineage, epoch, revision, hash] = readList(value, 4, 4);
  return {
    lineage: readId(lineage),
    epoch: readNumber(epoch, 1),
    revision: readNumber(revision),
    hash: readHash(hash),
  };
}

function readMaster(value: unknown): Master {
  const [name, storeId] = readList(value, 2, 2);
  return { name: readName(name), storeId: readId(storeId) };
}

function readCause(value: unknown): EpochCause {
  const [kind, by, atMs] = readList(value, 3, 3);
  const known = CAUSES.find((cause) => cause === kind);
  if (known === undefined) throw malformed('why there is an epoch');
  return { kind: known, by: readText(by, limits.configCauseCharacters), atMs: readNumber(atMs) };
}
