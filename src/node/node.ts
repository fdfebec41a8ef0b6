/**
 * A node: what a program holds in its hand. Everything is decided further below; here it is checked
 * and told.
 */
import { EventEmitter } from 'node:events';
import { type BackplaneError, NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { LocalIdentity, MessageOptions, Outcome } from '../link/types.js';
import type { Aead } from '../runtime/crypto.js';
import type { Runtime } from '../runtime/index.js';
import type { LocalAddress } from '../runtime/network.js';
import { encodeBody } from '../wire/payload.js';
import { PendingCalls } from './calls.js';
import type {
  HandlerFailed,
  NodeEvents,
  NodeView,
  PathChanged,
  PathView,
  ReachabilityView,
} from './events.js';
import { Links } from './links.js';
import type { LiveLink } from './live-link.js';
import { LivePlanes, type PlaneChange } from './live-planes.js';
import { type Handler, Messages } from './messages.js';
import { checkOrderKey, checkTopic, fullName, PING_TOPIC, REACH_TOPIC } from './names.js';
import {
  checkDeadlineMs,
  checkPeer,
  type PeerOptions,
  peerPort,
  type ResolvedOptions,
} from './options.js';
import { PathWatch } from './path-watch.js';
import type { PeerSource, PeerWatch } from './peer-source.js';
import { Peers } from './peers.js';
import { Reach } from './reach.js';
import { Reports } from './reports.js';
import type { Listener, Transport } from './transport.js';

/** How a message is sent. */
export interface SendOptions {
  /**
   * Order holds among the messages of one (sender, receiver, topic, orderKey). Default: the empty
   * key.
   */
  readonly orderKey?: string;
  /** Goes before other user messages; an order of its own. Default false. */
  readonly priority?: boolean;
}

/** How a message is sent of which nobody waits for the answer. */
export interface TellOptions extends SendOptions {
  /** May overtake others. At most limits.fragmentBytes long. Default false. */
  readonly unordered?: boolean;
  /**
   * Milliseconds after which it is not sent any more; such a message may overtake others, and is
   * at most limits.fragmentBytes long. Default: none.
   */
  readonly ttl?: number;
  /** Called once with how it ended, unless `send` throws. */
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** How a call is made. */
export interface CallOptions extends SendOptions {
  /** The answer must come within this time. Default that of the profile (`lan`: 5 s). */
  readonly deadlineMs?: number;
}

/** What `startNode` gives to a node. */
export interface NodeSetup {
  readonly options: ResolvedOptions;
  readonly local: LocalIdentity;
  readonly runtime: Runtime;
  readonly transport: Transport;
  /** What seals bundles; that of the runtime by default. */
  readonly aead?: Aead | undefined;
  /** The addresses of this host as they are now. */
  localAddresses(): readonly LocalAddress[];
}

type OnOutcome = NonNullable<TellOptions['onOutcome']>;

const NO_OPTIONS: TellOptions = {};
const PLAIN: MessageOptions = { orderKey: '' };

/** @throws NodeError ERR_ARGUMENT. */
function checkTellOptions(options: TellOptions): MessageOptions {
  if (options === NO_OPTIONS) return PLAIN;
  const { ttl } = options;
  return {
    orderKey: checkOrderKey(options.orderKey ?? ''),
    priority: options.priority === true,
    unordered: options.unordered === true,
    ...(ttl === undefined ? {} : { ttlMs: checkDeadlineMs(ttl) }),
  };
}

/** Incarnations as they are shown: 16 hex digits. */
const hex = (incarnation: bigint): string => incarnation.toString(16).padStart(16, '0');

/**
 * A running node, made by `startNode`. Events: see `NodeEvents`; none must be listened to, and
 * nothing a peer does throws here.
 */
export class ClusterNode extends EventEmitter<NodeEvents> {
  readonly #setup: NodeSetup;
  readonly #calls: PendingCalls;
  readonly #messages: Messages;
  readonly #links: Links;
  readonly #reach: Reach;
  readonly #peers: Peers;
  readonly #planes: LivePlanes;
  readonly #watch: PathWatch;
  readonly #refusals = new Reports(limits);
  readonly #failures = new Reports(limits);
  #listener: Listener | null = null;
  #closed: Promise<void> | null = null;
  #lastGuard: { readonly onOutcome: OnOutcome; readonly guarded: OnOutcome } | null = null;

  /** @internal Use `startNode`. */
  constructor(setup: NodeSetup) {
    super();
    this.#setup = setup;
    const { local, runtime, transport, options, aead } = setup;
    this.#calls = new PendingCalls(runtime.timers);
    this.#messages = new Messages(this.#calls, (failure) => this.#handlerFailed(failure));
    const onPath = (event: PathChanged) => this.#tell('path', event);
    this.#watch = new PathWatch({ ...options, runtime, onPath });
    const planes = new LivePlanes({
      ...options,
      runtime,
      links: () => this.#links.live,
      listener: () => this.#listener,
      localAddresses: setup.localAddresses,
      onDeferred: (event) => this.#tell('planeDeferred', event),
    });
    this.#planes = planes;
    this.#links = new Links({
      local,
      get planes() {
        return planes.list;
      },
      runtime,
      transport,
      ...(aead === undefined ? {} : { aead }),
      handlers: {
        onUp: (live) => {
          this.#reach.up(live.name);
          this.#watch.up(live);
          this.#tell('nodeup', upOf(live));
          planes.up(live);
        },
        onDown: (live, event) => {
          this.#reach.down(live.name, event.reason);
          this.#watch.down(live);
          this.#calls.failAll(live.name, event.reason, event.error);
          this.#tell('nodedown', event);
        },
        onMessage: (live, message) => this.#messages.receive(live, message),
        onPath: (event) => {
          this.#watch.noted(event);
          onPath(event);
        },
        onRedundancy: (event) => this.#tell('redundancy', event),
        onStalled: (name) => this.#tell('stalled', { name }),
        onResumed: (name) => this.#tell('resumed', { name }),
        onDrain: (name) => this.#tell('drain', { name }),
        onDialFailed: (event) => this.#tell('dialFailed', event),
        onRefused: (address, name, error) => this.#refused(address, name, error),
      },
    });
    this.#reach = new Reach({
      name: local.name,
      outageMs: local.profile.outageMs,
      runtime,
      find: (name) => this.#links.find(name),
      onPartition: (event) => this.#tell('partition', event),
    });
    this.#messages.handleOwn(REACH_TOPIC, (name, body) => this.#reach.receive(name, body));
    this.#peers = new Peers({
      name: local.name,
      port: peerPort(options.port),
      planes: options.planes,
      runtime,
      links: this.#links,
      reach: this.#reach,
      onChanged: (event) => this.#tell('peers', event),
      onFailed: (event) => this.#tell('peersFailed', event),
    });
  }

  /** Full name, `name@host`. */
  get name(): string {
    return this.#setup.local.name;
  }

  /** New at each start; 16 hex digits. */
  get incarnation(): string {
    return hex(this.#setup.local.incarnation);
  }

  /** The port it listens at, on every plane. */
  get port(): number {
    return this.#listener?.port ?? this.#setup.options.port;
  }

  /** What carries its associations: `kernel` in production. */
  get engine(): string {
    return this.#setup.transport.engine;
  }

  /** Its planes, each with the local address. */
  get planes(): readonly { readonly name: string; readonly address: string }[] {
    return this.#planes.list.map(({ name, address }) => ({ name, address }));
  }

  /**
   * Which cluster keys it holds, without the keys: 16 hex digits each, the one it uses first. The
   * same key has the same id at every node.
   */
  get keyIds(): readonly string[] {
    return this.#setup.options.keyRing.ids;
  }

  /** The nodes it has links with. */
  get nodes(): readonly NodeView[] {
    return this.#links.live.map(({ view }) => view);
  }

  /** The paths to a node, read from the kernel now; none without a link. */
  paths(name: string): readonly PathView[] {
    return this.#links.find(name)?.paths ?? [];
  }

  /**
   * Who reaches whom, as far as this node and its peers have told; what they tell is up to
   * limits.reachMostMs old. `partition` tells when nodes do not reach each other though others
   * reach both.
   */
  reachability(): ReachabilityView {
    return this.#reach.view;
  }

  /** @internal Begins to listen and to dial. */
  async start(): Promise<void> {
    const { options, transport, local } = this.#setup;
    const { planes, port, peers, peerSources } = options;
    this.#listener = await transport.listen(
      port,
      { localAddresses: planes.map(({ address }) => address), profile: local.profile },
      {
        onCarrier: (carrier) => this.#links.accept(carrier),
        onAcceptFailed: (error) => this.#refused('', null, asNodeError(error)),
      },
    );
    // They are dialled until they come; until then `dialFailed` tells, and `close` ends it.
    for (const peer of peers) this.#peers.connect(peer).catch(() => {});
    // Whoever started the node listens by then: a source may fail at once.
    this.#setup.runtime.timers.soon(() => {
      if (this.#closed !== null) return;
      for (const source of peerSources) this.#peers.follow(source);
    });
  }

  /**
   * Keeps a link to a peer from now on: dials, and after a refusal or a loss dials again, with a
   * pause that doubles from limits.redialMinMs to limits.redialMaxMs, until `disconnect` or
   * `close`. Asked again, the new addresses count.
   * @returns Resolves when the link is up, at once when it is.
   * @throws (rejects) NodeError ERR_ARGUMENT, ERR_PEERS (over limits.peers), ERR_CLOSED
   * (disconnected or closed meanwhile).
   */
  async connect(peer: PeerOptions): Promise<void> {
    this.#checkOpen();
    await this.#peers.connect(checkPeer(peer, this.name, peerPort(this.#setup.options.port)));
  }

  /**
   * Links with the peers a source names, from now on: new ones are dialled, other addresses count
   * from the next dial, and those it names no more are not dialled again, or left, as the source
   * says. What the program itself connected to stays. Events: `peers`, `peersFailed`.
   * @returns Its `close` ends it: what the source alone named is dialled no more, links stay.
   * @throws NodeError ERR_ARGUMENT (no source), ERR_STATE (over limits.peerSources), ERR_CLOSED.
   */
  followPeers(source: PeerSource): PeerWatch {
    return this.#peers.follow(source);
  }

  /**
   * Leaves a peer (there: `nodedown left`) and dials it no more. It may still dial us.
   * @param options.deadlineMs then the link is aborted. Default limits.leaveMs.
   */
  async disconnect(name: string, options: { readonly deadlineMs?: number } = {}): Promise<void> {
    const deadlineMs = checkDeadlineMs(options.deadlineMs ?? limits.leaveMs);
    await this.#peers.disconnect(fullName(name, ''), deadlineMs);
  }

  /**
   * Puts the node on one plane more, at once for the links that are up (peers see `path` added)
   * where both kernels change the addresses of living associations; elsewhere `planeDeferred` tells
   * and the plane counts from the link's next association on. Do the same at the peers.
   * @param address of this host, or a CIDR that holds exactly one, as in option `planes`.
   * @throws NodeError ERR_ARGUMENT (no name for a plane, or one that is there; too many),
   *   ERR_PLANE_NO_ADDRESS, ERR_PLANE_AMBIGUOUS, ERR_ADDRESS_NOT_LOCAL, ERR_CLOSED; ProfileError
   *   ERR_PROFILE_INVALID (the profile does not hold with so many planes); SctpError ERR_SYSTEM and
   *   others, when it cannot be listened at: then nothing has changed.
   */
  addPlane(name: string, address: string): PlaneChange {
    this.#checkOpen();
    return this.#planes.add(name, address);
  }

  /**
   * Takes the node off a plane, as `addPlane` puts it on one. Traffic on it moves to another plane
   * first.
   * @throws NodeError ERR_ARGUMENT (no such plane), ERR_STATE (it is the last), ERR_CLOSED.
   */
  removePlane(name: string): PlaneChange {
    this.#checkOpen();
    return this.#planes.remove(name);
  }

  /**
   * Reads the key file again. Its keys hold for every handshake from now on; links that are up stay
   * up. See SECURITY.md for the steps of a rotation.
   * @throws (rejects) NodeError ERR_STATE (the node was given `key`, not `keyFile`), ERR_KEY_FILE,
   *   ERR_KEY_FILE_MODE, ERR_KEY_SHORT: then the keys from before hold.
   */
  reloadKeys(): Promise<void> {
    return this.#setup.options.keyRing.reload();
  }

  /**
   * Exchanges the cluster keys for others, as `reloadKeys` does, for a program that keeps them
   * elsewhere than in a file.
   * @param key one, or several: the first is used, all are accepted.
   * @throws NodeError ERR_ARGUMENT, ERR_KEY_SHORT: then the keys from before hold.
   */
  useKeys(key: Uint8Array | readonly Uint8Array[]): void {
    this.#setup.options.keyRing.use(key);
  }

  /**
   * Handles what comes on a topic; one handler per topic. See `Handler`.
   * @returns Takes the handler away.
   * @throws NodeError ERR_ARGUMENT (topic, or no function), ERR_STATE (the topic has one).
   */
  handle(topic: string, handler: Handler): () => void {
    return this.#messages.handle(topic, handler);
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
  send(to: string, topic: string, body: unknown, options: TellOptions = NO_OPTIONS): boolean {
    checkTopic(topic);
    const checked = checkTellOptions(options);
    const { link } = this.#linkTo(to);
    const { encoding, body: bytes } = encodeBody(body);
    const message = { kind: 'send', id: 0, topic, encoding, body: bytes } as const;
    const { onOutcome } = options;
    return link.send(message, checked, onOutcome && this.#guarded(onOutcome));
  }

  /**
   * As `send`, for those who wait for the outcome.
   * @throws (rejects) as `send`; then nothing was sent.
   */
  async sendForOutcome(
    to: string,
    topic: string,
    body: unknown,
    options: Omit<TellOptions, 'onOutcome'> = NO_OPTIONS,
  ): Promise<Outcome> {
    return new Promise((onOutcome) => {
      this.send(to, topic, body, { ...options, onOutcome });
    });
  }

  /**
   * Sends one message and waits for what its handler answers.
   * @throws (rejects) as `send`; NodeError ERR_TIMEOUT (no answer in time) and ERR_LINK_DOWN (the
   *   link ended): it may have been handled; CallError ERR_NO_HANDLER, ERR_HANDLER (with the remote
   *   code and message).
   */
  async call(
    to: string,
    topic: string,
    body: unknown,
    options: CallOptions = {},
  ): Promise<unknown> {
    checkTopic(topic);
    const orderKey = checkOrderKey(options.orderKey ?? '');
    const { profile } = this.#setup.local;
    const deadlineMs = checkDeadlineMs(options.deadlineMs ?? profile.callDeadlineMs);
    const { link, name } = this.#linkTo(to);
    const encoded = encodeBody(body);
    return this.#calls.make(name, topic, deadlineMs, (id) => {
      const message = { kind: 'call', id, topic, ...encoded } as const;
      link.send(message, { orderKey, priority: options.priority === true }, (outcome) =>
        this.#calls.settled(id, outcome),
      );
    });
  }

  /**
   * Asks a node for a sign of life, through its event loop.
   * @returns The round trip in milliseconds.
   * @throws (rejects) as `call`.
   */
  async ping(name: string, options: { readonly deadlineMs?: number } = {}): Promise<number> {
    const { clock } = this.#setup.runtime;
    const startMs = clock.nowMs();
    await this.call(name, PING_TOPIC, null, options);
    return clock.nowMs() - startMs;
  }

  /**
   * Leaves all peers and ends. What was sent is delivered first.
   * @param options.deadlineMs what is not over then is aborted. Default limits.leaveMs.
   */
  close(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    const deadlineMs = checkDeadlineMs(options.deadlineMs ?? limits.leaveMs);
    this.#closed ??= (async () => {
      this.#peers.close();
      this.#reach.close();
      this.#planes.close();
      await this.#links.close(deadlineMs);
      await this.#listener?.close();
    })();
    return this.#closed;
  }

  #checkOpen(): void {
    if (this.#closed !== null) throw new NodeError('ERR_CLOSED', 'the node is closed');
  }

  #linkTo(name: string): LiveLink {
    this.#checkOpen();
    const live = this.#links.find(name);
    if (live !== undefined) return live;
    throw new NodeError('ERR_NO_LINK', `there is no link to ${name}`);
  }

  /** A failure nobody listens for must not pass in silence, and must not end the process either. */
  #handlerFailed(failure: HandlerFailed): void {
    if (this.listenerCount('handlerError') > 0) return this.#tell('handlerError', failure);
    const { name, topic, error } = failure;
    if (this.#failures.admit(this.#setup.runtime.clock.nowMs(), topic) === null) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : 'no Error was thrown';
    process.emitWarning(`handler of ${topic}, message from ${name}: ${text}`, 'BackplaneWarning');
  }

  #refused(address: string, name: string | null, error: BackplaneError): void {
    const suppressed = this.#refusals.admit(this.#setup.runtime.clock.nowMs(), address);
    if (suppressed === null) return;
    this.#tell('refused', { address, name, code: error.code, error, suppressed });
  }

  /**
   * A callback of the program: see `#tell`. A flood has the same one for all its messages, and what
   * lives as long as a message is on its way costs the garbage collector most.
   */
  #guarded(onOutcome: OnOutcome): OnOutcome {
    if (this.#lastGuard?.onOutcome === onOutcome) return this.#lastGuard.guarded;
    const guarded: OnOutcome = (outcome) => {
      try {
        onOutcome(outcome);
      } catch (error) {
        rethrowLater(error);
      }
    };
    this.#lastGuard = { onOutcome, guarded };
    return guarded;
  }

  /**
   * What a listener throws is the program's own fault and must not stop what we are in the middle
   * of.
   */
  #tell<K extends keyof NodeEvents>(event: K, ...args: NodeEvents[K]): void {
    try {
      (this.emit as (name: K, ...values: NodeEvents[K]) => boolean).call(this, event, ...args);
    } catch (error) {
      rethrowLater(error);
    }
  }
}

function rethrowLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

function upOf({ view }: LiveLink): NodeEvents['nodeup'][0] {
  const { name, incarnation, dialledBy, linkNumber } = view;
  return { name, incarnation, dialledBy, linkNumber };
}

function asNodeError(error: Error): BackplaneError {
  return new NodeError('ERR_SYSTEM', `a peer could not be accepted: ${error.message}`, {
    cause: error,
  });
}
