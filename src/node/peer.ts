/**
 * One named peer: what we were told of it, the link that is up, the attempt under way, and who
 * waits for it.
 */
import type { ExistingLink } from '../link/arbitration.js';
import type { Carrier } from '../link/carrier.js';
import type { Link, PeerIdentity } from '../link/types.js';
import type { Profile } from '../timing/profiles.js';
import { Dialler, type DiallerTimes } from './dialler.js';
import type { LiveLink } from './live-link.js';
import type { ResolvedPeer } from './options.js';

/** One carrier and the link over it, from the first frame to the end. */
export interface Attempt {
  readonly carrier: Carrier;
  /** Null only while it is being made: a carrier may end within. */
  link: Link | null;
  /** The other end once it has proven who it is. */
  identity: PeerIdentity | null;
  /** Set while the link is up. */
  live: LiveLink | null;
  /** The dialler's number for it; an accepted one has it from authentication on. */
  linkNumber: number;
}

/**
 * An association is accepted before anybody knows whose it is: gives it the timers of its link.
 * @param madeWith the profile it has
 * @returns null, or what could not be set.
 */
export function retime({ carrier, link }: Attempt, madeWith: Profile): string | null {
  if (link === null || link.profile === madeWith) return null;
  try {
    carrier.retime?.(link.profile);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

export class Peer {
  readonly name: string;
  readonly dialler: Dialler;
  /** What `connect` was told; null for one that only ever dialled us. */
  target: ResolvedPeer | null = null;
  live: LiveLink | null = null;
  /** Our own dialling, not up yet. */
  dialling: Attempt | null = null;
  /** Another incarnation, or link, that waits while the one in force is asked whether it lives. */
  claimant: Attempt | null = null;
  /** A link of the peer's dialling that was accepted, and is not up yet. */
  accepted: Attempt | null = null;
  /** Highest number of any link there ever was with this peer. */
  linkNumber: number;
  /** We said that we leave; the end is still to come. */
  isLeaving = false;
  #waiters: Waiter[] = [];
  #down: (() => void)[] = [];

  constructor(name: string, times: DiallerTimes, linkNumber: number) {
    this.name = name;
    this.linkNumber = linkNumber;
    this.dialler = new Dialler(times);
  }

  /** Whether nothing is lost when we forget it. */
  get isIdle(): boolean {
    const { target, live, dialling, claimant, accepted } = this;
    return [target, live, dialling, claimant, accepted].every((each) => each === null);
  }

  /** What a newcomer of this name is measured against; null when there is nothing. */
  get existing(): ExistingLink | null {
    const { live, accepted, dialling } = this;
    if (live !== null) {
      const { link, peer } = live;
      const dialledBy = link.role === 'dialler' ? 'local' : 'peer';
      const { linkNumber } = link;
      return { up: true, dialledBy, linkNumber, incarnation: peer.incarnation };
    }
    if (accepted !== null) {
      const { linkNumber, identity } = accepted;
      return { up: true, dialledBy: 'peer', linkNumber, incarnation: identity!.incarnation };
    }
    if (dialling === null) return null;
    const { linkNumber } = dialling;
    return { up: false, dialledBy: 'local', linkNumber, incarnation: null };
  }

  /** Resolves at the next `settle(null)`, rejects at the next `settle(error)`. */
  whenUp(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  settle(error: Error | null): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (error === null) waiter.resolve();
      else waiter.reject(error);
    }
  }

  /** Resolves when no link is up, at once when none is. */
  whenDown(): Promise<void> {
    if (this.live === null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#down.push(resolve);
    });
  }

  settleDown(): void {
    const waiting = this.#down;
    this.#down = [];
    for (const resolve of waiting) resolve();
  }
}
