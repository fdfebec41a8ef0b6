/**
 * All links of a node: dials, accepts, settles who stays, and tells what happened in the order in
 * which it holds: all of link n, `nodedown`, `nodeup` of link n + 1.
 */
import debug from 'debug';
import { type BackplaneError, type ErrorCode, LinkError, NodeError, SctpError } from '../errors.js';
import { limits } from '../limits.js';
import { arbitrate } from '../link/arbitration.js';
import type { Carrier } from '../link/carrier.js';
import { HalfOpenTable } from '../link/half-open.js';
import { createLink } from '../link/link.js';
import type { LinkEnd, LinkHandlers, LinkOptions, PeerIdentity } from '../link/types.js';
import type { Profile } from '../timing/profiles.js';
import { Alarm } from './alarm.js';
import { Dials } from './dials.js';
import type { DownReason } from './events.js';
import type { LinksSetup } from './links-setup.js';
import { LiveLink } from './live-link.js';
import { asBackplaneError } from './messages.js';
import type { ResolvedPeer } from './options.js';
import { type Attempt, Peer, retime } from './peer.js';

const trace = debug('backplane:node:links');

export class Links {
  readonly #setup: LinksSetup;
  readonly #ends: Pick<LinkOptions, 'local' | 'runtime' | 'aead' | 'profileFor'>;
  readonly #dials: Dials;
  readonly #peers = new Map<string, Peer>();
  readonly #alarms = new Map<Peer, Alarm>();
  /** Accepted, and not up yet. */
  readonly #arriving = new Set<Attempt>();
  readonly #halfOpen = new HalfOpenTable<Attempt>();
  /** Highest number of any link with a peer that was forgotten; it may know that number still. */
  #forgottenLinkNumber = 0;
  #closing = false;

  constructor(setup: LinksSetup) {
    this.#setup = setup;
    const { local, runtime, aead } = setup;
    const profileFor = (name: string) => this.#profileFor(name);
    this.#ends = { local, runtime, profileFor, ...(aead === undefined ? {} : { aead }) };
    this.#dials = new Dials(runtime, (peer) => this.#dial(peer));
  }

  /** Links that are up. */
  get live(): LiveLink[] {
    return [...this.#peers.values()].flatMap(({ live }) => (live === null ? [] : [live]));
  }

  /** The link to a node; undefined while there is none to send on. */
  find(name: string): LiveLink | undefined {
    const peer = this.#peers.get(name);
    if (peer === undefined || peer.live === null || peer.isLeaving) return undefined;
    return peer.live;
  }

  /**
   * Keeps a link to this peer from now on. Resolves when it is up. @throws (rejects) NodeError
   * ERR_PEERS, ERR_CLOSED.
   */
  async connect(target: ResolvedPeer): Promise<void> {
    if (this.#closing) throw new NodeError('ERR_CLOSED', 'the node is closed');
    const peer = this.#peerNamed(target.name);
    if (peer === null) {
      throw new NodeError('ERR_PEERS', `a node has at most ${limits.peers} peers`);
    }
    peer.target = target;
    peer.dialler.step(this.#nowMs, { type: 'start' });
    if (peer.live !== null && !peer.isLeaving) return;
    const up = peer.whenUp();
    this.#pump(peer);
    await up;
  }

  /**
   * Dials this peer no more, and leaves it. Resolves when the link is over, after `deadlineMs` at
   * the latest.
   */
  async disconnect(name: string, deadlineMs: number): Promise<void> {
    const peer = this.#peers.get(name);
    if (peer === undefined) return;
    await this.#part(peer, deadlineMs);
    this.#forgetIdle(peer);
  }

  /** Dials this peer no more. A link that is up, or that the peer is making, stays. */
  release(name: string): void {
    const peer = this.#peers.get(name);
    if (peer === undefined) return;
    this.#stopDialling(peer);
    this.#forgetIdle(peer);
  }

  /**
   * Parts from all peers, and accepts no other. Resolves when all is over, after `deadlineMs` at
   * the latest.
   */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    for (const attempt of [...this.#arriving]) this.#dropArriving(attempt);
    await Promise.all([...this.#peers.values()].map((peer) => this.#part(peer, deadlineMs)));
    this.#peers.clear();
  }

  /** A carrier has come in. */
  accept(carrier: Carrier): void {
    const attempt: Attempt = { carrier, link: null, identity: null, live: null, linkNumber: 0 };
    this.#arriving.add(attempt);
    const evicted = this.#halfOpen.add(carrier.remoteAddress, attempt);
    if (evicted !== null) {
      const error = new LinkError('ERR_HANDSHAKE_LIMIT', 'too many peers are half-open');
      this.#dropArriving(evicted);
      this.#setup.handlers.onRefused(evicted.carrier.remoteAddress, null, error);
    }
    attempt.link = createLink({
      role: 'acceptor',
      carrier,
      ...this.#ends,
      handlers: {
        ...this.#liveHandlers(attempt),
        onAuthenticated: (identity, linkNumber) => {
          attempt.identity = identity;
          attempt.linkNumber = linkNumber;
          this.#halfOpen.delete(attempt);
          this.#judge(attempt, identity);
        },
        onEnd: (end, error) => this.#arrivalEnded(attempt, end, error),
      },
    });
    if (this.#closing) this.#dropArriving(attempt);
  }

  #profileFor(name: string): Profile {
    const { profiles, local } = this.#setup;
    return this.#peers.get(name)?.target?.profile ?? profiles?.of(name) ?? local.profile;
  }

  get #nowMs(): number {
    return this.#setup.runtime.clock.turnMs();
  }

  get #jitter(): number {
    return this.#setup.runtime.random.bytes(1)[0]! / 255;
  }

  /** The peer of this name, made when there is room; null when not. */
  #peerNamed(name: string): Peer | null {
    const known = this.#peers.get(name);
    if (known !== undefined) return known;
    if (this.#peers.size >= limits.peers) {
      for (const idle of [...this.#peers.values()]) {
        if (this.#peers.size < limits.peers) break;
        this.#forgetIdle(idle);
      }
    }
    if (this.#peers.size >= limits.peers) return null;
    const peer = new Peer(name, limits, this.#forgottenLinkNumber);
    this.#peers.set(name, peer);
    this.#alarms.set(
      peer,
      new Alarm(this.#setup.runtime, () => {
        peer.dialler.step(this.#nowMs, { type: 'tick' });
        this.#pump(peer);
      }),
    );
    return peer;
  }

  #forgetIdle(peer: Peer): void {
    if (!peer.isIdle || this.#peers.get(peer.name) !== peer) return;
    this.#forgottenLinkNumber = Math.max(this.#forgottenLinkNumber, peer.linkNumber);
    this.#peers.delete(peer.name);
    this.#alarms.delete(peer);
  }

  /** Does what the dialler wants. */
  #pump(peer: Peer): void {
    this.#dials.look(peer);
    this.#alarms.get(peer)?.set(peer.dialler.deadline());
  }

  #dial(peer: Peer): void {
    const { transport, planes } = this.#setup;
    const { target } = peer;
    if (target === null) return;
    let carrier: Carrier;
    try {
      carrier = transport.dial([...target.addresses.keys()], target.port, {
        localAddresses: planes.map(({ address }) => address),
        profile: this.#profileFor(peer.name),
      });
    } catch (error) {
      this.#dialFailed(peer, asBackplaneError(error));
      return;
    }
    const linkNumber = peer.linkNumber + 1;
    const attempt: Attempt = { carrier, link: null, identity: null, live: null, linkNumber };
    peer.dialling = attempt;
    attempt.link = createLink({
      role: 'dialler',
      carrier,
      ...this.#ends,
      expectedName: peer.name,
      linkNumber,
      handlers: {
        ...this.#liveHandlers(attempt),
        onAssociation: () => this.#dials.answered(peer),
        onAuthenticated: () => {},
        onEnd: (end, error) => this.#dialEnded(peer, attempt, end, error),
      },
    });
  }

  #dialEnded(peer: Peer, attempt: Attempt, end: LinkEnd, error: BackplaneError | null): void {
    if (attempt.live !== null) {
      this.#down(peer, attempt.live, end, error);
      return;
    }
    if (peer.dialling !== attempt) return;
    peer.dialling = null;
    const what = `the link to ${peer.name} ended before it was up (${end})`;
    this.#dialFailed(peer, error ?? new LinkError('ERR_ASSOCIATION_LOST', what));
  }

  #dialFailed(peer: Peer, error: BackplaneError): void {
    this.#dials.over(peer, error.code);
    peer.dialler.step(this.#nowMs, { type: 'failed', jitter: this.#jitter });
    this.#pump(peer);
    // The peer keeps another link of us two: that one is on its way.
    if (error.code === 'ERR_LINK_DUPLICATE') return;
    const nextMs = peer.dialler.deadline();
    this.#setup.handlers.onDialFailed({
      name: peer.name,
      code: error.code,
      error,
      attempts: peer.dialler.failures,
      retryInMs: nextMs === null ? null : Math.round(nextMs - this.#nowMs),
    });
  }

  /** Who stays, now that a newcomer has proven who it is. */
  #judge(attempt: Attempt, identity: PeerIdentity): void {
    const { local } = this.#setup;
    if (this.#closing) return this.#refuse(attempt, 'ERR_CLOSED', 'this node is closing');
    if (identity.name === local.name) {
      return this.#refuse(attempt, 'ERR_NAME_TAKEN', 'it has the name of this node');
    }
    const peer = this.#peerNamed(identity.name);
    if (peer === null) {
      return this.#refuse(attempt, 'ERR_PEERS', `a node has at most ${limits.peers} peers`);
    }
    if (peer.claimant !== null) {
      return this.#refuse(attempt, 'ERR_LINK_DUPLICATE', 'another link is being settled');
    }
    const { incarnation } = identity;
    const { linkNumber } = attempt;
    const candidate = { dialledBy: 'peer', linkNumber, incarnation } as const;
    const decision = arbitrate(local.name, peer.name, peer.existing, candidate);
    trace('%s, link %d: %s', peer.name, linkNumber, decision.verdict);
    switch (decision.verdict) {
      case 'accept':
        return this.#admit(peer, attempt);
      case 'replace':
        return this.#replace(peer, attempt);
      case 'refuse':
        return this.#refuse(attempt, decision.code, 'another link of us two stays');
      case 'probe-old':
        return this.#probe(peer, attempt);
    }
  }

  /** The newcomer may come up; our own dial and one accepted before give way. */
  #admit(peer: Peer, attempt: Attempt): void {
    const mismatch = retime(attempt, this.#setup.local.profile);
    if (mismatch !== null) return this.#refuse(attempt, 'ERR_PROFILE_MISMATCH', mismatch);
    const { dialling, accepted } = peer;
    peer.dialling = null;
    dialling?.link?.abort();
    if (accepted !== null) this.#dropArriving(accepted);
    peer.accepted = attempt;
    peer.linkNumber = Math.max(peer.linkNumber, attempt.linkNumber);
    peer.dialler.step(this.#nowMs, { type: 'linked' });
    this.#pump(peer);
    attempt.link?.accept();
  }

  /** The same incarnation has begun a new link: the old one is of no more use to it. */
  #replace(peer: Peer, attempt: Attempt): void {
    const { live } = peer;
    if (live === null) return this.#admit(peer, attempt);
    peer.claimant = attempt;
    // What the old link still holds is handled first, but not from within a batch of another one.
    this.#setup.runtime.timers.after(0, () => {
      live.carrier.drain();
      if (peer.claimant !== attempt || peer.live !== live) return;
      live.link.abort();
      // One that was being left may meet a new link before its own end has been read.
      this.#down(peer, live, live.link.ending ?? 'lost', null);
    });
  }

  /** Another incarnation claims the name: the one we know is asked whether it lives. */
  #probe(peer: Peer, attempt: Attempt): void {
    const { live } = peer;
    // One that is just coming up will be there to be asked when the newcomer dials again.
    if (live === null) return this.#refuse(attempt, 'ERR_LINK_DUPLICATE', 'another is coming up');
    peer.claimant = attempt;
    live.link.probe(live.link.profile.stallMs, (isAlive) => {
      if (peer.claimant !== attempt || peer.live !== live) return;
      if (isAlive) {
        peer.claimant = null;
        this.#refuse(attempt, 'ERR_NAME_TAKEN', `${peer.name} is up and answers`);
        return;
      }
      live.link.abort();
      this.#down(peer, live, live.link.ending ?? 'restarted', null);
    });
  }

  #refuse(attempt: Attempt, code: ErrorCode, why: string): void {
    const name = attempt.identity?.name ?? null;
    attempt.link?.refuse(code);
    if (code === 'ERR_LINK_DUPLICATE') return;
    const error = new LinkError(code, `${name} was refused: ${why}`);
    this.#setup.handlers.onRefused(attempt.carrier.remoteAddress, name, error);
  }

  /** Ends an accepted link that is not up, without a word. */
  #dropArriving(attempt: Attempt): void {
    this.#forgetArriving(attempt);
    if (attempt.link === null) attempt.carrier.abort();
    else attempt.link.abort();
  }

  #forgetArriving(attempt: Attempt): Peer | undefined {
    this.#halfOpen.delete(attempt);
    this.#arriving.delete(attempt);
    const peer = attempt.identity === null ? undefined : this.#peers.get(attempt.identity.name);
    if (peer?.claimant === attempt) peer.claimant = null;
    if (peer?.accepted === attempt) peer.accepted = null;
    return peer;
  }

  #arrivalEnded(attempt: Attempt, end: LinkEnd, error: BackplaneError | null): void {
    const { live, identity } = attempt;
    const wasAccepted = identity !== null && this.#peers.get(identity.name)?.accepted === attempt;
    const peer = this.#forgetArriving(attempt);
    if (live !== null && peer !== undefined) return this.#down(peer, live, end, error);
    if (wasAccepted && peer !== undefined) {
      peer.dialler.step(this.#nowMs, { type: 'unlinked', jitter: this.#jitter });
      this.#pump(peer);
    }
    // Those we refused by name have been told of already. One that merely went away may be a peer
    // that has found its other link.
    if (error !== null && identity === null && !(error instanceof SctpError)) {
      this.#setup.handlers.onRefused(attempt.carrier.remoteAddress, null, error);
    }
  }

  /** What a link tells of itself once it is up. */
  #liveHandlers(attempt: Attempt): Omit<LinkHandlers, 'onAuthenticated' | 'onEnd'> {
    const { handlers } = this.#setup;
    return {
      onUp: (identity) => this.#up(attempt, identity),
      onMessage: (message) => {
        const { live } = attempt;
        if (live === null) return undefined;
        try {
          return handlers.onMessage(live, message);
        } catch (error) {
          this.#break(live, asBackplaneError(error));
          return undefined;
        }
      },
      onStalled: () => {
        if (attempt.live !== null) handlers.onStalled(attempt.live.name);
      },
      onResumed: () => {
        if (attempt.live !== null) handlers.onResumed(attempt.live.name);
      },
      onPath: (event) => {
        attempt.live?.changed(event, (change) => handlers.onPath(change));
      },
      onDrain: () => {
        if (attempt.live !== null) handlers.onDrain(attempt.live.name);
      },
    };
  }

  #up(attempt: Attempt, identity: PeerIdentity): void {
    const peer = this.#peers.get(identity.name);
    const { link, carrier } = attempt;
    if (link === null) return;
    if (peer === undefined || (peer.dialling !== attempt && peer.accepted !== attempt)) {
      link.abort();
      return;
    }
    this.#arriving.delete(attempt);
    if (peer.dialling === attempt) this.#dials.over(peer, null);
    peer.dialling = null;
    peer.accepted = null;
    peer.linkNumber = Math.max(peer.linkNumber, link.linkNumber);
    peer.dialler.step(this.#nowMs, { type: 'linked' });
    this.#pump(peer);
    const { planes, runtime, handlers } = this.#setup;
    const live = new LiveLink({
      runtime,
      planes,
      given: peer.target?.addresses ?? null,
      carrier,
      link,
      peer: identity,
      onRedundancy: (change) => handlers.onRedundancy(change),
    });
    attempt.live = live;
    peer.live = live;
    handlers.onUp(live);
    peer.settle(null);
    live.judge();
  }

  /** The end of a link that was up; whoever waits for its place comes after. */
  #down(peer: Peer, live: LiveLink, reason: DownReason, error: BackplaneError | null): void {
    if (peer.live !== live) return;
    const { isLeaving: byUs } = peer;
    peer.live = null;
    peer.isLeaving = false;
    live.end();
    peer.dialler.step(this.#nowMs, { type: 'unlinked', jitter: this.#jitter });
    const { name, incarnation } = live;
    this.#setup.handlers.onDown(live, { name, incarnation, reason, error, byUs });
    peer.settleDown();
    const { claimant } = peer;
    peer.claimant = null;
    if (claimant !== null && !this.#closing) this.#admit(peer, claimant);
    else this.#pump(peer);
  }

  /** A peer whose link is to end though it is up, because of what it sent. */
  #break(live: LiveLink, error: BackplaneError): void {
    const peer = this.#peers.get(live.name);
    if (peer?.live !== live) return;
    live.link.abort();
    this.#down(peer, live, 'refused', error);
  }

  #stopDialling(peer: Peer): void {
    const { dialling } = peer;
    peer.target = null;
    peer.dialler.step(this.#nowMs, { type: 'stop' });
    peer.dialling = null;
    this.#pump(peer);
    dialling?.link?.abort();
    peer.settle(new NodeError('ERR_CLOSED', `${peer.name} is not dialled any more`));
  }

  /** LEAVE to this peer and no more dialling; resolves when its link is over. */
  async #part(peer: Peer, deadlineMs: number): Promise<void> {
    const { accepted, claimant, live } = peer;
    this.#stopDialling(peer);
    if (accepted !== null) {
      this.#dropArriving(accepted);
      peer.dialler.step(this.#nowMs, { type: 'unlinked', jitter: this.#jitter });
    }
    if (claimant !== null) this.#dropArriving(claimant);
    if (live === null) return;
    peer.isLeaving = true;
    const down = peer.whenDown();
    const timer = this.#setup.runtime.timers.after(deadlineMs, () => {
      live.link.abort();
      this.#down(peer, live, 'closed', null);
    });
    live.link.leave();
    await down;
    timer.cancel();
  }
}
