/** `npm run -s sim -- --world link --seeds N [--seed S] [--mutants] [--json]` */
import { availableParallelism } from 'node:os';
import { Option } from 'commander';
import { finish, progress } from '../../src/cli/report.js';
import { programNamed, runProgram } from '../../src/cli/usage.js';
import { wholeNumber } from '../../src/cli/whole-number.js';
import type { Done } from './jobs.js';
import { plant } from './mutants.js';
import { inLanes, Worker } from './pool.js';
import { type WorldName, worlds } from './worlds.js';

interface SimOptions {
  readonly world: WorldName;
  readonly seeds: number;
  readonly seed: number;
  readonly events: number;
  readonly mutants: boolean;
  readonly json: boolean;
}

const COMMAND = 'sim';
/** Of ten seeds one is run twice, and must leave the same trace. */
const TWICE_EVERY = 10;
const MUTANT_SEEDS = 200;
const PROGRESS_EVERY_MS = 10_000;
/** So many broken promises are told in full. */
const MOST_TOLD = 5;

function lanes(): number {
  return Math.max(2, availableParallelism());
}

/** What a failing seed tells: the promise, how to see it again, and what led to it. */
function failureOf(options: SimOptions, { seed, violations, lines }: Done): string {
  const again = `npm run -s sim -- --world ${options.world} --seeds 1 --seed ${seed}`;
  process.stderr.write(`\nseed ${seed} (${again})\n${lines.join('\n')}\n`);
  for (const violation of violations) process.stderr.write(`  ${violation}\n`);
  return `seed ${seed}: ${violations[0]}`;
}

async function runSeeds(options: SimOptions): Promise<void> {
  const { world, seeds, seed: first, events: leastEvents } = options;
  const startMs = performance.now();
  const all = Array.from({ length: seeds }, (_, index) => first + index);
  const violations: string[] = [];
  const totals = { events: 0, done: 0, least: Number.POSITIVE_INFINITY, diverged: 0, twice: 0 };
  const counts: Record<string, number> = {};
  const took = (done: Done, twice: boolean) => {
    totals.done++;
    totals.events += done.events;
    totals.least = Math.min(totals.least, done.events);
    totals.twice += twice ? 1 : 0;
    if (done.diverged) {
      totals.diverged++;
      violations.push(`seed ${done.seed}: another trace at the second time`);
    }
    for (const [name, count] of Object.entries(done.counts)) {
      counts[name] = (counts[name] ?? 0) + count;
    }
    if (done.violations.length === 0) return;
    if (violations.length < MOST_TOLD) violations.push(failureOf(options, done));
    else violations.push(`seed ${done.seed}: ${done.violations[0]}`);
  };
  const ticker = setInterval(() => {
    progress(`${totals.done} of ${seeds} seeds, ${violations.length} violations`);
  }, PROGRESS_EVERY_MS);
  await inLanes(all, Math.min(lanes(), seeds), () => {
    const worker = new Worker(null);
    return {
      handle: async (seed) => {
        const twice = seed % TWICE_EVERY === 0 || seeds <= TWICE_EVERY;
        took(await worker.run({ world, seed, leastEvents, twice }), twice);
      },
      close: () => worker.end(),
    };
  });
  clearInterval(ticker);
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  const eventsPerSeed = Math.floor(totals.events / totals.done);
  const figures = { world, seeds, eventsPerSeed, leastEventsPerSeed: totals.least };
  const ran = { diverged: totals.diverged, ranTwice: totals.twice, seconds, seed: first };
  const text = `${seeds} seeds of ${eventsPerSeed} events in ${seconds} s`;
  finish(
    { command: COMMAND, violations, ...figures, ...ran, messages: counts },
    { ...options, text },
  );
}

async function runMutants(options: SimOptions): Promise<void> {
  const { world, seed, events: leastEvents } = options;
  const startMs = performance.now();
  const seeds = Math.min(options.seeds, MUTANT_SEEDS);
  const setup = { world, seed, seeds, leastEvents, lanes: lanes(), told: progress };
  const { planted, caught, missed, unmutated } = await plant(setup);
  const violations = unmutated.map((what) => `without any mutant: ${what}`);
  if (caught < planted - 1) violations.push(`missed: ${missed.join(', ')}`);
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  const figures = { world, planted, caught, missed, seedsPerMutant: seeds, seconds, seed };
  const text = `${caught} of ${planted} mutants caught in ${seconds} s`;
  finish({ command: COMMAND, violations, ...figures }, { ...options, text });
}

const program = programNamed(COMMAND)
  .description(
    'a whole cluster in one thread, under virtual time and faults, judged event by event',
  )
  .addOption(
    new Option('--world <name>', 'what is simulated').choices(Object.keys(worlds)).default('link'),
  )
  .option(
    '--seeds <n>',
    'how many seeds, or with --mutants how many for each at most',
    wholeNumber(1),
    200,
  )
  .option('--seed <n>', 'the first seed', wholeNumber(1), 1)
  .option(
    '--events <n>',
    'inputs to machines before the faults of a seed stop',
    wholeNumber(1),
    20_000,
  )
  .option(
    '--mutants',
    'plants errors in the code, one at a time, and looks whether they are found',
    false,
  )
  .option('--json', 'one JSON object as the last line of standard output', false)
  .action((options: SimOptions) =>
    (options.mutants ? runMutants(options) : runSeeds(options)).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      finish({ command: COMMAND, violations: [`the simulation failed: ${message}`] }, options);
      process.exit();
    }),
  );

await runProgram(program);
