/**
 * A node in the lab under strangers: many hosts open associations with it and never finish a
 * handshake, while an honest node joins again and again.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { progress } from '../../src/cli/report.js';
import { createLab, type Lab } from '../../src/lab/index.js';
import { limits } from '../../src/limits.js';
import type { HonestOptions, Told as ToldByVictim } from './honest-node.js';
import type { JoinerOptions, Told } from './joiner.js';
import {
  halfOpen,
  type Origin,
  type StrangersFindings,
  sendStrangers,
  slowDrip,
} from './strangers.js';
import { cluster } from './victims.js';

export interface FloodOptions {
  readonly halfOpen: number;
  readonly slowDrips: number;
  readonly seed: number;
}

/** Counts are plain, sizes in bytes. */
export interface FloodFindings {
  /** Associations opened and left half-open, and how many of them came up. */
  readonly halfOpen: number;
  readonly halfOpenUp: number;
  readonly slowDrips: number;
  readonly slowDripsUp: number;
  /** Drips that the node ended because their time was over, not before. */
  readonly slowDripsEndedByTime: number;
  readonly strangersAccepted: number;
  /** Longest life of a stranger's association: at the node, and as the stranger sees it. */
  readonly slowestCloseMs: number;
  readonly slowestCloseSeenMs: number;
  /** Greatest resident memory of the node while strangers came, over that before. */
  readonly memoryGrowthBytes: number;
  readonly memoryBytes: number;
  /** Joins of the honest node meanwhile, and the slowest of them. */
  readonly joins: number;
  readonly joinMs: number;
  /** Open descriptors of the node after, over those before. */
  readonly descriptorsLeft: number;
  readonly violations: readonly string[];
}

const PORT = 24100;
/** Hosts strangers come from. Two addresses each: 16, so that both bounds of the table are met. */
const STRANGE_HOSTS = 8;
/** As many as may be half-open: each lives until its time is over. */
const DRIPS_AT_ONCE = limits.halfOpenLinks;
const HALF_OPEN_AT_ONCE = 80;
/**
 * Messages the node handles before its memory is taken: what V8 adds to any process that works (up
 * to 28 MiB for young objects alone) is not what strangers cost.
 */
const MESSAGES_BEFORE = 500_000;
/** So the table is full all the time, and a new one comes at most every 6 ms. */
const HALF_OPEN_PAUSE_MS = 100;
const DRIP_PAUSE_MS = 20;
const JOIN_PAUSE_MS = 200;
const MOST_GROWTH_BYTES = 20 * 1024 * 1024;
const MOST_JOIN_MS = 1000;
/** Beyond the node's 3 s: the REFUSE and an orderly end, on the one CPU that all of them share. */
const CLOSE_SLACK_MS = 500;
const PROCESS_MEMORY = { now: 'VmRSS', greatest: 'VmHWM' } as const;

/** Runs the flood; this process must be in the lab. */
export async function flood(options: FloodOptions): Promise<FloodFindings> {
  const lab = await createLab({ hosts: 2 + STRANGE_HOSTS });
  try {
    return await floodIn(lab, options);
  } finally {
    await lab.close();
  }
}

async function floodIn(lab: Lab, options: FloodOptions): Promise<FloodFindings> {
  const victim = await Victim.start(lab);
  const { pid } = victim;
  const joiner = new Joiner(lab);
  const died = Promise.race([victim.died, joiner.died]);
  await Promise.race([joiner.warm, died]);
  const before = { bytes: memory(pid, 'now'), descriptors: descriptors(pid) };
  // From here on the greatest is that of the flood.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const [drips, halves] = await Promise.race([strangersCome(lab, options, joiner), died]);
  const memoryBytes = memory(pid, 'greatest');
  const joins = [...joiner.all];
  await joiner.end();
  const after = descriptors(pid);
  return judge(drips, halves, {
    memoryBytes,
    memoryGrowthBytes: memoryBytes - before.bytes,
    joins: joins.length,
    joinMs: Math.max(...joins),
    descriptorsLeft: Math.max(0, after - before.descriptors),
    slowestCloseMs: Math.round(victim.longestLifeMs),
    strangersUp: victim.ups.filter((name) => name !== JOINER).length,
  });
}

async function strangersCome(
  lab: Lab,
  options: FloodOptions,
  joiner: Joiner,
): Promise<[StrangersFindings, StrangersFindings]> {
  const common = { origins: strangeOrigins(lab), port: PORT };
  progress(`${options.slowDrips} slow drips, ${DRIPS_AT_ONCE} at once`);
  const drips = await sendStrangers(slowDrip, {
    ...common,
    count: options.slowDrips,
    atOnce: DRIPS_AT_ONCE,
    pauseMs: DRIP_PAUSE_MS,
    seed: `drip ${options.seed}`,
  });
  progress(`  over: ${JSON.stringify(drips)}`);
  progress(`${options.halfOpen} half-open attempts, ${HALF_OPEN_AT_ONCE} at once`);
  const halves = await sendStrangers(halfOpen, {
    ...common,
    count: options.halfOpen,
    atOnce: HALF_OPEN_AT_ONCE,
    pauseMs: HALF_OPEN_PAUSE_MS,
    seed: `half ${options.seed}`,
    told: (ended) => progress(`  ${ended} are over, ${joiner.all.length} joins`),
  });
  progress(`  over: ${JSON.stringify(halves)}`);
  return [drips, halves];
}

interface NodeFigures {
  readonly memoryBytes: number;
  readonly memoryGrowthBytes: number;
  readonly joins: number;
  readonly joinMs: number;
  readonly descriptorsLeft: number;
  readonly strangersUp: number;
  readonly slowestCloseMs: number;
}

function judge(
  drips: StrangersFindings,
  halves: StrangersFindings,
  { strangersUp, ...figures }: NodeFigures,
): FloodFindings {
  const slowestCloseSeenMs = Math.round(Math.max(drips.longestLifeMs, halves.longestLifeMs));
  const strangersAccepted = drips.accepted + halves.accepted + strangersUp;
  const violations: string[] = [];
  const complain = (isWrong: boolean, what: string) => {
    if (isWrong) violations.push(what);
  };
  const { memoryGrowthBytes, joins, joinMs, descriptorsLeft, slowestCloseMs } = figures;
  complain(strangersAccepted > 0, `${strangersAccepted} strangers were accepted`);
  complain(halves.up === 0 || drips.up === 0, 'no stranger came as far as an association');
  complain(drips.endedByTime === 0, 'no drip lived until its time was over');
  complain(
    slowestCloseMs > limits.handshakeMs + CLOSE_SLACK_MS,
    `a stranger was closed after ${slowestCloseMs} ms`,
  );
  complain(
    memoryGrowthBytes > MOST_GROWTH_BYTES,
    `the node grew by ${memoryGrowthBytes} bytes, over ${MOST_GROWTH_BYTES}`,
  );
  complain(joins === 0, 'the honest node never joined');
  complain(joinMs >= MOST_JOIN_MS, `an honest node took ${Math.round(joinMs)} ms to join`);
  complain(descriptorsLeft > 0, `${descriptorsLeft} descriptors are left open`);
  return {
    halfOpen: halves.attempts,
    halfOpenUp: halves.up,
    slowDrips: drips.attempts,
    slowDripsUp: drips.up,
    slowDripsEndedByTime: drips.endedByTime,
    strangersAccepted,
    slowestCloseSeenMs,
    ...figures,
    joinMs: Math.round(joinMs),
    violations,
  };
}

function strangeOrigins(lab: Lab): Origin[] {
  const victim = lab.host(1);
  return lab.hosts.slice(2).flatMap((host) =>
    host.addresses.map((address, plane) => ({
      address,
      target: victim.addresses[plane]!,
      enter: <T>(work: () => T) => host.enter(work),
    })),
  );
}

const VICTIM = 'victim@host1';
const JOINER = 'joiner@host2';
const KEY = cluster.key.toString('hex');

/** A process that is not to end before we end it. */
function deathOf(child: ChildProcess, name: string): Promise<never> {
  const death = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${name} ended with ${code ?? signal}`);
  });
  // Nobody may be waiting for it any more.
  death.catch(() => {});
  return death;
}

const scriptAt = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The node that is attacked, in a process of its own. */
class Victim {
  /** Names of the nodes that came up. */
  readonly ups: string[] = [];
  longestLifeMs = 0;
  readonly died: Promise<never>;
  readonly pid: number;

  private constructor(child: ChildProcess) {
    this.pid = child.pid!;
    this.died = deathOf(child, VICTIM);
    child.on('message', (told: ToldByVictim) => {
      if ('up' in told) this.ups.push(told.up);
      if ('longestLifeMs' in told) this.longestLifeMs = told.longestLifeMs;
    });
  }

  static async start(lab: Lab): Promise<Victim> {
    const options: HonestOptions = {
      name: VICTIM,
      planes: lab.cidrs,
      port: PORT,
      key: KEY,
      friends: lab.host(2).addresses,
    };
    const child = lab.host(1).fork(scriptAt('honest-node.js'), [JSON.stringify(options)]);
    const victim = new Victim(child);
    await Promise.race([once(child, 'message'), victim.died]);
    return victim;
  }
}

/** The honest node, in a process of its own. */
class Joiner {
  /** How long each join took, in ms. */
  readonly all: number[] = [];
  /** Resolves when the victim has done its work. */
  readonly warm: Promise<void>;
  readonly died: Promise<never>;
  readonly #child: ChildProcess;

  constructor(lab: Lab) {
    const options: JoinerOptions = {
      node: { name: JOINER, planes: lab.cidrs, port: PORT },
      key: KEY,
      peer: { name: VICTIM, addresses: lab.host(1).addresses, port: PORT },
      messages: MESSAGES_BEFORE,
      pauseMs: JOIN_PAUSE_MS,
    };
    const child = lab.host(2).fork(scriptAt('joiner.js'), [JSON.stringify(options)]);
    this.#child = child;
    this.died = deathOf(child, JOINER);
    this.warm = new Promise((resolve) => {
      child.on('message', (told: Told) => {
        if ('worked' in told) resolve();
        else this.all.push(told.joinMs);
      });
    });
  }

  async end(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.send('end');
    await exit;
  }
}

function memory(pid: number, which: keyof typeof PROCESS_MEMORY): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = new RegExp(`^${PROCESS_MEMORY[which]}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kib === undefined) throw new Error(`no ${PROCESS_MEMORY[which]} in /proc/${pid}/status`);
  return Number(kib) * 1024;
}

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
