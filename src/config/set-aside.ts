/**
 * What a store has set aside, as people look at it: writes that were in the log of a master that
 * was left behind by force, and that nobody was told of.
 */
import { ConfigError, ProtocolError } from '../errors.js';
import { readEntry } from './entry.js';
import { type EpochRecord, readRecord } from './epoch-record.js';
import type { SetAside } from './store-contract.js';
import { decodeOperations, type Operation, type Write } from './transaction.js';
import { decodeValue } from './value.js';

/** One entry that was set aside. */
export interface AsideEntry {
  readonly revision: number;
  /** In hex: the id that its write was asked for with. */
  readonly requestId: string;
  /** What it would have done. */
  readonly writes: readonly Write[];
  /** Of an entry that changes the masters; null: it does not. */
  readonly record: EpochRecord | null;
}

/** Entries that were set aside together, the oldest first. */
export interface AsideSet {
  /** Lineage they belonged to, in hex, and the revision after which they began. */
  readonly lineage: string;
  readonly after: number;
  /** The lineage that left them behind, in hex. */
  readonly leftBy: string;
  readonly entries: readonly AsideEntry[];
}

/**
 * Reads what a store has set aside.
 * @throws ConfigError ERR_STORE_CORRUPT: it cannot be read.
 */
export function readAside({ lineage, after, leftBy, entries }: SetAside): AsideSet {
  try {
    return { lineage, after: after.revision, leftBy, entries: entries.map(entryOf) };
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    const what = `what was set aside cannot be read: ${cause.message}`;
    throw new ConfigError('ERR_STORE_CORRUPT', what, { cause });
  }
}

function entryOf(bytes: Uint8Array): AsideEntry {
  const { kind, revision, requestId, body } = readEntry(Buffer.from(bytes));
  if (kind === 'epoch') return { revision, requestId, writes: [], record: readRecord(body) };
  return { revision, requestId, writes: decodeOperations(body).map(writeOf), record: null };
}

function writeOf(operation: Operation): Write {
  switch (operation.type) {
    case 'put':
      return { put: operation.key, value: decodeValue(operation.value) };
    case 'delete':
      return { delete: operation.key };
    case 'deletePrefix':
      return { deletePrefix: operation.prefix };
  }
}
