/** The commands of `backplane config` that change something. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { applyDiff } from '../config/config-diff.js';
import { checkKey } from '../config/path.js';
import {
  type Diff,
  describeDiff,
  diff,
  readText,
  transactionsOf,
  writeText,
} from '../config/text.js';
import { NodeError } from '../errors.js';
import { spawnSync } from '../runtime/child-process.js';
import {
  addChangeOptions,
  type ChangeOptions,
  plainOf,
  printJson,
  readInput,
  remoteConfig,
} from './config-options.js';
import type { RemoteConfig } from './config-remote.js';
import { confirm } from './confirm.js';
import { addControlOptions, type ControlCommandOptions } from './control-options.js';
import { readStdin } from './stdin.js';

/** What is told of a command that made a change. */
interface Verb {
  readonly command: 'config' | 'masters';
  readonly verb: string;
}

/** Says what a difference is, and makes it so when that is wanted. */
export async function change(
  { command, verb }: Verb,
  config: RemoteConfig,
  changes: Diff,
  options: ChangeOptions,
): Promise<void> {
  const { length } = transactionsOf(changes);
  const parts = length > 1 ? [`in ${length} transactions, one after the other: not at once`] : [];
  if (length > 0) await confirm([...describeDiff(changes), ...parts], options);
  const written = await applyDiff(changes, (transaction) => {
    return config.write(transaction, options.deadlineMs);
  });
  const revision = written?.revision ?? null;
  if (options.json === true) printJson(command, { verb, ...countsOf(changes), revision });
  else
    console.log(revision === null ? 'nothing is to be changed' : `written by revision ${revision}`);
}

/** The same, of `backplane config`. */
function applied(
  verb: string,
  config: RemoteConfig,
  changes: Diff,
  options: ChangeOptions,
): Promise<void> {
  return change({ command: 'config', verb }, config, changes, options);
}

function countsOf({ added, changed, removed }: Diff): object {
  return { added: added.length, changed: changed.length, removed: removed.length };
}

interface PutOptions extends ChangeOptions {
  readonly delete?: boolean;
}

async function put(key: string, text: string | undefined, options: PutOptions): Promise<void> {
  checkKey(key);
  if ((text === undefined) !== (options.delete === true)) {
    throw new NodeError('ERR_ARGUMENT', 'give a value, or --delete');
  }
  const config = await remoteConfig(options);
  const tree = await config.tree(key);
  const before = tree.get(key);
  const after =
    text === undefined ? undefined : valueFrom(key, text === '-' ? await readStdin() : text);
  const old = before === undefined || before.value === null ? undefined : before;
  const difference = { key, before: old, after };
  const isSame = after === undefined ? old === undefined : old?.value.equals(after) === true;
  const none: Diff = { added: [], changed: [], removed: [] };
  if (isSame) return applied('put', config, none, options);
  const kind = after === undefined ? 'removed' : old === undefined ? 'added' : 'changed';
  await applied('put', config, { ...none, [kind]: [difference] }, options);
}

/** A value as it stands on the command line: YAML, of which JSON is a part. */
export function valueFrom(key: string, text: string): Buffer {
  const lines = text.split('\n').map((line) => `  ${line}`);
  return readText(`${JSON.stringify(key)}:\n${lines.join('\n')}\n`).get(key) as Buffer;
}

interface FileOptions extends ControlCommandOptions {
  readonly prefix: string;
}

async function differences(file: string, options: FileOptions): Promise<Diff> {
  const wanted = readText(await readInput(file));
  const config = await remoteConfig(options);
  return diff(await config.tree(options.prefix), wanted, options.prefix);
}

/** What `diff` ends with where there is one; 2 is wrong use. */
const DIFFERENT = 3;

async function show(file: string, options: FileOptions): Promise<void> {
  const changes = await differences(file, options);
  const lines = describeDiff(changes);
  if (lines.length > 0) process.exitCode = DIFFERENT;
  if (options.json === true) {
    const list = [...changes.added, ...changes.changed, ...changes.removed];
    const all = list.map(({ key, before, after }) => ({
      key,
      ...(before === undefined ? {} : { before: plainOf(before.value) }),
      ...(after === undefined ? {} : { after: plainOf(after) }),
    }));
    return printJson('config', { verb: 'diff', ...countsOf(changes), changes: all });
  }
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

async function apply(file: string, options: ChangeOptions & FileOptions): Promise<void> {
  const changes = await differences(file, options);
  await applied('apply', await remoteConfig(options), changes, options);
}

async function edit(path: string, options: ChangeOptions): Promise<void> {
  const config = await remoteConfig(options);
  const tree = await config.tree(path);
  const folder = await mkdtemp(join(tmpdir(), 'backplane-'));
  const file = join(folder, 'config.yaml');
  await writeFile(file, writeText(tree.range(path), 'yaml'), { mode: 0o600 });
  const editor = process.env['VISUAL'] ?? process.env['EDITOR'] ?? 'vi';
  const { status, error } = spawnSync(`${editor} '${file}'`, { shell: true, stdio: 'inherit' });
  if (error !== undefined || status !== 0) {
    throw new NodeError('ERR_CANCELLED', `nothing was done: ${editor} ended with ${status}`);
  }
  try {
    const changes = diff(tree, readText(await readInput(file)), path);
    await applied('edit', config, changes, options);
  } catch (error) {
    process.stderr.write(`what was edited is in ${file}\n`);
    throw error;
  }
  await rm(folder, { recursive: true });
}

/** Adds the commands to `backplane config`. */
export function addConfigChanges(config: Command): void {
  const putCommand = config
    .command('put')
    .description('put the value of one key, or delete it')
    .argument('<key>')
    .argument('[value]', 'YAML or JSON; - reads it from standard input')
    .option('--delete', 'the key is to have no value');
  addChangeOptions(putCommand).action(put);
  const editCommand = config
    .command('edit')
    .description('change what a path holds in $VISUAL or $EDITOR')
    .argument('[path]', 'default: everything', '');
  addChangeOptions(editCommand).action(edit);
  const prefix = ['--prefix <path>', 'what the file is all of; default: everything', ''] as const;
  const diffCommand = config
    .command('diff')
    .description('say what `apply` would change; ends with 3 where that is something')
    .argument('<file>', 'YAML or JSON, as `get` prints it')
    .option(...prefix);
  addControlOptions(diffCommand).action(show);
  const applyCommand = config
    .command('apply')
    .description('make the configuration what a file says, below a path')
    .argument('<file>', 'YAML or JSON, as `get` prints it')
    .option(...prefix);
  addChangeOptions(applyCommand).action(apply);
}
