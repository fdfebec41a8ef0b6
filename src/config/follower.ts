/**
 * A slave, as a pure machine: it follows the log of any master, keeps it on its disk, and shows
 * what is committed. When its master goes it goes on with another where it was; when all are gone,
 * the cluster is DOWN for it, and what it has stays readable.
 */

import { Member } from './member.js';
import type { Message } from './messages.js';
import type { ReplicaRole, ReplicaSetup } from './replica-io.js';
import type { Ticket } from './requests.js';
import type { Peer } from './sessions.js';
import type { Orders } from './source.js';

const NOBODYS: Orders = { forcer: null, inviter: null };

/** A slave that is never anything else. */
export class Follower extends Member {
  #hasMet = false;

  /** @throws ConfigError ERR_STORE_CORRUPT, ERR_STORE_FORMAT. */
  constructor(nowMs: number, setup: ReplicaSetup) {
    super(nowMs, setup, true);
  }

  protected override orders(): Orders {
    return NOBODYS;
  }

  protected override hear(_peer: Peer, _message: Message): void {
    // Of slaves nobody asks more than what all answer.
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
    return this.core.log.record === null ? 'newcomer' : 'slave';
  }

  protected override divergedPeers(): Iterable<string> {
    return [];
  }

  protected override work(): void {
    // Whom to follow is all that a slave decides.
  }

  protected override replaced(): void {
    // Nobody follows a slave.
  }
}
