/**
 * A node: what a program holds in its hand. Everything is decided further below; here it is checked
 * and told.
 */
import { type BackplaneError, NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { LocalIdentity } from '../link/types.js';
import type { Runtime } from '../runtime/index.js';
import type { NodeView, PathView } from './events.js';
import { Links } from './links.js';
import type { LiveLink } from './live-link.js';
import { Messaging } from './messaging.js';
import { fullName } from './names.js';
import {
  checkDeadlineMs,
  checkPeer,
  type PeerOptions,
  peerPort,
  type ResolvedOptions,
} from './options.js';
import type { Listener, Transport } from './transport.js';

/** What `startNode` gives to a node. */
export interface NodeSetup {
  readonly options: ResolvedOptions;
  readonly local: LocalIdentity;
  readonly runtime: Runtime;
  readonly transport: Transport;
}

/** Incarnations as they are shown: 16 hex digits. */
const hex = (incarnation: bigint): string => incarnation.toString(16).padStart(16, '0');

/**
 * A running node, made by `startNode`. Events: see `NodeEvents`; none must be listened to, and
 * nothing a peer does throws here.
 */
export class ClusterNode extends Messaging {
  readonly #setup: NodeSetup;
  readonly #links: Links;
  #listener: Listener | null = null;
  #closed: Promise<void> | null = null;

  /** @internal Use `startNode`. */
  constructor(setup: NodeSetup) {
    super(setup.local.name, setup.runtime);
    this.#setup = setup;
    const { local, runtime, transport, options } = setup;
    const teller = this.teller;
    this.#links = new Links({
      local,
      planes: options.planes,
      runtime,
      transport,
      handlers: {
        onUp: (live) => this.linkUp(live),
        onDown: (live, event) => this.linkDown(live, event),
        onMessage: (live, message) => this.received(live, message),
        onPath: (event) => teller.tell('path', event),
        onRedundancy: (event) => teller.tell('redundancy', event),
        onStalled: (name) => teller.tell('stalled', { name }),
        onResumed: (name) => teller.tell('resumed', { name }),
        onDrain: (name) => this.drained(name),
        onDialFailed: (event) => teller.tell('dialFailed', event),
        onRefused: (address, name, error) => teller.refused(address, name, error),
      },
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
    return this.#setup.options.planes.map(({ name, address }) => ({ name, address }));
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

  /** @internal Begins to listen and to dial. */
  async start(): Promise<void> {
    const { options, transport, local } = this.#setup;
    const { planes, port, peers } = options;
    this.#listener = await transport.listen(
      port,
      { localAddresses: planes.map(({ address }) => address), profile: local.profile },
      {
        onCarrier: (carrier) => this.#links.accept(carrier),
        onAcceptFailed: (error) => this.teller.refused('', null, asNodeError(error)),
      },
    );
    // They are dialled until they come; until then `dialFailed` tells, and `close` ends it.
    for (const peer of peers) this.#links.connect(peer).catch(() => {});
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
    await this.#links.connect(checkPeer(peer, this.name, peerPort(this.#setup.options.port)));
  }

  /**
   * Leaves a peer (there: `nodedown left`) and dials it no more. It may still dial us.
   * @param options.deadlineMs then the link is aborted. Default limits.leaveMs.
   */
  async disconnect(name: string, options: { readonly deadlineMs?: number } = {}): Promise<void> {
    const deadlineMs = checkDeadlineMs(options.deadlineMs ?? limits.leaveMs);
    await this.#links.disconnect(fullName(name, ''), deadlineMs);
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
   * Leaves all peers and ends. What was sent is delivered first.
   * @param options.deadlineMs what is not over then is aborted. Default limits.leaveMs.
   */
  close(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    const deadlineMs = checkDeadlineMs(options.deadlineMs ?? limits.leaveMs);
    this.#closed ??= (async () => {
      await this.#links.close(deadlineMs);
      await this.#listener?.close();
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
