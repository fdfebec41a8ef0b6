/** `npm run -s crash -- --cycles N [--masters N | --store] [--seed S] [--folder F] [--json]` */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { finish, progress, table } from '../../src/cli/report.js';
import { wholeNumber } from '../../src/cli/whole-number.js';
import { SeededRandom } from '../../src/testing/random.js';
import { MastersSubject } from './masters-subject.js';
import { memoryFileSystem } from './real-disk.js';
import { runCycles } from './run.js';
import { StoreSubject } from './store-subject.js';
import type { Subject } from './subject.js';

interface CrashOptions {
  readonly cycles: number;
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

async function run(options: CrashOptions): Promise<void> {
  const { cycles, seed } = options;
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
    const random = new SeededRandom(seed);
    const subject = subjectOf(options, folder, random.fork('subject'));
    const run = runCycles(subject, cycles, random, progress);
    const { violations, ...figures } = await run.finally(() => subject.close());
    const slow =
      figures.recoveryMsP50 > RECOVERY_MS
        ? [`half of the recoveries took over ${figures.recoveryMsP50} ms, ${RECOVERY_MS} allowed`]
        : [];
    const what = options.store ? { subject: 'store' } : { masters: options.masters };
    const text = () => table(Object.keys(figures), [Object.values(figures)]);
    finish(
      { command: COMMAND, violations: [...violations, ...slow], ...figures, ...what, seed },
      { ...options, text },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const program = new Command(COMMAND)
  .description('kills masters of a configuration under writes, and looks what is left on disk')
  .option('--cycles <n>', 'how often it is killed', wholeNumber(1), 500)
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

await program.parseAsync();
