/** The world of one seed: nodes, their network, what goes wrong, and whether all promises held. */

import { limits } from '../../../src/limits.js';
import type { Aead } from '../../../src/runtime/crypto.js';
import { SimNetwork } from '../../../src/testing/model/network.js';
import { LATEST_TIMER_MS } from '../../../src/testing/virtual-process.js';
import { VirtualTime } from '../../../src/testing/virtual-time.js';
import { SeededRandom } from '../../random.js';
import { setLimits } from '../core/limits.js';
import { Trace } from '../core/trace.js';
import type { SeedOptions, SeedResult } from '../worlds.js';
import { WitnessAead } from './aead.js';
import { WeakBus } from './bus.js';
import { Checker, type SentMessage } from './checker.js';
import { LinkFaults } from './faults.js';
import { chooseKnobs, type Knobs } from './knobs.js';
import { nameOf, SimNode } from './node.js';

const MIXED_MS = 2000;
/** Under faults, no world takes longer to come to so many events. */
const LONGEST_MS = 600_000;
/** Longest time from the end of all faults until everything is as it should be. */
const CALM_MS = 30_000;
const LOOK_EVERY_MS = 500;
/** Timers of a process that has one link with each of its peers and nothing to do. */
const TIMERS_PER_PEER = 6;
/** Time for one node to leave another, a lost packet or two included. */
const FAREWELL_MS = 1500;
/** Between a turn of the event loop and the next. */
const SLACK_MS = 5;

/** Runs one seed from beginning to end. */
export function runSeed(seed: number, options: SeedOptions): SeedResult {
  const world = new LinkWorld(seed, options);
  const restore = setLimits(world.knobs.limits);
  try {
    return world.run();
  } finally {
    restore();
  }
}

export class LinkWorld {
  readonly time = new VirtualTime();
  readonly checker = new Checker();
  readonly trace: Trace;
  readonly random: SeededRandom;
  readonly knobs: Knobs;
  readonly network: SimNetwork;
  /** Null: the real one. */
  readonly aead: Aead | null;
  readonly nodes: (SimNode | null)[];
  /** Nothing goes wrong any more, and nobody sends by himself. */
  isCalm = false;
  readonly #seed: number;
  readonly #options: SeedOptions;
  readonly #faults: LinkFaults;
  /** Who dials whom, as `dialler listener`. */
  readonly #dials = new Set<string>();

  constructor(seed: number, options: SeedOptions) {
    this.#seed = seed;
    this.#options = options;
    this.trace = new Trace(options.isVerbose);
    this.random = new SeededRandom(seed);
    this.knobs = chooseKnobs(seed, this.random.fork('knobs'));
    const { time, trace, knobs, checker } = this;
    this.network = new SimNetwork({
      time,
      trace,
      random: this.random.fork('network'),
      settings: knobs,
      watch: checker,
    });
    this.aead = knobs.realCrypto ? null : new WitnessAead((what) => checker.violated(what));
    this.nodes = Array.from({ length: this.knobs.nodes }, () => null);
    this.#faults = new LinkFaults(this);
  }

  run(): SeedResult {
    new WeakBus(this).run();
    this.#chooseDials();
    for (const host of this.nodes.keys()) this.start(host);
    this.#faults.begin();
    const { leastEvents } = this.#options;
    const isMixed = () => this.trace.events >= leastEvents && this.time.nowMs > MIXED_MS;
    this.#runUntil(isMixed, LONGEST_MS, () => 'too little happened');
    this.#calm();
    const { events, hash, lines } = this.trace;
    const { violations, counts } = this.checker;
    return { seed: this.#seed, events, hash, violations, lines, counts };
  }

  /** A node begins, with a new incarnation, unless there is one on this host. */
  start(host: number): void {
    if (this.nodes[host] !== null) return;
    const node = new SimNode(this, host);
    this.nodes[host] = node;
    for (const other of this.nodes.keys()) if (this.dials(host, other)) node.connect(other);
  }

  /** Whether one host's node is the one, or one of the two, that dials another's. */
  dials(host: number, other: number): boolean {
    return this.#dials.has(`${host} ${other}`);
  }

  /** A process ends in the middle of whatever it does. */
  kill(node: SimNode, how: 'killed' | 'vanished'): void {
    if (this.nodes[node.host] !== node) return;
    this.trace.note(this.time.nowMs, how, node.name);
    this.nodes[node.host] = null;
    node.process.kill();
    this.checker.gone(node.name);
    this.network.processEnded(node.host, node.process, how);
  }

  /** The same, followed by a new beginning. */
  killSoon(node: SimNode): void {
    if (this.isCalm) return;
    this.kill(node, 'killed');
    this.#faults.startLater(node.host);
  }

  crashed(name: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.checker.violated(`${name}: an exception came out of the event loop: ${text}`);
  }

  #chooseDials(): void {
    for (const a of this.nodes.keys()) {
      for (const b of this.nodes.keys()) {
        if (a >= b) continue;
        const who = this.random.below(4);
        if (who !== 1) this.#dials.add(`${a} ${b}`);
        if (who !== 2) this.#dials.add(`${b} ${a}`);
      }
    }
  }

  #runUntil(isDone: () => boolean, withinMs: number, why: () => string): void {
    const { time, checker } = this;
    const endMs = time.nowMs + withinMs;
    while (checker.violations.length === 0 && !isDone()) {
      if (time.nextMs > endMs || !time.step()) {
        checker.violated(why());
        return;
      }
      checker.afterEvent();
    }
  }

  #runFor(durationMs: number): void {
    const { time, checker } = this;
    const endMs = time.nowMs + durationMs;
    // Where nothing is to happen for so long, time passes all the same.
    time.at(endMs, () => {});
    while (checker.violations.length === 0 && time.nextMs <= endMs && time.step()) {
      checker.afterEvent();
    }
  }

  /** All faults stop; everything converges, and then every message arrives. */
  #calm(): void {
    this.isCalm = true;
    this.#faults.end();
    for (let passedMs = 0; passedMs < CALM_MS && this.#unsettled() !== null; ) {
      this.#runFor(LOOK_EVERY_MS);
      passedMs += LOOK_EVERY_MS;
    }
    this.#mustBeSettled('after the faults had stopped');
    if (this.checker.violations.length > 0) return;
    const from = this.checker.messages.length;
    for (const node of this.nodes) node?.process.readable(() => node.program.greet());
    for (let looks = 0; looks < 10 && this.#unsettled() !== null; looks++) {
      this.#runFor(LOOK_EVERY_MS);
    }
    this.#mustBeSettled('after the last messages');
    if (this.checker.violations.length > 0) return;
    this.#judgeLast(this.checker.messages.slice(from));
    this.#farewell();
  }

  /** One node leaves another: what it has just sent is delivered first, and both know why. */
  #farewell(): void {
    const { checker } = this;
    const [node, peer] = this.nodes as readonly (SimNode | null)[];
    if (node === null || peer === null || node === undefined || peer === undefined) return;
    const from = checker.messages.length;
    node.process.readable(() => node.program.greet());
    node.disconnect(peer.host);
    this.#runFor(FAREWELL_MS);
    if (checker.violations.length > 0) return;
    const notDelivered = checker.messages
      .slice(from)
      .find(({ to, outcome }) => to === peer.name && outcome?.type !== 'delivered');
    if (notDelivered !== undefined) {
      const { id, outcome } = notDelivered;
      checker.violated(`message ${id} is ${outcome?.type}, its sender left after it`);
    }
    const reasons = [
      checker.lastDown(node.name, peer.name),
      checker.lastDown(peer.name, node.name),
    ];
    if (reasons.join() !== 'closed,left') {
      checker.violated(`${node.name} left ${peer.name}, the reasons are ${reasons.join(' and ')}`);
    }
  }

  /** What is sent when all is calm arrives, and its sender hears so soon. */
  #judgeLast(last: readonly SentMessage[]): void {
    const { checker, knobs } = this;
    const { nodes, loss, latencyMs, jitterMs } = knobs;
    if (last.length !== 2 * nodes * (nodes - 1)) checker.violated('not everybody could send');
    const mostMs = latencyMs + jitterMs + limits.ackDelayMs + LATEST_TIMER_MS + SLACK_MS;
    for (const { id, outcome, toldAtMs, handledAtMs } of last) {
      if (outcome?.type !== 'delivered') {
        checker.violated(`all is calm, and message ${id} is ${outcome?.type}`);
      }
      const tookMs = (toldAtMs ?? 0) - (handledAtMs ?? 0);
      if (loss === 0 && tookMs > mostMs) {
        checker.violated(`the outcome of message ${id} came after ${tookMs} ms`);
      }
    }
  }

  #mustBeSettled(when: string): void {
    if (this.checker.violations.length > 0) return;
    const why = this.#unsettled();
    if (why !== null) this.checker.violated(`${when}: ${why}`);
  }

  /** What is not as it is once everything has come to rest; null when all is. */
  #unsettled(): string | null {
    for (const node of this.nodes) {
      if (node === null) return 'a node is not there';
      if (node.process.isStalled) return `${node.name} stands still`;
      const most = TIMERS_PER_PEER * this.knobs.nodes;
      const { waiting } = node.process;
      if (waiting > most) return `${node.name} has ${waiting} timers`;
      for (const host of this.nodes.keys()) {
        const why = host === node.host ? null : this.#unsettledLink(node, host);
        if (why !== null) return why;
      }
    }
    const pairs = (this.knobs.nodes * (this.knobs.nodes - 1)) / 2;
    const { size } = this.network.associations;
    return size === pairs ? null : `${size} associations for ${pairs} links`;
  }

  #unsettledLink(node: SimNode, host: number): string | null {
    const peer = nameOf(host);
    const what = `${node.name} to ${peer}`;
    const ours = this.checker.current(node.name, peer);
    const theirs = this.checker.current(peer, node.name);
    if (ours === undefined || theirs === undefined) return `${what}: no link`;
    if (ours.carrier.association !== theirs.carrier.association) return `${what}: two links`;
    if (ours.pending.size > 0) return `${what}: ${ours.pending.size} messages without outcome`;
    if (ours.live.link.stalled) return `${what}: stalled`;
    if (node.program.isHeldUp(peer)) return `${what}: no drain came`;
    if (ours.heldBytes > 0) return `${what}: handlers are not done`;
    const { unreadBytes, queuedBytes } = ours.carrier;
    return unreadBytes + queuedBytes === 0 ? null : `${what}: the carrier is not empty`;
  }
}
