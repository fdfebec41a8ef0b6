/** `backplane lab supervision`. */
import type { Command } from 'commander';
import { runSupervision, type SupervisionResult } from '../lab/scenario/supervision.js';
import { finish, progress, table } from './report.js';
import { wholeNumber } from './whole-number.js';

/** Of our own time, from a crash to the next process. */
const CRASH_LIMIT_MS = 200;
/** Beyond the time without a beat. */
const STALL_MARGIN_MS = 200;
const COUNT_MAX = 10_000;

interface SupervisionCommandOptions {
  readonly crashes: number;
  readonly stalls: number;
  readonly kills: number;
  readonly commands: number;
  readonly pairs: number;
  readonly json?: boolean;
}

function summary(valuesMs: readonly number[]) {
  const sorted = [...valuesMs].sort((a, b) => a - b);
  const round = (value = 0) => Math.round(value * 10) / 10;
  return { p50: round(sorted[Math.ceil(sorted.length / 2) - 1]), max: round(sorted.at(-1)) };
}

function figures(result: SupervisionResult) {
  const { crashToRunningMs, stalledReplacedMs, beatMs, plainCommands, ...rest } = result;
  return {
    crashToRunningMs: summary(crashToRunningMs),
    crashLimitMs: CRASH_LIMIT_MS,
    stalledReplacedMs: summary(stalledReplacedMs).max,
    stalledLimitMs: beatMs + STALL_MARGIN_MS,
    ...rest,
    plainCommands: {
      ...plainCommands,
      startMs: Math.round(plainCommands.startMs),
      stopMs: Math.round(plainCommands.stopMs),
    },
  };
}

function violationsOf(result: SupervisionResult): string[] {
  const { crashToRunningMs: crash, crashLimitMs, stalledReplacedMs, ...rest } = figures(result);
  const { stalledLimitMs, crashLoopStopped, plainCommands, twoControllers: pairs } = rest;
  const violations: string[] = [];
  const none = (what: string, count: number) => {
    if (count > 0) violations.push(`${what}: ${count}`);
  };
  if (crash.max > crashLimitMs) violations.push(`a crash took ${crash.max} ms`);
  if (!crashLoopStopped) violations.push('a loop of crashes was not stopped');
  if (stalledReplacedMs > stalledLimitMs) violations.push(`a stall took ${stalledReplacedMs} ms`);
  none('keepers that were not adopted', rest.orphansUnadopted);
  none('workers lost', rest.workersLost);
  none('workers that ran twice', rest.workersDoubled);
  none('exit statuses lost', rest.exitStatusesLost);
  if (rest.exitStatuses === 0) violations.push('no worker ended while controllers were killed');
  if (!plainCommands.startedInOrder) violations.push('plain commands did not start in order');
  if (!plainCommands.stoppedInOrder) violations.push('plain commands did not stop in order');
  none('pairs of controllers of which not one ran', pairs.count - pairs.oneRuns);
  none('controllers not told of the other', pairs.oneRuns - pairs.refusedWithPid);
  return violations;
}

function text(result: SupervisionResult): string {
  const { crashToRunningMs: crash, plainCommands: plain, ...rest } = figures(result);
  const { count, refusedWithPid } = rest.twoControllers;
  return table(
    ['', ''],
    [
      ['crash to running again', `${crash.p50} ms, at most ${crash.max} ms`],
      ['loop of crashes', `${rest.crashLoopStarts} starts, then given up`],
      ['stalled worker replaced', `${rest.stalledReplacedMs} of ${rest.stalledLimitMs} ms`],
      ['controllers killed', rest.controllerKills],
      ['keepers not adopted', rest.orphansUnadopted],
      ['workers lost', rest.workersLost],
      ['exit statuses', `${rest.exitStatuses}, ${rest.exitStatusesLost} lost`],
      [
        'plain commands',
        `${plain.count}: started in ${plain.startMs} ms, stopped in ${plain.stopMs} ms`,
      ],
      ['two controllers at once', `${count} times, ${refusedWithPid} as promised`],
    ],
  );
}

/** Runs it and reports. */
async function supervision({ json, ...options }: SupervisionCommandOptions): Promise<void> {
  const startMs = performance.now();
  const result = await runSupervision({ ...options, progress });
  finish(
    {
      command: 'lab',
      violations: violationsOf(result),
      scenario: 'supervision',
      ...figures(result),
      seconds: Math.round((performance.now() - startMs) / 1000),
    },
    { json: json === true, text: () => text(result) },
  );
}

/** Adds the command to `lab`. */
export function addLabSupervision(lab: Command): void {
  lab
    .command('supervision')
    .description('workers that crash, stall, and lose their controllers, on this very host')
    .option('--crashes <number>', 'of one worker', wholeNumber(1, COUNT_MAX), 50)
    .option('--stalls <number>', 'of one worker', wholeNumber(1, COUNT_MAX), 5)
    .option('--kills <number>', 'of controllers', wholeNumber(1, COUNT_MAX), 100)
    .option('--commands <number>', 'plain ones, all at a time', wholeNumber(1, COUNT_MAX), 1000)
    .option('--pairs <number>', 'of controllers', wholeNumber(1, COUNT_MAX), 100)
    .option('--json', 'print one JSON object as the last line')
    .action(supervision);
}
