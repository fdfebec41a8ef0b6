/**
 * Backups: the whole configuration at one revision, as a text that says in comments where it comes
 * from. Below them it is what `writeText` writes, so every tool for that reads it, too.
 */
import { ConfigError } from '../errors.js';
import { sha256Hex } from '../runtime/crypto.js';
import { readText, writeText } from './text.js';
import type { Item } from './tree.js';

/** Where a backup comes from. */
export interface BackupOrigin {
  /** In hex, as `lineage`. */
  readonly clusterId: string;
  readonly lineage: string;
  readonly revision: number;
  /** The node it was read at. */
  readonly node: string;
  /** When, in milliseconds since 1970. */
  readonly atMs: number;
}

/** What a backup holds. */
export interface Backup {
  readonly origin: BackupOrigin;
  /** Encoded values, by key. */
  readonly values: ReadonlyMap<string, Buffer>;
}

const TITLE = '# backplane backup, format 1';
const HEAD = new RegExp(
  `^${TITLE}\\n# cluster ([0-9a-f]+), lineage ([0-9a-f]+), revision ([0-9]+)\\n` +
    '# of (\\S+), (\\S+)\\n# sha256 ([0-9a-f]{64}) of what follows\\n',
);

/** Writes a backup. */
export function writeBackup(origin: BackupOrigin, items: readonly Item[]): string {
  const { clusterId, lineage, revision, node, atMs } = origin;
  const text = writeText(items, 'json');
  const at = new Date(atMs).toISOString();
  return (
    `${TITLE}\n# cluster ${clusterId}, lineage ${lineage}, revision ${revision}\n` +
    `# of ${node}, ${at}\n# sha256 ${digestOf(text)} of what follows\n${text}`
  );
}

/**
 * Reads a backup.
 * @throws ConfigError ERR_CONFIG: it is none, of a newer format, or changed since it was written.
 */
export function readBackup(text: string): Backup {
  const head = HEAD.exec(text);
  if (head === null) throw new ConfigError('ERR_CONFIG', 'this is no backup of format 1');
  const [all = '', clusterId = '', lineage = '', revision, node = '', at = '', digest] = head;
  const rest = text.slice(all.length);
  if (digestOf(rest) !== digest) {
    throw new ConfigError(
      'ERR_CONFIG',
      'this backup is not what was written; `config apply` takes what was changed by hand',
    );
  }
  const atMs = new Date(at).getTime();
  const origin = { clusterId, lineage, revision: Number(revision), node, atMs };
  return { origin, values: readText(rest) };
}

function digestOf(text: string): string {
  return sha256Hex(Buffer.from(text));
}
