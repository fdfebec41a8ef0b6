/**
 * `bench sctp`: a one-way flood between two processes on two hosts of the lab, Node.js with the
 * default options of `backplane/sctp` against plain C over the same sockets. The same again as an
 * ordinary user under the system's own limits for socket buffers, and there also against the same C
 * in an event loop: small buffers cost a wake-up every few messages, and what a wake-up costs such
 * a program is not ours to mend.
 */
import { fileURLToPath } from 'node:url';
import { finish, progress } from '../src/cli/report.js';
import { createLab, enterLab, type Lab } from '../src/lab/index.js';
import { setBufferLimits } from './buffer-limits.js';
import { type Case, caseTable, compare, median, missed } from './compare.js';
import { compileRaw } from './raw.js';
import { type Flood, runFlood } from './run-flood.js';

/** What `bench sctp` takes. */
export interface SctpBenchOptions {
  readonly json: boolean;
  /** Runs of each side per case, at least 1. */
  readonly pairs: number;
  /** Traffic before a window begins, and the window, in milliseconds. */
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Message sizes in bytes, some of `sctpSizes`; empty: all. */
  readonly sizes: readonly number[];
}

interface Round {
  readonly name: string;
  readonly size: number;
  readonly required: number;
  /** User the processes run as; 0 has CAP_NET_ADMIN. */
  readonly user: number;
}

const PRIVILEGED = 'kernel vs raw C';
const UNPRIVILEGED = 'kernel unprivileged vs raw C under the same limits';
const IN_A_LOOP = 'kernel unprivileged vs raw C in an event loop';
const NOBODY = 65534;

/** The last three only tell what the three before them are made of. */
const ROUNDS: readonly Round[] = [
  { name: PRIVILEGED, size: 64, required: 0.8, user: 0 },
  { name: PRIVILEGED, size: 1024, required: 0.8, user: 0 },
  { name: PRIVILEGED, size: 16384, required: 0.6, user: 0 },
  { name: UNPRIVILEGED, size: 64, required: 0.8, user: NOBODY },
  { name: UNPRIVILEGED, size: 1024, required: 0.8, user: NOBODY },
  { name: UNPRIVILEGED, size: 16384, required: 0.8, user: NOBODY },
  { name: IN_A_LOOP, size: 64, required: 0, user: NOBODY },
  { name: IN_A_LOOP, size: 1024, required: 0, user: NOBODY },
  { name: IN_A_LOOP, size: 16384, required: 0, user: NOBODY },
];

/** Message sizes that there are cases of. */
export const sctpSizes: readonly number[] = [...new Set(ROUNDS.map(({ size }) => size))];

const CAPPED = 'BACKPLANE_BUFFERS_CAPPED';
/**
 * With the kernel's default buffers and overrun receivers a flood of small messages falls to 400 to
 * 980 a second.
 */
const COLLAPSED_PER_SECOND = 1000;

/** How often the processes of one round gave the one warning. */
interface Warnings {
  readonly code: string;
  readonly processes: number;
  readonly leastPerProcess: number;
  readonly mostPerProcess: number;
}

/** Runs the benchmark, in a guest where the host has no SCTP, and prints the report. */
export async function benchSctp(options: SctpBenchOptions): Promise<void> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  // Before a guest is entered: there the checkout is read-only, and the compiler slow.
  const rawProgram = compileRaw(root, 'sctp_flood');
  await enterLab({ processors: 'any' });
  const ours = [process.execPath, fileURLToPath(new URL('flood.js', import.meta.url))];
  const restore = setBufferLimits();
  const lab = await createLab({ hosts: 2, planes: ['a'] });
  try {
    const rounds = ROUNDS.filter(
      ({ size }) => options.sizes.length === 0 || options.sizes.includes(size),
    );
    const results: Result[] = [];
    for (const round of rounds) results.push(await runRound(lab, round, ours, rawProgram, options));
    report(results, options);
  } finally {
    await lab.close();
    restore();
  }
}

interface Result {
  readonly round: Round;
  readonly comparison: Case;
  readonly warnings: Warnings;
}

async function runRound(
  lab: Lab,
  round: Round,
  ours: readonly string[],
  rawProgram: string,
  options: SctpBenchOptions,
): Promise<Result> {
  const { name, size, user, required } = round;
  const flood = (program: readonly string[], more: readonly string[] = []): Promise<Flood> =>
    runFlood(lab, { ...options, program, options: more, size, user });
  const opponent = name === IN_A_LOOP ? ['--loop', '1'] : [];
  const own: Flood[] = [];
  const theirs: Flood[] = [];
  for (let pair = 1; pair <= options.pairs; pair += 1) {
    own.push(await flood(ours));
    theirs.push(await flood([rawProgram], opponent));
    const [a, b] = [own.at(-1)!.figure, theirs.at(-1)!.figure];
    const figures = `${Math.round(a)} to ${Math.round(b)} msg/s, ${(a / b).toFixed(2)}`;
    progress(`${name}, ${size} B, pair ${pair}: ${figures}`);
  }
  const rates = (floods: readonly Flood[]) => floods.map((each) => Math.round(each.figure));
  const settings = { name, size, unit: 'msg/s', required, better: 'greater' } as const;
  return {
    round,
    comparison: compare(settings, rates(own), rates(theirs)),
    warnings: countWarnings(own),
  };
}

function countWarnings(floods: readonly Flood[]): Warnings {
  const counts = floods
    .flatMap((flood) => flood.warnings)
    .map((codes) => codes.filter((code) => code === CAPPED).length);
  return {
    code: CAPPED,
    processes: counts.length,
    leastPerProcess: Math.min(...counts),
    mostPerProcess: Math.max(...counts),
  };
}

function report(results: readonly Result[], options: SctpBenchOptions): void {
  const comparisons = results.map((result) => result.comparison);
  const violations = missed(comparisons);
  for (const { round, comparison, warnings } of results) {
    const rate = median(comparison.ours);
    const what = `${round.name}, ${round.size} B`;
    if (rate < COLLAPSED_PER_SECOND) violations.push(`${what}: collapsed to ${rate} msg/s`);
    const wanted = round.user === 0 ? 0 : 1;
    if (warnings.leastPerProcess !== wanted || warnings.mostPerProcess !== wanted) {
      const { leastPerProcess, mostPerProcess } = warnings;
      violations.push(
        `${what}: ${leastPerProcess} to ${mostPerProcess} warnings ${CAPPED} per process, ` +
          `${wanted} expected`,
      );
    }
  }
  const cases = results.map(({ comparison, warnings }) => ({ ...comparison, warnings }));
  const { pairs, warmupMs, measureMs } = options;
  finish(
    { command: 'bench', violations, cases, pairs, warmupMs, measureMs },
    { json: options.json, text: () => caseTable(comparisons) },
  );
}
