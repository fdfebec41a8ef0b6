/**
 * What masters and slaves have in common, as a pure machine: who is there, whose log is followed,
 * what may be read here, and requests that are passed on. `Replica` and `Follower` add the rest.
 *
 * Inputs are only noted, and everything that follows from them is worked out together when outputs
 * are asked for: what came in one turn leaves in one batch.
 */
import { type BackplaneError, type ErrorCode, ProtocolError } from '../errors.js';
import { Core, type Part } from './core.js';
import type { Position } from './entry.js';
import type { EpochRecord } from './epoch-record.js';
import { Intake } from './intake.js';
import { type Hello, type Message, readMessage } from './messages.js';
import { Reads } from './reads.js';
import type {
  Answer,
  ReplicaInput,
  ReplicaMachine,
  ReplicaOutput,
  ReplicaRole,
  ReplicaSetup,
  ReplicaStatus,
  Request,
  Trouble,
} from './replica-io.js';
import { readRequest, requestBody } from './request-messages.js';
import { Requests, type Ticket } from './requests.js';
import type { Writer } from './rights.js';
import {
  isForeign,
  isMasterOf,
  isSlaveOf,
  type MetPeer,
  type Peer,
  Sessions,
  writerOf,
} from './sessions.js';
import { chooseSource, guideOf, type Orders } from './source.js';
import type { SetAside } from './store-contract.js';

export abstract class Member implements ReplicaMachine {
  protected readonly core: Core;
  protected readonly sessions: Sessions;
  protected readonly intake: Intake;
  protected readonly requests: Requests;
  protected readonly reads: Reads;
  /** No newer record is known than that of the own log, and nobody's log is to be followed. */
  protected isAhead = false;
  /** Something has happened that may change whom to follow, or what people are told. */
  protected isStirred = true;
  #isSettled = false;
  #isClosing = false;
  #lineage: string | null;
  #epoch: number;
  #stirs = 0;
  /** What the status that was told last was made of. */
  #facts: readonly unknown[] = [];
  #statusText = '';

  /** @throws ConfigError ERR_STORE_CORRUPT, ERR_STORE_FORMAT. */
  constructor(nowMs: number, setup: ReplicaSetup, part: Part) {
    this.core = new Core(nowMs, setup, part);
    this.sessions = new Sessions(this.core);
    this.intake = new Intake(this.core);
    this.requests = new Requests(this.core);
    this.reads = new Reads(this.core, this.requests);
    const { record } = this.core.log;
    this.#lineage = record?.lineage ?? null;
    this.#epoch = record?.epoch ?? 0;
  }

  step(nowMs: number, input: ReplicaInput): void {
    this.core.nowMs = nowMs;
    this.#isSettled = false;
    switch (input.type) {
      case 'up':
        this.sessions.up(input.name);
        break;
      case 'down':
        this.sessions.down(input.name);
        this.drop(input.name);
        break;
      case 'stalled':
      case 'resumed':
        this.sessions.stalled(input.name, input.type === 'stalled');
        this.isStirred = true;
        break;
      case 'message':
        this.#message(input.name, input.body);
        break;
      case 'persisted':
        this.core.log.persisted(input.token);
        break;
      case 'persistFailed':
        this.core.log.failed(input.code);
        this.sessions.announce();
        this.isStirred = true;
        break;
      case 'request':
        this.#own(input.request, input.id, input.deadlineMs);
        break;
      case 'tick':
        break;
      case 'close':
        this.#isClosing = true;
        break;
    }
  }

  poll(): ReplicaOutput | null {
    if (this.core.outputs.length === 0 && !this.#isSettled) {
      this.#isSettled = true;
      this.settle();
    }
    return this.core.outputs.shift() ?? null;
  }

  deadline(): number {
    const noteMs = this.core.log.deadline(this.isAwaited());
    return Math.min(this.requests.deadline(), this.reads.deadline(), noteMs);
  }

  status(): ReplicaStatus {
    const { core, sessions, intake } = this;
    const { log } = core;
    const { record, last, durable, committed, failure, setAside } = log;
    // Who is to be a master no more has to acknowledge that, too.
    const records = new Set([record, log.recordAt(committed)]);
    const missing = new Set([...records].flatMap((each) => this.#missingOf(each)));
    const met = [...sessions.all()];
    const newcomers = met.filter(({ hello }) => hello.record === null && !hello.isSlave);
    const clients = met.filter(({ hello }) => hello.isClient);
    const slaves = met.filter((peer) => isSlaveOf(record, peer));
    return {
      role: this.role(),
      record,
      last,
      durable,
      committed,
      isReadable: this.reads.isReadable,
      isWritable: this.isWritable(),
      source: intake.source,
      missing: [...missing],
      newcomers: newcomers.map(({ name }) => name),
      slaves: slaves.map(({ name }) => name),
      clients: clients.map(({ name }) => name),
      troubles: this.#troubles(),
      storeFailure: failure,
      isDown: this.isDown(),
      setAside: setAside.length,
    };
  }

  setAside(): readonly SetAside[] {
    return this.core.log.setAside;
  }

  /** What besides hellos decides whom to follow. */
  protected abstract orders(): Orders;
  /** A message that only masters have a use for. */
  protected abstract hear(peer: Peer, message: Message): void;
  /** Carries out a request, or passes it on. */
  protected abstract handle(ticket: Ticket): void;
  protected abstract isWritable(): boolean;
  protected abstract isDown(): boolean;
  protected abstract role(): ReplicaRole;
  protected abstract divergedPeers(): Iterable<string>;
  /** What follows from the inputs, after whom to follow is decided. */
  protected abstract work(): void;
  /** Another log is in the place of the own one. */
  protected abstract replaced(): void;

  /** Whether everything that is committed, as far as can be known, is here. */
  protected isCurrent(): boolean {
    return this.intake.isCurrent;
  }

  /** The place after which somebody is still to be sent the log. */
  protected abstract heldFrom(): number;

  /** Whether somebody waits for what is on this disk. */
  protected isAwaited(): boolean {
    return this.#isClosing || this.core.isAwaited;
  }

  /** A peer knows that all up to a place is committed: so it is for all who have that place. */
  protected learn({ revision, hash }: Position): void {
    const { log, nowMs } = this.core;
    if (revision > log.committed && log.hashAt(revision) === hash) log.commit(nowMs, revision);
  }

  /** The link to a peer, or the machine at its end, is gone. */
  protected drop(name: string): void {
    this.intake.drop(name);
    this.requests.drop(name);
    this.isStirred = true;
  }

  protected refuse(name: string, error: BackplaneError): void {
    this.sessions.refuse(name);
    this.drop(name);
    this.core.refuse(name, error);
  }

  /** Whether a master of the newest record is in touch; without a record, anyone who has one. */
  protected isMasterThere(): boolean {
    const { record } = this.core.log;
    for (const peer of this.sessions.all()) {
      if (record === null ? peer.hello.record !== null : isMasterOf(record, peer)) return true;
    }
    return false;
  }

  /** What a command that is carried out is answered. */
  protected done(): Answer {
    const { record } = this.core.log;
    return { type: 'done', lineage: record?.lineage ?? '', epoch: record?.epoch ?? 0 };
  }

  /** Passes a request on towards the sequencer. */
  protected passOn(ticket: Ticket): void {
    const { record } = this.core.log;
    const first = record?.masters[0]?.name;
    const isThere = first !== undefined && this.sessions.master(record!, first) !== undefined;
    // A slave may have no link to the sequencer, but its source has.
    const to = isThere ? first : this.core.isMaster ? null : this.intake.source;
    if (to === null || to === ticket.from) this.requests.fail(ticket, 'ERR_REPLICAS');
    else this.requests.pass(ticket, to);
  }

  protected settle(): void {
    // What was shown in an earlier turn has been taken by all who watch.
    const { shown } = this.reads;
    // What waits no longer has to be known before anything more is done for it.
    this.requests.tick();
    this.#choose();
    this.work();
    // What has come to be committed may have moved the log, or whom to follow.
    if (this.isStirred) this.#choose();
    this.reads.settle(this.isCurrent());
    const isAwaited = this.isAwaited();
    this.intake.acknowledge(isAwaited);
    const { core } = this;
    core.log.compact(shown ?? core.log.committed, this.heldFrom());
    for (;;) {
      const batch = core.log.poll(core.nowMs, isAwaited);
      if (batch === null) break;
      core.outputs.push({ type: 'persist', batch });
    }
    this.#tellStatus();
  }

  #choose(): void {
    const { core, sessions, intake } = this;
    this.#noteRecord();
    // The sequencer that follows a longer log has to notice when it has all of it.
    if (!this.isStirred && (intake.source === null || !core.isMaster)) return;
    this.isStirred = false;
    this.#stirs++;
    const orders = this.orders();
    const source = chooseSource(core, sessions, intake, orders);
    intake.follow(source);
    this.isAhead = source === null && guideOf(core, sessions, orders) === core.log.record;
  }

  /** When the newest record of the log is another, all have to know it, and others are greeted. */
  #noteRecord(): void {
    const { record } = this.core.log;
    if (record === null) return;
    if (record.lineage === this.#lineage && record.epoch === this.#epoch) return;
    this.#lineage = record.lineage;
    this.#epoch = record.epoch;
    this.isStirred = true;
    this.sessions.announce();
    this.sessions.greet();
  }

  #message(name: string, body: unknown): void {
    const peer = this.sessions.heard(name);
    if (peer === undefined) return;
    try {
      const message = readMessage(body);
      if (message.type === 'hello') this.#hello(peer, message);
      else if (peer.isMet) this.#dispatch(peer, message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.refuse(name, error);
    }
  }

  #hello(peer: Peer, hello: Hello): void {
    const before = peer.hello;
    if (this.sessions.hello(peer, hello)) this.drop(peer.name);
    const isSameEpoch =
      before?.record?.epoch === hello.record?.epoch &&
      before?.record?.lineage === hello.record?.lineage;
    this.intake.heard(peer.name, isSameEpoch);
    this.isStirred = true;
    // What a client has, it has from others: it is no witness.
    if (!hello.isClient) this.learn(hello.committed);
  }

  #dispatch(peer: Peer, message: Message): void {
    const { name } = peer;
    switch (message.type) {
      case 'entries':
      case 'snapshot':
      case 'piece':
      case 'end':
        this.#take(peer as MetPeer, message);
        return;
      case 'request': {
        this.#passed(peer as MetPeer, message);
        return;
      }
      case 'answer':
        this.#answered(name, message);
        return;
      case 'confirm': {
        const isFollowing = this.intake.source === name;
        this.core.send(name, { type: 'confirmed', round: message.round, isFollowing });
        return;
      }
      default:
        this.hear(peer, message);
    }
  }

  #take(peer: MetPeer, message: Message & { readonly ticket: number }): void {
    const { log } = this.core;
    const { state } = log;
    this.intake.receive(peer, message);
    if (message.type === 'end') this.isStirred = true;
    if (log.state === state) return;
    this.reads.replaced();
    this.replaced();
    // Those that followed us were told to ask again: after this they may.
    this.sessions.announce();
    this.isStirred = true;
  }

  #own(request: Request, id: number, deadlineMs: number): void {
    const { name, isClient } = this.core;
    const ticket = this.requests.open(request, null, id, { name, isClient }, deadlineMs);
    if (ticket === null) return;
    const problem = problemOf(request);
    if (problem === null) this.handle(ticket);
    else this.requests.fail(ticket, 'ERR_ARGUMENT', problem);
  }

  #passed(peer: MetPeer, message: Message & { readonly type: 'request' }): void {
    const { request, id, waitMs, hops } = message;
    const deadlineMs = this.core.nowMs + waitMs;
    const isRead = request.type === 'read';
    const writer = isRead ? message.writer : writerOf(this.core.log.record, peer, message.writer);
    const claimed = writer ?? message.writer;
    const ticket = this.requests.open(request, peer.name, id, claimed, deadlineMs, hops);
    if (ticket === null) return;
    const isCommandHere = AT_ITS_NODE.includes(request.type);
    if (isCommandHere) this.requests.fail(ticket, 'ERR_FORBIDDEN', AT_NODE);
    else if (writer !== null) this.handle(ticket);
    // One that may be a master may have taken itself for one a moment ago.
    else if (!peer.hello.isSlave) this.requests.fail(ticket, 'ERR_REPLICAS');
    else this.requests.fail(ticket, 'ERR_FORBIDDEN', notFor(claimed));
  }

  #answered(name: string, message: Message & { readonly type: 'answer' }): void {
    const ticket = this.requests.answered(name, message.id);
    if (ticket === null) return;
    const { answer } = message;
    const { request } = ticket;
    // The revision to read at is known; a program here reads it when it is here.
    if (request.type === 'read' && answer.type === 'read' && ticket.from === null) {
      const { lineage, revision } = answer;
      this.reads.read(ticket, { lineage, revision });
    } else {
      this.requests.answer(ticket, answer);
    }
  }

  #missingOf(record: EpochRecord | null): string[] {
    if (record === null) return [];
    const others = record.masters.filter(({ name }) => name !== this.core.name);
    const missing = others.filter(({ name }) => this.sessions.master(record, name) === undefined);
    return missing.map(({ name }) => name);
  }

  #troubles(): Trouble[] {
    const { record } = this.core.log;
    const troubles: Trouble[] = [];
    const diverged = new Set(this.divergedPeers());
    for (const [name, code] of this.intake.ended) if (code === 'ERR_DIVERGED') diverged.add(name);
    for (const name of diverged) troubles.push({ name, code: 'ERR_DIVERGED' });
    for (const peer of this.sessions.all()) {
      const { name, hello } = peer;
      let code: ErrorCode | null = null;
      if (record !== null && isForeign(record, peer)) code = 'ERR_LINEAGE';
      else if (!hello.canStore && record !== null && isMasterOf(record, peer)) code = 'ERR_STORE';
      if (code !== null) troubles.push({ name, code });
    }
    return troubles;
  }

  /** Tells people when something they have to know is not what it was. */
  #tellStatus(): void {
    const { log } = this.core;
    const { isReadable } = this.reads;
    // Most turns change nothing of it: what costs more comes after.
    const facts = [
      this.#stirs,
      this.role(),
      isReadable,
      this.isWritable(),
      this.intake.source,
      log.failure,
      this.isDown(),
      log.setAside.length,
      this.#lineage,
      this.#epoch,
      [...this.divergedPeers()].length,
    ];
    if (facts.every((fact, at) => fact === this.#facts[at])) return;
    this.#facts = facts;
    const status = this.status();
    const { record, last, durable, committed, ...rest } = status;
    const text = JSON.stringify([record?.lineage, record?.epoch, rest]);
    if (text === this.#statusText) return;
    this.#statusText = text;
    this.core.outputs.push({ type: 'status', status });
  }
}

/** What is commanded at the node that does it, and never passed on. */
const AT_ITS_NODE: readonly Request['type'][] = ['bootstrap', 'force', 'forget'];
const AT_NODE = 'this is commanded at the node itself';

function notFor({ name }: Writer): string {
  return `who passes this on may not speak for ${name}`;
}

/** What is wrong with a command of an operator here; those of peers were read already. */
function problemOf(request: Request): string | null {
  if (request.type === 'write' || request.type === 'read') return null;
  try {
    readRequest(requestBody(request));
    return null;
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
}
