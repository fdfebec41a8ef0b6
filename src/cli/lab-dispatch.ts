/** `backplane lab dispatch`. */
import type { Command } from 'commander';
import type { Delivery } from '../cluster.js';
import { enterLab } from '../lab/index.js';
import { DISPATCH_PROFILE, type DispatchResult, runDispatch } from '../lab/scenario/dispatch.js';
import { finish, progress, table } from './report.js';
import { wholeNumber } from './whole-number.js';

const TASKS_MAX = 1_000_000;
const KILLS_MAX = 500;
const PAIRS_MAX = 100;
/** Tasks of a run that is compared with piscina's. */
const PAIR_TASKS = 10_000;
const SEED_MAX = 2 ** 32 - 1;

interface DispatchCommandOptions {
  readonly tasks: number;
  readonly kills: number;
  readonly pairs: number;
  readonly seed: number;
  readonly json?: boolean;
}

function text({ kinds, cases }: DispatchResult): string {
  const header = ['', 'tasks', 'completed', 'lost', 'ran twice', 'reported', 'effects'];
  const rows = (Object.keys(kinds) as Delivery[]).map((kind) => {
    const { tasks, completed, lost, ranTwice, reported, effects } = kinds[kind];
    return [kind, tasks, completed, lost, ranTwice, reported, effects];
  });
  const costs = cases.map(({ name, ours, theirs, ratio }) => {
    const middle = (values: readonly number[]) => values[values.length >> 1]?.toFixed(0) ?? '';
    const [own, other] = [ours, theirs].map((all) => middle(all.toSorted((a, b) => a - b)));
    return [name, own ?? '', other ?? '', ratio ?? ''];
  });
  return [table(header, rows), table(['us per task', 'ours', 'theirs', 'ratio'], costs)].join('\n');
}

async function dispatch(options: DispatchCommandOptions): Promise<void> {
  await enterLab();
  const startMs = performance.now();
  const result = await runDispatch({ ...options, pairTasks: PAIR_TASKS, progress });
  const { kinds, workerKills, hostKills, planeCuts, cases, violations } = result;
  const figures = Object.values(kinds);
  const sum = (name: 'tasks' | 'completed' | 'lost' | 'ranTwice' | 'reported') =>
    figures.reduce((total, each) => total + each[name], 0);
  finish(
    {
      command: 'lab',
      violations,
      scenario: 'dispatch',
      profile: DISPATCH_PROFILE,
      seed: options.seed,
      tasks: sum('tasks'),
      completed: sum('completed'),
      lost: sum('lost'),
      ranTwice: sum('ranTwice'),
      reported: sum('reported'),
      atLeastOnce: kinds['at-least-once'],
      atMostOnce: kinds['at-most-once'],
      kills: workerKills + hostKills,
      workerKills,
      hostKills,
      planeCuts,
      cases,
      seconds: Math.round((performance.now() - startMs) / 1000),
    },
    { json: options.json === true, text: () => text(result) },
  );
}

/** Adds the command to `lab`. */
export function addLabDispatch(lab: Command): void {
  lab
    .command('dispatch')
    .description('tasks of both kinds while workers and hosts are killed and a plane is cut')
    .option('--tasks <number>', 'half of them of each kind', wholeNumber(2, TASKS_MAX), 10_000)
    .option('--kills <number>', 'of workers and hosts', wholeNumber(1, KILLS_MAX), 50)
    .option('--pairs <number>', 'comparisons with piscina', wholeNumber(1, PAIRS_MAX), 5)
    .option('--seed <number>', 'of what is left to chance', wholeNumber(0, SEED_MAX), 1)
    .option('--json', 'print one JSON object as the last line')
    .action(dispatch);
}
