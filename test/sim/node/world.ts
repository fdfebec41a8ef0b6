/** The world of one seed: whole nodes, their network, what goes wrong, and whether all held. */
import type { Aead } from '../../../src/runtime/crypto.js';
import { SimNetwork } from '../../../src/testing/model/network.js';
import { settle, VirtualTime } from '../../../src/testing/virtual-time.js';
import { SeededRandom } from '../../random.js';
import { Trace } from '../core/trace.js';
import { WitnessAead } from '../link/aead.js';
import type { SeedOptions, SeedResult } from '../worlds.js';
import { Checker } from './checker.js';
import { NodeFaults } from './faults.js';
import { Reach } from './health.js';
import { chooseKnobs, type Knobs } from './knobs.js';
import { Ledger } from './ledger.js';
import { nameOf, SimMember } from './member.js';

const MIXED_MS = 4000;
/** Under faults, no world takes longer to come to so many events. */
const LONGEST_MS = 3_600_000;
/** Longest time from the end of all faults until everything is as it should be. */
const CALM_MS = 40_000;
/** For so long nothing happens to a link then. */
const QUIET_MS = 3000;
const LOOK_EVERY_MS = 100;
/** Timers of a node per peer when it has nothing to do, and of the node itself. */
const TIMERS_PER_PEER = 6;
const CLOSE_MS = 3000;

/** Runs one seed from beginning to end. */
export function runSeed(seed: number, options: SeedOptions): Promise<SeedResult> {
  return new NodeWorld(seed, options).run();
}

export class NodeWorld {
  readonly time = new VirtualTime();
  readonly trace: Trace;
  readonly random: SeededRandom;
  readonly knobs: Knobs;
  readonly network: SimNetwork;
  readonly reach: Reach;
  readonly checker: Checker;
  readonly ledger: Ledger;
  /** Null: the real one. */
  readonly aead: Aead | null;
  /** Hosts of processes that have the names of others. */
  readonly spareHosts = 2;
  /** Nothing goes wrong any more, and nobody sends by himself. */
  isCalm = false;
  readonly #seed: number;
  readonly #options: SeedOptions;
  readonly #faults: NodeFaults;
  readonly #members = new Map<number, SimMember>();
  /** Who dials whom, as `dialler listener`. */
  readonly #dials = new Set<string>();
  #begun = 0;

  constructor(seed: number, options: SeedOptions) {
    this.#seed = seed;
    this.#options = options;
    this.trace = new Trace(options.isVerbose);
    this.random = new SeededRandom(seed);
    this.knobs = chooseKnobs(seed, this.random.fork('knobs'));
    const { time, trace, knobs } = this;
    this.network = new SimNetwork({
      time,
      trace,
      random: this.random.fork('network'),
      settings: knobs,
      watch: { violated: (what) => this.checker.violated(what), carrierEnded: () => {} },
    });
    this.reach = new Reach(time, this.network, knobs.nodes + this.spareHosts);
    this.checker = new Checker(time, this.reach);
    this.ledger = new Ledger(this.checker, () => time.nowMs);
    this.aead = knobs.realCrypto ? null : new WitnessAead((what) => this.checker.violated(what));
    this.#faults = new NodeFaults(this);
  }

  async run(): Promise<SeedResult> {
    this.#chooseDials();
    const { loss, latencyMs, jitterMs } = this.knobs;
    this.checker.isUntouched = loss === 0 && jitterMs <= latencyMs;
    for (let host = 0; host < this.knobs.nodes; host++) this.start(host);
    await settle();
    this.#lookAgain();
    this.#faults.begin();
    const { leastEvents } = this.#options;
    const isMixed = () => this.trace.events >= leastEvents && this.time.nowMs > MIXED_MS;
    await this.#runUntil(isMixed, LONGEST_MS, () => 'too little happened');
    if (this.checker.violations.length === 0) await this.#calm();
    const { events, hash, lines } = this.trace;
    const { violations, counts } = this.checker;
    const all = { ...counts, ...this.ledger.counts };
    return { seed: this.#seed, events, hash, violations, lines, counts: all };
  }

  /** All processes that run. */
  get members(): SimMember[] {
    return [...this.#members.values()];
  }

  /** The process on a host; null when there is none. */
  memberAt(host: number): SimMember | null {
    return this.#members.get(host) ?? null;
  }

  /** A node begins, with a new incarnation; null when there is one on this host. */
  start(host: number, name = nameOf(host)): SimMember | null {
    if (this.#members.has(host)) return null;
    const member = new SimMember(this, host, name, this.#begun++);
    this.#members.set(host, member);
    return member;
  }

  /** A node listens. */
  started(member: SimMember): void {
    const { host } = member;
    // A host that was off is there again.
    this.change(() => {});
    for (let other = 0; other < this.knobs.nodes; other++) {
      if (this.dials(host, other)) member.connect(other);
    }
  }

  /** Whether one host's node is the one, or one of the two, that dials another's. */
  dials(host: number, other: number): boolean {
    return this.#dials.has(`${host} ${other}`);
  }

  /** Something changes in the network. */
  change(what: () => void): void {
    what();
    this.reach.look();
  }

  /** A process ends in the middle of whatever it does. */
  kill(member: SimMember, how: 'killed' | 'vanished'): void {
    if (this.#members.get(member.host) !== member) return;
    this.trace.note(this.time.nowMs, how, member.process.name);
    this.#members.delete(member.host);
    member.isGone = true;
    member.process.kill();
    this.checker.gone(member);
    this.change(() => this.network.processEnded(member.host, member.process, how));
  }

  crashed(name: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.checker.violated(`${name}: an exception came out: ${text}`);
  }

  #chooseDials(): void {
    for (let a = 0; a < this.knobs.nodes; a++) {
      for (let b = a + 1; b < this.knobs.nodes; b++) {
        const who = this.random.below(4);
        if (who !== 1) this.#dials.add(`${a} ${b}`);
        if (who !== 2) this.#dials.add(`${b} ${a}`);
      }
    }
  }

  #lookAgain(): void {
    this.checker.look();
    this.ledger.look(this.members.flatMap((member) => this.checker.ends(member)));
    this.time.after(LOOK_EVERY_MS, () => this.#lookAgain());
  }

  /** One event, and the promises that follow from it. */
  async #step(): Promise<void> {
    const { time } = this;
    time.step();
    if (time.isUnsettled) {
      time.isUnsettled = false;
      await settle();
    }
    this.ledger.afterEvent();
  }

  async #runUntil(isDone: () => boolean, withinMs: number, why: () => string): Promise<void> {
    const { time, checker } = this;
    const endMs = time.nowMs + withinMs;
    while (checker.violations.length === 0 && !isDone()) {
      if (time.nextMs > endMs) return checker.violated(why());
      await this.#step();
    }
  }

  async #runFor(durationMs: number): Promise<void> {
    const { time, checker } = this;
    const endMs = time.nowMs + durationMs;
    while (checker.violations.length === 0 && time.nextMs <= endMs) await this.#step();
  }

  /** All faults stop; everything converges, all that is sent arrives, and then all leave. */
  async #calm(): Promise<void> {
    const { checker, ledger } = this;
    this.isCalm = true;
    this.#faults.end();
    await this.#settleDown('after the faults had stopped', CALM_MS);
    checker.isQuiet = true;
    const from = ledger.nextId;
    for (const member of this.members) member.turn(() => member.program.greet());
    await this.#runFor(QUIET_MS);
    await this.#settleDown('after the last messages', QUIET_MS);
    if (checker.violations.length > 0) return;
    const last = ledger.messages.slice(from);
    const { nodes } = this.knobs;
    if (last.length !== 2 * nodes * (nodes - 1)) checker.violated('not everybody could send');
    for (const { id, isHandled } of last) {
      if (!isHandled) checker.violated(`all is calm, and message ${id} was not handled`);
    }
    checker.isQuiet = false;
    await this.#farewell();
  }

  async #settleDown(when: string, withinMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < withinMs && this.#unsettled() !== null; ) {
      await this.#runFor(LOOK_EVERY_MS);
      passedMs += LOOK_EVERY_MS;
    }
    if (this.checker.violations.length > 0) return;
    const why = this.#unsettled();
    if (why !== null) this.checker.violated(`${when}: ${why}`);
  }

  /** One node leaves all others, which know why; then all others leave at once. */
  async #farewell(): Promise<void> {
    const { checker } = this;
    const [first, ...others] = this.members as [SimMember, ...SimMember[]];
    first.close(CLOSE_MS);
    await this.#runFor(CLOSE_MS);
    this.#mustBeGone([first]);
    for (const other of others) {
      const end = checker.current(other, first.name);
      if (end !== undefined) checker.violated(`${other.name} has a link with one that left`);
    }
    for (const member of others) member.close(CLOSE_MS);
    await this.#runFor(2 * CLOSE_MS);
    this.#mustBeGone(others);
    if (this.network.associations.size > 0) checker.violated('all are closed, not so associations');
  }

  #mustBeGone(members: readonly SimMember[]): void {
    if (this.checker.violations.length > 0) return;
    for (const { name, isClosed, process } of members) {
      if (!isClosed) this.checker.violated(`${name} does not come to an end`);
      else if (process.waiting > 0) {
        this.checker.violated(`${name} is closed, and has ${process.waiting} timers`);
      }
    }
  }

  /** What is not as it is once everything has come to rest; null when all is. */
  #unsettled(): string | null {
    const { nodes } = this.knobs;
    if (this.#members.size !== nodes) return 'a node is not there';
    for (const member of this.members) {
      const { name, process } = member;
      if (process.isStalled) return `${name} stands still`;
      if (process.waiting > TIMERS_PER_PEER * nodes) return `${name} has ${process.waiting} timers`;
      const untold = member.program.untold;
      if (untold > 0) return `${name}: nobody was told of ${untold} failures of handlers`;
      for (const other of this.members) {
        const why = other === member ? null : this.#unsettledLink(member, other);
        if (why !== null) return why;
      }
    }
    const pairs = (nodes * (nodes - 1)) / 2;
    const { size } = this.network.associations;
    return size === pairs ? null : `${size} associations for ${pairs} links`;
  }

  #unsettledLink(member: SimMember, other: SimMember): string | null {
    const { checker } = this;
    const what = `${member.name} to ${other.name}`;
    const ours = checker.current(member, other.name);
    const theirs = checker.current(other, member.name);
    if (ours === undefined || theirs === undefined) return `${what}: no link`;
    if (ours.identity !== theirs.identity) return `${what}: two links`;
    if (ours.pending.size > 0) return `${what}: ${ours.pending.size} messages without outcome`;
    if (ours.calls.size > 0) return `${what}: ${ours.calls.size} calls without answer`;
    if (ours.isStalled) return `${what}: stalled`;
    if (ours.isBare) return `${what}: a plane is missing`;
    const view = member.node?.nodes.find(({ name }) => name === other.name);
    if (view === undefined) return `${what}: not among its nodes`;
    if (view.stalled || !view.redundant) return `${what}: seen as ${JSON.stringify(view)}`;
    return null;
  }
}
