/** One namespace of a socket.io server, in touch with the same one at other nodes. */
import {
  ClusterAdapterWithHeartbeat,
  type ClusterMessage,
  type ClusterResponse,
  MessageType,
} from 'socket.io-adapter';
import { limits } from '../../limits.js';
import type { Hub, Member } from './hub.js';

/** What of the base class its types hide: it ends every wait for this server. */
interface Removing {
  removeNode(uid: string): void;
}

/** A namespace, as far as it is used; socket.io has no type for it that does not need all of it. */
export interface NamespaceLike {
  readonly name: string;
}

const ignored = { heartbeatInterval: limits.deadlineMaxMs, heartbeatTimeout: Infinity };

/**
 * The base class asks and answers; who is there, it hears from the links. So its heartbeats, which
 * would call a busy server gone, are set to never.
 */
export class BackplaneAdapter extends ClusterAdapterWithHeartbeat implements Member {
  readonly #hub: Hub;
  readonly #namespace: string;
  /** The id of the server at each node, and the way back. */
  readonly #uids = new Map<string, string>();
  readonly #nodes = new Map<string, string>();

  constructor(namespace: NamespaceLike, hub: Hub) {
    super(namespace, ignored);
    this.#namespace = namespace.name;
    this.#hub = hub;
    hub.join(this.#namespace, this);
  }

  override close(): void {
    super.close();
    this.#hub.leave(this.#namespace);
  }

  hear(message: Readonly<Record<string, unknown>>, from: string): void {
    const { uid, type } = message;
    if (typeof uid !== 'string' || uid.length > limits.serverIdCharacters) return;
    if (!this.#learn(uid, from)) return;
    this.onMessage(message as unknown as ClusterMessage);
    if (type === MessageType.ADAPTER_CLOSE) this.lost(from);
  }

  greet(name: string): void {
    const message = { type: MessageType.INITIAL_HEARTBEAT, uid: this.uid, nsp: this.#namespace };
    this.#hub.sendTo(name, this.#namespace, message, { isGreeting: true });
  }

  lost(name: string): void {
    const uid = this.#uids.get(name);
    if (uid === undefined) return;
    this.#uids.delete(name);
    this.#nodes.delete(uid);
    (this as unknown as Removing).removeNode(uid);
  }

  protected override async doPublish(message: ClusterMessage): Promise<string> {
    const isVolatile =
      message.type === MessageType.BROADCAST && message.data.opts.flags?.volatile === true;
    const isGreeting = message.type === MessageType.INITIAL_HEARTBEAT;
    this.#hub.publish(this.#namespace, message, { isVolatile, isGreeting });
    return '';
  }

  protected override async doPublishResponse(
    requesterUid: string,
    response: ClusterResponse,
  ): Promise<void> {
    const name = this.#nodes.get(requesterUid);
    // Who asked is gone, and nobody waits.
    if (name !== undefined) this.#hub.sendTo(name, this.#namespace, response);
  }

  /** One server per node: a new id there is a new server in the old one's place. */
  #learn(uid: string, from: string): boolean {
    if (this.#uids.get(from) === uid) return true;
    if (uid === this.uid || this.#nodes.has(uid)) return false;
    this.lost(from);
    this.#uids.set(from, uid);
    this.#nodes.set(uid, from);
    return true;
  }
}
