/**
 * A master, or a node that may become one, as a pure machine. See replica-io.ts for what goes in
 * and comes out, messages.ts for what machines say to each other, and source.ts for recovery.
 *
 * What it is follows from the newest epoch record in its log: the first master leads, the others
 * follow it; a node that the record does not name is a slave, and one without a record a newcomer
 * that serves nothing and waits for an operator.
 */
import { ProtocolError } from '../errors.js';
import { Feeds } from './feeds.js';
import { Force } from './force.js';
import { Member } from './member.js';
import { Membership } from './membership.js';
import type { Message } from './messages.js';
import type { ReplicaRole, ReplicaSetup } from './replica-io.js';
import type { Ticket } from './requests.js';
import { Sequencer } from './sequencer.js';
import { isForeign, type MetPeer, type Peer } from './sessions.js';
import type { Orders } from './source.js';

export class Replica extends Member {
  readonly #feeds: Feeds;
  readonly #sequencer: Sequencer;
  readonly #membership: Membership;
  readonly #force: Force;
  /** The sequencer that wants this node as a master. */
  #inviter: string | null = null;

  /** @throws ConfigError ERR_STORE_CORRUPT, ERR_STORE_FORMAT. */
  constructor(nowMs: number, setup: ReplicaSetup) {
    super(nowMs, setup, 'replica');
    const { core, sessions, intake, requests, reads } = this;
    this.#feeds = new Feeds(core, sessions);
    this.#sequencer = new Sequencer(core, sessions, this.#feeds, requests, reads);
    this.#membership = new Membership(core, sessions, this.#feeds, requests, this.#sequencer);
    this.#force = new Force(core, sessions, this.#feeds, intake, requests, this.#sequencer);
  }

  protected override orders(): Orders {
    return { forcer: this.#force.forcer, inviter: this.#inviter };
  }

  protected override hear(peer: Peer, message: Message): void {
    const { name } = peer;
    switch (message.type) {
      case 'follow':
        peer.last = message.at;
        if (peer.hello?.isClient === false) this.learn(message.committed);
        this.#feeds.follow(name, message.ticket, message.at, message.lineage);
        this.isStirred = true;
        return;
      case 'unfollow':
        this.#feeds.unfollow(name, message.ticket);
        return;
      case 'taken':
        this.#feeds.taken(name, message.ticket, message.messages, message.stored);
        return;
      case 'confirmed':
        this.#sequencer.confirmed(name, message.round, message.isFollowing);
        return;
      case 'invite':
        this.#invited(peer as MetPeer);
        return;
      case 'freeze':
        this.#force.freeze(peer as MetPeer, message.isFrozen);
        this.isStirred = true;
        return;
      default:
        throw new ProtocolError('ERR_PROTOCOL', `a ${message.type} that nobody asked for`);
    }
  }

  protected override handle(ticket: Ticket): void {
    const { request } = ticket;
    const { core } = this;
    switch (request.type) {
      case 'bootstrap':
        if (this.intake.source === null) this.#membership.bootstrap(ticket, request);
        else this.requests.fail(ticket, 'ERR_STATE', 'this node has begun to follow a cluster');
        break;
      case 'force':
        this.#force.begin(ticket, request);
        break;
      case 'forget':
        core.log.forget();
        this.requests.answer(ticket, this.done());
        return;
      case 'read':
        if (!request.isFresh) this.reads.read(ticket, request.seen);
        else if (core.isFirst) this.#sequencer.read(ticket);
        else this.passOn(ticket);
        return;
      case 'write':
        if (core.isFirst) this.#sequencer.write(ticket);
        else this.passOn(ticket);
        return;
      case 'add':
      case 'remove':
        if (!core.isFirst) this.passOn(ticket);
        else if (this.#sequencer.mayCommand(ticket)) this.#membership.change(ticket, request);
        else this.requests.fail(ticket, 'ERR_FORBIDDEN');
        break;
    }
    this.isStirred = true;
  }

  #invited(peer: MetPeer): void {
    const { record } = this.core.log;
    if (record !== null && isForeign(record, peer)) return;
    this.#inviter = peer.name;
    this.isStirred = true;
  }

  /** Also one that keeps the entry by which it leaves from its disk: by itself it may go on. */
  get #isMasterStill(): boolean {
    return this.core.isMaster || this.core.log.isHeld;
  }

  protected override isWritable(): boolean {
    return this.#force.forcer === null && this.#sequencer.isWritable();
  }

  protected override isDown(): boolean {
    const { core } = this;
    if (core.log.record === null || this.#isMasterStill) return false;
    return !this.isMasterThere();
  }

  protected override role(): ReplicaRole {
    const { core } = this;
    if (core.log.record === null) return 'newcomer';
    if (core.isFirst) return 'sequencer';
    if (this.#isMasterStill) return 'master';
    return this.#inviter === null ? 'slave' : 'learner';
  }

  protected override divergedPeers(): Iterable<string> {
    return this.#feeds.diverged;
  }

  protected override drop(name: string): void {
    super.drop(name);
    this.#feeds.drop(name);
    this.#force.drop(name);
    if (this.#inviter === name) this.#inviter = null;
  }

  protected override work(): void {
    const { core } = this;
    if (this.#inviter !== null && core.isMaster) {
      this.#inviter = null;
      this.isStirred = true;
    }
    // The last who was missing has to count now: there may be no other turn for long.
    this.#feeds.judge();
    if (this.#force.settle()) this.isStirred = true;
    this.#sequencer.settle(this.isAhead && this.#force.forcer === null);
    this.#membership.settle();
    this.#feeds.advance();
  }

  protected override heldFrom(): number {
    return this.#feeds.heldFrom();
  }

  protected override replaced(): void {
    this.#sequencer.replaced();
    this.#feeds.dropAll();
  }

  protected override isAwaited(): boolean {
    return super.isAwaited() || this.#inviter !== null;
  }

  protected override isCurrent(): boolean {
    return super.isCurrent() || this.#sequencer.isWritable();
  }
}
