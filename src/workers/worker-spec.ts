/** Descriptions of workers and of their groups: checked, and with everything that was left out. */
import { checkerOf, type SchemaProblem } from '../config/schema.js';
import { WorkerError } from '../errors.js';
import { limits } from '../limits.js';
import type { StopSignal } from './signals.js';
import { groupSchema, WORKER_NAME, workerSchema } from './worker-schema.js';

/** Whether a worker that has ended is started again: always, after a failure, never. */
export type Restart = 'permanent' | 'transient' | 'temporary';

/** What becomes of the others of a group when one has failed; those of OTP. */
export type Strategy = 'one-for-one' | 'one-for-all' | 'rest-for-one';

/** Resources of one worker's processes; what is left out is as the system has it. */
export interface WorkerLimits {
  readonly files?: number;
  readonly processes?: number;
  /** Memory of its own that it can write to. */
  readonly memoryBytes?: number;
  readonly fileBytes?: number;
  readonly coreBytes?: number;
  readonly cpuSeconds?: number;
}

/** One worker, as it is to be. */
export interface WorkerSpec {
  readonly name: string;
  readonly group: string;
  /** The lower one starts first and stops last; of two with the same, that of the lower name. */
  readonly order: number;
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly user: string | null;
  /** Priority of its processes and of their keeper; null: 0, where the controller may give that. */
  readonly nice: number | null;
  readonly limits: WorkerLimits;
  readonly restart: Restart;
  /** Whether it is ready once it runs, or says so itself. */
  readonly ready: 'started' | 'notify';
  /** It has failed when it is not ready by then. */
  readonly readyMs: number;
  /** It has stalled when it did not beat for so long; null: it is not watched. */
  readonly beatMs: number | null;
  readonly stopSignal: StopSignal;
  /** It is killed when it has not stopped by then. */
  readonly stopMs: number;
  /** A file of output is full at `maxBytes`; so many full ones are kept. */
  readonly output: { readonly maxBytes: number; readonly files: number };
  /** The pool whose tasks it takes. */
  readonly pool: string | null;
  /** What its process is made of, as text: a worker is replaced when this has changed. */
  readonly launch: string;
}

/** Of a worker, what its process is made of. */
export type Launch = Pick<
  WorkerSpec,
  'command' | 'env' | 'cwd' | 'user' | 'nice' | 'limits' | 'ready' | 'beatMs' | 'output' | 'pool'
>;

/** One group, as it is to be. */
export interface GroupSpec {
  readonly name: string;
  readonly strategy: Strategy;
  /** The group is given up at one restart more than these within the period. */
  readonly intensity: number;
  readonly periodMs: number;
  /**
   * One failure is followed by a start at once; one more by this pause, and each further one by
   * twice the pause, up to the greatest.
   */
  readonly backoff: { readonly minMs: number; readonly maxMs: number };
}

/** The group of workers that name none. */
export const DEFAULT_GROUP = 'default';

const checkWorkerValue = checkerOf(workerSchema);
const checkGroupValue = checkerOf(groupSchema);
const NAME = new RegExp(WORKER_NAME);

type Fields = Partial<Omit<WorkerSpec, 'name' | 'launch' | 'output' | 'limits'>> & {
  readonly module?: string;
  readonly args?: readonly string[];
  readonly limits?: WorkerLimits;
  readonly output?: { readonly maxBytes?: number; readonly files?: number };
};

function refuse(worker: string, { path, reason }: SchemaProblem): never {
  const message = `${worker}: ${path || 'the description'}: ${reason}`;
  throw new WorkerError('ERR_WORKER_SPEC', message, { worker, path });
}

function checkName(name: string): void {
  if (!NAME.test(name)) refuse(name, { path: '', reason: `its name must match ${WORKER_NAME}` });
}

/** Program and arguments. A module of JavaScript is run by the Node that runs this. */
function commandOf(name: string, { command, module, args = [] }: Fields): string[] {
  if ((command === undefined) === (module === undefined)) {
    refuse(name, { path: '', reason: 'it must have either command or module' });
  }
  const program = command ?? [process.execPath, module as string];
  if (program[0] === '') refuse(name, { path: '/command/0', reason: 'it must not be empty' });
  return [...program, ...args];
}

/**
 * One worker, from what stands in the configuration.
 * @throws WorkerError ERR_WORKER_SPEC, with the path and the reason.
 */
export function workerSpec(name: string, value: unknown): WorkerSpec {
  checkName(name);
  const problem = checkWorkerValue(value);
  if (problem !== null) refuse(name, problem);
  const fields = value as Fields;
  const made = {
    command: commandOf(name, fields),
    env: fields.env ?? {},
    cwd: fields.cwd ?? null,
    user: fields.user ?? null,
    nice: fields.nice ?? null,
    limits: fields.limits ?? {},
    ready: fields.ready ?? 'started',
    beatMs: fields.beatMs ?? null,
    output: { maxBytes: fields.output?.maxBytes ?? 1024 * 1024, files: fields.output?.files ?? 4 },
    pool: fields.pool ?? null,
  };
  const launch = launchOf(made);
  if (Buffer.byteLength(launch) > limits.workerLaunchBytes) {
    const reason = `it must have at most ${limits.workerLaunchBytes} bytes`;
    refuse(name, { path: '', reason });
  }
  return {
    name,
    group: fields.group ?? DEFAULT_GROUP,
    order: fields.order ?? 0,
    ...made,
    restart: fields.restart ?? 'permanent',
    readyMs: fields.readyMs ?? 30_000,
    stopSignal: fields.stopSignal ?? 'SIGTERM',
    stopMs: fields.stopMs ?? 10_000,
    launch,
  };
}

/** What a process is made of, as text that is the same for the same. */
export function launchOf({
  command,
  env,
  cwd,
  user,
  nice = null,
  limits: resources,
  ready,
  beatMs,
  output,
  pool,
}: Launch): string {
  const made = { command, env, cwd, user, nice, limits: resources, ready, beatMs, output, pool };
  return JSON.stringify(sorted(made));
}

/** The same value with the keys of all objects in order, so that equal ones give equal texts. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}

/**
 * One group, from what stands in the configuration.
 * @throws WorkerError ERR_WORKER_SPEC, with the path and the reason.
 */
export function groupSpec(name: string, value: unknown): GroupSpec {
  checkName(name);
  const problem = checkGroupValue(value);
  if (problem !== null) refuse(name, problem);
  const fields = value as Partial<GroupSpec> & {
    readonly backoff?: { readonly minMs?: number; readonly maxMs?: number };
  };
  const minMs = fields.backoff?.minMs ?? 100;
  const maxMs = fields.backoff?.maxMs ?? Math.max(10_000, minMs);
  if (maxMs < minMs) {
    refuse(name, { path: '/backoff/maxMs', reason: 'it must not be less than minMs' });
  }
  return {
    name,
    strategy: fields.strategy ?? 'one-for-one',
    intensity: fields.intensity ?? 3,
    periodMs: fields.periodMs ?? 5000,
    backoff: { minMs, maxMs },
  };
}

/** What a host is to run. */
export interface Desired {
  readonly workers: readonly WorkerSpec[];
  /** Groups with settings of their own; all others have those of `groupSpec(name, {})`. */
  readonly groups: readonly GroupSpec[];
  /** Keys whose descriptions cannot be used, `workers/a`: what they are about stays as it is. */
  readonly refused: readonly string[];
}

/** Desired workers, and what stands in the configuration and cannot be used. */
export interface ReadDesired extends Desired {
  readonly problems: readonly WorkerError[];
}

/**
 * What a host is to run, from the values that hold for it: keys are those below the host,
 * `workers/<worker>` and `groups/<group>`; all others are passed over.
 */
export function readDesired(
  values: Iterable<{ readonly key: string; readonly value: unknown }>,
): ReadDesired {
  const workers: WorkerSpec[] = [];
  const groups: GroupSpec[] = [];
  const refused: string[] = [];
  const problems: WorkerError[] = [];
  for (const { key, value } of values) {
    const [kind, name = '', ...more] = key.split('/');
    if (more.length > 0 || (kind !== 'workers' && kind !== 'groups')) continue;
    try {
      if (kind === 'groups') groups.push(groupSpec(name, value));
      else if (workers.length < limits.workers) workers.push(workerSpec(name, value));
      else refuse(name, { path: '', reason: `a host has at most ${limits.workers} workers` });
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      problems.push(error);
      refused.push(key);
    }
  }
  return { workers, groups, refused, problems };
}
