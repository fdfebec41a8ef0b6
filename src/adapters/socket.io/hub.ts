/** All namespaces of a socket.io server on one node: their messages out, those of others in. */
import debug from 'debug';
import {
  BackplaneError,
  type ClusterNode,
  NodeError,
  type Outcome,
  type TellOptions,
} from '../../index.js';
import { Neighbours } from '../neighbours.js';
import { decodeMessage, encodeMessage } from './codec.js';

const trace = debug('backplane:adapters:socket.io');

/** One namespace, as the hub sees it. */
export interface Member {
  /** A message of the same namespace at another server. */
  hear(message: Readonly<Record<string, unknown>>, from: string): void;
  /** A node came; it may have a server. */
  greet(name: string): void;
  /** A node went. */
  lost(name: string): void;
}

/** How a message is sent. */
export interface PublishOptions {
  /** Not to nodes where so much waits already. */
  readonly isVolatile?: boolean;
  /** Asks whether there is a server at all. */
  readonly isGreeting?: boolean;
}

const hubs = new WeakMap<ClusterNode, Map<string, Hub>>();

/** The hub of a node with this topic; there is one. */
export function hubOf(node: ClusterNode, topic: string): Hub {
  const ofNode = hubs.get(node) ?? new Map<string, Hub>();
  hubs.set(node, ofNode);
  const known = ofNode.get(topic);
  if (known !== undefined) return known;
  const hub = new Hub(node, topic, () => ofNode.delete(topic));
  ofNode.set(topic, hub);
  return hub;
}

export class Hub {
  readonly #topic: string;
  readonly #onEmpty: () => void;
  readonly #unhandle: () => void;
  readonly #neighbours: Neighbours;
  readonly #members = new Map<string, Member>();
  /** Order keys of the namespaces. */
  readonly #options = new Map<string, TellOptions>();
  /** Nodes that have a server. */
  readonly #heard = new Set<string>();
  /** Nodes that have none: they refused a greeting, and were not heard since. */
  readonly #absent = new Set<string>();
  /** What was warned of, each once while the link is up. */
  readonly #warned = new Set<string>();

  constructor(node: ClusterNode, topic: string, onEmpty: () => void) {
    this.#topic = topic;
    this.#onEmpty = onEmpty;
    this.#unhandle = node.handle(topic, (body, { from }) => this.#receive(body, from));
    this.#neighbours = new Neighbours(node, {
      onUp: (name) => {
        for (const member of this.#members.values()) member.greet(name);
      },
      onDown: (name) => this.#lost(name),
    });
  }

  /** @throws NodeError ERR_STATE: this node serves that namespace already. */
  checkFree(namespace: string): void {
    if (!this.#members.has(namespace)) return;
    const text = `${this.#topic} serves namespace ${namespace} already: give each server a prefix`;
    throw new NodeError('ERR_STATE', text);
  }

  /** A namespace that is free opens. */
  join(namespace: string, member: Member): void {
    this.#members.set(namespace, member);
    // Order holds within a namespace; no namespace waits for another.
    this.#options.set(namespace, { orderKey: namespace });
  }

  /** A namespace is closed; the last one takes the hub with it. */
  leave(namespace: string): void {
    this.#members.delete(namespace);
    this.#options.delete(namespace);
    if (this.#members.size > 0) return;
    this.#unhandle();
    this.#neighbours.close();
    this.#onEmpty();
  }

  /**
   * Sends to every node that may have a server.
   * @throws TypeError, RangeError: the message cannot be encoded.
   */
  publish(namespace: string, message: object, options: PublishOptions = {}): void {
    const body = encodeMessage(message);
    for (const name of this.#neighbours.names) {
      if (this.#absent.has(name) && options.isGreeting !== true) continue;
      if (options.isVolatile === true && this.#neighbours.isFull(name)) continue;
      this.#send(name, namespace, body, options);
    }
  }

  /** Sends to one node. @throws as `publish`. */
  sendTo(name: string, namespace: string, message: object, options: PublishOptions = {}): void {
    this.#send(name, namespace, encodeMessage(message), options);
  }

  #send(name: string, namespace: string, body: Buffer, { isGreeting }: PublishOptions): void {
    const plain = this.#options.get(namespace) ?? {};
    const onOutcome = (outcome: Outcome) => this.#greeted(name, outcome);
    const options = isGreeting === true ? { ...plain, onOutcome } : plain;
    try {
      this.#neighbours.send(name, this.#topic, body, options);
    } catch (error) {
      // Of a message to many, the others are to get it.
      this.#warn(name, error);
    }
  }

  #greeted(name: string, outcome: Outcome): void {
    const isRefused = outcome.type === 'delivered' && outcome.code === 'ERR_NO_HANDLER';
    if (isRefused && !this.#heard.has(name)) this.#absent.add(name);
  }

  #receive(body: unknown, from: string): void {
    const message = decodeMessage(body);
    const member = this.#members.get(String(message?.['nsp']));
    if (message === null || member === undefined) return trace('%s sent what is not for us', from);
    this.#heard.add(from);
    this.#absent.delete(from);
    member.hear(message, from);
  }

  #lost(name: string): void {
    this.#heard.delete(name);
    this.#absent.delete(name);
    for (const key of this.#warned) if (key.startsWith(`${name} `)) this.#warned.delete(key);
    for (const member of this.#members.values()) member.lost(name);
  }

  #warn(name: string, error: unknown): void {
    const code = error instanceof BackplaneError ? error.code : 'ERR_SYSTEM';
    trace('to %s: %o', name, error);
    const key = `${name} ${code}`;
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    const text = error instanceof Error ? error.message : String(error);
    process.emitWarning(`socket.io message to ${name} was not sent: ${text}`, {
      type: 'BackplaneWarning',
      code,
    });
  }
}
