/** `backplane masters backup` and `restore`: the whole configuration in a file, and back. */

import type { Command } from 'commander';
import { diff, readText, writeText } from '../config/text.js';
import type { Item } from '../config/tree.js';
import { ConfigError, NodeError } from '../errors.js';
import { sha256 } from '../runtime/crypto.js';
import { createPrivateFile } from '../runtime/files.js';
import { applyDiff } from './config-change.js';
import {
  addChangeOptions,
  type ChangeOptions,
  printJson,
  readInput,
  remoteConfig,
} from './config-options.js';
import { addControlOptions, type ControlCommandOptions } from './control-options.js';

/** Where a backup comes from. */
export interface BackupOrigin {
  readonly clusterId: string;
  readonly lineage: string;
  readonly revision: number;
  readonly node: string;
  /** ISO 8601. */
  readonly at: string;
}

const TITLE = '# backplane backup, format 1';
const HEAD = new RegExp(
  `^${TITLE}\\n# cluster ([0-9a-f]+), lineage ([0-9a-f]+), revision ([0-9]+)\\n` +
    '# of (\\S+), (\\S+)\\n# sha256 ([0-9a-f]{64}) of what follows\\n',
);

/** A backup: comments that say what it is, then the configuration as `config get` prints it. */
export function writeBackup(origin: BackupOrigin, items: readonly Item[]): string {
  const { clusterId, lineage, revision, node, at } = origin;
  const text = writeText(items, 'json');
  return (
    `${TITLE}\n# cluster ${clusterId}, lineage ${lineage}, revision ${revision}\n` +
    `# of ${node}, ${at}\n# sha256 ${digestOf(text)} of what follows\n${text}`
  );
}

/**
 * Reads a backup.
 * @throws ConfigError ERR_CONFIG: it is none, of a newer format, or changed since it was written.
 */
export function readBackup(text: string): {
  readonly origin: BackupOrigin;
  readonly values: ReadonlyMap<string, Buffer>;
} {
  const head = HEAD.exec(text);
  if (head === null) throw new ConfigError('ERR_CONFIG', 'this is no backup of format 1');
  const [all, clusterId, lineage, revision, node, at, digest] = head as unknown as string[];
  const rest = text.slice((all as string).length);
  if (digestOf(rest) !== digest) {
    throw new ConfigError(
      'ERR_CONFIG',
      'this backup is not what was written; `config apply` takes what was changed by hand',
    );
  }
  const origin = { clusterId, lineage, revision: Number(revision), node, at } as BackupOrigin;
  return { origin, values: readText(rest) };
}

function digestOf(text: string): string {
  return sha256(Buffer.from(text)).toString('hex');
}

async function backup(file: string, options: ControlCommandOptions): Promise<void> {
  const config = await remoteConfig(options);
  const { status } = await config.status();
  const { seen, found } = await config.items('');
  const origin = {
    clusterId: status.record?.clusterId ?? '',
    ...seen,
    node: status.name,
    at: new Date().toISOString(),
  };
  // A file that is there may be the only backup there is.
  try {
    await createPrivateFile(file, writeBackup(origin, found));
  } catch (cause) {
    throw new NodeError('ERR_CONFIG', `${file}: ${(cause as Error).message}`, { cause });
  }
  const { lineage, revision } = seen;
  if (options.json === true) {
    printJson('masters', { verb: 'backup', file, lineage, revision, keys: found.length });
  } else console.log(`${file}: ${found.length} keys of revision ${revision}`);
}

async function restore(file: string, options: ChangeOptions): Promise<void> {
  const { origin, values } = readBackup(await readInput(file));
  const config = await remoteConfig(options);
  process.stderr.write(
    `- the configuration becomes what it was at revision ${origin.revision} of lineage ` +
      `${origin.lineage}, ${origin.at}\n`,
  );
  await applyDiff('restore', config, diff(await config.tree(''), values), options);
}

/** Adds the commands to `backplane masters`. */
export function addMastersFiles(masters: Command): void {
  const backupCommand = masters
    .command('backup')
    .description('write the whole configuration, at one revision, into a new file')
    .argument('<file>');
  addControlOptions(backupCommand).action(backup);
  const restoreCommand = masters
    .command('restore')
    .description('make the configuration what a backup holds, as changes of their own')
    .argument('<file>');
  addChangeOptions(restoreCommand).action(restore);
}
