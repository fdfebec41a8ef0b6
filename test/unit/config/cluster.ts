/**
 * Machines of the configuration with links and stores between them, stepped by hand. Everything is
 * written down as it happens, so that a test can show the protocol.
 */
import assert from 'node:assert/strict';
import { readEntry } from '../../../src/config/entry.js';
import { readRecord } from '../../../src/config/epoch-record.js';
import { Follower } from '../../../src/config/follower.js';
import { type Message, messageBody } from '../../../src/config/messages.js';
import { Replica } from '../../../src/config/replica.js';
import type {
  Answer,
  Command,
  ReplicaInput,
  ReplicaMachine,
  ReplicaOutput,
  ReplicaStatus,
  Request,
} from '../../../src/config/replica-io.js';
import { type ConfigState, loadState } from '../../../src/config/state.js';
import type { LoadState } from '../../../src/config/state-contract.js';
import {
  checkTransaction,
  encodeTransaction,
  type Transaction,
} from '../../../src/config/transaction.js';
import { decodeValue } from '../../../src/config/value.js';
import { sha256 } from '../../../src/runtime/crypto.js';
import { decodeBody, encodeBody } from '../../../src/wire/payload.js';
import { MemoryStore } from './memory-store.js';

export const LOAD_MS = 5000;

/** An id out of a name. */
export const idOf = (text: string) => sha256(text).toString('hex').slice(0, 32);

/** One node: its machine, while it runs, and its store. */
export class TestNode {
  readonly name: string;
  readonly isSlave: boolean;
  /** Whom it reads from, where it is a client: its store is empty at each start. */
  readonly readsFrom: readonly string[] | null;
  store: MemoryStore;
  machine: ReplicaMachine | null = null;
  state: ConfigState | null = null;
  starts = 0;
  /** The store completes nothing by itself. */
  isSlow = false;
  /** Revisions as they became visible; each 'replaced' is -1. */
  shown: number[] = [];
  statuses: ReplicaStatus[] = [];
  readonly answers = new Map<number, Answer>();

  constructor(name: string, isSlave: boolean, readsFrom: readonly string[] | null = null) {
    this.name = name;
    this.isSlave = isSlave;
    this.readsFrom = readsFrom;
    this.store = new MemoryStore(idOf(`store ${name}`));
  }

  get status(): ReplicaStatus {
    return (this.machine as ReplicaMachine).status();
  }

  /** The value of a key at what may be read. */
  value(key: string): unknown {
    const { committed } = this.status;
    const found = this.state?.tree.get(key, committed);
    return found === undefined || found.value === null ? undefined : decodeValue(found.value);
  }
}

/** All of them. */
export class Cluster {
  /** What comes of one peer in one turn is stepped before outputs are taken, as drivers do. */
  isTogether = false;
  readonly nodes = new Map<string, TestNode>();
  readonly masters: readonly string[];
  nowMs = 0;
  /** What was said and done, a line each, since it was last taken. */
  lines: string[] = [];
  /** Pairs with a link, and what is on its way, by `from to`. */
  readonly #links = new Map<string, unknown[]>();
  #asked = 0;

  /** @param masters names where masters are looked for */
  constructor(masters: readonly string[], slaves: readonly string[] = []) {
    this.masters = masters;
    for (const name of masters) this.nodes.set(name, new TestNode(name, false));
    for (const name of slaves) this.nodes.set(name, new TestNode(name, true));
  }

  /** Adds a client. */
  client(name: string, ...readsFrom: readonly string[]): void {
    this.nodes.set(name, new TestNode(name, true, readsFrom));
  }

  node(name: string): TestNode {
    const node = this.nodes.get(name);
    assert.ok(node !== undefined, name);
    return node;
  }

  /** Starts nodes, and links each to all others that run. */
  start(...names: string[]): void {
    for (const name of names) {
      const node = this.node(name);
      const { readsFrom } = node;
      if (readsFrom !== null) node.store = new MemoryStore(idOf(`client ${name} ${node.starts}`));
      const load: LoadState = (revision, items) => {
        node.state = loadState(revision, items) as ConfigState;
        return node.state;
      };
      const setup = {
        name,
        instance: idOf(`${name} ${++node.starts}`),
        masters: readsFrom ?? this.masters,
        loadMs: LOAD_MS,
        contents: node.store.contents(),
        load,
      };
      node.machine = node.isSlave
        ? new Follower(this.nowMs, setup, readsFrom === null ? 'slave' : 'client')
        : new Replica(this.nowMs, setup);
      node.shown = [];
      for (const other of this.nodes.values()) {
        if (other.machine !== null && other !== node) this.link(name, other.name);
      }
      this.take(node);
    }
  }

  /** Ends a process: what is not on disk is lost. */
  kill(name: string): void {
    const node = this.node(name);
    for (const other of this.nodes.keys()) this.cut(name, other);
    node.machine = null;
    node.store.waiting = [];
  }

  link(one: string, two: string): void {
    if (this.#links.has(`${one} ${two}`)) return;
    this.#links.set(`${one} ${two}`, []).set(`${two} ${one}`, []);
    this.step(one, { type: 'up', name: two });
    this.step(two, { type: 'up', name: one });
  }

  cut(one: string, two: string): void {
    if (!this.#links.has(`${one} ${two}`)) return;
    this.#links.delete(`${one} ${two}`);
    this.#links.delete(`${two} ${one}`);
    this.step(one, { type: 'down', name: two });
    this.step(two, { type: 'down', name: one });
  }

  step(name: string, input: ReplicaInput): void {
    const node = this.node(name);
    if (node.machine === null) return;
    node.machine.step(this.nowMs, input);
    this.take(node);
  }

  /** Asks one node. @returns what it is answered by `answer`. */
  ask(name: string, request: Request, waitMs = 1000): number {
    const id = ++this.#asked;
    this.step(name, { type: 'request', id, request, deadlineMs: this.nowMs + waitMs });
    return id;
  }

  answer(name: string, id: number): Answer | undefined {
    return this.node(name).answers.get(id);
  }

  /** Asks, lets everything happen, and gives the answer. */
  get(name: string, request: Request): Answer | undefined {
    const id = this.ask(name, request);
    this.run();
    return this.answer(name, id);
  }

  put(name: string, key: string, value: unknown): Answer | undefined {
    return this.get(name, write({ write: [{ put: key, value }] }));
  }

  command(name: string, command: Commanded): Answer | undefined {
    return this.get(name, commanded(command));
  }

  /** A cluster of these masters, all of them started. */
  bootstrap(...names: string[]): void {
    this.start(...names);
    this.run();
    const first = names[0] as string;
    const answer = this.command(first, {
      type: 'bootstrap',
      masters: names,
      clusterId: idOf('cluster'),
      lineage: idOf('L1'),
    });
    assert.equal(answer?.type, 'done');
    this.lines = [];
  }

  /** Lets messages arrive and stores complete until nothing more happens. */
  run(): void {
    for (let turns = 0; this.turn(); turns++) assert.ok(turns < 10_000, 'it never ends');
  }

  /** Delivers what is on its way now, and completes one batch of each store. */
  turn(): boolean {
    let isBusy = false;
    for (const [pair, bodies] of this.#links) {
      const [from, to] = pair.split(' ') as [string, string];
      for (const body of bodies.splice(0)) {
        isBusy = true;
        const input = { type: 'message', name: from, body } as const;
        if (this.isTogether) this.node(to).machine?.step(this.nowMs, input);
        else this.step(to, input);
      }
      if (this.isTogether) this.take(this.node(to));
    }
    for (const node of this.nodes.values()) {
      if (!node.isSlow && this.flush(node.name)) isBusy = true;
    }
    return isBusy;
  }

  /** Completes one batch of a store. */
  flush(name: string): boolean {
    const node = this.node(name);
    const token = node.store.flush();
    if (token === null) return false;
    this.lines.push(`${short(name)} flushed`);
    this.step(name, { type: 'persisted', token });
    return true;
  }

  fail(name: string): void {
    const token = this.node(name).store.waiting.shift()?.token ?? 1;
    this.node(name).store.waiting = [];
    this.step(name, { type: 'persistFailed', token, code: 'ERR_STORE_FULL', message: 'full' });
  }

  /** Lets time pass. */
  wait(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      this.run();
      const running = [...this.nodes.values()].filter(({ machine }) => machine !== null);
      const due = Math.min(...running.map(({ machine }) => machine?.deadline() ?? Infinity));
      if (due > endMs) break;
      this.nowMs = Math.max(this.nowMs, due);
      for (const { name } of running) this.step(name, { type: 'tick' });
    }
    this.nowMs = endMs;
  }

  /** What was written down, and a new page. */
  page(): string[] {
    return this.lines.splice(0);
  }

  take(node: TestNode): void {
    const { machine } = node;
    for (let output = machine?.poll(); output; output = machine?.poll()) {
      this.#carryOut(node, output);
    }
  }

  #carryOut(node: TestNode, output: ReplicaOutput): void {
    const name = short(node.name);
    switch (output.type) {
      case 'persist':
        node.store.waiting.push(output.batch);
        this.lines.push(`${name} writes ${output.batch.operations.map(operationText).join(', ')}`);
        break;
      case 'send': {
        const { to, message } = output;
        this.lines.push(`${name} -> ${short(to)}  ${messageText(message)}`);
        const { encoding, body } = encodeBody(messageBody(message));
        const sent = decodeBody(encoding, Buffer.from(body));
        this.#links.get(`${node.name} ${to}`)?.push(sent);
        break;
      }
      case 'visible':
        node.shown.push(output.revision);
        this.lines.push(`${name} shows ${output.revision}`);
        break;
      case 'replaced':
        node.shown.push(-1);
        this.lines.push(`${name} replaced`);
        break;
      case 'answer':
        node.answers.set(output.id, output.answer);
        this.lines.push(`${name} answers ${answerText(output.answer)}`);
        break;
      case 'status':
        node.statuses.push(output.status);
        break;
      case 'refuse':
        throw output.error;
    }
  }
}

type Commanded = Command extends infer C
  ? C extends Command
    ? Omit<C, 'requestId' | 'by' | 'atMs'> & { requestId?: string }
    : never
  : never;

let drawn = 0;

/** A command of a person. */
export function commanded(command: Commanded): Command {
  return { requestId: idOf(`request ${++drawn}`), by: 'test', atMs: 1, ...command } as Command;
}

/** A transaction as a request, asked for the first time unless told otherwise. */
export function write(
  transaction: Transaction,
  again: { requestId?: string; askedAt?: number } = {},
): Request & { readonly type: 'write' } {
  return {
    type: 'write',
    requestId: again.requestId ?? idOf(`request ${++drawn}`),
    transaction: encodeTransaction(checkTransaction(transaction)),
    askedAt: again.askedAt ?? null,
  };
}

/** One that puts a value, whatever there is. */
export function put(key: string, value: unknown, again: Parameters<typeof write>[1] = {}) {
  return write({ write: [{ put: key, value }] }, again);
}

export const short = (name: string) => name.split('@')[0] as string;

function operationText(operation: {
  type: string;
  revision?: number;
  base?: { revision: number };
}) {
  const { type, revision, base } = operation;
  return `${type}${revision === undefined ? '' : ` ${revision}`}${base ? ` ${base.revision}` : ''}`;
}

function answerText(answer: Answer): string {
  switch (answer.type) {
    case 'error':
      return answer.code;
    case 'done':
      return `done, epoch ${answer.epoch}`;
    default:
      return `${answer.type} ${answer.revision}`;
  }
}

function entriesText(entries: readonly Buffer[]): string {
  const read = entries.map((bytes) => readEntry(bytes));
  const texts = read.map(({ kind, revision, epoch, body }) => {
    if (kind === 'transaction') return `${revision}`;
    return `${revision} (epoch ${epoch}: ${readRecord(body)
      .masters.map(({ name }) => short(name))
      .join(' ')})`;
  });
  return texts.length === 0 ? 'nothing new' : texts.join(' ');
}

function messageText(message: Message): string {
  switch (message.type) {
    case 'hello': {
      const { to, record, last, committed } = message;
      const epoch = record === null ? 'empty' : `epoch ${record.epoch}`;
      const has = `${epoch}, log to ${last.revision}, committed ${committed.revision}`;
      return `hello${to === null ? '' : ' you'}: ${has}${message.canStore ? '' : ', cannot store'}`;
    }
    case 'follow':
      return `follow from ${message.at.revision}`;
    case 'entries':
      return `entries ${entriesText(message.entries)}, committed ${message.committed}`;
    case 'snapshot':
      return `snapshot at ${message.base.revision}`;
    case 'piece':
      return `piece of ${message.items.length}${message.digest === null ? '' : ', the last'}`;
    case 'taken':
      return `taken ${message.messages}, stored ${message.stored}`;
    case 'end':
      return `end ${message.code}`;
    case 'request':
      return `request ${message.request.type}`;
    case 'answer':
      return `answer ${answerText(message.answer)}`;
    case 'confirmed':
      return `confirmed ${message.isFollowing}`;
    case 'freeze':
      return message.isFrozen ? 'freeze' : 'thaw';
    default:
      return message.type;
  }
}
