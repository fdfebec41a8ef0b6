/**
 * Who is a master: part of a machine. The first lineage, one master more, one less. Each is an
 * epoch entry in the log; the sequencer makes it, but for the first.
 */
import { limits } from '../limits.js';
import type { Core } from './core.js';
import { type EpochRecord, type Master, nextRecord } from './epoch-record.js';
import type { Feeds } from './feeds.js';
import type { Command } from './replica-io.js';
import type { Requests, Ticket } from './requests.js';
import type { Sequencer } from './sequencer.js';
import { isForeign, type MetPeer, type Sessions } from './sessions.js';

/** A node that is to be a master as soon as it has caught up. */
interface Joining {
  readonly ticket: Ticket;
  readonly command: Command;
  readonly master: Master;
  /** What was committed when it began, and again when it had that: then it has caught up. */
  target: number;
  isNear: boolean;
}

export class Membership {
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #feeds: Feeds;
  readonly #requests: Requests;
  readonly #sequencer: Sequencer;
  #joining: Joining | null = null;

  constructor(
    core: Core,
    sessions: Sessions,
    feeds: Feeds,
    requests: Requests,
    sequencer: Sequencer,
  ) {
    this.#core = core;
    this.#sessions = sessions;
    this.#feeds = feeds;
    this.#requests = requests;
    this.#sequencer = sequencer;
  }

  /** Makes the first lineage, of masters that are all here and empty. */
  bootstrap(ticket: Ticket, command: Command & { readonly type: 'bootstrap' }): void {
    const { name, setup, log } = this.#core;
    const { masters: names, clusterId, lineage } = command;
    if (this.#sequencer.isRepeated(ticket, command.requestId)) return;
    if (log.record !== null) {
      this.#refuse(ticket, 'the store of this node is not empty');
      return;
    }
    if (!names.includes(name) || new Set(names).size !== names.length) {
      this.#refuse(ticket, 'this node is to be one of the masters, and each is named once');
      return;
    }
    const masters: Master[] = [];
    for (const each of names) {
      const peer = this.#sessions.met(each);
      const problem = each === name ? null : emptyProblem(each, peer);
      if (problem !== null) {
        this.#refuse(ticket, problem);
        return;
      }
      masters.push({ name: each, storeId: peer?.hello.storeId ?? setup.contents.storeId });
    }
    const cause = causeOf(command);
    const record: EpochRecord = {
      ...{ clusterId, lineage, epoch: 1, masters, parent: null, ancestors: [] },
      cause,
    };
    this.#sequencer.begin(ticket, command.requestId, record);
  }

  /** Adds a master, or takes one away. At the sequencer. */
  change(ticket: Ticket, command: Command & { readonly type: 'add' | 'remove' }): void {
    const { log } = this.#core;
    if (this.#sequencer.isRepeated(ticket, command.requestId)) return;
    if (!this.#sequencer.isWritable()) {
      this.#requests.fail(ticket, 'ERR_REPLICAS');
      return;
    }
    const record = log.record as EpochRecord;
    const problem = this.#problem(record, command);
    if (problem !== null) this.#refuse(ticket, problem);
    else if (command.type === 'add') this.#invite(ticket, command);
    else this.#remove(ticket, command, record);
  }

  /** Makes a master of the one that is to be, once it has caught up. */
  settle(): void {
    const joining = this.#joining;
    if (joining === null) return;
    const { log } = this.#core;
    const { ticket, command, master } = joining;
    const record = log.record as EpochRecord;
    const peer = this.#sessions.met(master.name);
    if (ticket.isDone || peer?.hello.storeId !== master.storeId || !peer.hello.canStore) {
      this.#requests.fail(ticket, 'ERR_REPLICAS', `${master.name} is lost; nothing was changed`);
      this.#joining = null;
      return;
    }
    const stored = this.#feeds.storedBy(master.name) ?? -1;
    if (stored < joining.target) return;
    if (!joining.isNear) {
      // What was written meanwhile is little beside what there was: after that it keeps up.
      joining.isNear = true;
      joining.target = log.committed;
    }
    if (stored < joining.target || !this.#sequencer.isWritable()) return;
    const masters = [...record.masters, master];
    const next = nextRecord(record, log.last, masters, causeOf(command));
    this.#sequencer.begin(ticket, command.requestId, next);
    this.#joining = null;
  }

  #invite(ticket: Ticket, command: Command & { readonly type: 'add' }): void {
    const { name } = command;
    const { storeId } = (this.#sessions.met(name) as MetPeer).hello;
    const target = this.#core.log.committed;
    this.#joining = { ticket, command, master: { name, storeId }, target, isNear: false };
    this.#core.send(name, { type: 'invite' });
  }

  #remove(
    ticket: Ticket,
    command: Command & { readonly type: 'remove' },
    record: EpochRecord,
  ): void {
    const { log } = this.#core;
    const masters = record.masters.filter(({ name }) => name !== command.name);
    const next = nextRecord(record, log.last, masters, causeOf(command));
    // By itself this one could not go on any more: the others have to have it on disk before.
    if (command.name === this.#core.name) log.hold();
    this.#sequencer.begin(ticket, command.requestId, next);
  }

  #problem(record: EpochRecord, command: Command & { readonly name: string }): string | null {
    const { name, type } = command;
    const { log } = this.#core;
    if (this.#joining !== null || log.uncommittedEpochs().length > 0) {
      return 'another change of the masters is under way';
    }
    const isNamed = record.masters.some((master) => master.name === name);
    if (type === 'remove') {
      if (!isNamed) return `${name} is not a master`;
      return record.masters.length === 1 ? `${name} is the only master` : null;
    }
    if (isNamed) return `${name} is a master; with another store, remove it by force first`;
    if (record.masters.length >= limits.configMasters) {
      return `there are at most ${limits.configMasters} masters`;
    }
    const peer = this.#sessions.met(name);
    if (peer === undefined) return `${name} is not in touch`;
    if (peer.hello.isSlave) return slaveProblem(name);
    if (!peer.hello.canStore) return `the store of ${name} has failed`;
    return isForeign(record, peer) ? `the store of ${name} belongs to others; discard it` : null;
  }

  #refuse(ticket: Ticket, problem: string): void {
    this.#requests.fail(ticket, 'ERR_STATE', `${problem}; nothing was changed`);
  }
}

/** Why a node cannot be one of the first masters; null when it can. */
function emptyProblem(name: string, peer: MetPeer | undefined): string | null {
  if (peer === undefined) return `${name} is not in touch`;
  if (peer.hello.record !== null) return `the store of ${name} is not empty`;
  if (peer.hello.isSlave) return slaveProblem(name);
  return peer.hello.canStore ? null : `the store of ${name} has failed`;
}

function slaveProblem(name: string): string {
  return `${name} was started as a slave; start it again with canBeMaster`;
}

/** Why there is an epoch, for its record. */
export function causeOf({ type, by, atMs }: Command): EpochRecord['cause'] {
  if (type === 'forget') throw new RangeError('no epoch comes of that');
  return { kind: type, by, atMs };
}
