/** `backplane task`: has a worker of a pool do something, wherever it is, and shows such tasks. */
import type { Command } from 'commander';
import type { Plain } from '../config/plain.js';
import { CONTROLLER_CONTROL } from '../controller/control-path.js';
import type { TaskLine } from '../controller/operator-tasks.js';
import type { HostTasks, TaskStatus } from '../controller/task-status.js';
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { postControl } from '../observe/control-post-client.js';
import { printJson } from './config-options.js';
import { addControlOptions, type ControlCommandOptions, controlPath } from './control-options.js';
import { type Fit, fitTable } from './fit-table.js';
import { ago } from './status-text.js';
import { readStdin } from './stdin.js';
import { fitOf } from './terminal.js';
import { wholeNumber } from './whole-number.js';

interface RunOptions extends ControlCommandOptions {
  readonly key?: string;
  readonly idempotencyKey?: string;
  readonly priority?: number;
  readonly deadlineMs?: number;
  readonly atMostOnce?: boolean;
  readonly detach?: boolean;
}

/** A controller asks the others, and they have a second. */
const ASK = { deadlineMs: limits.controlMs };
/** A task may take any time. */
const RUN = { deadlineMs: 0 };

/** @throws NodeError ERR_ARGUMENT: it is no JSON. */
function readBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = (cause as Error).message;
    const way = `a text is written '"so"'`;
    throw new NodeError('ERR_ARGUMENT', `the body is not JSON: ${why} (${way})`, { cause });
  }
}

/** What the options say of the task. */
function taskOptions({ key, idempotencyKey, priority, deadlineMs, atMostOnce }: RunOptions) {
  const delivery = atMostOnce === true ? 'at-most-once' : undefined;
  return { key, idempotencyKey, priority, deadlineMs, delivery };
}

const isNothing = (result: Plain): boolean =>
  typeof result === 'object' && result !== null && Object.hasOwn(result, '$undefined');

/** What comes while it is waited for is for people, and so is who has done it. */
function say(line: TaskLine, id: string, pool: string): void {
  if ('isWaiting' in line) {
    process.stderr.write(`${id} waits: no worker of pool ${pool} is free, or there is none\n`);
  } else if ('progress' in line) {
    process.stderr.write(`${id}: ${JSON.stringify(line.progress)}\n`);
  } else if ('result' in line) {
    process.stderr.write(`${id} is done${line.member === null ? '' : ` by ${line.member}`}\n`);
  }
}

async function run(pool: string, text: string | undefined, options: RunOptions): Promise<void> {
  const path = await controlPath(options);
  const body = text === undefined ? null : readBody(text === '-' ? await readStdin() : text);
  const isDetached = options.detach === true;
  const asked = { ask: 'task', pool, body, options: taskOptions(options), isDetached };
  let id = '';
  let last: TaskLine | null = null;
  for await (const each of postControl(path, CONTROLLER_CONTROL, asked, RUN)) {
    last = each as TaskLine;
    if ('id' in last) id = last.id;
    else say(last, id, pool);
  }
  if (last !== null && 'result' in last) {
    if (options.json === true) printJson('task', { verb: 'run', pool, id, ...last });
    else if (!isNothing(last.result)) console.log(JSON.stringify(last.result));
  } else if (!isDetached || id === '') {
    throw new NodeError('ERR_CONTROL', 'the controller ended before the task did');
  } else if (options.json === true) printJson('task', { verb: 'run', pool, id });
  else console.log(`${id} is submitted; see backplane task list`);
}

async function askOnce(options: ControlCommandOptions, asked: object): Promise<unknown> {
  let answer: unknown;
  const path = await controlPath(options);
  for await (const line of postControl(path, CONTROLLER_CONTROL, asked, ASK)) answer = line;
  return answer;
}

function taskLines(tasks: readonly TaskStatus[], fit: Fit): string[] {
  const rows = tasks.map((task) => {
    const { id, pool, state, member, attempts, since, code, message, result } = task;
    const what = code === null ? '' : `${code}: ${message}`;
    const came = state === 'done' && !isNothing(result) ? JSON.stringify(result) : what;
    const age = ago(since, new Date().toISOString());
    return [id, pool, state, member ?? '', String(attempts), age, came.slice(0, SHOWN)];
  });
  const header = ['task', 'pool', 'state', 'worker', 'attempts', 'age', 'came to'];
  return fitTable(header, rows, fit);
}

/** Of what a task came to, so much is shown. */
const SHOWN = 200;

async function list(options: ControlCommandOptions): Promise<void> {
  const { hosts } = (await askOnce(options, { ask: 'tasks' })) as {
    readonly hosts: readonly HostTasks[];
  };
  const tasks = hosts.flatMap((each) => each.tasks ?? []);
  const unreached = hosts.flatMap(({ host, tasks: told }) => (told === null ? [host] : []));
  if (options.json === true) return printJson('task', { verb: 'list', tasks, unreached });
  const lines = tasks.length === 0 ? ['no tasks'] : taskLines(tasks, fitOf(process.stdout));
  lines.push(...unreached.map((host) => `${host} is not reached: its tasks are not shown`));
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function cancel(id: string, options: ControlCommandOptions): Promise<void> {
  const answer = await askOnce(options, { ask: 'cancel', task: id });
  const { isCancelled } = answer as { readonly isCancelled: boolean };
  if (options.json === true) printJson('task', { verb: 'cancel', id, isCancelled });
  else console.log(isCancelled ? `${id} is given up` : `${id} is over already`);
}

function addRun(task: Command): void {
  const command = task
    .command('run')
    .description('have a task done by a worker of a pool, and print what it comes to')
    .argument('<pool>', 'the pool whose workers do it')
    .argument('[body]', 'what they are given, as JSON; - reads it from standard input')
    .option('--key <key>', 'tasks of one key go to one worker')
    .option('--idempotency-key <key>', 'names the task, so that it has its effect once')
    .option(
      '--priority <number>',
      'the highest goes first',
      wholeNumber(0, limits.taskPriorities - 1),
    )
    .option('--deadline-ms <ms>', 'it is given up then', wholeNumber(1, limits.deadlineMaxMs))
    .option('--at-most-once', 'never begin it twice: report it where that is not certain')
    .option('--detach', 'do not wait for it');
  addControlOptions(command).action(run);
}

/** Adds the command to the program. */
export function addTask(program: Command): void {
  const task = program
    .command('task')
    .description('have tasks done by workers, wherever they are, show and cancel them');
  addRun(task);
  const listCommand = task
    .command('list')
    .description('show the tasks of operators that are not over, and the last of the others');
  addControlOptions(listCommand).action(list);
  const cancelCommand = task
    .command('cancel')
    .description('give a task up')
    .argument('<task>', 'as it is listed: NUMBER@HOST');
  addControlOptions(cancelCommand).action(cancel);
}
