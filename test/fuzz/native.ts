/**
 * `npm run -s fuzz:native [-- --json]`: the addon's parsers under libFuzzer with address and
 * undefined-behaviour sanitizers.
 */
import { randomInt } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { finish, progress, table } from '../../src/cli/report.js';
import { programNamed, runProgram } from '../../src/cli/usage.js';
import { wholeNumber } from '../../src/cli/whole-number.js';
import { packageRoot } from '../../src/sctp/load-addon.js';
import { run } from '../unit/addon/compiler.js';
import { libFuzzer } from './parsers.js';

const COMMAND = 'fuzz:native';

/** As in `kTargets` of test/fuzz/native/targets.h. */
const TARGETS = ['notification', 'control', 'address', 'address-text', 'assembly'] as const;

/** Longest input: a notification with an address and room for a body. */
const MOST_BYTES = 512;
const REPORT_CHARACTERS = 16_384;
/** What libFuzzer says where it was stopped by a finding before its own statistics. */
const LAST_COUNT = /^#(\d+)\s/gm;

interface Options {
  readonly json: boolean;
  readonly executions: number;
  readonly seed?: number;
}

interface TargetResult {
  readonly name: string;
  readonly executions: number;
  readonly findings: number;
  readonly perSecond: number;
  /** Where something was found: the end of what was said, and the input in hexadecimal. */
  readonly report?: string;
  readonly input?: string;
}

/** Installs clang where it is missing and that is possible. @throws SetupError */
async function ensureClang(): Promise<void> {
  // Plain JavaScript outside of dist, without types.
  const path = join(packageRoot(), 'scripts', 'lib', 'system-packages.mjs');
  const { installPackages, missingPackages } = await import(pathToFileURL(path).href);
  await installPackages(missingPackages({ lab: false, fuzzer: true }));
}

function executionsIn(output: string): number {
  const total = /^stat::number_of_executed_units: (\d+)$/m.exec(output)?.[1];
  return Number(total ?? [...output.matchAll(LAST_COUNT)].at(-1)?.[1] ?? 0);
}

/** The input that libFuzzer left behind. */
function artifactIn(folder: string): string | undefined {
  const [file] = readdirSync(folder);
  return file === undefined ? undefined : readFileSync(join(folder, file)).toString('hex');
}

async function fuzz(
  program: string,
  name: string,
  executions: number,
  seed: number,
): Promise<TargetResult> {
  const artifacts = mkdtempSync(join(tmpdir(), 'backplane-fuzz-'));
  const startedMs = performance.now();
  try {
    const args = [`-runs=${executions}`, `-seed=${seed}`, `-max_len=${MOST_BYTES}`];
    args.push('-print_final_stats=1', '-timeout=5', `-artifact_prefix=${artifacts}/`);
    const env = { ...process.env, BACKPLANE_FUZZ_TARGET: name };
    const { code, output } = await run(program, args, { env });
    const done = executionsIn(output);
    const perSecond = Math.round((done * 1000) / (performance.now() - startedMs));
    const input = artifactIn(artifacts);
    const result = { name, executions: done, findings: code === 0 ? 0 : 1, perSecond };
    progress(`${name}: ${done} executions, ${perSecond}/s, ${result.findings} findings`);
    if (code === 0) return result;
    const report = output.slice(-REPORT_CHARACTERS);
    progress(report);
    return { ...result, report, ...(input === undefined ? {} : { input }) };
  } finally {
    rmSync(artifacts, { recursive: true });
  }
}

/** All targets, as many at a time as there are processors, each with its share. */
async function fuzzAll(executions: number, seed: number): Promise<TargetResult[]> {
  const program = await libFuzzer();
  const share = Math.ceil(executions / TARGETS.length);
  const results: TargetResult[] = [];
  let next = 0;
  const lane = async () => {
    while (next < TARGETS.length) {
      const index = next++;
      results[index] = await fuzz(program, TARGETS[index]!, share, seed);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  return results;
}

function violationsOf(targets: readonly TargetResult[], asked: number, done: number): string[] {
  const violations = targets
    .filter(({ findings }) => findings > 0)
    .map(({ name, report = '' }) => {
      const line = /^.*(ERROR: \w+|runtime error: |violated: ).*$/m.exec(report)?.[0].trim();
      return `${name}: ${line ?? 'the fuzzer failed'}`;
    });
  if (violations.length === 0 && done < asked) violations.push(`${done} of ${asked} executions`);
  return violations;
}

async function main({ json, executions: asked, seed = randomInt(1, 2 ** 31) }: Options) {
  try {
    await ensureClang();
    const targets = await fuzzAll(asked, seed);
    const sum = (key: 'executions' | 'findings') => targets.reduce((all, one) => all + one[key], 0);
    const executions = sum('executions');
    const violations = violationsOf(targets, asked, executions);
    const rows = targets.map((one) => [one.name, one.executions, one.findings, one.perSecond]);
    finish(
      { command: COMMAND, violations, targets, executions, findings: sum('findings'), seed },
      { json, text: () => table(['target', 'executions', 'findings', 'per second'], rows) },
    );
  } catch (error) {
    const { message, exitCode } = error as Error & { exitCode?: number };
    finish({ command: COMMAND, violations: [`the run failed: ${message}`], seed }, { json });
    // Of a set-up that only a person can go on with.
    if (exitCode !== undefined) process.exitCode = exitCode;
  }
}

const program = programNamed(COMMAND)
  .description("libFuzzer on the addon's parsers, with sanitizers")
  .option('--json', 'one JSON object as the last line of standard output', false)
  .option('--executions <n>', 'inputs, shared among the targets', wholeNumber(1), 10_000_000)
  .option('--seed <n>', "libFuzzer's seed", wholeNumber(1))
  .action(main);

await runProgram(program);
