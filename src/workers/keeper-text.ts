/**
 * What passes between a controller and its keepers, as text: the file a keeper is started with, the
 * state it tells, and the file it leaves. addon/keeper has the other end.
 */
import { limits } from '../limits.js';
import type { Ending } from './supervisor-io.js';
import { launchOf, type WorkerLimits, type WorkerSpec } from './worker-spec.js';

/** What a keeper is told besides the description. */
export interface KeeperSetup {
  readonly spec: WorkerSpec;
  /** Of the worker, complete. */
  readonly env: Readonly<Record<string, string>>;
  /** File of its output. */
  readonly output: string;
  /** Which boot of the host this is. */
  readonly boot: string;
  /** File of a control group that takes keeper and worker; null: they stay where we are. */
  readonly cgroup: string | null;
}

/** What the next controller reads of it. */
export interface KeeperMemo {
  readonly spec: WorkerSpec;
  readonly boot: string;
}

/** The names that a keeper has for limits. */
const RESOURCES: Readonly<Record<keyof WorkerLimits, string>> = {
  files: 'nofile',
  processes: 'nproc',
  memoryBytes: 'data',
  fileBytes: 'fsize',
  coreBytes: 'core',
  cpuSeconds: 'cpu',
};

const MEMO = 'memo';

/** The file `spec` of a keeper: fields, each with a NUL behind it. */
export function keeperFile({ spec, env, output, boot, cgroup }: KeeperSetup): string {
  const { command, cwd, user, nice, ready, beatMs } = spec;
  const { launch: _, ...rest } = spec;
  const fields: [string, string | number | null][] = [
    ...command.map((each) => ['argument', each] as [string, string]),
    ...Object.entries(env).map(([name, value]) => ['variable', `${name}=${value}`] as const),
    ...Object.entries(spec.limits).map(
      ([name, value]) => ['limit', `${RESOURCES[name as keyof WorkerLimits]}:${value}`] as const,
    ),
    ['folder', cwd ?? '/'],
    ['user', user],
    ['nice', nice],
    ['cgroup', cgroup],
    ['ready', ready],
    ['beatMs', beatMs],
    ['output', output],
    ['outputBytes', spec.output.maxBytes],
    ['outputFiles', spec.output.files],
    [MEMO, JSON.stringify({ spec: rest, boot })],
  ].map(([name, value]) => [String(name), value ?? null]);
  const given = fields.filter(([, value]) => value !== null);
  return given.map(([name, value]) => `${name}=${value}\0`).join('');
}

/** What a controller wrote for the next one; null where it cannot be read. */
export function keeperMemo(file: string): KeeperMemo | null {
  const text = file.split('\0').find((field) => field.startsWith(`${MEMO}=`));
  if (text === undefined) return null;
  try {
    const { spec, boot } = JSON.parse(text.slice(MEMO.length + 1)) as KeeperMemo;
    return { spec: { ...spec, launch: launchOf(spec) }, boot };
  } catch {
    return null;
  }
}

/** A worker as its keeper tells it. */
export interface KeeperState {
  readonly pid: number;
  readonly isStarted: boolean;
  readonly isReady: boolean;
  readonly isStalled: boolean;
  /** It says itself that it stops. */
  readonly saysStopping: boolean;
  /** The last signal it was sent; 0: none. */
  readonly signalled: number;
  /** Output that could not be written. */
  readonly droppedBytes: number;
  /** Its own words. */
  readonly text: string;
  /** Null while it runs. */
  readonly ending: Ending | null;
}

function endingOf(how: string, number: number, at: string): Ending | null {
  if (!Number.isInteger(number)) return null;
  if (how === 'code') return { kind: 'code', code: number };
  if (how === 'signal') return { kind: 'signal', signal: number };
  return how === 'failed' ? { kind: 'failed', errno: number, at } : null;
}

/** A worker's own words. People read them on terminals, to which they must not say anything. */
function wordsOf(text: string): string {
  const words = text.replace(/%([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return words.slice(0, limits.keeperLineBytes).replace(/\p{Cc}/gu, ' ');
}

/** Reads a line of a keeper. */
export function keeperState(line: string): KeeperState {
  const fields = new Map<string, string>();
  for (const field of line.split(' ')) {
    const at = field.indexOf('=');
    fields.set(field.slice(0, at), field.slice(at + 1));
  }
  const number = (name: string) => Number(fields.get(name) ?? 0);
  const [how = '', count = '', at = ''] = (fields.get('ended') ?? '').split(',');
  return {
    pid: number('pid'),
    isStarted: number('started') === 1,
    isReady: number('ready') === 1,
    isStalled: number('stalled') === 1,
    saysStopping: number('stopping') === 1,
    signalled: number('signalled'),
    droppedBytes: number('dropped'),
    text: wordsOf(fields.get('text') ?? ''),
    ending: endingOf(how, Number(count), at),
  };
}

/** How a worker ended, as its keeper left it. */
export interface StoredEnding {
  readonly ending: Ending;
  /** It had been sent a signal: a controller wanted it to end. */
  readonly wasAsked: boolean;
}

/** Reads the file that a keeper left; null: it is none. */
export function storedEnding(file: string): StoredEnding | null {
  const [how = '', number = '', at = '', , signalled = '0'] = file.trim().split(' ');
  const ending = endingOf(how, Number(number), at);
  return ending === null ? null : { ending, wasAsked: signalled !== '0' };
}
