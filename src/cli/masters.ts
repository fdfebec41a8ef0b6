/** `backplane masters`: who the masters are, and an operator's commands. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { MastersCommand, MastersPlan } from '../cluster.js';
import type { WireAsideSet, WireWrite } from '../config/control.js';
import { addMastersFiles } from './config-backup.js';
import {
  addChangeOptions,
  type ChangeOptions,
  plainOf,
  printJson,
  remoteConfig,
} from './config-options.js';
import type { RemoteStatus } from './config-remote.js';
import { confirm } from './confirm.js';
import { addControlOptions, type ControlCommandOptions } from './control-options.js';
import { type Cell, table } from './table.js';

/** What a person reads of `list`. */
export function mastersText({ status, masters }: RemoteStatus): string {
  const { name, role, record, readable, last, setAside, storeFailure, storeMessage } = status;
  const revision = readable === null ? 'nothing to read yet' : `revision ${readable.revision}`;
  const lines = [`${name}, ${role}, ${revision} (log to ${last.revision})`];
  if (role === 'sequencer') lines.push(status.isWritable ? 'writes are taken' : 'NO WRITES');
  const missing = role === 'client' ? 'the host of this client is not' : 'no master is';
  if (status.isDown) lines.push(`DOWN: ${missing} in touch`);
  if (storeFailure !== null) {
    lines.push(`the store takes nothing more: ${storeFailure}: ${storeMessage}`);
  }
  for (const { name: peer, code } of status.troubles) lines.push(`${peer}: ${code}`);
  if (setAside > 0) lines.push(`set aside here: ${setAside}; see \`masters aside\``);
  if (status.clients.length > 0) lines.push(`clients here: ${status.clients.join(', ')}`);
  if (status.newcomers.length > 0) lines.push(`newcomers: ${status.newcomers.join(', ')}`);
  if (record === null)
    return `${lines.join('\n')}\nthere are no masters: see \`masters bootstrap\`\n`;
  lines.push(
    `cluster ${record.clusterId}`,
    `lineage ${record.lineage}, epoch ${record.epoch}: ${record.cause.kind} by ` +
      `${record.cause.by}, ${new Date(record.cause.atMs).toISOString()}`,
    '',
  );
  const rows = masters.map((master): Cell[] => [
    master.name,
    master.isSequencer ? 'sequencer' : 'master',
    master.isPresent ? 'yes' : 'NO',
    master.storeId,
  ]);
  return `${lines.join('\n')}\n${table(['master', 'role', 'in touch', 'store'], rows)}`;
}

async function list(options: ControlCommandOptions): Promise<void> {
  const answer = await (await remoteConfig(options)).status();
  if (options.json === true) printJson('masters', { verb: 'list', ...answer });
  else process.stdout.write(mastersText(answer));
}

/** What a person reads of `aside`. */
export function asideText(sets: readonly WireAsideSet[]): string {
  if (sets.length === 0) return 'nothing is set aside here\n';
  const lines = sets.flatMap(({ lineage, after, leftBy, entries }) => [
    `after revision ${after} of lineage ${lineage}, which ${leftBy} went on without:`,
    ...entries.flatMap(asideLines),
  ]);
  return `${lines.join('\n')}\nnobody was told that this is written; \`masters forget\` drops it\n`;
}

function asideLines({ revision, writes, record }: WireAsideSet['entries'][number]): string[] {
  if (record !== null) {
    const names = record.masters.map(({ name }) => name).join(', ');
    return [`${revision} epoch ${record.epoch} of ${names}, ${record.cause.kind}`];
  }
  return writes.map((write) => {
    if ('put' in write) return `${revision} + ${write.put}: ${JSON.stringify(writtenOf(write))}`;
    return `${revision} - ${'delete' in write ? write.delete : `${write.deletePrefix}/...`}`;
  });
}

function writtenOf({ value }: { readonly value: string }): unknown {
  return plainOf(Buffer.from(value, 'base64'));
}

async function aside(options: ControlCommandOptions): Promise<void> {
  const sets = await (await remoteConfig(options)).aside();
  if (options.json !== true) {
    process.stdout.write(asideText(sets));
    return;
  }
  const plain = (write: WireWrite) =>
    'put' in write ? { ...write, value: writtenOf(write) } : write;
  const told = sets.map(({ entries, ...set }) => {
    const each = entries.map(({ writes, ...entry }) => ({ ...entry, writes: writes.map(plain) }));
    return { ...set, entries: each };
  });
  printJson('masters', { verb: 'aside', sets: told });
}

/** What will be done, line by line. */
export function planLines({ does, warns, obstacles }: MastersPlan): string[] {
  return [
    ...does.map((line) => `- ${line}`),
    ...warns.map((line) => `! ${line}`),
    ...obstacles.map((line) => `? as seen here it would be refused: ${line}`),
  ];
}

async function run(command: MastersCommand, options: ChangeOptions): Promise<void> {
  const config = await remoteConfig(options);
  const plan = await config.plan(command);
  await confirm(planLines(plan), options);
  const { deadlineMs } = options;
  const by = `${userInfo().username} by backplane masters`;
  const epoch = await config.command(command, { by, deadlineMs });
  if (options.json === true) printJson('masters', { verb: command.type, plan, ...epoch });
  else console.log(`done: epoch ${epoch.epoch} of lineage ${epoch.lineage}`);
}

/** A new master takes a whole configuration first. */
const ADD_DEADLINE_MS = 120_000;

/** Adds the command to the program. */
export function addMasters(program: Command): void {
  const masters = program
    .command('masters')
    .description('show and change the masters of the configuration, through a running node');
  const listCommand = masters
    .command('list')
    .description('show the masters as the node sees them, and how it is itself');
  addControlOptions(listCommand).action(list);
  const asideCommand = masters
    .command('aside')
    .description('show what the store of the node has set aside: writes that nobody was told of');
  addControlOptions(asideCommand).action(aside);
  const bootstrap = masters
    .command('bootstrap')
    .description('begin a new configuration; all masters are in touch and have empty stores')
    .argument('<names...>', 'full names; the first is the sequencer');
  addChangeOptions(bootstrap).action((names: string[], options: ChangeOptions) =>
    run({ type: 'bootstrap', masters: names }, options),
  );
  const add = masters
    .command('add')
    .description('make a node a master, after it has taken all of the configuration')
    .argument('<name>');
  addChangeOptions(add, ADD_DEADLINE_MS).action((name: string, options: ChangeOptions) =>
    run({ type: 'add', name }, options),
  );
  const remove = masters.command('remove').description('make a master a slave').argument('<name>');
  addChangeOptions(remove).action((name: string, options: ChangeOptions) =>
    run({ type: 'remove', name }, options),
  );
  const force = masters
    .command('force')
    .description('go on without the masters that are out of reach: a new lineage');
  addChangeOptions(force).action((options: ChangeOptions) => run({ type: 'force' }, options));
  const forget = masters
    .command('forget')
    .description('drop what the store of the node has set aside when it returned from a force');
  addChangeOptions(forget).action((options: ChangeOptions) => run({ type: 'forget' }, options));
  addMastersFiles(masters);
}
