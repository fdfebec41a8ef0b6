/** `backplane drain`: a host on which nothing is to run, and one on which it is again. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { checkTransaction } from '../config/transaction.js';
import type { ClusterStatus } from '../controller/cluster-status.js';
import { drainedKey } from '../controller/tree-keys.js';
import { NodeError } from '../errors.js';
import { addChangeOptions, type ChangeOptions, printJson } from './config-options.js';
import { RemoteConfig } from './config-remote.js';
import { confirm } from './confirm.js';
import { controlPath } from './control-options.js';
import { askCluster } from './controller-remote.js';

interface DrainOptions extends ChangeOptions {
  readonly undo?: boolean;
}

/** @throws NodeError ERR_ARGUMENT */
function checkHost({ hosts }: ClusterStatus, host: string): void {
  const known = hosts.map((each) => each.host);
  if (known.includes(host)) return;
  throw new NodeError('ERR_ARGUMENT', `there is no host ${host}; there are ${known.join(', ')}`);
}

/** Workers may take their time to stop. */
const DEADLINE_MS = 60_000;

/** Between two looks at what still runs. */
const LOOK_MS = 200;

/**
 * Waits until nothing runs there any more, as its controller tells.
 * @throws (rejects) NodeError ERR_TIMEOUT: something runs on.
 */
async function untilAtRest(path: string, host: string, deadlineMs: number): Promise<void> {
  const lateMs = performance.now() + deadlineMs;
  for (;;) {
    const { hosts } = await askCluster(path);
    const status = hosts.find((each) => each.host === host)?.status;
    if (status === null || status === undefined) {
      throw new NodeError('ERR_NO_LINK', `${host} is drained, but its controller is not reached`);
    }
    const running = status.workers.filter(({ pid }) => pid !== null).map(({ name }) => name);
    if (status.isDrained && running.length === 0) return;
    if (performance.now() > lateMs) {
      const what = running.slice(0, 8).join(', ') || 'its controller has not heard of it';
      throw new NodeError('ERR_TIMEOUT', `${host} is drained, but not at rest yet: ${what}`);
    }
    await delay(LOOK_MS);
  }
}

async function run(host: string, options: DrainOptions): Promise<void> {
  const path = await controlPath(options);
  const cluster = await askCluster(path);
  checkHost(cluster, host);
  const isUndone = options.undo === true;
  const what = isUndone
    ? [`- ${host} is drained no more: what belongs there is started again`]
    : [
        `- ${host} is drained: what runs there is ended in order, and nothing is started`,
        '- its controller runs on; it stays a master, where it is one',
      ];
  await confirm(what, options);
  const key = drainedKey(host);
  const write = isUndone ? [{ delete: key }] : [{ put: key, value: true }];
  const config = new RemoteConfig(path);
  const { revision } = await config.write(checkTransaction({ write }), options.deadlineMs);
  if (!isUndone) await untilAtRest(path, host, options.deadlineMs);
  if (options.json === true) printJson('drain', { host, drained: !isUndone, revision });
  else console.log(isUndone ? `${host} is drained no more` : `nothing runs on ${host} any more`);
}

/** Adds the command to the program. */
export function addDrain(program: Command): void {
  const command = program
    .command('drain')
    .description('end what runs on a host, and start nothing there')
    .argument('<host>')
    .option('--undo', 'let it run again');
  addChangeOptions(command, DEADLINE_MS).action(run);
}
