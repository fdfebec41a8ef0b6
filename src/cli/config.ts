/** `backplane config`: what the configuration is, was and becomes. */
import { type Command, Option } from 'commander';
import { keyProblem } from '../config/path.js';
import { diff, readText, type TextFormat, transactionsOf, writeText } from '../config/text.js';
import type { Change } from '../config/tree.js';
import { Tree } from '../config/tree.js';
import { ConfigError, NodeError } from '../errors.js';
import { addConfigChanges } from './config-change.js';
import { plainOf, printJson, readInput, remoteConfig } from './config-options.js';
import type { RemoteEvent, RemoteReadOptions } from './config-remote.js';
import { addControlOptions, type ControlCommandOptions } from './control-options.js';
import { interrupted } from './signals.js';
import { type Cell, table } from './table.js';
import { wholeNumber } from './whole-number.js';

interface GetOptions extends ControlCommandOptions, RemoteReadOptions {
  readonly format: TextFormat;
  readonly effective?: boolean;
}

async function get(path: string, options: GetOptions): Promise<void> {
  const config = await remoteConfig(options);
  const { revision, fresh = false, format, json, effective } = options;
  const reads = { fresh, ...(revision === undefined ? {} : { revision }) };
  if (effective === true) {
    const { seen, found } = await config.effective(path, reads);
    const items = found.map(({ value, ...rest }) => ({ ...rest, value: plainOf(value) }));
    if (json === true) return printJson('config', { verb: 'get', ...seen, items });
    const rows = items.map(({ key, value, origin, hides }): Cell[] => {
      return [key, JSON.stringify(value), origin, hides.join(', ')];
    });
    process.stdout.write(table(['key', 'value', 'stands at', 'hides'], rows));
    return;
  }
  const { seen, found } = await config.items(path, reads);
  if (json === true) {
    const items = found.map(({ value, ...rest }) => ({ ...rest, value: plainOf(value) }));
    return printJson('config', { verb: 'get', ...seen, items });
  }
  if (found.length === 0 && keyProblem(path) === null) {
    throw new NodeError('ERR_ARGUMENT', `there is nothing at or below ${path}`);
  }
  process.stdout.write(writeText(found, format));
}

/** One line of a watch or a history. */
export function changeLine({ key, value, modRevision }: Change): string {
  if (value === null) return `${modRevision} - ${key}`;
  return `${modRevision} + ${key}: ${JSON.stringify(plainOf(value))}`;
}

/** What a program reads of a change. */
function changeFields({ value, ...rest }: Change): object {
  return { ...rest, value: value === null ? null : plainOf(value), isDeleted: value === null };
}

async function history(key: string, options: ControlCommandOptions): Promise<void> {
  const config = await remoteConfig(options);
  const { seen, found } = await config.history(key);
  if (options.json === true) {
    return printJson('config', { verb: 'history', ...seen, changes: found.map(changeFields) });
  }
  const lines = found.map((change) => `${changeLine(change)}\n`);
  process.stdout.write(lines.length === 0 ? `nothing is known of ${key}\n` : lines.join(''));
}

/** What is printed of an event of a watch, a line each. */
export function eventLines(event: RemoteEvent, isJson: boolean): string[] {
  if (event.type === 'compacted') {
    if (isJson) return [JSON.stringify({ event: 'compacted' })];
    return ['what came next is no longer kept: all that is there follows'];
  }
  const changes: readonly Change[] = event.type === 'changes' ? event.changes : event.items;
  if (!isJson) return changes.map(changeLine);
  const { type, revision } = event;
  const isLast = event.type === 'snapshot' ? { isLast: event.isLast } : {};
  return [JSON.stringify({ event: type, revision, ...isLast, changes: changes.map(changeFields) })];
}

interface WatchCommandOptions extends ControlCommandOptions {
  readonly after?: number;
}

async function watch(path: string, options: WatchCommandOptions): Promise<void> {
  const config = await remoteConfig(options);
  const stop = new AbortController();
  void interrupted().then(() => stop.abort());
  for await (const event of config.watch(path, options.after, stop.signal)) {
    for (const line of eventLines(event, options.json === true)) console.log(line);
  }
  if (options.json === true) printJson('config', { verb: 'watch' });
}

interface CheckOptions extends ControlCommandOptions {
  readonly prefix: string;
  readonly alone?: boolean;
}

/** Checks a file as a sequencer would, on top of what there is or of nothing. */
async function check(file: string, options: CheckOptions): Promise<void> {
  const wanted = readText(await readInput(file));
  const isAlone = options.alone === true;
  const tree = isAlone ? new Tree() : await (await remoteConfig(options)).tree('');
  const changes = diff(tree, wanted, options.prefix);
  // It takes a while to load, and no other command needs it.
  const { Schemas } = await import('../config/schema.js');
  const operations = transactionsOf(changes).flatMap((transaction) => transaction.operations);
  const problem = tree.refusal(operations) ?? new Schemas().refusal(tree, operations);
  // What is not written at once may be larger than one transaction.
  if (problem !== null && problem.code !== 'ERR_LIMIT') {
    throw new ConfigError(problem.code, `${file}: ${problem.message}`, { cause: problem });
  }
  if (options.json === true) printJson('config', { verb: 'check', keys: wanted.size });
  else console.log(`${file}: ${wanted.size} keys, all as they should be`);
}

/** Adds the command to the program. */
export function addConfig(program: Command): void {
  const config = program
    .command('config')
    .description('read and change the configuration, through a running node');
  const getCommand = config
    .command('get')
    .description('print what a path holds: its key, and all below')
    .argument('[path]', 'default: everything', '')
    .option('--revision <number>', 'as it was then', wholeNumber(0))
    .option('--fresh', 'ask all masters: whatever was acknowledged before is in it')
    .option('--effective', 'what holds for hosts/<host> or hosts/<host>/nodes/<node>, and why')
    .addOption(
      new Option('--format <name>', 'of the text').choices(['yaml', 'json']).default('yaml'),
    );
  addControlOptions(getCommand).action(get);
  const historyCommand = config
    .command('history')
    .description('print what became of a key, as far as it is kept')
    .argument('<key>');
  addControlOptions(historyCommand).action(history);
  const watchCommand = config
    .command('watch')
    .description('print what a path holds, then each change, until interrupted')
    .argument('[path]', 'default: everything', '')
    .option('--after <revision>', 'only what follows this revision', wholeNumber(0));
  addControlOptions(watchCommand).action(watch);
  const checkCommand = config
    .command('check')
    .description('look whether a file could be applied: its form, its values, the schemas')
    .argument('<file>', 'YAML or JSON, as `get` prints it')
    .option('--prefix <path>', 'what the file is all of; default: everything', '')
    .option('--alone', 'without asking a node: as if there were nothing yet');
  addControlOptions(checkCommand).action(check);
  addConfigChanges(config);
}
