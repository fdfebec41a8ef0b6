/**
 * Opens and closes sockets in every way, while workers beside it are terminated in mid-call and the
 * garbage collector is kept at work.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { NativeSocket } from '../../src/sctp/native.js';
import { SeededRandom } from '../random.js';
import {
  collect,
  descriptors,
  openPair,
  Recorder,
  reading,
  send,
  settle,
} from '../unit/addon/support.js';
import { fill, sendRefused } from './states.js';
import { terminateSome } from './workers.js';

/** How much is to be done. */
export interface Work {
  /** Sockets, at least. */
  readonly opened: number;
  readonly workers: number;
  readonly seed: number;
}

/** What was done, and what it left. */
export interface Figures {
  readonly opened: number;
  /** By close, abort, or with their object by the garbage collector. */
  readonly closed: number;
  readonly workers: number;
  readonly descriptorsBefore: number;
  readonly descriptorsAfter: number;
  readonly residentBytesAt20Percent: number;
  readonly residentBytesAtEnd: number;
}

/** The run is cut into so many rounds; memory is looked at between two of them. */
const ROUNDS = 50;
/**
 * Resident memory is the median of so many rounds: what V8 and the allocator happen to have given
 * back makes single ones differ by 10 MiB either way.
 */
const SETTLED_ROUNDS = 5;
const ROUNDS_PER_LINE = 5;
/** Pairs between two turns of the loop, at most: closed descriptors are let go of in the turn. */
const PAIRS_PER_TURN = 20;
/** Pairs between two collections of the young generation. */
const PAIRS_PER_COLLECTION = 64;

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as (options?: { type: 'minor' }) => void;

/** One pair's life, from just opened to closed; what it does not close, the collector must. */
type Life = (a: NativeSocket, b: NativeSocket) => void | Promise<void>;

function close(...sockets: NativeSocket[]): void {
  for (const socket of sockets) socket.close();
}

/** Reads at `b`, calls `act` in its first crossing, and resolves after that. */
function crossing(b: NativeSocket, act: () => void): Promise<void> {
  return new Promise((resolve) => {
    const recorder = new Recorder();
    recorder.after = () => {
      recorder.after = null;
      act();
      resolve();
    };
    reading(b, recorder);
  });
}

const lives: readonly Life[] = [
  // At once, and with something unread.
  (a, b) => close(a, b),
  (a, b) => {
    reading(b);
    send(a, 'x');
    a.close();
    b.abort();
  },
  // With a queue, and the timer of the sending pause running.
  (a, b) => {
    fill(a, 300);
    close(a, b);
  },
  (a, b) => {
    fill(a, 300);
    b.abort();
    a.abort();
  },
  // With calls that are deferred.
  (a, b) => {
    reading(b);
    sendRefused(b);
    close(b, a);
  },
  // In a deferred call, with another one of the same turn still to come.
  async (a, b) => {
    const told = crossing(a, () => close(b, a));
    reading(b);
    sendRefused(a);
    sendRefused(b);
    await told;
  },
  // In handlers.
  async (a, b) => {
    send(a, 'x');
    await crossing(b, () => close(b, a));
  },
  async (a, b) => {
    send(a, 'x');
    await crossing(b, () => {
      gc({ type: 'minor' });
      b.abort();
    });
    a.close();
  },
  async (a, b) => {
    a.close();
    await crossing(b, () => b.close());
  },
  // Gracefully, behind a queue that is longer than the kernel's buffer.
  async (a, b) => {
    fill(a, 300);
    a.shutdown();
    const recorder = new Recorder();
    const ended = new Promise<void>((resolve) => {
      recorder.after = () => {
        if (recorder.ends.length > 0) resolve();
      };
    });
    reading(b, recorder);
    await ended;
    close(a, b);
  },
  // Left to the collector.
  (a) => {
    send(a, 'never read');
  },
  (a) => {
    fill(a, 300);
  },
];

/** Sockets that were closed by their object's collection, or by a call. */
class Ledger {
  opened = 0;
  closed = 0;
  readonly #collected = new FinalizationRegistry<undefined>(() => {
    this.closed++;
  });

  /** One pair, from its opening to its closing. */
  async live(life: Life): Promise<void> {
    const [a, b] = openPair();
    this.opened += 2;
    await life(a, b);
    for (const socket of [a, b]) {
      if (isClosed(socket)) this.closed++;
      else this.#collected.register(socket, undefined);
    }
  }
}

function isClosed(socket: NativeSocket): boolean {
  try {
    socket.pause();
    return false;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_CLOSED') throw error;
    return true;
  }
}

async function openAndClose(ledger: Ledger, pairs: number, random: SeededRandom): Promise<void> {
  let pairsToTurn = 0;
  for (let i = 0; i < pairs; i++) {
    await ledger.live(lives[random.below(lives.length)]!);
    if (i % PAIRS_PER_COLLECTION === 0) gc({ type: 'minor' });
    if (pairsToTurn-- > 0) continue;
    pairsToTurn = random.below(PAIRS_PER_TURN);
    await settle(1);
  }
}

/** The median of the last rounds. */
function settled(resident: readonly number[]): number {
  const last = resident.slice(-SETTLED_ROUNDS).sort((a, b) => a - b);
  return last[Math.floor(last.length / 2)] ?? 0;
}

/** Does all of it. @throws what a worker threw. */
export async function openAndTerminate(work: Work): Promise<Figures> {
  const random = new SeededRandom(work.seed);
  const workerRandom = new SeededRandom(work.seed + 1);
  const ledger = new Ledger();
  const resident: number[] = [];
  // The first ones load and set up what stays.
  await openAndClose(new Ledger(), 500, random);
  await terminateSome(0, 2, workerRandom);
  await collect();
  const descriptorsBefore = descriptors();
  let workers = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const upTo = (total: number) => Math.ceil((total * round) / ROUNDS);
    const pairs = Math.ceil((upTo(work.opened) - ledger.opened) / 2);
    const more = upTo(work.workers) - workers;
    await Promise.all([
      openAndClose(ledger, pairs, random),
      terminateSome(workers, more, workerRandom),
    ]);
    workers += more;
    await collect();
    resident.push(process.memoryUsage.rss());
    if (round % ROUNDS_PER_LINE !== 0) continue;
    const mebibytes = ((resident.at(-1) ?? 0) / 2 ** 20).toFixed(1);
    process.stderr.write(
      `${ledger.opened} opened, ${workers} workers, ${descriptors()} descriptors, ` +
        `${mebibytes} MiB resident\n`,
    );
  }
  return {
    opened: ledger.opened,
    closed: ledger.closed,
    workers,
    descriptorsBefore,
    descriptorsAfter: descriptors(),
    residentBytesAt20Percent: settled(resident.slice(0, ROUNDS / 5)),
    residentBytesAtEnd: settled(resident),
  };
}
