/** The world of one seed: replicas, slaves and clients, what goes wrong, and whether all held. */
import { type EpochRecord, isMaster } from '../../../src/config/epoch-record.js';
import { BEGIN, END } from '../../../src/config/parts.js';
import type { ReplicaInput, ReplicaStatus } from '../../../src/config/replica-io.js';
import { VirtualTime } from '../../../src/testing/virtual-time.js';
import { SeededRandom } from '../../random.js';
import { setLimits } from '../core/limits.js';
import { Trace } from '../core/trace.js';
import type { SeedOptions, SeedResult } from '../worlds.js';
import { Bus } from './bus.js';
import { Checker } from './checker.js';
import { Client } from './client.js';
import { emptyImage, newDiskCounts, SimDisk } from './disk.js';
import { ConfigFaults } from './faults.js';
import { History } from './history.js';
import { chooseKnobs, type Knobs } from './knobs.js';
import { Opening, SimMember } from './member.js';
import { Operator } from './operator.js';
import { SimProcess } from './process.js';
import { unexplained } from './register.js';

const MIXED_MS = 5000;
/** Under faults, no world takes longer to come to so many events. */
const LONGEST_MS = 36_000_000;
/** Longest time from the end of all faults until everything is as it should be. */
const CALM_MS = 120_000;
/** For so long it has to stay so, with clients that read and write; then they stop. */
const STEADY_MS = 1000;
const LOOK_EVERY_MS = 100;

/** Runs one seed from beginning to end. */
export function runSeed(seed: number, options: SeedOptions): SeedResult {
  const random = new SeededRandom(seed);
  const knobs = chooseKnobs(random.fork('knobs'));
  const restore = setLimits(knobs.limits);
  try {
    return new ConfigWorld(seed, random, knobs, options).run();
  } finally {
    restore();
  }
}

/** Somebody who looks on at what replicas hear and tell. */
export interface Onlooker {
  /** A machine is about to be told something. */
  heard(process: SimProcess, input: ReplicaInput): void;
  told(process: SimProcess, status: ReplicaStatus): void;
  /** All has come to be as it should, and stays so. */
  settled(): void;
}

export class ConfigWorld {
  readonly time = new VirtualTime();
  readonly trace: Trace;
  readonly random: SeededRandom;
  readonly knobs: Knobs;
  readonly checker: Checker;
  readonly history: History;
  readonly bus: Bus;
  readonly operator: Operator;
  readonly members: readonly SimMember[];
  /** Names of all members, and of those that may be masters. */
  readonly memberNames: readonly string[];
  readonly masterNames: readonly string[];
  onlooker: Onlooker | null = null;
  /** Lineages of other clusters. */
  readonly foreign = new Set<string>();
  /** Nothing goes wrong any more, and nobody asks for anything any more. */
  isCalm = false;
  isSilent = false;
  readonly #seed: number;
  readonly #options: SeedOptions;
  readonly #faults: ConfigFaults;
  readonly #clients: readonly Client[];
  readonly #ids: SeededRandom;
  #moments = 0;

  constructor(seed: number, random: SeededRandom, knobs: Knobs, options: SeedOptions) {
    this.#seed = seed;
    this.#options = options;
    this.trace = new Trace(options.isVerbose);
    this.random = random;
    this.knobs = knobs;
    this.#ids = random.fork('ids');
    this.checker = new Checker(this);
    this.history = new History((what) => this.checker.violated(what));
    const { masters, spares, slaves } = knobs;
    const names = (count: number, letter: string) =>
      Array.from({ length: count }, (_, index) => `${letter}@h${letter}${index + 1}`);
    this.masterNames = names(masters + spares, 'm');
    const slaveNames = names(slaves, 's');
    this.memberNames = [...this.masterNames, ...slaveNames];
    this.bus = this.#makeBus(slaveNames);
    this.members = this.memberNames.map((name) => {
      return new SimMember(name, this.#makeDisk(name), slaveNames.includes(name));
    });
    this.#faults = new ConfigFaults(this);
    this.operator = new Operator(this);
    this.#clients = Array.from({ length: knobs.clients }, (_, index) => {
      return new Client(this, `c${index}`);
    });
  }

  run(): SeedResult {
    for (const member of this.members) this.start(member);
    this.#lookAgain();
    this.#faults.begin();
    this.operator.begin();
    const { leastEvents } = this.#options;
    const isMixed = () => this.trace.events >= leastEvents && this.time.nowMs > MIXED_MS;
    this.#runUntil(isMixed, LONGEST_MS, () => 'too little happened');
    if (this.checker.violations.length === 0) this.#calm();
    if (this.checker.violations.length === 0) this.#judgeHistories();
    if (this.checker.violations.length === 0) this.onlooker?.settled();
    const { events, hash, lines } = this.trace;
    const { violations } = this.checker;
    return { seed: this.#seed, events, hash, violations, lines, counts: this.#counts() };
  }

  /** The processes that run, and of them those that may be masters. */
  get processes(): SimProcess[] {
    return this.members.flatMap(({ process }) => process ?? []);
  }

  get replicas(): SimProcess[] {
    return this.processes.filter(({ member }) => !member.isSlave);
  }

  processOf(name: string): SimProcess | null {
    return this.members.find((member) => member.name === name)?.process ?? null;
  }

  /** A place in the order of all that clients see. */
  moment(): number {
    return ++this.#moments;
  }

  newId = (): string => this.#ids.bytes(16).toString('hex');

  /** Keys of the workload, some of them below one prefix. */
  key(number: number): string {
    return [`cluster/a/k${number}`, `cluster/k${number}`, `hosts/h1/k${number}`][
      number % 3
    ] as string;
  }

  /** Whether any store was ever put back to an older copy. */
  get wasSetBack(): boolean {
    return this.#faults.counts.setBack > 0;
  }

  start(member: SimMember): void {
    if (member.process !== null || member.opening !== null) return;
    this.trace.note(this.time.nowMs, 'start', member.name);
    const opening = new Opening(member.name);
    this.bus.began(opening);
    if (this.random.chance(0.7)) this.#open(member, opening);
    else this.#openSoon(member, opening, [5, 200]);
  }

  /**
   * A machine is made anew in the same process: its links stay.
   * @param isClosed the one before says that it ends, and the next may be long in coming
   */
  reopen(member: SimMember, isClosed: boolean): void {
    const { process, disk, name } = member;
    if (process === null) return;
    this.trace.note(this.time.nowMs, isClosed ? 'close' : 'reopen', name);
    member.process = null;
    process.end();
    disk.crash();
    const opening = new Opening(name);
    this.bus.replace(process, opening, isClosed ? END : null);
    this.#openSoon(member, opening, isClosed ? [5, 200, 5000] : [5, 200]);
  }

  /** @param meansMs one of these times passes before, on the average */
  #openSoon(member: SimMember, opening: Opening, meansMs: readonly number[]): void {
    member.opening = opening;
    this.time.after(this.random.exponential(this.random.pick(meansMs)), () => {
      member.opening = null;
      this.#open(member, opening);
    });
  }

  #open(member: SimMember, opening: Opening): void {
    try {
      const process = new SimProcess(this, member);
      member.process = process;
      this.bus.replace(opening, process, BEGIN);
    } catch (error) {
      this.crashed(member.name, error);
    }
  }

  startSoon(member: SimMember, delayMs = this.random.exponential(300)): void {
    this.time.after(delayMs, () => this.start(member));
  }

  /** A process ends in the middle of whatever it does. */
  kill(member: SimMember, how: 'killed' | 'vanished'): void {
    const { process, disk } = member;
    if (process === null) return;
    this.trace.note(this.time.nowMs, how, member.name);
    member.process = null;
    process.end();
    disk.crash();
    this.bus.ended(process, how);
  }

  crashed(name: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.checker.violated(`${name}: an exception came out: ${text}`);
  }

  /**
   * Whether what a store has may be lost: another master has all of it that anybody was told of,
   * and goes on with it. By the newest record there it has to be a master, too: what removes it
   * may be on its way to its disk.
   */
  mayLose({ disk, isSlave }: SimMember): boolean {
    const { durable } = disk;
    if (isSlave || durable === null) return true;
    const lineage = this.history.lineage(durable.record.lineage);
    const told = this.history.at(lineage?.id ?? '', lineage?.toldRevision ?? 0) ?? null;
    return this.members.some((other) => {
      const theirs = other.disk.durable;
      if (other.disk === disk || other.isSlave || theirs === null) return false;
      if (other.disk.setBackFrom !== null || theirs.record.lineage !== lineage?.id) return false;
      const isNamed = isMasterBy(durable.record, other) && isMasterThere(other);
      return isNamed && this.history.holds(theirs, told);
    });
  }

  /** Whether another lineage has a master that goes on with it. */
  hasRival({ disk }: SimMember): boolean {
    const own = disk.durable?.record.lineage;
    return this.members.some((other) => {
      const theirs = other.disk.durable?.record.lineage;
      if (theirs === undefined || theirs === own || this.foreign.has(theirs)) return false;
      return !other.isSlave && isMasterThere(other);
    });
  }

  #makeBus(slaveNames: readonly string[]): Bus {
    const { latencyMs, jitterMs, dialMs } = this.knobs;
    return new Bus({
      time: this.time,
      random: this.random.fork('bus'),
      latencyMs,
      jitterMs,
      dialMs,
      wanted: (one, other) => !(slaveNames.includes(one) && slaveNames.includes(other)),
    });
  }

  #makeDisk(name: string): SimDisk {
    return new SimDisk(name, emptyImage(this.newId()), {
      time: this.time,
      random: this.random.fork(`disk ${name}`),
      history: this.history,
      flushMs: this.random.pick(this.knobs.flushMs),
      violated: (what) => this.checker.violated(what),
      note: (what, revision) => this.trace.note(this.time.nowMs, what, name, revision),
    });
  }

  #lookAgain(): void {
    this.checker.look();
    this.time.after(LOOK_EVERY_MS, () => this.#lookAgain());
  }

  #runUntil(isDone: () => boolean, withinMs: number, why: () => string): void {
    const { time, checker } = this;
    const endMs = time.nowMs + withinMs;
    while (checker.violations.length === 0 && !isDone()) {
      if (time.nextMs > endMs) return checker.violated(why());
      time.step();
    }
  }

  /** All faults stop; everything converges while clients go on, and then they stop. */
  #calm(): void {
    const { time } = this;
    this.isCalm = true;
    this.#faults.end();
    this.operator.calm();
    let sinceMs = Number.POSITIVE_INFINITY;
    let nextLookMs = 0;
    const isSteady = () => {
      if (time.nowMs < nextLookMs) return false;
      nextLookMs = time.nowMs + LOOK_EVERY_MS;
      if (this.#unsettled() !== null) sinceMs = Number.POSITIVE_INFINITY;
      else sinceMs = Math.min(sinceMs, time.nowMs);
      return time.nowMs - sinceMs >= STEADY_MS;
    };
    this.#runUntil(isSteady, CALM_MS, () => `all is calm: ${this.#unsettled()}`);
    this.isSilent = true;
    const isSilent = () =>
      !this.#clients.some(({ isBusy }) => isBusy) && this.#different() === null;
    this.#runUntil(isSilent, CALM_MS, () => `all is silent: ${this.#different() ?? 'not clients'}`);
  }

  /** What is not as it is once everything has come to rest; null when all is. */
  #unsettled(): string | null {
    const leader = this.replicas.find(({ status }) => status?.isWritable === true);
    if (leader === undefined) return 'nobody takes writes';
    const lineage = leader.status?.record?.lineage;
    for (const { name } of this.members) {
      const process = this.processOf(name);
      if (process === null) return `${name} does not run`;
      const why = this.#unsettledAt(process, lineage ?? '');
      if (why !== null) return `${name} ${why}`;
    }
    return null;
  }

  #unsettledAt({ status, member }: SimProcess, lineage: string): string | null {
    if (status === null) return 'says nothing';
    // An empty store that may be a master waits until somebody wants it.
    if (status.role === 'newcomer' && !member.isSlave) return null;
    if (status.record?.lineage !== lineage) return 'is of another lineage';
    if (!status.isReadable) return 'serves no reads';
    if (status.isDown) return 'says that all is down';
    if (status.storeFailure !== null) return `cannot store: ${status.storeFailure}`;
    if (status.missing.length > 0) return `misses ${status.missing.join()}`;
    const [trouble] = status.troubles;
    return trouble === undefined ? null : `has ${trouble.code} with ${trouble.name}`;
  }

  /** Who shows something else than the one that takes writes; null: nobody. */
  #different(): string | null {
    const leader = this.replicas.find(({ status }) => status?.isWritable === true);
    if (leader?.shown == null) return 'nobody takes writes';
    for (const { name, shown, status, member } of this.processes) {
      if (status?.role === 'newcomer' && !member.isSlave) continue;
      if (shown !== leader.shown) {
        return `${name} shows ${shown?.entry.revision}, not ${leader.shown.entry.revision}`;
      }
    }
    return null;
  }

  #judgeHistories(): void {
    const played = this.#clients.flatMap((client) => client.played);
    const why = unexplained(this.history, played);
    if (why !== null) this.checker.violated(why);
  }

  #counts(): Record<string, number> {
    const disks = newDiskCounts();
    for (const { disk } of this.members) {
      for (const name of Object.keys(disks) as (keyof typeof disks)[]) {
        disks[name] += disk.counts[name];
      }
    }
    const { lineages } = this.history;
    return {
      ...this.checker.counts,
      ...this.operator.counts,
      ...this.#faults.counts,
      ...this.bus.counts,
      ...disks,
      lineages: lineages.length,
    };
  }
}

/** Whether its store says that it is a master. */
function isMasterThere(member: SimMember): boolean {
  const { durable } = member.disk;
  return durable !== null && isMasterBy(durable.record, member);
}

function isMasterBy(record: EpochRecord, { name, disk }: SimMember): boolean {
  return isMaster(record, { name, storeId: disk.storeId });
}
