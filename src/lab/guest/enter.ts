/**
 * Where a program that needs the lab runs: right here, where the kernel has SCTP and lets us make
 * namespaces, else in a User Mode Linux guest, which sees the same files and the same Node.js.
 */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { finished } from 'node:stream/promises';
import { LabError } from '../../errors.js';
import { limits } from '../../limits.js';
import { spawn } from '../../runtime/child-process.js';
import { loadLabAddon } from '../load-native.js';
import { type GuestOptions, type JobResult, runGuest } from './guest.js';

/** Which kernel carries the lab. */
export type LabWhere = 'host' | 'uml';

/** How a program in the lab ended, and where it ran. */
export interface LabRun extends JobResult {
  readonly where: LabWhere;
}

/**
 * What to run in the lab, and what it may do there. `writable`, `disk`, `memoryMiB`,
 * `processors` and `bootDeadlineMs` mean the guest and have no effect where there is none.
 */
export interface LabRunOptions extends Omit<GuestOptions, 'argv' | 'power'> {
  /** A Node.js script and its arguments. */
  readonly argv: readonly string[];
}

/** How a program is to enter the lab: as `LabRunOptions`, with this process's own output. */
export interface EnterOptions extends Omit<LabRunOptions, 'argv' | 'stdout' | 'stderr'> {
  /** The script and arguments to begin again with in the guest. Default: this process's own. */
  readonly argv?: readonly string[];
}

/** Set to `uml`, this variable asks for a guest also where the host would do. */
const FORCE_VARIABLE = 'BACKPLANE_LAB';

function inUserModeLinux(): boolean {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8').includes('User Mode Linux');
  } catch {
    return false;
  }
}

/**
 * Whether this very process can be the lab: `host` or `uml` where the kernel below it has SCTP and
 * lets it make network namespaces, else null. Costs one socket and one namespace.
 * @throws LabError ERR_ADDON_MISSING.
 */
export function labHere(): LabWhere | null {
  const { sctp, namespaces } = loadLabAddon().probe();
  const uml = inUserModeLinux();
  if (sctp === null && namespaces === null) {
    return uml ? 'uml' : process.env[FORCE_VARIABLE] === 'uml' ? null : 'host';
  }
  if (!uml) return null;
  throw new LabError('ERR_LAB', `no lab in this guest: SCTP ${sctp}, namespaces ${namespaces}`);
}

function nodeArgv(argv: readonly string[]): string[] {
  return [process.execPath, ...process.execArgv, ...argv];
}

/** A program in the lab on this host: the same contract as in a guest. */
async function runHere(options: LabRunOptions): Promise<JobResult> {
  const { stdout = process.stdout, stderr = process.stderr, cwd, deadlineMs } = options;
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...nodeArgv(options.argv)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  let signal: NodeJS.Signals | null = null;
  let isLate = false;
  const onSignal = (name: NodeJS.Signals) => {
    signal ??= name;
    child.kill('SIGKILL');
  };
  const late = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, deadlineMs ?? limits.deadlineMaxMs);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  try {
    const done = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, by) => resolve(code ?? 128 + constants.signals[by ?? 'SIGKILL']));
    });
    child.stdout!.pipe(stdout, { end: false });
    child.stderr!.pipe(stderr, { end: false });
    const [exitCode] = await Promise.all([done, finished(child.stdout!), finished(child.stderr!)]);
    if (isLate) {
      throw new LabError('ERR_TIMEOUT', `the program did not end within ${deadlineMs} ms`);
    }
    if (signal === null) return { exitCode, signal };
    return { exitCode: 128 + constants.signals[signal as NodeJS.Signals], signal };
  } finally {
    clearTimeout(late);
    for (const name of signals) process.off(name, onSignal);
  }
}

/**
 * Runs a Node.js script in the lab, here or in a guest. Its output is carried as it comes, its exit
 * code is the result. SIGINT, SIGTERM and SIGHUP to this process end it. Nothing is left of it when
 * this resolves, nor when this process is killed.
 * @throws LabError ERR_ADDON_MISSING, ERR_LAB (no guest possible: the message says what to
 *   install), ERR_TIMEOUT, ERR_ARGUMENT.
 */
export async function runInLab(options: LabRunOptions): Promise<LabRun> {
  const where = labHere();
  if (where !== null) return { ...(await runHere(options)), where };
  return { ...(await runGuest({ ...options, argv: nodeArgv(options.argv) })), where: 'uml' };
}

/**
 * Brings this program into the lab. Where this process can be the lab, returns at once and says
 * which kernel that is. Else boots a guest, begins this program again in there with the same
 * arguments, and ends this process with its exit code when it is over (128 + the signal's number
 * after SIGINT, SIGTERM or SIGHUP): then it does not return. Call it before anything else has been
 * done.
 * @throws as `runInLab`.
 */
export async function enterLab(options: EnterOptions = {}): Promise<LabWhere> {
  const here = labHere();
  if (here !== null) return here;
  const argv = nodeArgv(options.argv ?? process.argv.slice(1));
  const { exitCode } = await runGuest({ ...options, argv });
  process.exit(exitCode);
}
