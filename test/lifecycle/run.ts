/**
 * The addon's life under address and undefined-behaviour sanitizers: sockets opened and closed in
 * every way, workers terminated in mid-call, processes that end in every state.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findingIn, sanitizedAddon, sanitizedEnvironment } from '../unit/addon/sanitized-addon.js';
import { type Ending, endings, endingText } from './endings.js';
import type { Figures } from './open-and-terminate.js';
import { type State, states } from './states.js';

/** What `runLifecycle` takes. */
export interface LifecycleOptions {
  /** Sockets to open and close, at least. */
  readonly opened: number;
  /** Workers to terminate. */
  readonly workers: number;
  /** How many of its endings each state is tried with, taking turns; default: all. */
  readonly exitsPerState?: number;
  readonly seed: number;
  /** Is told how it goes, line by line. */
  readonly progress: (line: string) => void;
}

/** What `runLifecycle` found. */
export interface LifecycleReport extends Figures {
  readonly violations: readonly string[];
  /** Processes that ended in a state. */
  readonly exits: number;
  /** Processes in which a sanitizer found something, or that ended as they should not have. */
  readonly findings: number;
  /** What these said, at most REPORT_CHARACTERS each. */
  readonly reports: readonly string[];
  readonly seed: number;
}

/** Of resident memory at 20 % of the run, so much more is allowed at its end. */
const RESIDENT_GROWTH = 0.1;
/** A state that is never reached, or a process that does not end, is a finding. */
const EXIT_DEADLINE_MS = 60_000;
const RUN_DEADLINE_MS = 1_800_000;
const REPORT_CHARACTERS = 16_384;

const program = fileURLToPath(new URL('program.js', import.meta.url));

interface Ended {
  /** Null after a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly output: string;
}

/** Runs the program, and kills it at the deadline. */
async function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  deadlineMs: number,
  onLine: (line: string) => void = () => {},
): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    output += chunk.toString();
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    output += `${line}\n`;
    onLine(line);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, output };
}

/** What went wrong, in one line, and then the last part of what the process said. */
function reportOf(title: string, { code, output }: Ended): string {
  const finding = findingIn(output) ?? 'not the end that was expected';
  return `${title}, exit code ${code}: ${finding}\n${output.slice(-REPORT_CHARACTERS)}`;
}

const NOTHING: Figures = {
  opened: 0,
  closed: 0,
  workers: 0,
  descriptorsBefore: 0,
  descriptorsAfter: 0,
  residentBytesAt20Percent: 0,
  residentBytesAtEnd: 0,
};

/** The long run; a report where it failed. */
async function openAndTerminate(
  options: LifecycleOptions,
  addon: string,
): Promise<{ figures: Figures; report: string | null }> {
  const args = ['run', options.opened, options.workers, options.seed].map(String);
  const env = await sanitizedEnvironment(addon, true);
  const ended = await start(args, env, RUN_DEADLINE_MS, options.progress);
  if (ended.code !== 0 || findingIn(ended.output) !== null) {
    return { figures: NOTHING, report: reportOf('the run', ended) };
  }
  const line = ended.stdout.trim().split('\n').at(-1) ?? '';
  return { figures: JSON.parse(line) as Figures, report: null };
}

interface Exit {
  readonly state: State;
  readonly ending: Ending;
}

/** Every state with every ending that is possible in it, or with `perState` of them in turn. */
function exitsOf(perState = endings.length): Exit[] {
  return states.flatMap((state, index) => {
    const possible = endings.filter((ending) => state.quiet || !ending.onlyQuiet);
    return Array.from({ length: Math.min(perState, possible.length) }, (_, i) => ({
      state,
      ending: possible[(index + i) % possible.length]!,
    }));
  });
}

/** One process that ends in a state; a report where it did so in the wrong way. */
async function exitIn({ state, ending }: Exit, addon: string): Promise<string | null> {
  const how = endingText(ending);
  const env = await sanitizedEnvironment(addon, ending.tornDown);
  const ended = await start(['end', state.name, how], env, EXIT_DEADLINE_MS);
  const good =
    ended.code === ending.code &&
    ended.stdout.startsWith('there\n') &&
    findingIn(ended.output) === null;
  return good ? null : reportOf(`state "${state.name}", ending "${how}"`, ended);
}

/** All of `exits`, as many at a time as there are processors. */
async function runExits(
  exits: readonly Exit[],
  addon: string,
  progress: (line: string) => void,
): Promise<string[]> {
  const reports: string[] = [];
  let next = 0;
  const lane = async () => {
    while (next < exits.length) {
      const report = await exitIn(exits[next++]!, addon);
      if (report !== null) reports.push(report);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  progress(`${exits.length} processes ended in ${states.length} states`);
  return reports;
}

function violationsOf(figures: Figures, options: LifecycleOptions): string[] {
  const violations: string[] = [];
  const { opened, closed, workers, descriptorsBefore, descriptorsAfter } = figures;
  const { residentBytesAt20Percent, residentBytesAtEnd } = figures;
  if (opened < options.opened) violations.push(`${opened} of ${options.opened} sockets opened`);
  if (closed !== opened) violations.push(`${opened - closed} of ${opened} sockets not closed`);
  if (workers !== options.workers) violations.push(`${workers} of ${options.workers} workers`);
  if (descriptorsAfter !== descriptorsBefore) {
    violations.push(`${descriptorsAfter} descriptors, ${descriptorsBefore} before`);
  }
  if (residentBytesAtEnd > residentBytesAt20Percent * (1 + RESIDENT_GROWTH)) {
    violations.push(
      `resident memory grew from ${residentBytesAt20Percent} to ${residentBytesAtEnd} bytes`,
    );
  }
  return violations;
}

/**
 * Builds the addon with sanitizers where that was not done yet, and runs everything.
 * @throws AssertionError with what the compiler said.
 */
export async function runLifecycle(options: LifecycleOptions): Promise<LifecycleReport> {
  const { progress, seed } = options;
  const addon = await sanitizedAddon();
  const { figures, report } = await openAndTerminate(options, addon);
  const exits = exitsOf(options.exitsPerState);
  const reports = await runExits(exits, addon, progress);
  if (report !== null) reports.unshift(report);
  const violations = reports.map((text) => text.split('\n', 1)[0] ?? '');
  if (report === null) violations.push(...violationsOf(figures, options));
  return { violations, ...figures, exits: exits.length, findings: reports.length, reports, seed };
}
