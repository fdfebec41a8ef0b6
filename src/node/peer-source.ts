/**
 * Where a node may learn whom to link with: a static list, DNS, a configuration. The node follows
 * any number of such sources; what they name is dialled.
 */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { Runtime } from '../runtime/index.js';
import type { PeerOptions } from './options.js';

/** What a source of peers is given when a node begins to follow it. */
export interface PeerWatcher {
  /** The node's clock, timers and randomness; a source that keeps to them can be simulated. */
  readonly runtime: Runtime;
  /** The node's planes, each with the local address. */
  readonly planes: readonly { readonly name: string; readonly address: string }[];
  /**
   * All peers as they are now, each time anew; the node itself may be among them. Takes effect as a
   * whole or not at all. Never throws.
   */
  onPeers(peers: readonly PeerOptions[]): void;
  /** They cannot be told just now: the last set stays. Never throws. */
  onFailed(error: Error): void;
}

/** Ends what was begun: a source that is watched, a node that follows. */
export interface PeerWatch {
  close(): void;
}

/** Tells which peers there are, now and whenever that changes. See `dnsPeers` for one. */
export interface PeerSource {
  /** For events and logs: `dns _backplane._sctp.example.com`. */
  readonly name: string;
  /**
   * What becomes of a link that is up when its peer is no longer named. 'keep': it is not dialled
   * again, the link stays; right where not being named may be an accident, as in DNS. 'leave': it
   * is left, as by `disconnect`; right where somebody decided it. Default 'keep'.
   */
  readonly onRemoval?: 'keep' | 'leave';
  /**
   * Begins to tell. May call back at once. What it throws counts as a failure.
   * @returns Ends it; nothing is told after.
   */
  watch(watcher: PeerWatcher): PeerWatch;
}

/**
 * A source of peers.
 * @throws NodeError ERR_ARGUMENT
 */
export function checkPeerSource(source: unknown): PeerSource {
  const { name, watch } = (source ?? {}) as Partial<PeerSource>;
  if (typeof name === 'string' && typeof watch === 'function') return source as PeerSource;
  throw new NodeError('ERR_ARGUMENT', 'a source of peers is { name, watch }');
}

/**
 * The sources a node follows from the beginning.
 * @throws NodeError ERR_ARGUMENT: no list, or over limits.peerSources.
 */
export function checkPeerSources(sources: unknown): PeerSource[] {
  if (Array.isArray(sources) && sources.length <= limits.peerSources) {
    return sources.map(checkPeerSource);
  }
  const message = `peerSources must be a list of at most ${limits.peerSources}`;
  throw new NodeError('ERR_ARGUMENT', message);
}
