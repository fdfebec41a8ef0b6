/** `backplane masters backup` and `restore`: the whole configuration in a file, and back. */
import type { Command } from 'commander';
import { readBackup, writeBackup } from '../config/backup.js';
import { diff } from '../config/text.js';
import { NodeError } from '../errors.js';
import { createPrivateFile } from '../runtime/files.js';
import { wallMs } from '../runtime/wall-clock.js';
import { change } from './config-change.js';
import {
  addChangeOptions,
  type ChangeOptions,
  printJson,
  readInput,
  remoteConfig,
} from './config-options.js';
import { addControlOptions, type ControlCommandOptions } from './control-options.js';

async function backup(file: string, options: ControlCommandOptions): Promise<void> {
  const config = await remoteConfig(options);
  const { status } = await config.status();
  const { seen, found } = await config.items('');
  const clusterId = status.record?.clusterId ?? '';
  const text = writeBackup({ clusterId, ...seen, node: status.name, atMs: wallMs() }, found);
  try {
    // A file that is there may be the only backup there is.
    await createPrivateFile(file, text);
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
  const { revision, lineage, atMs } = origin;
  process.stderr.write(
    `- the configuration becomes what it was at revision ${revision} of lineage ${lineage}, ` +
      `${new Date(atMs).toISOString()}\n`,
  );
  const changes = diff(await config.tree(''), values);
  await change({ command: 'masters', verb: 'restore' }, config, changes, options);
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
