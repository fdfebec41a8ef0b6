/**
 * One flood between two hosts of the lab: two processes, started and ended, and what the receiver
 * counted.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Lab, LabHost } from '../src/lab/index.js';
import { KEEP_MEMORY } from './keep-memory.js';

export interface FloodSettings {
  /** The program of both ends and its leading arguments. */
  readonly program: readonly string[];
  /** More options for both ends. Default: none. */
  readonly options?: readonly string[];
  readonly size: number;
  readonly user: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

/** What came of it. */
export interface Flood {
  /** Messages per second at the receiver; for `rtt`, the median round trip in milliseconds. */
  readonly figure: number;
  /** Codes of the warnings each end gave; empty lists where the program tells none. */
  readonly warnings: readonly (readonly string[])[];
}

/** One line that an end told; which fields it has is up to the program. */
export interface EndLine {
  readonly ready?: boolean;
  readonly perSecond?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly calls?: number;
  readonly bodies?: number;
  readonly stalls?: number;
  readonly maxResidentBytes?: number;
  readonly warnings?: readonly string[];
}

/** One end: what it has told so far, and its end. */
interface End {
  readonly lines: EndLine[];
  /** The first line. */
  readonly ready: Promise<void>;
  /** Resolves when it is over; rejects, with what it said, when that was a failure. */
  readonly over: Promise<void>;
  kill(): void;
}

/** Each run has its own port: the kernel may hold one for a moment after its last association. */
let nextPort = 7100;
/**
 * Start of two processes, what they do before they let the window begin, and the way to the end of
 * the association, on a slow guest.
 */
const GRACE_MS = 120_000;

function start(host: LabHost, argv: readonly string[]): End {
  const env = { ...process.env, ...KEEP_MEMORY };
  const child = host.spawn(argv, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: EndLine[] = [];
  let complaint = '';
  child.stderr!.on('data', (data: Buffer) => {
    complaint += data.toString();
  });
  const reader = createInterface({ input: child.stdout as Readable });
  reader.on('line', (line) => lines.push(JSON.parse(line) as EndLine));
  const over = once(child, 'close').then(([code, signal]) => {
    if (code !== 0)
      throw new Error(`${argv.join(' ')}: ended with ${code ?? signal}\n${complaint}`);
  });
  const first = once(reader, 'line').then(() => {});
  return { lines, ready: Promise.race([first, over]), over, kill: () => child.kill('SIGKILL') };
}

/**
 * Runs one flood from host 1 to host 2 over the lab's first plane.
 * @throws Error when an end failed, with what it said, or did not end in time.
 */
export async function runFlood(lab: Lab, settings: FloodSettings): Promise<Flood> {
  const ends = await runEnds(lab, settings);
  const figures = ends.flat().flatMap(({ perSecond, p50Ms }) => perSecond ?? p50Ms ?? []);
  if (figures[0] === undefined) {
    throw new Error(`${settings.program.join(' ')}: no end told its figures`);
  }
  return {
    figure: figures[0],
    warnings: ends.map((lines) => lines.flatMap((line) => line.warnings ?? [])),
  };
}

/**
 * Runs a program on hosts 2, which receives, and 1, which sends, until both have ended.
 * @returns What each told.
 * @throws Error as `runFlood`.
 */
export async function runEnds(lab: Lab, settings: FloodSettings): Promise<EndLine[][]> {
  const { program, size, user, warmupMs, measureMs } = settings;
  const [from, to] = [lab.host(1), lab.host(2)];
  const [local, peer] = [from.addresses[0]!, to.addresses[0]!];
  const port = nextPort;
  nextPort += 1;
  const shared = ['--port', `${port}`, '--size', `${size}`, '--user', `${user}`];
  const common = [...shared, ...(settings.options ?? [])];
  const window = ['--warmup-ms', `${warmupMs}`, '--measure-ms', `${measureMs}`];
  const receiver = start(to, [...program, 'receive', '--local', peer, ...common, ...window]);
  const ends = [receiver];
  const killAll = () => {
    for (const end of ends) end.kill();
  };
  const late = setTimeout(killAll, warmupMs + measureMs + GRACE_MS);
  try {
    await receiver.ready;
    const where = ['--local', local, '--peer', peer];
    const sender = start(from, [...program, 'send', ...where, ...common, ...window]);
    ends.push(sender);
    await Promise.all([receiver.over, sender.over]);
  } finally {
    clearTimeout(late);
    killAll();
  }
  return ends.map(({ lines }) => lines);
}
