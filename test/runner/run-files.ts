/** Runs test files, each in a process of its own, and prints one line per file. */
import { relative } from 'node:path';
import { run } from 'node:test';
import { type Counts, Tally, type TestReport } from './tally.js';

export interface RunOptions {
  /** Shown before each file. */
  readonly kind: string;
  /** File names are shown from here on. */
  readonly folder: string;
  readonly files: readonly string[];
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly print: (line: string) => void;
}

/** Of a failing file's own output, this much of the end is shown. */
const OUTPUT_CHARACTERS = 16_384;

export function sum(all: readonly Counts[]): Counts {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of all) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

function describe({ passed, failed, skipped }: Counts): string {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} FAILED`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return parts.join(', ');
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '    ');
}

async function runFile(file: string, options: RunOptions): Promise<Counts> {
  const startMs = performance.now();
  const tally = new Tally(file);
  let output = '';
  for await (const event of run({ files: [file], concurrency: 1, timeout: options.timeoutMs })) {
    if (event.type === 'test:pass') tally.pass(event.data as TestReport);
    else if (event.type === 'test:fail') tally.fail(event.data as TestReport);
    else if (event.type === 'test:stdout' || event.type === 'test:stderr') {
      output = (output + event.data.message).slice(-OUTPUT_CHARACTERS);
    }
  }
  tally.fileEnded();
  const ms = Math.round(performance.now() - startMs);
  const name = relative(options.folder, file).replace(/\.test\.js$/, '');
  options.print(`${options.kind} ${name.padEnd(40)} ${describe(tally.counts)} (${ms} ms)`);
  for (const failure of tally.failures) options.print(indent(`FAILED: ${failure}`));
  if (tally.failures.length > 0 && output.trim() !== '') {
    options.print(indent(`its output:\n${output.trim()}`));
  }
  return tally.counts;
}

/** Runs all files, at most `concurrency` at a time. */
export async function runFiles(options: RunOptions): Promise<Counts> {
  const queue = [...options.files];
  const counts: Counts[] = [];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      counts.push(await runFile(file, options));
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, worker));
  return sum(counts);
}
