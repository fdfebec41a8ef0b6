/**
 * What the first master of the epoch does: it puts writes in order, learns when all masters have
 * them on their disks, and says so: part of a machine.
 *
 * It takes a write only while all masters are in touch, awake, and able to store, and their logs
 * are known to be parts of its own. What it has taken is in its log, and no answer says any more
 * that it is nowhere.
 */
import { limits } from '../limits.js';
import type { Core } from './core.js';
import { makeEntry } from './entry.js';
import { type EpochRecord, encodeRecord, type Master } from './epoch-record.js';
import type { Feeds } from './feeds.js';
import type { Reads } from './reads.js';
import type { Answer } from './replica-io.js';
import type { Requests, Ticket } from './requests.js';
import type { Writer } from './rights.js';
import type { Sessions } from './sessions.js';

/** A ticket that is answered when a revision is committed. */
interface Pending {
  readonly ticket: Ticket;
  /** Of the entry or, for a condition that does not hold, of what it was judged on. */
  readonly answer: () => Answer;
}

/** A condition that did not hold, and the revision it was judged on. */
interface Verdict {
  readonly failed: number;
  readonly revision: number;
}

/** Fresh reads that ask all masters together. */
interface Round {
  readonly number: number;
  readonly revision: number;
  readonly tickets: readonly Ticket[];
  /** Masters that have not answered. */
  readonly open: Set<string>;
}

export class Sequencer {
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #feeds: Feeds;
  readonly #requests: Requests;
  readonly #reads: Reads;
  readonly #pending = new Map<number, Pending[]>();
  /** Up to here what is pending has been answered. */
  #answeredTo: number;
  /** Where the log ended when leading began; null: not leading. */
  #recoveredTo: number | null = null;
  /** Nobody has more, and nobody forces: see source.ts. */
  #isAhead = false;
  /**
   * What became of requests that have no entry, by their ids. One that is asked for again may be
   * judged while its first attempt is still on its way: that must not be committed after.
   */
  readonly #verdicts = new Map<string, Verdict>();
  #fresh: Ticket[] = [];
  #round: Round | null = null;
  #rounds = 0;

  constructor(core: Core, sessions: Sessions, feeds: Feeds, requests: Requests, reads: Reads) {
    this.#core = core;
    this.#sessions = sessions;
    this.#feeds = feeds;
    this.#requests = requests;
    this.#reads = reads;
    this.#answeredTo = core.log.committed;
  }

  /** Whether a write is taken now. */
  isWritable(): boolean {
    const to = this.#recoveredTo;
    return to !== null && this.#core.log.committed >= to && this.#hasAll();
  }

  /** A transaction, to be put into the log. */
  write(ticket: Ticket): void {
    const { request } = ticket;
    if (request.type !== 'write') return;
    const { log } = this.#core;
    const known = log.state.remembered(request.requestId, request.askedAt ?? log.state.revision);
    if (known.type === 'known') {
      this.await(ticket, known.revision, () => this.#committed(known.revision));
      return;
    }
    const verdict = this.#verdicts.get(request.requestId);
    if (verdict !== undefined) {
      this.#fail(ticket, verdict);
      return;
    }
    if (!this.isWritable()) {
      this.#requests.fail(ticket, 'ERR_REPLICAS');
      return;
    }
    if (known.type === 'forgotten') {
      this.#requests.fail(ticket, 'ERR_OUTCOME_UNKNOWN');
      return;
    }
    if (this.#isFull()) {
      this.#requests.fail(ticket, 'ERR_QUEUE_FULL');
      return;
    }
    const proposal = log.state.propose(request.transaction, this.#bound(ticket.writer));
    switch (proposal.type) {
      case 'entry':
        this.append('transaction', request.requestId, proposal.body);
        this.await(ticket, log.last.revision, this.#committedAt(log.last.revision));
        break;
      case 'failed': {
        const verdict = { failed: proposal.failed, revision: log.last.revision };
        this.#verdicts.set(request.requestId, verdict);
        const [oldest] = this.#verdicts.keys();
        if (this.#verdicts.size > limits.configRequestIds) this.#verdicts.delete(oldest as string);
        this.#fail(ticket, verdict);
        break;
      }
      case 'refused':
        this.#requests.fail(ticket, proposal.error.code, proposal.error.message);
        break;
    }
  }

  /** Whether a node may command the masters. */
  mayCommand({ writer }: Ticket): boolean {
    const bound = this.#bound(writer);
    return bound === null || !this.#core.log.state.isBound(bound);
  }

  /** Who may have to keep to rights; null for a master. */
  #bound(writer: Writer): Writer | null {
    const masters = this.#core.log.record?.masters ?? [];
    const isMaster = !writer.isClient && masters.some(({ name }) => name === writer.name);
    return isMaster ? null : writer;
  }

  /** A condition does not hold: that is told when all that it was judged on is committed. */
  #fail(ticket: Ticket, { failed, revision }: Verdict): void {
    this.await(ticket, revision, () => ({ ...this.#committed(revision), type: 'failed', failed }));
  }

  /** A fresh read: its revision is known when all masters have said that they still follow. */
  read(ticket: Ticket): void {
    if (this.isWritable()) this.#fresh.push(ticket);
    else this.#requests.fail(ticket, 'ERR_REPLICAS');
  }

  /** Puts an epoch record into the log, and answers when it is committed. */
  begin(ticket: Ticket, requestId: string, record: EpochRecord): void {
    const { log } = this.#core;
    this.append('epoch', requestId, encodeRecord(record), record.epoch);
    this.await(ticket, log.last.revision, () => this.#done(record.epoch));
  }

  /** Whether a command's epoch is in the log already; then it is answered when committed. */
  isRepeated(ticket: Ticket, requestId: string): boolean {
    const { log } = this.#core;
    const known = log.state.remembered(requestId, log.state.revision);
    if (known.type !== 'known') return false;
    // Of one that is older than the log, what is known is the epoch at its beginning.
    const at = Math.max(known.revision, log.base.revision);
    const { epoch } = log.recordAt(at) as EpochRecord;
    this.await(ticket, known.revision, () => this.#done(epoch));
    return true;
  }

  /** Answers when a revision is committed. */
  await(ticket: Ticket, revision: number, answer: () => Answer): void {
    if (revision <= this.#answeredTo) {
      this.#requests.answer(ticket, answer());
      return;
    }
    ticket.isAppended = true;
    const pending = this.#pending.get(revision);
    if (pending === undefined) this.#pending.set(revision, [{ ticket, answer }]);
    else pending.push({ ticket, answer });
  }

  /** An entry at the end of the own log. It passes the same fence as those of others. */
  append(
    kind: 'transaction' | 'epoch',
    requestId: string,
    body: Uint8Array,
    epoch = this.#core.log.record?.epoch ?? 0,
  ): void {
    const { log } = this.#core;
    log.append(makeEntry(log.last, { kind, epoch, requestId, body }));
  }

  /** A master says whether it still follows. */
  confirmed(name: string, number: number, isFollowing: boolean): void {
    const round = this.#round;
    if (round?.number !== number || !round.open.delete(name)) return;
    if (!isFollowing) this.#failRound();
    else if (round.open.size === 0) this.#endRound(round);
  }

  /** Another log is in the place of this one: what waits for a revision of it waits in vain. */
  replaced(): void {
    for (const pending of this.#pending.values()) {
      for (const { ticket } of pending) this.#requests.fail(ticket, 'ERR_OUTCOME_UNKNOWN');
    }
    this.#pending.clear();
    this.#verdicts.clear();
    this.#answeredTo = this.#core.log.committed;
  }

  /** Commits what all masters have, and answers. @param isAhead see source.ts */
  settle(isAhead: boolean): void {
    this.#isAhead = isAhead;
    const { log } = this.#core;
    if (this.#core.isFirst) this.#commit();
    if (!this.#hasAll()) this.#recoveredTo = null;
    else this.#recoveredTo ??= log.last.revision;
    for (; this.#answeredTo < log.committed; this.#answeredTo++) {
      const revision = this.#answeredTo + 1;
      for (const { ticket, answer } of this.#pending.get(revision) ?? []) {
        this.#requests.answer(ticket, answer());
      }
      this.#pending.delete(revision);
    }
    this.#ask();
  }

  #committed(revision: number): Answer & { readonly type: 'committed' } {
    return { type: 'committed', lineage: this.#committedLineage(), revision };
  }

  #done(epoch: number): Answer & { readonly type: 'done' } {
    return { type: 'done', lineage: this.#committedLineage(), epoch };
  }

  /** What is answered is part of it, also where a force has committed it in another one. */
  #committedLineage(): string {
    const { log } = this.#core;
    return log.recordAt(log.committed)?.lineage as string;
  }

  #committedAt(revision: number): () => Answer {
    return () => this.#committed(revision);
  }

  #isFull(): boolean {
    const { last, committed, uncommittedBytes } = this.#core.log;
    const isLong = last.revision - committed >= limits.configPipelineEntries;
    return isLong || uncommittedBytes >= limits.configPipelineBytes;
  }

  /** All masters are in touch, awake, able to store, and behind us. */
  #hasAll(): boolean {
    const { isFirst, log } = this.#core;
    if (!isFirst || !this.#isAhead || log.failure !== null) return false;
    const agreed = log.recordAt(log.committed);
    return this.#isServed(log.record) && (agreed === log.record || this.#isServed(agreed));
  }

  #isServed(record: EpochRecord | null): boolean {
    // Those before the first epoch are nobody.
    if (record === null) return true;
    return record.masters.every(({ name }) => {
      if (name === this.#core.name) return true;
      const peer = this.#sessions.master(record, name);
      if (peer === undefined || peer.isStalled || !peer.hello.canStore) return false;
      return this.#feeds.storedBy(name) !== null;
    });
  }

  /**
   * What is on the disks of all masters of its epoch is committed. An epoch entry has to be on
   * those of the masters before it as well, unless it is the first. A forced one asks nobody but
   * its own masters, and all that is before it comes to be committed with it.
   */
  #commit(): void {
    const { log, nowMs } = this.#core;
    const forced = log.uncommittedForce();
    if (forced !== null) {
      if (this.#storedByAll(forced.record) < forced.revision) return;
      log.commit(nowMs, forced.revision);
    }
    for (;;) {
      const next = log.uncommittedEpochs()[0];
      const before = log.recordAt(log.committed);
      const most = (next?.revision ?? log.last.revision + 1) - 1;
      if (log.committed < most) {
        const stored = this.#storedByAll(before);
        log.commit(nowMs, Math.min(stored, most));
        if (log.committed < most) return;
      }
      if (next === undefined) return;
      if (this.#storedByAll(next.record) < next.revision) return;
      if (before !== null && this.#storedByAll(before) < next.revision) return;
      log.commit(nowMs, next.revision);
    }
  }

  #storedByAll(record: EpochRecord | null): number {
    if (record === null) return 0;
    return Math.min(...record.masters.map((master) => this.#storedBy(record, master)));
  }

  #storedBy(record: EpochRecord, { name }: Master): number {
    if (name === this.#core.name) return this.#core.log.durable;
    if (this.#sessions.master(record, name) === undefined) return 0;
    return this.#feeds.storedBy(name) ?? 0;
  }

  /** One round of questions for all fresh reads that wait. */
  #ask(): void {
    if (this.#round !== null && !this.isWritable()) this.#failRound();
    if (this.#round !== null || this.#fresh.length === 0) return;
    const { log, name } = this.#core;
    const tickets = this.#fresh.filter(({ isDone }) => !isDone);
    this.#fresh = [];
    const others = (log.record?.masters ?? []).map((each) => each.name).filter((it) => it !== name);
    const number = ++this.#rounds;
    const round = { number, revision: log.committed, tickets, open: new Set(others) };
    this.#round = round;
    if (!this.isWritable()) this.#failRound();
    else if (others.length === 0) this.#endRound(round);
    else for (const other of others) this.#core.send(other, { type: 'confirm', round: number });
  }

  #endRound({ tickets, revision }: Round): void {
    this.#round = null;
    const { lineage } = this.#committed(revision);
    for (const ticket of tickets) {
      if (ticket.from === null) this.#reads.read(ticket, { lineage, revision });
      else this.#requests.answer(ticket, { type: 'read', lineage, revision });
    }
  }

  #failRound(): void {
    const tickets = this.#round?.tickets ?? [];
    this.#round = null;
    for (const ticket of tickets) this.#requests.fail(ticket, 'ERR_REPLICAS');
  }
}
