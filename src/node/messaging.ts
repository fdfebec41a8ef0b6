/**
 * The part of a node that programs talk through: sending, calling, streams, topics that are
 * published on, groups and monitors.
 */
import { EventEmitter } from 'node:events';
import { NodeError } from '../errors.js';
import type { LocalIdentity, Outcome, ReceivedMessage } from '../link/types.js';
import type { Clock, Runtime } from '../runtime/index.js';
import { PendingCalls } from './calls.js';
import { checkOptions, checkPeerName } from './check-options.js';
import { callControls, controlHandlers } from './control.js';
import type { HandlerFailed, NodeDown, NodeEvents, NodeGone } from './events.js';
import { Groups } from './groups.js';
import type { IncomingStream } from './incoming-stream.js';
import type { LiveLink } from './live-link.js';
import { type Control, type Handled, type Handler, Messages } from './messages.js';
import { Monitors } from './monitors.js';
import { checkOwnTopic, PING_TOPIC } from './names.js';
import { Outgoing } from './outgoing.js';
import {
  type CallOptions,
  checkCallOptions,
  checkOutcomeOptions,
  checkStreamOptions,
  DEADLINE_OPTIONS,
  NO_OPTIONS,
  type PublishOptions,
  type StreamOptions,
  type TellOptions,
} from './send-options.js';
import { type Published, Subscriptions } from './subscriptions.js';
import { Teller } from './teller.js';
import type { ItemOf, ReplyOf, RequestOf } from './topic.js';

const PICK_OPTIONS = new Set(['key']);

/** What a `ClusterNode` says and hears; which peers it has, and when it ends, is decided there. */
export abstract class Messaging extends EventEmitter<NodeEvents> {
  /** @internal */
  protected readonly teller: Teller;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #calls: PendingCalls;
  readonly #controls: Map<string, Control>;
  readonly #messages: Messages;
  readonly #outgoing: Outgoing;
  readonly #subscriptions: Subscriptions;
  readonly #groups: Groups;
  readonly #monitors: Monitors;

  /** @internal @param isLogged whether a logger is told what nobody listens for. */
  protected constructor(
    { name, profile }: LocalIdentity,
    { clock, timers }: Runtime,
    isLogged: boolean,
  ) {
    super();
    const teller = new Teller(name, this, clock, isLogged);
    const find = (peer: string) => this.findLink(peer);
    const failed = (failure: HandlerFailed) => teller.handlerFailed(failure);
    this.teller = teller;
    this.#name = name;
    this.#clock = clock;
    this.#calls = new PendingCalls({ timers, ...callControls(find) });
    this.#outgoing = new Outgoing({
      name,
      callDeadlineMs: profile.callDeadlineMs,
      calls: this.#calls,
      linkTo: (to) => this.#linkTo(to),
    });
    this.#subscriptions = new Subscriptions({ name, timers, failed });
    this.#groups = new Groups({
      name,
      timers,
      onChange: (group, member, isMember) =>
        teller.tell(isMember ? 'groupJoin' : 'groupLeave', { group, name: member }),
    });
    this.#monitors = new Monitors(timers, (peer) => find(peer) !== undefined);
    this.#controls = controlHandlers(this.#calls, this.#subscriptions.shared, this.#groups.shared);
    this.#messages = new Messages({
      name,
      calls: this.#calls,
      controls: this.#controls,
      published: (live, message, body) => this.#subscriptions.receive(live, message, body),
      failed,
    });
  }

  /** @internal @throws NodeError ERR_CLOSED. */
  protected abstract checkOpen(): void;

  /** @internal The link with a node that is up. */
  protected abstract findLink(name: string): LiveLink | undefined;

  /**
   * Handles what comes on a topic; one handler per topic. See `Handler`.
   * @returns Takes the handler away.
   * @throws NodeError ERR_ARGUMENT (topic, or no function), ERR_STATE (the topic has one),
   *   ERR_CLOSED.
   */
  handle<T extends string>(topic: T, handler: Handler<RequestOf<T>, ReplyOf<T>>): () => void {
    this.checkOpen();
    return this.#messages.handle(topic, handler as Handler);
  }

  /**
   * Sends one message over the link that is up. It is never carried over to another link. A body of
   * bytes must not be changed before the outcome is known.
   * @param body a Buffer or Uint8Array as it is (it arrives as a Buffer), else plain data, Date,
   *   Map, Set, BigInt, typed arrays and errors; `encodeBody` has the whole list.
   * @returns False when the link's queue is above its high-water mark; `drain` follows.
   * @throws NodeError, LinkError ERR_NO_LINK, ERR_QUEUE_FULL (nothing was sent),
   *   ERR_MESSAGE_TOO_LARGE (bytes over limits.messageBytes, others over limits.cborBodyBytes),
   *   ERR_ARGUMENT, ERR_CLOSED.
   */
  send<T extends string>(
    to: string,
    topic: T,
    body: RequestOf<T>,
    options: TellOptions = NO_OPTIONS,
  ): boolean {
    return this.#outgoing.send(to, checkOwnTopic(topic), body, options);
  }

  /**
   * As `send`, for those who wait for the outcome.
   * @throws (rejects) as `send`; then nothing was sent.
   */
  async sendForOutcome<T extends string>(
    to: string,
    topic: T,
    body: RequestOf<T>,
    options: Omit<TellOptions, 'onOutcome'> = NO_OPTIONS,
  ): Promise<Outcome> {
    checkOutcomeOptions(options);
    return new Promise((onOutcome) => {
      this.send(to, topic, body, { ...options, onOutcome });
    });
  }

  /**
   * Sends one message and waits for what its handler answers.
   * @throws (rejects) as `send`; NodeError ERR_CANCELLED (`signal` was aborted), ERR_TIMEOUT (no
   *   answer in time) and ERR_LINK_DOWN (the link ended): it may have been handled; CallError
   *   ERR_NO_HANDLER, ERR_HANDLER (with the remote code and message).
   */
  async call<T extends string>(
    to: string,
    topic: T,
    body: RequestOf<T>,
    options: CallOptions = NO_OPTIONS,
  ): Promise<ReplyOf<T>> {
    checkCallOptions(options);
    return this.#outgoing.ask(to, checkOwnTopic(topic), body, options) as Promise<ReplyOf<T>>;
  }

  /**
   * Sends one message and reads a stream of what its handler answers with: `for await (const item
   * of node.stream(...))`. The handler is asked for an item only when there is room for it here.
   * @returns The stream; what ends it with an error is thrown by its `next`.
   * @throws as `send`; NodeError ERR_LIMIT beyond limits.openStreams, ERR_CANCELLED.
   */
  stream<T extends string>(
    to: string,
    topic: T,
    body: RequestOf<T>,
    options: StreamOptions = NO_OPTIONS,
  ): IncomingStream<ItemOf<T>> {
    checkStreamOptions(options);
    const stream = this.#outgoing.stream(to, checkOwnTopic(topic), body, options);
    return stream as IncomingStream<ItemOf<T>>;
  }

  /**
   * Handles what is published on a topic, here and at every node with a link. Any number of
   * subscribers per topic. What a handler throws is reported as `handlerError`.
   * @returns Takes this subscriber away.
   * @throws NodeError ERR_ARGUMENT, ERR_LIMIT beyond limits.sharedNames topics, ERR_CLOSED.
   */
  subscribe<T extends string>(topic: T, handler: Handler<RequestOf<T>>): () => void {
    this.checkOpen();
    return this.#subscriptions.subscribe(topic, handler as Handler);
  }

  /**
   * Sends one message to every node that subscribes to its topic, as far as this node knows by now,
   * and to its own subscribers.
   * @throws NodeError ERR_ARGUMENT, ERR_MESSAGE_TOO_LARGE, ERR_CLOSED: nothing was sent to anybody.
   */
  publish<T extends string>(
    topic: T,
    body: RequestOf<T>,
    options: PublishOptions = NO_OPTIONS,
  ): Published {
    this.checkOpen();
    return this.#subscriptions.publish(topic, body, options);
  }

  /**
   * As `publish`, for those who wait for the outcomes.
   * @returns By node; 'unsent' for those in `Published.failed`.
   * @throws (rejects) as `publish`.
   */
  async publishForOutcomes<T extends string>(
    topic: T,
    body: RequestOf<T>,
    options: Omit<PublishOptions, 'onOutcome'> = NO_OPTIONS,
  ): Promise<ReadonlyMap<string, Outcome>> {
    this.checkOpen();
    checkOutcomeOptions(options);
    return this.#subscriptions.publishForOutcomes(topic, body, options);
  }

  /** The nodes that subscribe to a topic, as far as this node knows by now; sorted. */
  subscribers(topic: string): readonly string[] {
    return this.#subscriptions.subscribersOf(topic);
  }

  /**
   * Becomes a member of a process group, at every node with a link a little later.
   * @returns False when it is one already.
   * @throws NodeError ERR_ARGUMENT, ERR_LIMIT beyond limits.sharedNames groups, ERR_CLOSED.
   */
  join(group: string): boolean {
    this.checkOpen();
    return this.#groups.join(group);
  }

  /**
   * Is a member no more.
   * @returns False when it was none.
   * @throws NodeError ERR_ARGUMENT.
   */
  leave(group: string): boolean {
    return this.#groups.leave(group);
  }

  /**
   * Members of a group, as far as this node knows by now; sorted. This node is among them when it
   * is one, and has no link with itself: what its own part is, it does without a call.
   */
  members(group: string): readonly string[] {
    return this.#groups.members(group);
  }

  /** Groups with a member, as far as this node knows by now; sorted. */
  get groups(): readonly string[] {
    return this.#groups.all;
  }

  /**
   * Chooses a member of a group, which may be this node itself: `name` tells. It has no link with
   * itself, so a call or `send` to it would fail with ERR_NO_LINK.
   * @param options.key the same key gets the same member at every node that knows the same members,
   *   and another one only when its member goes or a new one takes it over. Default: each in turn.
   * @returns Null when there is none.
   * @throws NodeError ERR_ARGUMENT.
   */
  pick(group: string, options: { readonly key?: string } = NO_OPTIONS): string | null {
    if (options !== NO_OPTIONS) checkOptions(options, PICK_OPTIONS);
    return this.#groups.pick(group, options.key);
  }

  /**
   * Tells once that a node has gone: when its link is over, before `nodedown` is told and after all
   * that the link brought was handled; or, where there is none, after this turn ('absent').
   * @returns Takes the monitor away.
   * @throws NodeError ERR_ARGUMENT (also for this node itself), ERR_LIMIT beyond limits.monitors.
   */
  monitor(name: string, callback: (event: NodeGone) => void): () => void {
    const peer = checkPeerName(name);
    if (peer !== this.#name) return this.#monitors.add(peer, callback);
    throw new NodeError('ERR_ARGUMENT', `${peer} is this node itself, and has no monitor here`);
  }

  /**
   * Asks a node for a sign of life, through its event loop.
   * @returns The round trip in milliseconds.
   * @throws (rejects) as `call`.
   */
  async ping(
    name: string,
    options: { readonly deadlineMs?: number } = NO_OPTIONS,
  ): Promise<number> {
    if (options !== NO_OPTIONS) checkOptions(options, DEADLINE_OPTIONS);
    const clock = this.#clock;
    const startMs = clock.nowMs();
    await this.#outgoing.ask(name, PING_TOPIC, null, options);
    return clock.nowMs() - startMs;
  }

  /** @internal What peers' nodes send to this one on a topic of their own. */
  protected handleControl(topic: string, control: Control): void {
    this.#controls.set(topic, control);
  }

  /** @internal For what a node is given later; the function that is returned takes it away. */
  protected lendControl(topic: string, control: Control): () => void {
    if (this.#controls.has(topic)) throw new NodeError('ERR_STATE', `${topic} is in use`);
    this.#controls.set(topic, control);
    return () => {
      if (this.#controls.get(topic) === control) this.#controls.delete(topic);
    };
  }

  /** @internal As `onMessage` of `Links`. */
  protected received(live: LiveLink, message: ReceivedMessage): Handled {
    return this.#messages.receive(live, message);
  }

  /** @internal `send` had returned false, and there is room again. */
  protected drained(name: string): void {
    this.findLink(name)?.work.gate.open();
    this.teller.tell('drain', { name });
  }

  /** @internal */
  protected linkUp(live: LiveLink): void {
    this.#subscriptions.up(live);
    this.#groups.up(live);
    this.teller.tell('nodeup', upOf(live));
  }

  /** @internal */
  protected linkDown(live: LiveLink, event: NodeDown): void {
    const { name, reason, error } = event;
    live.work.close(new NodeError('ERR_LINK_DOWN', `the link with ${name} ended (${reason})`));
    this.#calls.failAll(name, reason, error);
    this.#monitors.down(event);
    this.#subscriptions.down(live);
    this.#groups.down(live);
    this.teller.tell('nodedown', event);
  }

  #linkTo(name: string): LiveLink {
    this.checkOpen();
    const live = this.findLink(name);
    if (live !== undefined) return live;
    // Of what is no text there never is one.
    if (typeof name !== 'string') checkPeerName(name);
    throw new NodeError('ERR_NO_LINK', `there is no link to ${name}`);
  }
}

function upOf({ view }: LiveLink): NodeEvents['nodeup'][0] {
  const { name, incarnation, dialledBy, linkNumber } = view;
  return { name, incarnation, dialledBy, linkNumber };
}
