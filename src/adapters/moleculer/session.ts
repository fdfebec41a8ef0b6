/** One broker on one node: its packets out, the packets of others in, and who is there. */
import { BackplaneError, type ClusterNode, NodeError, type TellOptions } from '../../index.js';
import { limits } from '../../limits.js';
import { Neighbours } from '../neighbours.js';
import { IncomingStreams, OutgoingStreams, readGrant } from './flow.js';
import type { BaseTransporter, ErrorClass, Failure, MoleculerModule, Packet } from './framework.js';
import { laneOf } from './lanes.js';
import { Roster } from './roster.js';

/** What goes beside a packet through the broker's middlewares. */
export interface SendMeta {
  readonly packet: Packet;
  /** Name of the one node it is for, where the nodeID there is not known yet. */
  readonly node?: string;
  /** It says that an answer could not be sent. */
  readonly isRefusal?: boolean;
}

const DONE = Promise.resolve();
/** No packet class of Moleculer: how far the reader of a stream has come. */
const GRANT = 'WINDOW';
const GRANT_LANE: TellOptions = { orderKey: GRANT, priority: true };
/** What would fail in the same way again. */
const FINAL: ReadonlySet<string> = new Set(['ERR_MESSAGE_TOO_LARGE', 'ERR_ARGUMENT']);

/** Between `connect` and `disconnect` of a transporter. */
export class Session {
  readonly #node: ClusterNode;
  readonly #transporter: BaseTransporter;
  readonly #errors: MoleculerModule['Errors'];
  readonly #neighbours: Neighbours;
  readonly #roster = new Roster();
  readonly #outgoing = new OutgoingStreams();
  readonly #incoming: IncomingStreams;
  readonly #handled = new Map<string, () => void>();
  /** Nodes of which a packet was not believed, and the log told so. */
  readonly #doubted = new Set<string>();
  /** Options by order key, for the few keys that most packets have. */
  readonly #options = new Map<string, TellOptions>();
  /** Messages without an outcome. */
  #pending = 0;
  #onSettled: (() => void) | null = null;

  constructor(node: ClusterNode, transporter: BaseTransporter, errors: MoleculerModule['Errors']) {
    this.#node = node;
    this.#transporter = transporter;
    this.#errors = errors;
    this.#incoming = new IncomingStreams(transporter.transit);
    this.#neighbours = new Neighbours(node, {
      onUp: (name) => this.#greet(name),
      onDown: (name, reason) => this.#lost(name, reason !== 'left'),
    });
  }

  /**
   * Listens to these packet classes.
   * @throws NodeError ERR_STATE: the node serves another broker of this namespace already.
   */
  listen(cmds: Iterable<string>): void {
    for (const cmd of cmds) {
      this.#handle(cmd, (body, from) => this.#transporter.receive(cmd, body as Buffer, from));
    }
    this.#handle(GRANT, (body, from) => {
      const grant = readGrant(body);
      if (grant !== null) this.#outgoing.granted(from, grant);
    });
  }

  /** Sends a packet to its target, or to every node there is. */
  send(data: Buffer, { packet, node, isRefusal = false }: SendMeta): Promise<void> {
    if (packet.type === 'DISCONNECT') return this.#sayGoodbye(data, packet);
    if (node !== undefined) return this.#sendTo(node, data, packet, isRefusal);
    if (packet.target === undefined || packet.target === null) {
      this.#broadcast(data, packet);
      return DONE;
    }
    const name = this.#roster.nodeOf(packet.target);
    if (name !== undefined) return this.#sendTo(name, data, packet);
    const cause = new NodeError('ERR_NO_LINK', `no node is known that has ${packet.target}`);
    return Promise.reject(this.#failure(cause, packet));
  }

  /** One packet of a node, as the middlewares leave it. */
  receive(cmd: string, data: Buffer, from: unknown): void {
    const { logger } = this.#transporter;
    const packet = this.#read(cmd, data);
    const sender = packet?.payload.sender;
    if (packet === null || typeof sender !== 'string' || typeof from !== 'string') {
      logger.warn(`Invalid incoming packet. Type: ${cmd}`);
      return;
    }
    const doubt = this.#roster.learn(sender, from);
    if (doubt !== null) {
      if (!this.#doubted.has(from)) logger.warn(`Packets are dropped: ${doubt}`);
      this.#doubted.add(from);
      return;
    }
    this.#transporter.messageHandler(cmd, packet);
    if (cmd === 'DISCONNECT') this.#roster.forget(sender);
    this.#incoming.received(packet, data.length, (grant) => {
      this.#try(() => this.#neighbours.send(from, this.#topic(GRANT), grant, GRANT_LANE));
    });
  }

  /** Hears and sends nothing more. */
  close(): void {
    for (const unhandle of this.#handled.values()) unhandle();
    this.#handled.clear();
    this.#neighbours.close();
    this.#outgoing.clear();
  }

  #topic(cmd: string): string {
    return this.#transporter.getTopicName(cmd);
  }

  #handle(cmd: string, handler: (body: unknown, from: string) => unknown): void {
    if (this.#handled.has(cmd)) return;
    const topic = this.#topic(cmd);
    // What a broker works on holds nobody back: an action that waits for an answer of the node that
    // called it would wait for credit that only its own end returns.
    const unhandle = this.#node.handle(topic, (body, { from }) => void handler(body, from));
    this.#handled.set(cmd, unhandle);
  }

  #read(cmd: string, data: unknown): Packet | null {
    if (!Buffer.isBuffer(data)) return null;
    try {
      const packet = this.#transporter.deserialize(cmd, data);
      return typeof packet?.payload === 'object' && packet.payload !== null ? packet : null;
    } catch (error) {
      this.#transporter.logger.debug('A packet that cannot be read:', error);
      return null;
    }
  }

  /** A node has come: asks for its broker, as a broker that starts asks all. */
  #greet(name: string): void {
    if (!this.#transporter.connected) return;
    const transporter = this.#transporter;
    const packet: Packet = { type: 'DISCOVER', target: null, payload: {} };
    const data = transporter.serialize(packet);
    const meta: SendMeta = { packet, node: name };
    transporter.send(this.#topic(packet.type), data, meta).catch((error: unknown) => {
      transporter.logger.debug(`DISCOVER to ${name} was not sent:`, error);
    });
  }

  #lost(name: string, isUnexpected: boolean): void {
    this.#doubted.delete(name);
    this.#outgoing.forget(name);
    const { discoverer } = this.#transporter.broker.registry;
    for (const nodeId of this.#roster.takeAll(name)) {
      discoverer.remoteNodeDisconnected(nodeId, isUnexpected);
    }
  }

  #sendTo(name: string, data: Buffer, packet: Packet, isRefusal = false): Promise<void> {
    try {
      this.#give(name, data, packet);
    } catch (cause) {
      const failure = this.#failure(cause, packet);
      if (packet.type === 'RES' && !isRefusal) void this.#refuse(name, packet, failure);
      return Promise.reject(failure);
    }
    const reader = this.#outgoing.sent(name, packet, data.length);
    return reader ?? this.#neighbours.whenRoom(name) ?? DONE;
  }

  /**
   * An answer cannot be sent, and Moleculer tells only its log: who asked would wait for ever, or
   * for its timeout. It is given the reason, as one not to be tried again: the action has run.
   */
  async #refuse(name: string, { type, target, payload }: Packet, failure: Failure): Promise<void> {
    const transporter = this.#transporter;
    const { message, code, type: reason, data } = failure;
    const { nodeID } = transporter;
    const plain = { message, code, type: reason, data, nodeID };
    const error = { name: 'MoleculerError', ...plain, retryable: false };
    const { id, seq = null } = payload;
    // The last piece of what is a stream.
    const place = seq === null ? {} : { seq, stream: false };
    const refusal = { id, meta: {}, success: false, data: null, ...place, error };
    try {
      await this.#neighbours.whenRoom(name);
      const packet: Packet = { type, target: target ?? null, payload: refusal };
      const meta: SendMeta = { packet, node: name, isRefusal: true };
      await transporter.send(this.#topic(type), transporter.serialize(packet), meta);
    } catch (cause) {
      transporter.logger.debug(`${name} was not told that an answer was not sent:`, cause);
    }
  }

  #broadcast(data: Buffer, packet: Packet): void {
    for (const name of this.#neighbours.names) this.#try(() => this.#give(name, data, packet));
  }

  /** @throws as `ClusterNode.send`. */
  #give(name: string, data: Buffer, packet: Packet): void {
    const { orderKey, priority } = laneOf(packet, data.length);
    const options =
      orderKey === packet.type
        ? this.#lane(packet.type, priority === true)
        : { orderKey: orderKey ?? '', onOutcome: this.#settle };
    this.#neighbours.send(name, this.#topic(packet.type), data, options);
    this.#pending += 1;
  }

  #lane(orderKey: string, priority: boolean): TellOptions {
    const known = this.#options.get(orderKey);
    if (known !== undefined) return known;
    const options = { orderKey, priority, onOutcome: this.#settle };
    this.#options.set(orderKey, options);
    return options;
  }

  readonly #settle = () => {
    this.#pending -= 1;
    if (this.#pending === 0) this.#onSettled?.();
  };

  /**
   * Whoever hears of a broker's end gives up what it has asked there. Order holds within a packet
   * class, so all that was sent before, answers above all, has to be there before this.
   */
  async #sayGoodbye(data: Buffer, packet: Packet): Promise<void> {
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, limits.leaveMs);
        this.#onSettled = () => {
          clearTimeout(late);
          resolve();
        };
      });
    }
    this.#broadcast(data, packet);
  }

  /** For what is sent to many, or that nobody waits for. */
  #try(send: () => void): void {
    try {
      send();
    } catch (error) {
      this.#transporter.logger.debug('A packet was not sent:', error);
    }
  }

  #failure(cause: unknown, { type, target }: Packet): Failure {
    const code = cause instanceof BackplaneError ? cause.code : 'ERR_SYSTEM';
    const reason = cause instanceof Error ? cause.message : String(cause);
    const { MoleculerError, MoleculerRetryableError } = this.#errors;
    const Class: ErrorClass = FINAL.has(code) ? MoleculerError : MoleculerRetryableError;
    const failure = new Class(`${type} was not sent: ${reason}`, 503, code, { nodeID: target });
    failure.cause = cause;
    return failure;
  }
}
