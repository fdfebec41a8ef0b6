/**
 * Whom a node links with: what its program connected to and what the sources it follows name. Gives
 * the orders of `WantedPeers` to the links.
 */
import { type BackplaneError, NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { Runtime } from '../runtime/index.js';
import type { PeersChanged, PeersFailed } from './events.js';
import type { Links } from './links.js';
import { checkPeer, type ResolvedPeer } from './options.js';
import {
  beginWatch,
  checkPeerSource,
  type PeerSource,
  type PeerWatch,
  type PeerWatcher,
} from './peer-source.js';
import type { Plane } from './planes.js';
import type { ProfileRules } from './profile-rules.js';
import type { Reach } from './reach.js';
import { type PeerOrder, WantedPeers } from './wanted-peers.js';

export interface PeersSetup {
  /** Of this node. */
  readonly name: string;
  /** Of peers of which none is told. */
  readonly port: number;
  readonly planes: readonly Plane[];
  /** What a profile for a peer means at this node. */
  readonly profiles?: ProfileRules;
  readonly runtime: Runtime;
  readonly links: Pick<Links, 'connect' | 'disconnect' | 'release'>;
  readonly reach: Pick<Reach, 'wanted' | 'unwanted' | 'leaving'>;
  onChanged(event: PeersChanged): void;
  onFailed(event: PeersFailed): void;
}

/** Why a source's peers are not known: its own failure, or a set that cannot be used. */
function sourceError(source: string, cause: unknown): BackplaneError {
  if (cause instanceof NodeError && cause.code === 'ERR_PEER_SOURCE') return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NodeError('ERR_PEER_SOURCE', `${source}: ${why}`, { cause });
}

export class Peers {
  readonly #setup: PeersSetup;
  readonly #wanted = new WantedPeers();
  readonly #watches = new Set<PeerWatch>();
  #isOver = false;
  /** Nothing is told of sources any more: the node's last word is that it is closed. */
  #isSilent = false;

  constructor(setup: PeersSetup) {
    this.#setup = setup;
  }

  /** As `ClusterNode.connect`. */
  connect(peer: ResolvedPeer): Promise<void> {
    this.#wanted.connect(peer);
    return this.#dial(peer, () => this.#wanted.withdraw(peer.name));
  }

  /** As `ClusterNode.disconnect`. */
  disconnect(name: string, deadlineMs: number): Promise<void> {
    this.#wanted.disconnect(name);
    this.#setup.reach.leaving(name);
    return this.#setup.links.disconnect(name, deadlineMs);
  }

  /**
   * As `ClusterNode.followPeers`.
   * @throws NodeError ERR_ARGUMENT (no source), ERR_STATE (over limits.peerSources), ERR_CLOSED.
   */
  follow(source: PeerSource): PeerWatch {
    if (this.#isOver) throw new NodeError('ERR_CLOSED', 'the node is closed');
    checkPeerSource(source);
    if (this.#watches.size >= limits.peerSources) {
      throw new NodeError('ERR_STATE', `a node follows ${limits.peerSources} sources at most`);
    }
    const key = {};
    let end: (() => void) | null = null;
    let isOpen = true;
    const watch: PeerWatch = {
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#watches.delete(watch);
        end?.();
        this.#wanted.drop(key);
        this.#carryOut(source);
      },
    };
    this.#watches.add(watch);
    const watcher = this.#watcher(source, key, () => isOpen);
    end = beginWatch(source, watcher, (error) => this.#failed(source, error));
    // What it told at once may have been answered with the end.
    if (!isOpen) end();
    return watch;
  }

  /** Follows nobody any more. The links are the caller's to end. */
  close(): void {
    this.#isOver = true;
    for (const watch of [...this.#watches]) watch.close();
    this.#isSilent = true;
  }

  #watcher(source: PeerSource, key: object, isOpen: () => boolean): PeerWatcher {
    const { runtime, planes } = this.#setup;
    return {
      runtime,
      planes: planes.map(({ name, address }) => ({ name, address })),
      onPeers: (peers) => {
        if (isOpen()) this.#update(source, key, peers);
      },
      onFailed: (error) => {
        if (isOpen()) this.#failed(source, error);
      },
    };
  }

  #update(source: PeerSource, key: object, peers: unknown): void {
    let change: ReturnType<WantedPeers['update']>;
    try {
      change = this.#wanted.update(key, this.#check(peers), source.onRemoval ?? 'keep');
    } catch (error) {
      this.#failed(source, error);
      return;
    }
    this.#carryOut(source);
    if (change.added.length + change.changed.length + change.removed.length === 0) return;
    this.#setup.onChanged({ source: source.name, ...change });
  }

  /** A set as a whole: one bad entry must not make a peer look removed. */
  #check(peers: unknown): Map<string, ResolvedPeer> {
    if (!Array.isArray(peers)) throw new NodeError('ERR_ARGUMENT', 'peers must be a list');
    const { name, port, profiles } = this.#setup;
    const checked = new Map<string, ResolvedPeer>();
    for (const peer of peers as unknown[]) {
      // One set fits all nodes, this one among them.
      if ((peer as { name?: unknown } | null)?.name === name) continue;
      const resolved = checkPeer(peer, name, port, profiles?.resolve);
      if (checked.has(resolved.name)) {
        throw new NodeError('ERR_ARGUMENT', `${resolved.name} is named twice`);
      }
      checked.set(resolved.name, resolved);
    }
    if (checked.size <= limits.peers) return checked;
    throw new NodeError('ERR_PEERS', `${checked.size} peers, at most ${limits.peers}`);
  }

  #carryOut(source: PeerSource): void {
    if (this.#isOver) return;
    for (let order = this.#wanted.poll(); order !== null; order = this.#wanted.poll()) {
      this.#obey(order, source);
    }
  }

  #obey(order: PeerOrder, source: PeerSource): void {
    const { links, reach } = this.#setup;
    switch (order.type) {
      case 'dial':
        this.#dial(order.peer, () => {}).catch((error: BackplaneError) => {
          // Else it was disconnected or removed before its link was up.
          if (error.code === 'ERR_PEERS') this.#failed(source, error);
        });
        break;
      case 'keep':
        reach.unwanted(order.name);
        links.release(order.name);
        break;
      case 'leave':
        reach.leaving(order.name);
        void links.disconnect(order.name, limits.leaveMs);
        break;
    }
  }

  async #dial(peer: ResolvedPeer, refused: () => void): Promise<void> {
    const { links, reach } = this.#setup;
    reach.wanted(peer.name);
    try {
      await links.connect(peer);
    } catch (error) {
      // No room: the peer is not kept. In all other cases it is not wanted any more already.
      if ((error as BackplaneError).code === 'ERR_PEERS') {
        reach.unwanted(peer.name);
        refused();
      }
      throw error;
    }
  }

  #failed(source: PeerSource, cause: unknown): void {
    if (this.#isSilent) return;
    const error = sourceError(source.name, cause);
    this.#setup.onFailed({ source: source.name, code: error.code, error });
  }
}
