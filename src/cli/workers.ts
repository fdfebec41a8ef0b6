/** `backplane workers`: what the hosts run, and an operator's hand on it. */
import type { Command } from 'commander';
import type { ClusterStatus, ClusterWorker } from '../controller/cluster-status.js';
import { NodeError } from '../errors.js';
import { printJson } from './config-options.js';
import { addControlOptions, type ControlCommandOptions, controlPath } from './control-options.js';
import { askCluster, orderWorker, workerOutput } from './controller-remote.js';
import { interrupted } from './signals.js';
import { workerLines } from './status-text.js';
import { fitOf } from './terminal.js';

type Order = 'start' | 'stop' | 'restart';

const done: Readonly<Record<Order, string>> = {
  start: 'is started',
  stop: 'is asked to stop, and stays so until it is started',
  restart: 'is stopped and started again',
};

/**
 * The worker that somebody means: `api`, or `api@host1` where several hosts have one.
 * @throws NodeError ERR_ARGUMENT: there is none, or there are several.
 */
export function workerMeant({ workers }: ClusterStatus, text: string): ClusterWorker {
  const [name, host] = text.split('@');
  const found = workers.filter((each) => {
    return each.name === name && (host === undefined || each.host === host);
  });
  const [only, ...more] = found;
  if (only === undefined) {
    throw new NodeError('ERR_ARGUMENT', `there is no worker ${text}; see backplane workers list`);
  }
  if (more.length === 0) return only;
  const names = found.map((each) => `${each.name}@${each.host}`).join(', ');
  throw new NodeError('ERR_ARGUMENT', `several hosts have a worker ${text}: say ${names}`);
}

async function list(options: ControlCommandOptions): Promise<void> {
  const { workers, hosts } = await askCluster(await controlPath(options));
  const problems = hosts.flatMap(({ host, status }) =>
    (status?.problems ?? []).map((text) => ({ host, text })),
  );
  if (options.json === true) {
    printJson('workers', { verb: 'list', workers, problems });
    return;
  }
  const fit = fitOf(process.stdout);
  const lines = workers.length === 0 ? ['no workers'] : workerLines(workers, fit, workers.length);
  lines.push(...problems.map(({ host, text }) => `${host}: ${text}`));
  process.stdout.write(`${lines.join('\n')}\n`);
}

interface LogsOptions extends ControlCommandOptions {
  readonly follow?: boolean;
}

async function logs(text: string, options: LogsOptions): Promise<void> {
  const path = await controlPath(options);
  const meant = workerMeant(await askCluster(path), text);
  if (options.follow === true) return follow(path, meant, options.json === true);
  const { name, host } = meant;
  const output = await orderWorker(path, host, { command: 'logs', worker: name });
  if (options.json === true) printJson('workers', { verb: 'logs', worker: name, host, output });
  else process.stdout.write(output);
}

/** Until it is interrupted. */
async function follow(path: string, worker: ClusterWorker, isJson: boolean): Promise<void> {
  const { name, host } = worker;
  const stop = new AbortController();
  void interrupted().then(() => stop.abort());
  for await (const output of workerOutput(path, worker, stop.signal)) {
    process.stdout.write(isJson ? `${JSON.stringify({ output })}\n` : output);
  }
  if (!stop.signal.aborted) {
    throw new NodeError('ERR_CONTROL', `the controller tells no more of ${name} at ${host}`);
  }
  if (isJson) printJson('workers', { verb: 'logs', worker: name, host });
}

async function order(command: Order, text: string, options: ControlCommandOptions): Promise<void> {
  const path = await controlPath(options);
  const { name, host } = workerMeant(await askCluster(path), text);
  await orderWorker(path, host, { command, worker: name });
  if (options.json === true) printJson('workers', { verb: command, worker: name, host });
  else console.log(`${name} at ${host} ${done[command]}`);
}

/** Adds the command to the program. */
export function addWorkers(program: Command): void {
  const workers = program
    .command('workers')
    .description('show what the hosts run, and stop, start or restart it');
  const listCommand = workers.command('list').description('show all workers of all hosts');
  addControlOptions(listCommand).action(list);
  const logsCommand = workers
    .command('logs')
    .description('print the end of what a worker has put out')
    .argument('<worker>', 'its name; NAME@HOST where several hosts have one')
    .option('-f, --follow', 'go on with what it puts out, until interrupted');
  addControlOptions(logsCommand).action(logs);
  const orders: Readonly<Record<Order, string>> = {
    restart: 'stop a worker and start it again',
    stop: 'stop a worker until it is started',
    start: 'start a worker that was stopped, has ended or was given up',
  };
  for (const [command, description] of Object.entries(orders)) {
    const made = workers.command(command).description(description).argument('<worker>');
    addControlOptions(made).action((text: string, options: ControlCommandOptions) =>
      order(command as Order, text, options),
    );
  }
}
