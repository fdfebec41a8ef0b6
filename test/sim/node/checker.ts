/** Holds what nodes say of each other against what really happened. */
import type { NodeDown, NodeUp } from '../../../src/node/events.js';
import type { SimCarrier } from '../../../src/testing/model/carrier.js';
import { LATEST_TIMER_MS } from '../../../src/testing/virtual-process.js';
import type { VirtualTime } from '../../../src/testing/virtual-time.js';
import { profiles } from '../../../src/timing/profiles.js';
import type { Reach } from './health.js';
import { LinkEnd } from './link-end.js';
import type { SimMember } from './member.js';

const { stallMs, outageMs, beatMs } = profiles.lan;

/** A link between two that nothing has happened to for so long does not end. */
const STEADY_MS = 8000;
/** Whoever runs and can be reached answers a probe in this time. */
const ANSWER_MS = stallMs + 500;
/**
 * The machine looks every half beat, and a quarter of one is no lateness to it: so much of each
 * time its loop stands still it does not see.
 */
const UNSEEN_MS = (beatMs * 3) / 4 + 1;
/** Between what is due and what is told: looks, late timers, and the reading of a socket. */
const LATE_MS = beatMs + 3 * LATEST_TIMER_MS;

export class Checker {
  readonly violations: string[] = [];
  /** Nothing may happen to any link any more. */
  isQuiet = false;
  /** Nothing has gone wrong yet, and the network is even: who began together dials together. */
  isUntouched = false;
  readonly counts = { links: 0, downs: 0, stalls: 0, losses: 0 };
  readonly #time: VirtualTime;
  readonly #reach: Reach;
  /** By the process, and the name of its peer: the link that is up. */
  readonly #current = new Map<string, LinkEnd>();
  /** By incarnation. */
  readonly #members = new Map<string, SimMember>();
  /** Links that an end was told to leave, with that end. */
  readonly #leavers = new Set<string>();
  /** When something last happened to two hosts alone. */
  readonly #disturbedMs = new Map<string, number>();
  /** The highest number of a link at an end, by both incarnations. */
  readonly #linkNumbers = new Map<string, number>();

  constructor(time: VirtualTime, reach: Reach) {
    this.#time = time;
    this.#reach = reach;
  }

  violated(what: string): void {
    this.violations.push(what);
  }

  /** The link a process has with a node of this name. */
  current(member: SimMember, peer: string): LinkEnd | undefined {
    return this.#current.get(`${member.key} ${peer}`);
  }

  /** All links of a process. */
  ends(member: SimMember): LinkEnd[] {
    return [...this.#current.values()].filter((end) => end.member === member);
  }

  // --- what really happens

  began(member: SimMember): void {
    this.#members.set(member.incarnation, member);
  }

  /** A process is gone: nobody there waits for anything any more. */
  gone(member: SimMember): void {
    for (const [key, end] of [...this.#current]) {
      if (end.member === member) this.#current.delete(key);
    }
  }

  /** A process was told to leave a peer. */
  leaves(member: SimMember, peer: string): void {
    const end = this.current(member, peer);
    if (end === undefined) return;
    this.#leavers.add(`${end.identity} ${member.incarnation}`);
    end.isLeaving = true;
    const other = this.#members.get(end.peerIncarnation);
    if (other !== undefined) this.disturbed(member.host, other.host);
  }

  /** Something happens to the links of two hosts. */
  disturbed(one: number, other: number): void {
    this.#disturbedMs.set([one, other].sort().join(), this.#time.nowMs);
  }

  // --- what is told

  up(member: SimMember, event: NodeUp, carrier: SimCarrier | undefined): void {
    const { name, incarnation, dialledBy, linkNumber } = event;
    const what = `${member.name} and ${name}`;
    const key = `${member.key} ${name}`;
    this.counts.links++;
    if (this.#current.has(key)) this.violated(`${what}: nodeup without a nodedown before`);
    if (!this.#members.has(incarnation)) this.violated(`${what}: an incarnation there never was`);
    if (carrier === undefined) return this.violated(`${what}: nodeup out of nothing`);
    if (dialledBy === 'us' && !member.mayDial(name)) {
      this.violated(`${what}: nodeup by a dial that nobody wants any more`);
    }
    const isByLower = (dialledBy === 'us') === member.name < name;
    if (this.isUntouched && member.isDialledBy(name) && member.hasDialled(name) && !isByLower) {
      this.violated(`${what}: both have dialled, and the link of the higher name stays`);
    }
    const pair = `${member.incarnation} ${incarnation}`;
    const before = this.#linkNumbers.get(pair) ?? 0;
    if (linkNumber <= before) this.violated(`${what}: link ${linkNumber} after ${before}`);
    this.#linkNumbers.set(pair, linkNumber);
    this.#current.set(key, new LinkEnd(member, event, carrier, this.#time.nowMs));
  }

  down(member: SimMember, { name, incarnation, reason, error }: NodeDown): void {
    const what = `${member.name} and ${name}`;
    const end = this.current(member, name);
    this.counts.downs++;
    if (end === undefined) return this.violated(`${what}: nodedown (${reason}) without a link`);
    if (end.peerIncarnation !== incarnation) {
      this.violated(`${what}: nodedown of another incarnation than that of its nodeup`);
    }
    if (this.isQuiet) this.violated(`${what}: all is calm, and nodedown (${reason})`);
    const waiting = end.pending.size;
    if (waiting > 0) this.violated(`${what}: nodedown before ${waiting} outcomes`);
    end.isDown = true;
    this.#current.delete(`${member.key} ${name}`);
    const peer = this.#members.get(incarnation);
    if (peer === undefined) return;
    const code = error?.code ?? null;
    this.#mayEnd(what, end, peer, reason);
    this.#judgeReason(what, end, peer, reason);
    if (reason === 'lost' && code === 'ERR_LINK_DOWN') this.#judgeOutage(what, end);
  }

  /** Whether anything has happened that can end a link. */
  #mayEnd(what: string, end: LinkEnd, peer: SimMember, reason: string): void {
    if (peer.isGone || this.#hasLeft(end, end.member) || this.#hasLeft(end, peer)) return;
    const quietMs = this.#time.nowMs - this.#steadySinceMs(end.member, peer);
    if (quietMs < STEADY_MS) return;
    const forMs = `for ${quietMs.toFixed(0)} ms`;
    this.violated(`${what}: nodedown (${reason}), and nothing has happened to them ${forMs}`);
  }

  #judgeReason(what: string, end: LinkEnd, peer: SimMember, reason: string): void {
    if (reason === 'refused') this.violated(`${what}: an honest node was refused`);
    if (reason === 'left' && !this.#hasLeft(end, peer)) {
      this.violated(`${what}: nodedown left, and it did not leave`);
    }
    if (reason === 'closed' && !this.#hasLeft(end, end.member) && !peer.isGone) {
      this.violated(`${what}: nodedown closed, and it lives and was not left`);
    }
    // A peer whose own end of this link is over has begun anew, whatever its process did.
    const other = this.current(peer, end.member.name);
    if (reason === 'restarted' && !peer.isGone && other?.identity === end.identity) {
      const reachedMs = this.#reach.sinceMs(end.member.host, peer.host);
      const answersMs = this.#time.nowMs - Math.max(peer.health.steadySinceMs, reachedMs);
      if (answersMs > ANSWER_MS) this.violated(`${what}: nodedown restarted, and it answers`);
    }
  }

  #hasLeft(end: LinkEnd, member: SimMember): boolean {
    return this.#leavers.has(`${end.identity} ${member.incarnation}`);
  }

  #steadySinceMs(one: SimMember, other: SimMember): number {
    return Math.max(
      one.health.steadySinceMs,
      other.health.steadySinceMs,
      this.#reach.sinceMs(one.host, other.host),
      this.#disturbedMs.get([one.host, other.host].sort().join()) ?? 0,
    );
  }

  #judgeOutage(what: string, end: LinkEnd): void {
    this.counts.losses++;
    if (end.hasActivePath) this.violated(`${what}: lost, and a path is active`);
    this.#judgeSilence(`${what}: lost`, end, outageMs);
  }

  /** Nobody is judged by a silence in which the judge himself did not listen. */
  #judgeSilence(what: string, end: LinkEnd, boundMs: number): void {
    const { nowMs } = this.#time;
    const { lastArrivalMs } = end.carrier;
    const sinceMs = Math.max(lastArrivalMs, end.upAtMs);
    const blockedMs = end.member.health.stalledMs(sinceMs, nowMs, UNSEEN_MS);
    const silentMs = nowMs - sinceMs - blockedMs;
    if (silentMs >= boundMs - 1) return;
    const own = blockedMs > 0 ? ` (and ${blockedMs.toFixed(0)} ms in which it was blocked)` : '';
    this.violated(`${what}, after a silence of ${silentMs.toFixed(1)} ms${own}`);
  }

  stalled(member: SimMember, name: string): void {
    const what = `${member.name} calls ${name} stalled`;
    const end = this.current(member, name);
    this.counts.stalls++;
    if (end === undefined) return this.violated(`${what}, and has no link with it`);
    if (end.isStalled) this.violated(`${what} a second time`);
    if (this.isQuiet) this.violated(`all is calm, and ${what}`);
    const { nowMs } = this.#time;
    if (!end.hasActivePath) this.violated(`${what}, and no path is active`);
    else if (nowMs - end.pathsSinceMs < stallMs - 1) {
      this.violated(`${what}, and a path is active for ${nowMs - end.pathsSinceMs} ms`);
    }
    this.#judgeSilence(what, end, stallMs);
    end.isStalled = true;
    end.stalledAtMs = nowMs;
  }

  resumed(member: SimMember, name: string): void {
    const what = `${member.name} calls ${name} resumed`;
    const end = this.current(member, name);
    if (end === undefined) return this.violated(`${what}, and has no link with it`);
    if (!end.isStalled) this.violated(`${what}, and it was not stalled`);
    if (end.carrier.lastArrivalMs < end.stalledAtMs) {
      this.violated(`${what}, and nothing came since it was stalled`);
    }
    end.isStalled = false;
  }

  pathChanged(member: SimMember, name: string): void {
    const end = this.current(member, name);
    if (end === undefined)
      return this.violated(`${member.name}: a path to ${name}, without a link`);
    end.lookAtPaths(this.#time.nowMs);
  }

  redundancy(member: SimMember, name: string, state: 'lost' | 'restored', missing: number): void {
    const end = this.current(member, name);
    const what = `${member.name}: redundancy of ${name} ${state}`;
    if (end === undefined) return this.violated(`${what}, without a link`);
    if (this.isQuiet) this.violated(`all is calm, and ${what}`);
    if (state === 'restored' && !end.isBare) this.violated(`${what}, and was not lost`);
    if ((state === 'lost') !== missing > 0) this.violated(`${what}: ${missing} planes are missing`);
    end.isBare = state === 'lost';
  }

  // --- what must have been told by now

  /** Runs every now and then. */
  look(): void {
    for (const end of this.#current.values()) {
      const { member } = end;
      const isBlocked = member.health.steadySinceMs > this.#time.nowMs - LATE_MS;
      if (isBlocked || end.isLeaving || member.isGone) continue;
      this.#mustBeTold(end);
    }
  }

  #mustBeTold(end: LinkEnd): void {
    const { nowMs } = this.#time;
    const { carrier, member, peerName } = end;
    const what = `${member.name} and ${peerName}`;
    const sinceMs = Math.max(carrier.lastArrivalMs, end.upAtMs, end.pathsSinceMs);
    if (member.health.stalledMs(sinceMs, nowMs, 0) > 0) return;
    const silentMs = nowMs - sinceMs;
    if (end.isStalled) {
      const hasCome = carrier.lastArrivalMs > end.stalledAtMs;
      const isRead = carrier.unreadBytes === 0;
      if (hasCome && isRead && nowMs - carrier.lastArrivalMs > LATE_MS) {
        this.violated(`${what}: not called resumed`);
      }
    }
    if (end.hasActivePath && !end.isStalled && silentMs > stallMs + LATE_MS) {
      this.violated(`${what}: not called stalled after a silence of ${silentMs.toFixed(0)} ms`);
    }
    if (!end.hasActivePath && silentMs > outageMs + LATE_MS) {
      this.violated(`${what}: not called lost after a silence of ${silentMs.toFixed(0)} ms`);
    }
  }
}
