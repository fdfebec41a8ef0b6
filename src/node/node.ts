/**
 * A node: what a program holds in its hand. Everything is decided further below; here it is checked
 * and told.
 */
import { type BackplaneError, NodeError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import type { LocalIdentity, Outcome } from '../link/types.js';
import type { Aead } from '../runtime/crypto.js';
import type { Runtime } from '../runtime/index.js';
import type { LocalAddress } from '../runtime/network.js';
import type { Profile } from '../timing/profiles.js';
import { checkFunction, checkOptions, checkPeerName } from './check-options.js';
import { CONFIGURATION_TOPIC, sendConfiguration } from './control.js';
import type { NodeView, PathChanged, PathView, ReachabilityView } from './events.js';
import { Links } from './links.js';
import type { LinksHandlers } from './links-setup.js';
import type { LiveLink } from './live-link.js';
import { LivePlanes, type PlaneChange } from './live-planes.js';
import { Messaging } from './messaging.js';
import { REACH_TOPIC } from './names.js';
import type { Observer } from './observers.js';
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
import { DEADLINE_OPTIONS } from './send-options.js';
import { type NodeTraffic, Traffic } from './traffic.js';
import type { Listener, Transport } from './transport.js';

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

/** What the replica of a configuration at one node sends by. */
export interface ConfigurationPort {
  /**
   * Sends at most limits.bundleBytes less the topic. How many are on their way is for the replica
   * to bound.
   * @returns False when there is no link; then nothing was sent, and `done` is not called.
   */
  send(to: string, body: Uint8Array, done?: (outcome: Outcome) => void): boolean;
  /** What comes from now on is refused with ERR_NO_HANDLER. */
  close(): void;
}

/** What a node is doing. */
export type NodeState = 'starting' | 'listening' | 'closing' | 'closed';

/** Incarnations as they are shown: 16 hex digits. */
const hex = (incarnation: bigint): string => incarnation.toString(16).padStart(16, '0');

/**
 * A running node, made by `startNode`. Events: see `NodeEvents`; none must be listened to, and
 * nothing a peer does throws here.
 */
export class ClusterNode extends Messaging {
  readonly #setup: NodeSetup;
  readonly #links: Links;
  readonly #reach: Reach;
  readonly #peers: Peers;
  readonly #planes: LivePlanes;
  readonly #watch: PathWatch;
  readonly #traffic = new Traffic();
  #state: NodeState = 'starting';
  #listener: Listener | null = null;
  #closed: Promise<void> | null = null;

  /** @internal Use `startNode`. */
  constructor(setup: NodeSetup) {
    super(setup.local, setup.runtime, setup.options.logger !== null);
    this.#setup = setup;
    const { local, runtime, transport, options, aead } = setup;
    const teller = this.teller;
    const onPath = (event: PathChanged) => teller.tell('path', event);
    this.#watch = new PathWatch({ ...options, runtime, onPath });
    const planes = new LivePlanes({
      ...options,
      runtime,
      links: () => this.#links.live,
      listener: () => this.#listener,
      localAddresses: setup.localAddresses,
      onDeferred: (event) => teller.tell('planeDeferred', event),
    });
    this.#planes = planes;
    this.#links = new Links({
      local,
      get planes() {
        return planes.list;
      },
      profiles: options.profiles,
      runtime,
      transport,
      ...(aead === undefined ? {} : { aead }),
      handlers: this.#handlers(),
    });
    this.#reach = new Reach({
      name: local.name,
      outageMs: local.profile.outageMs,
      runtime,
      find: (name) => this.#links.find(name),
      onPartition: (event) => teller.tell('partition', event),
    });
    this.handleControl(REACH_TOPIC, ({ name }, body) => this.#reach.receive(name, body));
    this.#peers = new Peers({
      name: local.name,
      port: peerPort(options.port),
      planes: options.planes,
      profiles: options.profiles,
      runtime,
      links: this.#links,
      reach: this.#reach,
      onChanged: (event) => teller.tell('peers', event),
      onFailed: (event) => teller.tell('peersFailed', event),
    });
  }

  /** What the links have to say. */
  #handlers(): LinksHandlers {
    const teller = this.teller;
    return {
      onUp: (live) => {
        this.#traffic.up(live);
        this.#reach.up(live.name);
        this.#watch.up(live);
        this.linkUp(live);
        this.#planes.up(live);
      },
      onDown: (live, event) => {
        this.#traffic.down(live);
        this.#reach.down(live.name, event.reason);
        this.#watch.down(live);
        this.linkDown(live, event);
      },
      onMessage: (live, message) => this.received(live, message),
      onPath: (event) => {
        this.#watch.noted(event);
        teller.tell('path', event);
      },
      onRedundancy: (event) => teller.tell('redundancy', event),
      onStalled: (name) => teller.tell('stalled', { name }),
      onResumed: (name) => teller.tell('resumed', { name }),
      onDrain: (name) => this.drained(name),
      onDialFailed: (event) => teller.tell('dialFailed', event),
      onRefused: (address, name, error) => teller.refused(address, name, error),
    };
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

  /** 'listening' until `close` is called, and 'closing' until that is done. */
  get state(): NodeState {
    return this.#state;
  }

  /** What went over the links with each node, since this one began, and what waits there now. */
  get traffic(): readonly NodeTraffic[] {
    return this.#traffic.view;
  }

  /** The timers of all its links of which nothing else was said. */
  get profile(): Profile {
    return this.#setup.local.profile;
  }

  /** @internal Its clock and timers, for those who look on. */
  get runtime(): Runtime {
    return this.#setup.runtime;
  }

  /**
   * Tells an observer everything from now on: each event before its listeners are told. It is none
   * of them: a handler's failure that only observers see is still a warning of the process, unless
   * the node has a logger.
   * @returns Takes it away.
   * @throws NodeError ERR_ARGUMENT: no function.
   */
  observe(observer: Observer): () => void {
    checkFunction('observer', observer);
    return this.teller.observers.add(observer);
  }

  /**
   * @internal The way on which the replicas of a configuration speak over the links of their nodes:
   * in order, before all that programs say, without credit.
   * @param receive is given what a peer's replica says. It may throw a ProtocolError, which ends
   *   the link.
   * @throws NodeError ERR_STATE: this node has a configuration.
   */
  openConfiguration(receive: (from: string, body: Buffer) => void): ConfigurationPort {
    const close = this.lendControl(CONFIGURATION_TOPIC, ({ name }, body) => {
      if (!Buffer.isBuffer(body)) throw new ProtocolError('ERR_PROTOCOL', 'no bytes of a replica');
      receive(name, body);
    });
    return {
      send: (to, body, done) => {
        const live = this.#links.find(to);
        return live !== undefined && sendConfiguration(live, body, done);
      },
      close,
    };
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
        onAcceptFailed: (error) => this.teller.refused('', null, asNodeError(error)),
      },
    );
    this.#state = 'listening';
    this.teller.observers.tell('listening', {
      incarnation: this.incarnation,
      port: this.port,
      engine: this.engine,
      planes: Object.fromEntries(planes.map((plane) => [plane.name, plane.address])),
      keys: this.keyIds,
    });
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
    this.checkOpen();
    const { port, profiles } = this.#setup.options;
    const target = checkPeer(peer, this.name, peerPort(port), profiles.resolve);
    await this.#peers.connect(target);
  }

  /**
   * Links with the peers a source names, from now on: new ones are dialled, other addresses count
   * from the next dial, and those it names no more are not dialled again, or left, as the source
   * says. What the program itself connected to stays. Events: `peers`, `peersFailed`.
   * @returns Its `close` ends it: what the source alone named is dialled no more, links stay.
   * @throws NodeError ERR_ARGUMENT (no source), ERR_STATE (over limits.peerSources), ERR_CLOSED.
   */
  followPeers(source: PeerSource): PeerWatch {
    this.checkOpen();
    return this.#peers.follow(source);
  }

  /**
   * Leaves a peer (there: `nodedown left`) and dials it no more. It may still dial us.
   * @param options.deadlineMs then the link is aborted. Default limits.leaveMs.
   */
  async disconnect(name: string, options: { readonly deadlineMs?: number } = {}): Promise<void> {
    checkOptions(options, DEADLINE_OPTIONS);
    const deadlineMs = checkDeadlineMs(options.deadlineMs ?? limits.leaveMs);
    const peer = checkPeerName(name);
    await this.#peers.disconnect(peer, deadlineMs);
    this.teller.observers.tell('disconnected', { name: peer });
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
    this.checkOpen();
    return this.#planes.add(name, address);
  }

  /**
   * Takes the node off a plane, as `addPlane` puts it on one. Traffic on it moves to another plane
   * first.
   * @throws NodeError ERR_ARGUMENT (no such plane), ERR_STATE (it is the last), ERR_CLOSED.
   */
  removePlane(name: string): PlaneChange {
    this.checkOpen();
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
   * @throws NodeError ERR_ARGUMENT, ERR_KEY_SHORT: then the keys from before hold; ERR_CLOSED.
   */
  useKeys(key: Uint8Array | readonly Uint8Array[]): void {
    this.checkOpen();
    this.#setup.options.keyRing.use(key);
  }

  /**
   * Leaves all peers and ends. What was sent is delivered first.
   * @param options.deadlineMs what is not over then is aborted. Default limits.leaveMs.
   */
  close(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    checkOptions(options, DEADLINE_OPTIONS);
    const deadlineMs = checkDeadlineMs(options.deadlineMs ?? limits.leaveMs);
    this.#closed ??= (async () => {
      this.#state = 'closing';
      this.#peers.close();
      this.#reach.close();
      this.#planes.close();
      await this.#links.close(deadlineMs);
      await this.#listener?.close();
      this.#state = 'closed';
      this.teller.observers.tell('closed', {});
    })();
    return this.#closed;
  }

  /** @internal */
  protected override checkOpen(): void {
    if (this.#closed !== null) throw new NodeError('ERR_CLOSED', 'the node is closed');
  }

  /** @internal */
  protected override findLink(name: string): LiveLink | undefined {
    return this.#links.find(name);
  }
}

function asNodeError(error: Error): BackplaneError {
  return new NodeError('ERR_SYSTEM', `a peer could not be accepted: ${error.message}`, {
    cause: error,
  });
}
