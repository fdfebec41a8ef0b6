/**
 * The test command: all lab tests in one guest (or here, where this kernel has SCTP), and beside
 * them the unit tests: a guest has one processor, and mostly waits.
 *
 *     node dist/test/run.js [--unit] [--lab] [part of a path]...
 *
 * Its last line is `N passed, N failed, N skipped`; it exits with 1 on any failure and where
 * nothing was tested, and with 2 where a part of a path is in none.
 */
import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { USAGE_STATUS } from '../src/cli/usage.js';
import { runInLab } from '../src/lab/guest/enter.js';
import { runFiles, sum } from './runner/run-files.js';
import { SelectionError, selected, type TestFiles } from './runner/selection.js';
import type { Counts } from './runner/tally.js';

const FILE_TIMEOUT_MS = 240_000;
const LAB_TIMEOUT_MS = 1_800_000;
const UNIT_CONCURRENCY = 2;
/** Of them, while the lab takes the other processor. */
const UNIT_CONCURRENCY_BESIDE_LAB = 1;
/** Says that this is the process in the lab: it runs lab tests and ends with its counts as JSON. */
const INSIDE = '--inside';

const folder = fileURLToPath(new URL('.', import.meta.url));

function testFiles(kind: 'unit' | 'lab'): string[] {
  return readdirSync(join(folder, kind), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => [kind, ...name.split(sep)].join('/'))
    .sort();
}

/** What is asked for; null: nothing that there is, as it tells. */
function filesFor(args: readonly string[]): TestFiles | null {
  try {
    const { unit, lab } = selected(args, { unit: testFiles('unit'), lab: testFiles('lab') });
    const paths = (names: readonly string[]) => names.map((name) => join(folder, name));
    return { unit: paths(unit), lab: paths(lab) };
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    console.error(`error: ${error.message}`);
    return null;
  }
}

function unitTests(files: readonly string[], concurrency: number): Promise<Counts> {
  return runFiles({
    kind: 'unit',
    folder: join(folder, 'unit'),
    files,
    concurrency,
    timeoutMs: FILE_TIMEOUT_MS,
    print: (line) => console.log(line),
  });
}

async function inside(files: readonly string[]): Promise<void> {
  const counts = await runFiles({
    kind: 'lab ',
    folder: join(folder, 'lab'),
    files,
    concurrency: 1,
    timeoutMs: FILE_TIMEOUT_MS,
    print: (line) => console.error(line),
  });
  console.log(JSON.stringify(counts));
}

function parseCounts(text: string): Counts | null {
  try {
    const { passed, failed, skipped } = JSON.parse(text.trim().split('\n').at(-1) ?? '') as Counts;
    return [passed, failed, skipped].every(Number.isInteger) ? { passed, failed, skipped } : null;
  } catch {
    return null;
  }
}

/** A lab that does not run is a failure, not a gap. */
async function labTests(files: readonly string[]): Promise<Counts> {
  let output = '';
  const stdout = new Writable({
    write(data: Buffer, _encoding, done) {
      output += data.toString();
      done();
    },
  });
  const failed = (reason: string): Counts => {
    console.log(`lab  FAILED as a whole: ${reason}`);
    return { passed: 0, failed: 1, skipped: 0 };
  };
  try {
    const argv = [fileURLToPath(import.meta.url), INSIDE, ...files];
    const { exitCode, signal } = await runInLab({
      argv,
      deadlineMs: LAB_TIMEOUT_MS,
      stdout,
      stderr: process.stdout,
    });
    if (signal !== null) process.exit(exitCode);
    const counts = parseCounts(output);
    if (counts !== null && exitCode === 0) return counts;
    return failed(`exit code ${exitCode}, last words: ${output.slice(-1000)}`);
  } catch (error) {
    return failed((error as Error).message);
  }
}

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === INSIDE) return inside(args.slice(1));
  const files = filesFor(args);
  if (files === null) {
    process.exitCode = USAGE_STATUS;
    return;
  }
  const { unit, lab } = files;
  const concurrency = lab.length > 0 ? UNIT_CONCURRENCY_BESIDE_LAB : UNIT_CONCURRENCY;
  const all: Promise<Counts>[] = [];
  if (unit.length > 0) all.push(unitTests(unit, concurrency));
  if (lab.length > 0) all.push(labTests(lab));
  const { passed, failed, skipped } = sum(await Promise.all(all));
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
}

await main(process.argv.slice(2));
