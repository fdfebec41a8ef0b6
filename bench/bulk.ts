/**
 * `bench bulk`: how long small calls take while bodies of 64 MiB saturate the link, against the
 * same over one socket of Node's `net`.
 */
import { fileURLToPath } from 'node:url';
import { finish, progress } from '../src/cli/report.js';
import { createLab, enterLab, type Lab } from '../src/lab/index.js';
import { type Case, caseTable, compare, missed } from './compare.js';
import { type EndLine, runEnds } from './run-flood.js';

/** What `bench bulk` takes. */
export interface BulkBenchOptions {
  readonly json: boolean;
  readonly pairs: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

const SMALL = 100;
const REQUIRED = 10;
/**
 * A receiver touches five bodies of 64 MiB before it begins. When they come faster than its engine
 * looks for what can be freed, some more are there at once; and an end needs its runtime.
 */
const MOST_RESIDENT_BYTES = (8 * 64 + 64) * 1024 * 1024;

/** What both ends of one run told, the greater of two where both did. */
interface Run {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly calls: number;
  readonly bodies: number;
  readonly stalls: number;
  readonly maxResidentBytes: readonly number[];
}

/** Runs the benchmark, in a guest where the host has no SCTP, and prints the report. */
export async function benchBulk(options: BulkBenchOptions): Promise<void> {
  await enterLab({ processors: 'any' });
  const lab = await createLab({ hosts: 2, planes: ['a'] });
  try {
    const [ours, theirs]: [Run[], Run[]] = [[], []];
    for (let pair = 1; pair <= options.pairs; pair += 1) {
      ours.push(await run(lab, 'link', options));
      theirs.push(await run(lab, 'net', options));
      const [a, b] = [ours.at(-1)!, theirs.at(-1)!];
      progress(
        `pair ${pair}: p99 ${a.p99Ms.toFixed(1)} to ${b.p99Ms.toFixed(1)} ms, ` +
          `${(b.p99Ms / a.p99Ms).toFixed(1)}; bodies ${a.bodies} to ${b.bodies}`,
      );
    }
    report(ours, theirs, options);
  } finally {
    await lab.close();
  }
}

async function run(lab: Lab, over: string, options: BulkBenchOptions): Promise<Run> {
  const program = [process.execPath, fileURLToPath(new URL('bulk-end.js', import.meta.url))];
  const lines = await runEnds(lab, {
    ...options,
    program,
    size: SMALL,
    user: 0,
    options: ['--over', over],
  });
  const told = lines.flat().filter((line) => line.bodies !== undefined);
  const sum = (pick: (line: EndLine) => number | undefined) =>
    told.reduce((total, line) => total + (pick(line) ?? 0), 0);
  return {
    p50Ms: sum((line) => line.p50Ms),
    p99Ms: sum((line) => line.p99Ms),
    calls: sum((line) => line.calls),
    bodies: Math.max(...told.map((line) => line.bodies ?? 0)),
    stalls: sum((line) => line.stalls),
    maxResidentBytes: told.map((line) => line.maxResidentBytes ?? 0),
  };
}

function report(ours: readonly Run[], theirs: readonly Run[], options: BulkBenchOptions): void {
  const p99s = (runs: readonly Run[]) => runs.map(({ p99Ms }) => Math.round(p99Ms * 1000) / 1000);
  const comparison: Case = compare(
    {
      name: 'p99 of small calls beside bulk, kernel vs net',
      size: SMALL,
      unit: 'ms',
      required: REQUIRED,
      better: 'smaller',
    },
    p99s(ours),
    p99s(theirs),
  );
  const stalls = ours.reduce((total, run) => total + run.stalls, 0);
  const maxResidentBytes = Math.max(...ours.flatMap((run) => run.maxResidentBytes));
  const violations = missed([comparison]);
  if (stalls > 0) violations.push(`the peer was called stalled ${stalls} times`);
  if (maxResidentBytes > MOST_RESIDENT_BYTES) {
    violations.push(`an end held ${maxResidentBytes} bytes, more than ${MOST_RESIDENT_BYTES}`);
  }
  if (ours.some((run) => run.bodies === 0)) violations.push('a run carried no body');
  const { pairs, warmupMs, measureMs } = options;
  const runs = { ours, theirs };
  finish(
    {
      command: 'bench',
      violations,
      cases: [comparison],
      runs,
      stalls,
      maxResidentBytes,
      pairs,
      warmupMs,
      measureMs,
    },
    { json: options.json, text: () => caseTable([comparison]) },
  );
}
