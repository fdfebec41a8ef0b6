/**
 * Links between processes, as nodes give them to the machines of the configuration: in order, and
 * not altered; when one ends, some last part of what was sent is lost, and all that came is handled
 * before the end is told. A cut holds messages up, and ends the link when it lasts.
 */
import { BEGIN, END } from '../../../src/config/parts.js';
import type { VirtualTime } from '../../../src/testing/virtual-time.js';
import { profiles } from '../../../src/timing/profiles.js';
import type { SeededRandom } from '../../random.js';

const { outageMs, stallMs } = profiles.lan;
/** Ends are late by so much at most: beside an outage, well within what a slave has to say DOWN. */
const LATE_MS = 700;
const CUT_LATE_MS = 100;

/** What happens at one end of a link. */
export type LinkEvent =
  | { readonly type: 'up' | 'down' | 'stalled' | 'resumed'; readonly name: string }
  | { readonly type: 'message'; readonly name: string; readonly body: Buffer };

/** A process that has links. */
export interface Linked {
  readonly name: string;
  readonly isAlive: boolean;
  readonly isStalled: boolean;
  linkEvent(event: LinkEvent): void;
}

/** What the bus is part of. */
export interface BusSetup {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** Mean time between two attempts to link. */
  readonly dialMs: number;
  /** Whether two nodes want a link at all. */
  wanted(one: string, other: string): boolean;
}

interface Letter {
  readonly body: Buffer;
  readonly atMs: number;
}

/** One end: what is on its way to it. */
interface End {
  process: Linked;
  state: 'coming' | 'up' | 'over';
  isToldStalled: boolean;
  letters: Letter[];
  lastMs: number;
}

interface Link {
  readonly pair: string;
  readonly ends: readonly [End, End];
  /** It is ending: nothing more that is sent arrives. */
  isBroken: boolean;
}

export class Bus {
  readonly counts = { links: 0, breaks: 0, messages: 0, lostMessages: 0 };
  readonly #setup: BusSetup;
  readonly #processes = new Map<string, Linked>();
  readonly #links = new Map<string, Link>();
  /** How many cuts there are between two. */
  readonly #cuts = new Map<string, number>();
  readonly #dialled = new Set<string>();

  constructor(setup: BusSetup) {
    this.#setup = setup;
  }

  /** A process is there. */
  began(process: Linked): void {
    this.#processes.set(process.name, process);
    for (const other of this.#processes.keys()) this.#dialLater(process.name, other);
  }

  /**
   * What hears at one end of the links is another from now on, and the links stay.
   * @param told BEGIN: of the machine that begins the other ends are told, in order with what was
   *   sent before; END: of that which ends; null: they are told nothing.
   */
  replace(process: Linked, next: Linked, told: Buffer | null): void {
    this.#processes.set(next.name, next);
    for (const link of this.#links.values()) {
      const own = link.ends.find((end) => end.process === process);
      if (own === undefined) continue;
      own.process = next;
      if (own.state !== 'up' || told === null) continue;
      const { name } = otherEnd(link, own).process;
      this.send(next, name, told);
      if (told !== BEGIN) continue;
      next.linkEvent({ type: 'up', name });
      if (own.isToldStalled) next.linkEvent({ type: 'stalled', name });
    }
  }

  /** A process is gone; its peers are told at once, or find out. */
  ended(process: Linked, how: 'killed' | 'vanished'): void {
    if (this.#processes.get(process.name) === process) this.#processes.delete(process.name);
    for (const link of this.#links.values()) {
      const own = link.ends.find((end) => end.process === process);
      if (own === undefined) continue;
      own.state = 'over';
      own.letters = [];
      this.#break(link, how === 'killed' ? 0 : outageMs);
    }
  }

  /** Whether this process has a link to that node, as far as it was told. */
  isUp(process: Linked, name: string): boolean {
    return this.#endOf(process, name)?.state === 'up';
  }

  /** The link by which two hear each other, as both were told; null: there is none. */
  linkOf(one: Linked, other: Linked): object | null {
    const pair = pairOf(one.name, other.name);
    const isUp = this.isUp(one, other.name) && this.isUp(other, one.name);
    return (isUp && !this.#isCut(pair) && this.#links.get(pair)) || null;
  }

  send(process: Linked, to: string, body: Buffer): void {
    const { time, random, latencyMs, jitterMs } = this.#setup;
    this.counts.messages++;
    const link = this.#links.get(pairOf(process.name, to));
    const own = link?.ends.find((end) => end.process === process);
    if (link === undefined || own?.state !== 'up' || link.isBroken) {
      this.counts.lostMessages++;
      return;
    }
    const other = otherEnd(link, own);
    const atMs = Math.max(other.lastMs, time.nowMs + latencyMs + random.exponential(jitterMs));
    other.lastMs = atMs;
    other.letters.push({ body, atMs });
    time.at(atMs, () => this.#pump(link, other));
  }

  /** Nothing passes between two, until `heal` was called as often. */
  cut(one: string, other: string): void {
    const { time, random } = this.#setup;
    const pair = pairOf(one, other);
    const before = this.#cuts.get(pair) ?? 0;
    this.#cuts.set(pair, before + 1);
    const link = this.#links.get(pair);
    if (before > 0 || link === undefined) return;
    time.after(outageMs + Math.min(random.exponential(50), CUT_LATE_MS), () => {
      if (this.#isCut(pair) && this.#links.get(pair) === link) this.#break(link, 0);
    });
  }

  heal(one: string, other: string): void {
    const pair = pairOf(one, other);
    const left = (this.#cuts.get(pair) ?? 0) - 1;
    if (left > 0) this.#cuts.set(pair, left);
    else this.#cuts.delete(pair);
    if (left > 0) return;
    this.#pumpBoth(pair);
  }

  healAll(): void {
    const pairs = [...this.#cuts.keys()];
    this.#cuts.clear();
    for (const pair of pairs) this.#pumpBoth(pair);
  }

  /** The association fails. */
  fail(one: string, other: string): void {
    const link = this.#links.get(pairOf(one, other));
    if (link !== undefined) this.#break(link, 0);
  }

  /** A loop stands still, or seems to. Its peers say so once it has for long. */
  stood(process: Linked, durationMs: number): void {
    const { time } = this.#setup;
    for (const link of this.#links.values()) {
      const own = link.ends.find((end) => end.process === process);
      if (own === undefined) continue;
      const other = otherEnd(link, own);
      if (durationMs <= stallMs) continue;
      time.after(stallMs, () => this.#tellStalled(link, other, true));
      time.after(durationMs, () => this.#tellStalled(link, other, false));
    }
  }

  #tellStalled(link: Link, end: End, isStalled: boolean): void {
    if (end.state !== 'up' || link.isBroken || end.isToldStalled === isStalled) return;
    end.isToldStalled = isStalled;
    const { name } = otherEnd(link, end).process;
    end.process.linkEvent({ type: isStalled ? 'stalled' : 'resumed', name });
  }

  #endOf(process: Linked, name: string): End | undefined {
    const link = this.#links.get(pairOf(process.name, name));
    return link?.ends.find((end) => end.process === process);
  }

  #isCut(pair: string): boolean {
    return this.#cuts.has(pair);
  }

  #pumpBoth(pair: string): void {
    const link = this.#links.get(pair);
    for (const end of link?.ends ?? []) this.#pump(link as Link, end);
  }

  /** Gives an end what has come to it. */
  #pump(link: Link, end: End): void {
    if (end.state !== 'up' || link.isBroken || this.#isCut(link.pair)) return;
    const { nowMs } = this.#setup.time;
    const { name } = otherEnd(link, end).process;
    while (end.letters[0] !== undefined && end.letters[0].atMs <= nowMs) {
      const { body } = end.letters.shift() as Letter;
      give(end.process, name, body);
    }
  }

  /** A link ends. What is on its way arrives up to some point; each end hears of it by itself. */
  #break(link: Link, noticedMs: number): void {
    if (link.isBroken) return;
    const { time, random } = this.#setup;
    link.isBroken = true;
    this.counts.breaks++;
    for (const end of link.ends) {
      if (end.state === 'over') continue;
      const kept = random.chance(0.5) ? end.letters.length : random.below(end.letters.length + 1);
      this.counts.lostMessages += end.letters.length - kept;
      end.letters = end.letters.slice(0, kept);
      const lateMs = Math.min(random.exponential(random.pick([2, 200])), LATE_MS);
      time.after(noticedMs + lateMs, () => this.#over(link, end));
    }
  }

  /** The end of an end: everything that came, and then that it is over. */
  #over(link: Link, end: End): void {
    if (end.state === 'over') return;
    const { process, letters } = end;
    const { name } = otherEnd(link, end).process;
    const wasUp = end.state === 'up';
    end.state = 'over';
    end.letters = [];
    if (wasUp) {
      for (const { body } of letters) give(process, name, body);
      process.linkEvent({ type: 'down', name });
    }
    if (this.#links.get(link.pair) === link) this.#dialLater(process.name, name);
  }

  #dialLater(one: string, other: string): void {
    const { time, random, dialMs, wanted } = this.#setup;
    const pair = pairOf(one, other);
    if (one === other || this.#dialled.has(pair) || !wanted(one, other)) return;
    this.#dialled.add(pair);
    time.after(random.exponential(dialMs), () => {
      this.#dialled.delete(pair);
      this.#dial(one, other);
    });
  }

  #dial(one: string, other: string): void {
    const pair = pairOf(one, other);
    const [a, b] = [this.#processes.get(one), this.#processes.get(other)];
    if (a === undefined || b === undefined) return;
    const old = this.#links.get(pair);
    if (old !== undefined && !old.isBroken) return;
    if (this.#isCut(pair) || a.isStalled || b.isStalled) return this.#dialLater(one, other);
    const newEnd = (process: Linked): End => {
      return { process, state: 'coming', isToldStalled: false, letters: [], lastMs: 0 };
    };
    const link: Link = { pair, ends: [newEnd(a), newEnd(b)], isBroken: false };
    this.#links.set(pair, link);
    this.counts.links++;
    const { time, random, latencyMs } = this.#setup;
    for (const end of link.ends) {
      time.after(random.exponential(latencyMs), () => this.#up(link, end, old));
    }
  }

  /** An end comes up, after that of the link before is over. */
  #up(link: Link, end: End, old: Link | undefined): void {
    const before = old?.ends.find(({ process }) => process === end.process);
    if (old !== undefined && before !== undefined) this.#over(old, before);
    if (end.state !== 'coming') return;
    if (link.isBroken) {
      end.state = 'over';
      this.#dialLater(end.process.name, otherEnd(link, end).process.name);
      return;
    }
    end.state = 'up';
    end.process.linkEvent({ type: 'up', name: otherEnd(link, end).process.name });
    this.#pump(link, end);
  }
}

/** Gives a process what came from a node, as a driver does. */
function give(process: Linked, name: string, body: Buffer): void {
  if (body !== BEGIN && body !== END) return process.linkEvent({ type: 'message', name, body });
  process.linkEvent({ type: 'down', name });
  if (body === BEGIN) process.linkEvent({ type: 'up', name });
}

function pairOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}

function otherEnd(link: Link, end: End): End {
  return link.ends[0] === end ? link.ends[1] : link.ends[0];
}
