/** `backplane lab gray` and `backplane lab planes`. */
import * as path from 'node:path';
import type { Command } from 'commander';
import { enterLab } from '../lab/index.js';
import {
  type GrayResult,
  grayViolations,
  MOVES_LIMIT,
  NOTICE_LIMIT_MS,
  planGray,
  runGray,
  SLOWER_LIMIT,
} from '../lab/scenario/gray.js';
import { type PlanesResult, planesViolations, runPlanes } from '../lab/scenario/planes.js';
import { trafficFigures, trafficViolations, type Verdict } from '../lab/scenario/verdict.js';
import { recordingFolder } from './recording-folder.js';
import { finish, progress, table } from './report.js';
import { wholeNumber } from './whole-number.js';

const HEALTHY_MS = 10_000;
const HOLD_SECONDS = 60;
const COUNT_MAX = 1000;

export interface GrayCommandOptions {
  /** Seconds that a plane stays gray. */
  readonly hold: number;
  readonly recordings: string;
  readonly json?: boolean;
}

export interface PlanesCommandOptions {
  readonly count: number;
  readonly recordings: string;
  readonly json?: boolean;
}

/** Counts of all runs together; the gap is the longest of them. */
function together(verdicts: readonly Verdict[]) {
  const each = verdicts.map(trafficFigures);
  const [first, ...others] = each;
  const sum = { ...first! };
  for (const figures of others) {
    for (const name of Object.keys(figures) as (keyof typeof figures)[]) {
      sum[name] =
        name === 'longestGapMs' ? Math.max(sum[name], figures[name]) : sum[name] + figures[name];
    }
  }
  return sum;
}

function worse(result: GrayResult): number | null {
  const { sender, receiver } = result;
  if (sender.noticedMs === null || receiver.noticedMs === null) return null;
  return Math.max(sender.noticedMs, receiver.noticedMs);
}

function grayText(results: readonly GrayResult[]): string {
  const shown = (value: number | null) => (value === null ? '' : value.toFixed(1));
  const rows = results.map((result) => [
    result.name,
    result.steering,
    worse(result)?.toFixed(0) ?? 'never',
    [...new Set([...result.sender.reasons, ...result.receiver.reasons])].join(', '),
    Math.max(result.sender.moves, result.receiver.moves),
    shown(result.healthyP99Ms),
    shown(result.grayP99Ms),
    shown(result.steeredP99Ms),
  ]);
  const header = ['plane a', 'steering', 'noticed ms', 'as', 'moves'];
  return table([...header, 'p99 ms before', 'while gray', 'steered'], rows);
}

/** Runs the gray planes and reports. */
export async function gray({ hold, recordings, json }: GrayCommandOptions): Promise<void> {
  const folder = recordingFolder(recordings, 'gray');
  await enterLab({ writable: [folder] });
  const startMs = performance.now();
  const cases = planGray(hold * 1000);
  const results = await runGray({ cases, healthyMs: HEALTHY_MS, folder, progress });
  finish(
    {
      command: 'lab',
      violations: results.flatMap((result) => [
        ...grayViolations(result),
        ...trafficViolations(result).map((text) => `${result.name}: ${text}`),
      ]),
      scenario: 'gray',
      profile: 'lan',
      ...together(results),
      noticeLimitMs: NOTICE_LIMIT_MS,
      slowerLimit: SLOWER_LIMIT,
      movesLimit: MOVES_LIMIT,
      holdMs: hold * 1000,
      cases: results.map((result) => {
        const { name, steering, sender, receiver, healthyP99Ms, grayP99Ms, steeredP99Ms } = result;
        const isKnown = healthyP99Ms !== null && steeredP99Ms !== null;
        return {
          name,
          steering,
          noticedMs: worse(result),
          healthyP99Ms,
          grayP99Ms,
          steeredP99Ms,
          slower: isKnown ? steeredP99Ms / healthyP99Ms : null,
          switches: Math.max(sender.moves, receiver.moves),
          sender,
          receiver,
          ok: grayViolations(result).length === 0,
        };
      }),
      recording: folder,
      seconds: Math.round((performance.now() - startMs) / 1000),
    },
    { json: json === true, text: () => grayText(results) },
  );
}

function planesText(live: PlanesResult, off: PlanesResult): string {
  const row = (name: string, { rounds, sender, receiver, sctp }: PlanesResult) => [
    name,
    rounds,
    `${sender.added}, ${receiver.added}`,
    `${sender.removed}, ${receiver.removed}`,
    `${sender.deferredTold}, ${receiver.deferredTold}`,
    sctp.sent,
    sctp.lost,
    sctp.longestGapMs.toFixed(1),
  ];
  const header = ['addresses', 'times', 'added', 'removed', 'had to wait', 'sent', 'lost'];
  return table([...header, 'longest gap ms'], [row('change', live), row('do not', off)]);
}

/** Runs the planes that come and go, and reports. */
export async function planes({ count, recordings, json }: PlanesCommandOptions): Promise<void> {
  const folder = recordingFolder(recordings, 'planes');
  await enterLab({ writable: [folder] });
  const startMs = performance.now();
  const run = (name: string, times: number, live: boolean) =>
    runPlanes({ count: times, live, folder: path.join(folder, name), progress });
  const live = await run('live', count, true);
  const off = await run('off', 1, false);
  finish(
    {
      command: 'lab',
      violations: [
        ...planesViolations(live, true),
        ...trafficViolations(live),
        ...planesViolations(off, false).map((text) => `sysctl off: ${text}`),
        ...trafficViolations(off).map((text) => `sysctl off: ${text}`),
      ],
      scenario: 'planes',
      profile: 'lan',
      count: live.rounds,
      ...trafficFigures(live),
      sender: live.sender,
      receiver: live.receiver,
      sysctlOff: { ...trafficFigures(off), sender: off.sender, receiver: off.receiver },
      recording: folder,
      seconds: Math.round((performance.now() - startMs) / 1000),
    },
    { json: json === true, text: () => planesText(live, off) },
  );
}

/** Adds both to `lab`. */
export function addLabPaths(lab: Command): void {
  lab
    .command('gray')
    .description('planes that are up, but slow or lossy: noticed, and left')
    .option('--hold <seconds>', 'how long each stays so', wholeNumber(5, 600), HOLD_SECONDS)
    .option('--recordings <folder>', 'where recordings go', 'recordings')
    .option('--json', 'print one JSON object as the last line')
    .action(gray);
  lab
    .command('planes')
    .description('a plane taken from a link that is up, and added again, over and over')
    .option('--count <number>', 'how many times', wholeNumber(1, COUNT_MAX), 100)
    .option('--recordings <folder>', 'where recordings go', 'recordings')
    .option('--json', 'print one JSON object as the last line')
    .action(planes);
}
