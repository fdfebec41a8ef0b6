/**
 * Connects a replica with its node, its store and the time. It decides nothing: what has happened
 * becomes an input, what the machine wants done is done.
 *
 * Inputs of one turn are stepped together at its end, so that what they ask for is stored and sent
 * together. Only the end of a link is stepped at once: whatever was to be sent on it must not go
 * over the one that follows.
 */
import { ConfigError } from '../errors.js';
import { Alarm } from '../node/alarm.js';
import type { NodeView } from '../node/events.js';
import type { ClusterNode, ConfigurationPort } from '../node/node.js';
import type { Observer } from '../node/observers.js';
import { decodeBody, encodeBody } from '../wire/payload.js';
import { type Message, messageBody } from './messages.js';
import { BEGIN, END, PartsReader, partsOf } from './parts.js';
import type { Answer, ReplicaInput, ReplicaMachine, ReplicaOutput, Request } from './replica-io.js';
import type { ConfigStore, StoreEvents } from './store-contract.js';

/** What of a node a replica needs. */
export interface DriverNode
  extends Pick<ClusterNode, 'name' | 'observe' | 'openConfiguration' | 'runtime'> {
  /** Those it has links with. */
  readonly nodes: readonly Pick<NodeView, 'name' | 'stalled'>[];
}

/** What is left of outputs when store, port and requests have had theirs. */
export type Told = Extract<
  ReplicaOutput,
  { readonly type: 'visible' | 'replaced' | 'status' | 'refuse' }
>;

/** What a driver connects with its node. */
export interface DriverSetup {
  readonly store: ConfigStore;
  readonly machine: ReplicaMachine;
  /** Is told in order. It may ask the driver for more. */
  tell(output: Told): void;
}

interface Asked {
  readonly request: Request;
  answered(answer: Answer): void;
  failed(error: ConfigError): void;
}

/** Runs one replica until it is closed. */
export class Driver {
  /** What its store is to be opened with. */
  readonly storeEvents: StoreEvents = {
    persisted: (token) => {
      this.#flushes++;
      this.#flushMs += this.#node.runtime.clock.nowMs() - (this.#begunMs.get(token) ?? 0);
      this.#begunMs.delete(token);
      this.#feed({ type: 'persisted', token });
    },
    failed: (token, code, message) => {
      this.#storeMessage ??= message;
      this.#feed({ type: 'persistFailed', token, code, message });
    },
  };
  readonly #node: DriverNode;
  readonly #port: ConfigurationPort;
  readonly #alarm: Alarm;
  readonly #inputs: ReplicaInput[] = [];
  /** When each batch was given to the store that is not flushed. */
  readonly #begunMs = new Map<number, number>();
  #flushes = 0;
  #flushMs = 0;
  #storeMessage: string | null = null;
  readonly #asked = new Map<number, Asked>();
  readonly #readers = new Map<string, PartsReader>();
  #setup: DriverSetup | null = null;
  #unobserve = () => {};
  #lastId = 0;
  #isStepping = false;

  /**
   * Takes the node's way to speak. Nothing is heard before `start`.
   * @throws NodeError ERR_STATE: the node has a replica.
   */
  constructor(node: DriverNode) {
    this.#node = node;
    this.#port = node.openConfiguration((from, part) => this.#receive(from, part));
    this.#alarm = new Alarm(node.runtime, () => this.#feed({ type: 'tick' }));
  }

  /** Begins; links that are up are made known to the machine. */
  start(setup: DriverSetup): void {
    this.#setup = setup;
    this.#unobserve = this.#node.observe(this.#observe);
    for (const { name, stalled } of this.#node.nodes) {
      this.#port.send(name, BEGIN);
      this.#feed({ type: 'up', name });
      if (stalled) this.#feed({ type: 'stalled', name });
    }
    this.#feed({ type: 'tick' });
  }

  /** Batches that are flushed, and how long they took together. */
  get flushed(): { readonly flushes: number; readonly flushMs: number } {
    return { flushes: this.#flushes, flushMs: this.#flushMs };
  }

  /** What the store said when it failed first. */
  get storeMessage(): string | null {
    return this.#storeMessage;
  }

  /** Whether it was closed, or has not begun. */
  get isClosed(): boolean {
    return this.#setup === null;
  }

  /**
   * Asks the machine.
   * @param waitMs how long it may take
   * @param read makes of the answer what is wanted, or throws, while everything still is as the
   *   answer says.
   * @throws (rejects) what `read` throws; ConfigError ERR_CLOSED; ERR_OUTCOME_UNKNOWN: closed
   *   before a write or a command had its answer.
   */
  ask<T>(request: Request, waitMs: number, read: (answer: Answer) => T): Promise<T> {
    return new Promise((resolve, failed) => {
      if (this.#setup === null) throw closed();
      const answered = (answer: Answer) => {
        try {
          resolve(read(answer));
        } catch (error) {
          failed(error);
        }
      };
      const id = ++this.#lastId;
      this.#asked.set(id, { request, answered, failed });
      const deadlineMs = this.#node.runtime.clock.nowMs() + waitMs;
      this.#feed({ type: 'request', id, request, deadlineMs });
    });
  }

  /**
   * Ends; what has no answer gets an error. Links stay, so those at their other ends are told. The
   * store is released last.
   */
  async close(): Promise<void> {
    const setup = this.#setup;
    this.#setup = null;
    this.#unobserve();
    if (setup !== null) for (const { name } of this.#node.nodes) this.#port.send(name, END);
    this.#alarm.set(null);
    this.#port.close();
    for (const { request, failed } of this.#asked.values()) {
      failed(request.type === 'read' ? closed() : unknownOutcome());
    }
    this.#asked.clear();
    if (setup === null) return;
    const { machine, store } = setup;
    machine.step(this.#node.runtime.clock.nowMs(), { type: 'close' });
    for (let output = machine.poll(); output !== null; output = machine.poll()) {
      if (output.type === 'persist') store.persist(output.batch);
    }
    await store.close();
  }

  readonly #observe: Observer = (event, payload) => {
    switch (event) {
      case 'nodeup':
      case 'stalled':
      case 'resumed': {
        const { name } = payload as { readonly name: string };
        this.#feed({ type: event === 'nodeup' ? 'up' : event, name });
        break;
      }
      case 'nodedown':
        this.#down((payload as { readonly name: string }).name);
    }
  };

  /** @throws ProtocolError: this ends the link. */
  #receive(name: string, part: Buffer): void {
    // All links that are up when it begins are made known to the machine then.
    if (this.#setup === null) return;
    if (part.equals(BEGIN) || part.equals(END)) {
      this.#down(name);
      if (part.equals(BEGIN)) this.#feed({ type: 'up', name });
      return;
    }
    let reader = this.#readers.get(name);
    if (reader === undefined) {
      reader = new PartsReader();
      this.#readers.set(name, reader);
    }
    const whole = reader.take(part);
    if (whole !== null) this.#feed({ type: 'message', name, body: decodeBody('cbor', whole) });
  }

  /** What was said before is of no use any more, and what is to be sent must not be. */
  #down(name: string): void {
    this.#readers.delete(name);
    this.#inputs.push({ type: 'down', name });
    this.#turn();
  }

  #feed(input: ReplicaInput): void {
    if (this.#setup === null) return;
    this.#inputs.push(input);
    if (this.#inputs.length === 1) this.#node.runtime.timers.soon(() => this.#turn());
  }

  /** Steps what has happened and does what comes of it, until there is nothing more. */
  #turn(): void {
    // What an output leads to at once is stepped by the turn that is under way.
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      do {
        for (const input of this.#inputs.splice(0)) this.#step(input);
        this.#carryOut();
      } while (this.#inputs.length > 0);
    } finally {
      this.#isStepping = false;
    }
  }

  #step(input: ReplicaInput): void {
    if (this.#setup === null) return;
    this.#setup.machine.step(this.#node.runtime.clock.turnMs(), input);
  }

  #carryOut(): void {
    for (;;) {
      const output = this.#setup?.machine.poll() ?? null;
      if (output === null) break;
      this.#do(output, this.#setup as DriverSetup);
    }
    const deadline = this.#setup?.machine.deadline();
    if (deadline !== undefined) this.#alarm.set(Number.isFinite(deadline) ? deadline : null);
  }

  #do(output: ReplicaOutput, { store, tell }: DriverSetup): void {
    switch (output.type) {
      case 'persist':
        this.#begunMs.set(output.batch.token, this.#node.runtime.clock.nowMs());
        return store.persist(output.batch);
      case 'send':
        return this.#send(output.to, output.message);
      case 'answer': {
        const asked = this.#asked.get(output.id);
        this.#asked.delete(output.id);
        return asked?.answered(output.answer);
      }
      default:
        tell(output);
    }
  }

  #send(to: string, message: Message): void {
    for (const part of partsOf(encodeBody(messageBody(message)).body)) {
      // Without a link a 'down' is on its way to the machine.
      if (!this.#port.send(to, part)) return;
    }
  }
}

function closed(): ConfigError {
  return new ConfigError('ERR_CLOSED', 'the configuration is closed');
}

function unknownOutcome(): ConfigError {
  return new ConfigError(
    'ERR_OUTCOME_UNKNOWN',
    'the configuration was closed before there was an answer; it may have been carried out',
  );
}
