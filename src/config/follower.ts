/**
 * A slave, as a pure machine: it follows the log of any master, keeps it on its disk, and shows
 * what is committed. When its master goes it goes on with another where it was; when all are gone,
 * the cluster is DOWN for it, and what it has stays readable.
 *
 * A client is the same without a store: what it has is gone with its process, and it follows the
 * replica of its host, which may be a slave.
 */
import { Feeds } from './feeds.js';
import { Member } from './member.js';
import type { Message } from './messages.js';
import type { ReplicaRole, ReplicaSetup } from './replica-io.js';
import type { Ticket } from './requests.js';
import type { Peer } from './sessions.js';
import type { Orders } from './source.js';

const NOBODYS: Orders = { forcer: null, inviter: null };

/** A slave that is never anything else. Clients of its host may follow it. */
export class Follower extends Member {
  readonly #feeds: Feeds;
  #hasMet = false;

  /** @throws ConfigError ERR_STORE_CORRUPT, ERR_STORE_FORMAT. */
  constructor(nowMs: number, setup: ReplicaSetup, part: 'slave' | 'client' = 'slave') {
    super(nowMs, setup, part);
    this.#feeds = new Feeds(this.core, this.sessions);
  }

  protected override orders(): Orders {
    return NOBODYS;
  }

  protected override hear({ name, hello }: Peer, message: Message): void {
    // Of slaves nobody but clients asks more than what all answer, and of clients nobody.
    if (this.core.isClient || hello?.isClient !== true) return;
    switch (message.type) {
      case 'follow':
        this.#feeds.follow(name, message.ticket, message.at, message.lineage);
        break;
      case 'unfollow':
        this.#feeds.unfollow(name, message.ticket);
        break;
      case 'taken':
        this.#feeds.taken(name, message.ticket, message.messages, message.stored);
    }
  }

  protected override handle(ticket: Ticket): void {
    const { request } = ticket;
    switch (request.type) {
      case 'bootstrap':
      case 'force':
        this.requests.fail(ticket, 'ERR_STATE', 'this node is a slave');
        return;
      case 'forget':
        this.core.log.forget();
        this.requests.answer(ticket, this.done());
        return;
      case 'read':
        if (request.isFresh) this.passOn(ticket);
        else this.reads.read(ticket, request.seen);
        return;
      default:
        this.passOn(ticket);
    }
  }

  protected override isWritable(): boolean {
    return false;
  }

  protected override isDown(): boolean {
    const isMasterThere = this.isMasterThere();
    this.#hasMet ||= isMasterThere;
    // At its start a slave has to be given time to find one.
    return !isMasterThere && (this.#hasMet || this.reads.isLoaded);
  }

  protected override role(): ReplicaRole {
    if (this.core.isClient) return 'client';
    return this.core.log.record === null ? 'newcomer' : 'slave';
  }

  protected override divergedPeers(): Iterable<string> {
    return [];
  }

  protected override isMasterThere(): boolean {
    const { isClient, setup } = this.core;
    if (!isClient) return super.isMasterThere();
    return setup.masters.some((name) => this.sessions.met(name) !== undefined);
  }

  protected override drop(name: string): void {
    super.drop(name);
    this.#feeds.drop(name);
  }

  protected override work(): void {
    // Whom to follow is all that a slave decides.
  }

  protected override settle(): void {
    super.settle();
    // Clients are told what may be read here, and not before.
    if (this.reads.isReadable) this.#feeds.advance();
  }

  protected override heldFrom(): number {
    return this.#feeds.heldFrom();
  }

  protected override replaced(): void {
    this.#feeds.dropAll();
  }
}
