/**
 * What is published on a topic goes to every node that subscribes to it, and to no other: each node
 * tells its peers which topics those are.
 */
import { BackplaneError, NodeError } from '../errors.js';
import type { Outcome, UserMessage } from '../link/types.js';
import type { Timers } from '../runtime/index.js';
import { decodeBody, type EncodedBody, encodeBody } from '../wire/payload.js';
import { bound } from './async-context.js';
import { SUBSCRIPTIONS_TOPIC } from './control.js';
import type { HandlerFailed } from './events.js';
import { Handling, Work } from './handling.js';
import type { LiveLink } from './live-link.js';
import { checkHandler, type Handled, type Handler, tellHandler } from './messages.js';
import { checkOwnTopic } from './names.js';
import { checkTellOptions, type PublishOptions, traceOf } from './send-options.js';
import { SharedNames } from './shared-names.js';

/** Where a message was published to. */
export interface Published {
  /** Nodes it was sent to; each has one outcome. This node is among them if it subscribes. */
  readonly nodes: readonly string[];
  /** Those of them whose queue is above its high-water mark; `drain` follows for each. */
  readonly full: readonly string[];
  /** Nodes that subscribe, and to which nothing was sent: their queue is at its hard limit. */
  readonly failed: readonly { readonly name: string; readonly error: BackplaneError }[];
}

export interface SubscriptionsSetup {
  /** Of this node. */
  readonly name: string;
  readonly timers: Timers;
  failed(failure: HandlerFailed): void;
}

interface Subscriber {
  readonly handler: Handler;
}

const DELIVERED = { type: 'delivered' } as const;
const UNSENT = { type: 'unsent' } as const;
const NO_SUBSCRIBER = { type: 'delivered', code: 'ERR_NO_HANDLER' } as const;

export class Subscriptions {
  readonly shared: SharedNames;
  readonly #setup: SubscriptionsSetup;
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  /** Of what this node publishes to itself. */
  readonly #work = new Work();

  constructor(setup: SubscriptionsSetup) {
    this.#setup = setup;
    this.shared = new SharedNames({
      what: 'topics to subscribe to',
      topic: SUBSCRIPTIONS_TOPIC,
      timers: setup.timers,
      onChange: () => {},
    });
  }

  /** As `ClusterNode.subscribe`. */
  subscribe(topic: string, handler: Handler): () => void {
    checkOwnTopic(topic);
    checkHandler(handler);
    this.shared.add(topic);
    const subscriber: Subscriber = { handler };
    const others = this.#subscribers.get(topic);
    if (others === undefined) this.#subscribers.set(topic, new Set([subscriber]));
    else others.add(subscriber);
    return () => {
      const all = this.#subscribers.get(topic);
      if (all?.delete(subscriber) !== true || all.size > 0) return;
      this.#subscribers.delete(topic);
      this.shared.remove(topic);
    };
  }

  /** The nodes that subscribe to a topic, this one included, sorted by name. */
  subscribersOf(topic: string): string[] {
    const names = Array.from(this.shared.holdersOf(checkOwnTopic(topic)), ({ name }) => name);
    if (this.#subscribers.has(topic)) names.push(this.#setup.name);
    return names.sort();
  }

  /** As `ClusterNode.publish`. */
  publish(topic: string, body: unknown, options: PublishOptions): Published {
    checkOwnTopic(topic);
    const checked = checkTellOptions(options);
    const traceparent = traceOf(options);
    const encoded = encodeBody(body);
    const message = { kind: 'publish', id: 0, topic, ...encoded, traceparent } as const;
    const { onOutcome } = options;
    const told = onOutcome && bound(onOutcome);
    const nodes: string[] = [];
    const full: string[] = [];
    const failed: { name: string; error: BackplaneError }[] = [];
    for (const { name, link } of this.shared.holdersOf(topic)) {
      try {
        const done = told && ((outcome: Outcome) => told(outcome, name));
        if (!link.send(message, checked, done)) full.push(name);
        nodes.push(name);
      } catch (error) {
        if (!isOfThisLink(error)) throw error;
        // One that is leaving is as good as gone.
        if (error.code !== 'ERR_NO_LINK') failed.push({ name, error });
      }
    }
    if (this.#subscribers.has(topic)) {
      nodes.push(this.#setup.name);
      this.#publishHere(message, told);
    }
    return { nodes, full, failed };
  }

  /** As `ClusterNode.publishForOutcomes`. */
  publishForOutcomes(
    topic: string,
    body: unknown,
    options: Omit<PublishOptions, 'onOutcome'>,
  ): Promise<ReadonlyMap<string, Outcome>> {
    return new Promise((resolve) => {
      const outcomes = new Map<string, Outcome>();
      let expected = Number.POSITIVE_INFINITY;
      const told = (outcome: Outcome, name: string) => {
        outcomes.set(name, outcome);
        if (outcomes.size === expected) resolve(outcomes);
      };
      const { nodes, failed } = this.publish(topic, body, { ...options, onOutcome: told });
      for (const { name } of failed) outcomes.set(name, UNSENT);
      expected = nodes.length + failed.length;
      if (outcomes.size === expected) resolve(outcomes);
    });
  }

  /** Something was published by a peer. */
  receive(live: LiveLink, message: UserMessage, body: unknown): Handled {
    return this.#deliver(live.name, message, body, live.work);
  }

  up(live: LiveLink): void {
    this.shared.up(live);
  }

  down(live: LiveLink): void {
    this.shared.down(live);
  }

  /** This node as one of its own subscribers: after this turn, with a body of its own. */
  #publishHere(
    message: UserMessage & EncodedBody,
    told: ((outcome: Outcome, name: string) => void) | undefined,
  ): void {
    const { name, timers } = this.#setup;
    const bytes = Buffer.from(message.body);
    timers.soon(() => {
      const body = decodeBody(message.encoding, bytes);
      const handled = this.#deliver(name, message, body, this.#work);
      told?.(handled === 'ERR_NO_HANDLER' ? NO_SUBSCRIBER : DELIVERED, name);
    });
  }

  /** Each subscriber in turn; the message is done when all are. */
  #deliver(from: string, message: UserMessage, body: unknown, work: Work): Handled {
    const subscribers = this.#subscribers.get(message.topic);
    if (subscribers === undefined) return 'ERR_NO_HANDLER';
    const { name, failed } = this.#setup;
    const pending: PromiseLike<unknown>[] = [];
    for (const { handler } of [...subscribers]) {
      const handling = new Handling(from, message, work);
      const handled = tellHandler(name, handler, body, handling, failed);
      if (handled !== undefined) pending.push(handled);
    }
    return pending.length > 1 ? Promise.all(pending) : pending[0];
  }
}

/** Whether only one node does not get it, and not none because of what is published. */
function isOfThisLink(error: unknown): error is BackplaneError {
  const { code } = error instanceof BackplaneError ? error : new NodeError('ERR_ARGUMENT', '');
  return code === 'ERR_NO_LINK' || code === 'ERR_QUEUE_FULL';
}
