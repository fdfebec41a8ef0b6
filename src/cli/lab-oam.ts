/** `backplane lab oam`. */
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { enterLab } from '../lab/index.js';
import { OAM_PROFILE, type OamResult, runOam } from '../lab/scenario/oam.js';
import { oamFigures, oamViolations } from '../lab/scenario/oam-verdict.js';
import { limits } from '../limits.js';
import { finish, progress, table } from './report.js';
import { wholeNumber } from './whole-number.js';

const PAIRS_MAX = 100;
const SECONDS_MAX = 600;
const WARM_UP_MS = 3000;
/** Six processes have all keys in memory, and some of them in a store besides. */
const MEMORY_MIB = 4096;

interface OamCommandOptions {
  readonly keys: number;
  readonly watchers: number;
  readonly pairs: number;
  readonly seconds: number;
  readonly json?: boolean;
}

function text(result: OamResult): string {
  const { calls, commits, controllersGone, ...rest } = oamFigures(result);
  const times = [
    ['calls beside operation', calls] as const,
    ['commits beside traffic', commits] as const,
  ].map(([name, { plain, loaded, ratio, ratioLimit }]) => {
    return [name, plain.p50Ms, loaded.p50Ms, plain.p99Ms, loaded.p99Ms, ratio, ratioLimit];
  });
  const header = ['', 'p50 ms without', 'with', 'p99 ms without', 'with', 'ratio', 'at most'];
  const away = controllersGone.map(({ how, awayMs, gapMs }) => [`all ${how}`, awayMs, gapMs]);
  const share = Math.round(100 * rest.shareLeft);
  return [
    table(header, times),
    table(['controllers', 'back after ms', 'gap ms'], away),
    `sent ${rest.sent}, received ${rest.received}, lost ${rest.lost}, unanswered ` +
      `${rest.unanswered}, nodedown ${rest.nodedown}, workers replaced ${rest.workersReplaced}\n` +
      `snapshots ${rest.snapshots}, of ${rest.snapshotMs} ms; watch events ${rest.watchEvents}; ` +
      `logs read ${rest.logReads} times; metrics ${rest.scrapes} times; ` +
      `questions without an answer ${rest.unansweredQuestions.length}\n` +
      `traffic at its most: ${rest.floodPerSecond} messages a second, which leaves ${share} % of ` +
      `the processors; nice of all but workers: ${rest.nice}, control groups: ` +
      `${rest.isDivided ? 'yes' : 'no'}\n`,
  ].join('\n');
}

async function oam({ json, seconds, ...sizes }: OamCommandOptions): Promise<void> {
  await enterLab({ memoryMiB: MEMORY_MIB });
  const startMs = performance.now();
  const command = [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url))];
  const result = await runOam({
    ...sizes,
    windowMs: seconds * 1000,
    warmUpMs: WARM_UP_MS,
    ends: ['stopped', 'killed'],
    command,
    progress,
  });
  finish(
    {
      command: 'lab',
      violations: oamViolations(result),
      scenario: 'oam',
      profile: OAM_PROFILE,
      ...sizes,
      ...oamFigures(result),
      seconds: Math.round((performance.now() - startMs) / 1000),
    },
    { json: json === true, text: () => text(result) },
  );
}

/** Adds the command to `lab`. */
export function addLabOam(lab: Command): void {
  lab
    .command('oam')
    .description('traffic of workers beside snapshots, watchers, logs; without any controller')
    .option('--keys <number>', 'of the configuration', wholeNumber(1, limits.configKeys), 100_000)
    .option('--watchers <number>', 'at once', wholeNumber(1, limits.configWatches), 1000)
    .option('--pairs <number>', 'of windows with and without', wholeNumber(1, PAIRS_MAX), 5)
    .option('--seconds <number>', 'a window at least', wholeNumber(1, SECONDS_MAX), 5)
    .option('--json', 'print one JSON object as the last line')
    .action(oam);
}
