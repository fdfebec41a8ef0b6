/**
 * Going on without masters that are out of touch: part of a machine.
 *
 * The masters at hand are frozen first: they follow the one that forces, and nobody else, so that
 * no log grows behind its back. When it has the longest of their logs, and knows that all of them
 * are parts of it, it puts the epoch entry of a new lineage at its end. From there on it is an
 * entry like any other; it is committed when it is on disk at all masters at hand.
 */
import type { Core } from './core.js';
import { type EpochRecord, forcedRecord } from './epoch-record.js';
import type { Feeds } from './feeds.js';
import type { Intake } from './intake.js';
import { causeOf } from './membership.js';
import type { Command } from './replica-io.js';
import type { Requests, Ticket } from './requests.js';
import type { Sequencer } from './sequencer.js';
import type { MetPeer, Sessions } from './sessions.js';

interface Forcing {
  readonly ticket: Ticket;
  readonly command: Command & { readonly type: 'force' };
  /** Other masters at hand. */
  readonly atHand: readonly string[];
}

export class Force {
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #feeds: Feeds;
  readonly #intake: Intake;
  readonly #requests: Requests;
  readonly #sequencer: Sequencer;
  #forcing: Forcing | null = null;
  /** Another master that has frozen this one, and the lineage at that time. */
  #frozenBy: string | null = null;
  #lineage: string | null = null;

  constructor(
    core: Core,
    sessions: Sessions,
    feeds: Feeds,
    intake: Intake,
    requests: Requests,
    sequencer: Sequencer,
  ) {
    this.#core = core;
    this.#sessions = sessions;
    this.#feeds = feeds;
    this.#intake = intake;
    this.#requests = requests;
    this.#sequencer = sequencer;
  }

  /** The master whose force is under way here, which may be this one; null: none is. */
  get forcer(): string | null {
    return this.#forcing === null ? this.#frozenBy : this.#core.name;
  }

  /** An operator's command, at this node. */
  begin(ticket: Ticket, command: Command & { readonly type: 'force' }): void {
    const { log } = this.#core;
    const record = this.#basis();
    if (this.#sequencer.isRepeated(ticket, command.requestId)) return;
    if (record === null) {
      this.#refuse(ticket, 'this node is no master of this cluster');
    } else if (log.failure !== null) {
      this.#refuse(ticket, 'the store of this node has failed');
    } else if (this.forcer !== null) {
      this.#refuse(ticket, 'another force is under way');
    } else if (this.#missing(record).length === 0) {
      this.#refuse(ticket, 'no master is out of reach');
    } else {
      const atHand = this.#atHand(record).map(({ name }) => name);
      for (const name of atHand) this.#core.send(name, { type: 'freeze', isFrozen: true });
      this.#forcing = { ticket, command, atHand };
    }
  }

  /** Another master has begun a force, or has given it up. */
  freeze(peer: MetPeer, isFrozen: boolean): void {
    const { record } = this.#core.log;
    if (!isFrozen) {
      if (this.#frozenBy === peer.name) this.#thaw();
      return;
    }
    if (record === null || peer.hello.record?.lineage !== record.lineage) return;
    if (this.#sessions.master(record, peer.name) === undefined) return;
    // Of two at once, the one of the lower name goes on, as both of them know.
    if (this.#forcing !== null && this.#core.name < peer.name) return;
    if (this.#forcing !== null) this.#giveUp('another master forces');
    this.#frozenBy = peer.name;
    this.#lineage = record.lineage;
  }

  /** A peer's link, or its machine, is gone. @returns whether that ends something here. */
  drop(name: string): boolean {
    if (this.#frozenBy === name) {
      this.#thaw();
      return true;
    }
    if (this.#forcing?.atHand.includes(name) !== true) return false;
    this.#giveUp(`${name} was lost`);
    return true;
  }

  /** Makes the epoch, when all logs at hand are parts of this one. @returns whether it is over. */
  settle(): boolean {
    const { log } = this.#core;
    if (this.#frozenBy !== null && log.record?.lineage !== this.#lineage) {
      this.#frozenBy = null;
      return true;
    }
    const forcing = this.#forcing;
    if (forcing === null) return false;
    const { ticket, command, atHand } = forcing;
    const record = this.#basis();
    const problem = this.#problem(record, forcing);
    if (record === null || problem !== null) {
      this.#giveUp(problem as string);
      return true;
    }
    const isFollowed = atHand.every((name) => this.#feeds.storedBy(name) !== null);
    if (!isFollowed || this.#intake.source !== null) return false;
    const { name: own } = this.#core;
    const masters = record.masters.filter(({ name }) => name === own || atHand.includes(name));
    const newest = log.record as EpochRecord;
    const next = forcedRecord(newest, log.last, masters, causeOf(command), command.lineage);
    this.#forcing = null;
    log.releaseWithNext();
    this.#sequencer.begin(ticket, command.requestId, next);
    return true;
  }

  /**
   * The record whose masters are to go on; null: this node is none of them. One that has made the
   * entry by which it leaves, and holds it in no store yet, is one of them still while none is at
   * hand of those it leaves it to.
   */
  #basis(): EpochRecord | null {
    const { log, isMaster } = this.#core;
    const { record } = log;
    if (isMaster) return record;
    if (record === null || !log.isHeld || this.#atHand(record).length > 0) return null;
    return log.recordAt(log.committed);
  }

  #problem(record: EpochRecord | null, { ticket, atHand }: Forcing): string | null {
    if (ticket.isDone) return 'it took too long';
    // A longer log may have told of other masters.
    if (record === null) return 'this node is a master no more';
    if (this.#missing(record).length === 0) return 'all masters are in touch again';
    for (const name of atHand) {
      if (this.#feeds.diverged.has(name)) return `the log of ${name} has diverged`;
      if (this.#intake.ended.has(name)) return `the log of ${name} has diverged`;
      if (this.#sessions.master(record, name)?.hello.canStore === false)
        return `${name} has failed`;
    }
    return null;
  }

  #atHand(record: EpochRecord): MetPeer[] {
    return record.masters.flatMap(({ name }) => {
      const peer = name === this.#core.name ? undefined : this.#sessions.master(record, name);
      const isGood =
        peer !== undefined &&
        !peer.isStalled &&
        peer.hello.canStore &&
        peer.hello.record?.lineage === record.lineage;
      return isGood ? [peer] : [];
    });
  }

  /** Masters whose acknowledgement is asked for, and cannot be had. */
  #missing(record: EpochRecord): string[] {
    const { log, name: own } = this.#core;
    const agreed = log.recordAt(log.committed) ?? record;
    return [record, agreed].flatMap((each) => {
      const atHand = this.#atHand(each).map(({ name }) => name);
      const names = each.masters.map(({ name }) => name);
      return names.filter((name) => name !== own && !atHand.includes(name));
    });
  }

  #giveUp(problem: string): void {
    const forcing = this.#forcing;
    if (forcing === null) return;
    this.#forcing = null;
    for (const name of forcing.atHand) {
      this.#core.send(name, { type: 'freeze', isFrozen: false });
    }
    this.#refuse(forcing.ticket, problem);
  }

  /** This one is free again; what it has learned meanwhile, the others do not know. */
  #thaw(): void {
    this.#frozenBy = null;
    this.#sessions.announce();
  }

  #refuse(ticket: Ticket, problem: string): void {
    this.#requests.fail(ticket, 'ERR_STATE', `${problem}; nothing was changed`);
  }
}
