/**
 * `npm run -s crash -- [--cycles N [--store] | --power-cuts N] [--masters N] [--seed S]
 * [--folder F] [--json]`
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Option } from 'commander';
import { type Findings, finish, progress, table } from '../../src/cli/report.js';
import { programNamed, runProgram } from '../../src/cli/usage.js';
import { wholeNumber } from '../../src/cli/whole-number.js';
import { SeededRandom } from '../../src/testing/random.js';
import { MastersSubject } from './masters-subject.js';
import { cutPower } from './power-cuts.js';
import { memoryFileSystem } from './real-disk.js';
import { runCycles } from './run.js';
import { StoreSubject } from './store-subject.js';
import type { Subject } from './subject.js';

interface CrashOptions {
  readonly cycles: number;
  readonly powerCuts?: number;
  readonly seed: number;
  readonly masters: number;
  readonly store: boolean;
  readonly folder: string;
  readonly json: boolean;
}

const COMMAND = 'crash';
/** Half of the recoveries take no longer: the time a cluster is not writable is hardly more. */
const RECOVERY_MS = 300;

function subjectOf(options: CrashOptions, folder: string, random: SeededRandom): Subject {
  if (options.store) return new StoreSubject(join(folder, 'store'), random);
  return new MastersSubject(folder, options.masters, random);
}

/** Kills processes. */
async function kill(options: CrashOptions, folder: string): Promise<Findings> {
  const random = new SeededRandom(options.seed);
  const subject = subjectOf(options, folder, random.fork('subject'));
  const run = runCycles(subject, options.cycles, random, progress);
  const { violations, ...figures } = await run.finally(() => subject.close());
  const slow =
    figures.recoveryMsP50 > RECOVERY_MS
      ? [`half of the recoveries took over ${figures.recoveryMsP50} ms, ${RECOVERY_MS} allowed`]
      : [];
  const what = options.store ? { subject: 'store' } : { masters: options.masters };
  return { command: COMMAND, violations: [...violations, ...slow], ...figures, ...what };
}

/** Kills guests. */
async function cut(options: CrashOptions, cuts: number, folder: string): Promise<Findings> {
  const { masters, seed } = options;
  const figures = await cutPower({ folder, cuts, masters, seed, told: progress });
  return { command: COMMAND, ...figures, masters };
}

async function run(options: CrashOptions): Promise<void> {
  const { powerCuts, seed } = options;
  mkdirSync(options.folder, { recursive: true });
  const memory = memoryFileSystem(options.folder);
  if (memory !== null) {
    const what = `${options.folder} is on ${memory}, which is no disk: give another --folder`;
    finish({ command: COMMAND, violations: [what] }, options);
    return;
  }
  const folder = mkdtempSync(join(options.folder, 'crash-'));
  try {
    progress(`seed ${seed}, in ${folder}`);
    const findings =
      powerCuts === undefined ? await kill(options, folder) : await cut(options, powerCuts, folder);
    finish({ ...findings, seed }, { ...options, text: () => textOf(findings) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** For a person. */
function textOf({ command, violations, withoutFlush, ...figures }: Findings): string {
  const row = (all: object) => table(Object.keys(all), [Object.values(all).map(String)]);
  if (withoutFlush === undefined) return row(figures);
  return `${row(figures)}\nwithout the flush\n${row(withoutFlush as object)}`;
}

const program = programNamed(COMMAND)
  .description('kills masters of a configuration under writes, and looks what is left on disk')
  .option('--cycles <n>', 'how often it is killed', wholeNumber(1), 500)
  .addOption(
    new Option('--power-cuts <n>', 'how often the power of a guest with a disk is cut')
      .argParser(wholeNumber(1))
      .conflicts(['cycles', 'store']),
  )
  .option('--masters <n>', 'how many there are', wholeNumber(1), 3)
  .option('--store', 'a store alone, without masters around it', false)
  .option('--seed <n>', 'what is written and when it ends follows from this', wholeNumber(1), 1)
  .option('--folder <path>', 'where the store is: on a disk, not in memory', 'build')
  .option('--json', 'one JSON object as the last line of standard output', false)
  .action((options: CrashOptions) =>
    run(options).catch((error: unknown) => {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      finish({ command: COMMAND, violations: [`the run failed: ${message}`] }, options);
      process.exit();
    }),
  );

await runProgram(program);
