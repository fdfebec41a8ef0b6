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
   * Begins to tell. May call back at once. What it throws, or its promise is rejected with, counts
   * as a failure; so does what its `close` throws.
   * @returns Ends it; nothing is told after. Or the promise of that: it may be ended before.
   */
  watch(watcher: PeerWatcher): PeerWatch | PromiseLike<PeerWatch>;
}

/**
 * A source of peers.
 * @throws NodeError ERR_ARGUMENT
 */
export function checkPeerSource(source: unknown): PeerSource {
  const { name, watch, onRemoval = 'keep' } = (source ?? {}) as Partial<PeerSource>;
  if (typeof name !== 'string' || typeof watch !== 'function') {
    throw new NodeError('ERR_ARGUMENT', 'a source of peers is { name, watch }');
  }
  if (onRemoval === 'keep' || onRemoval === 'leave') return source as PeerSource;
  throw new NodeError('ERR_ARGUMENT', `onRemoval of ${name} must be 'keep' or 'leave'`);
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

/**
 * Begins to watch a source.
 * @param failed is given what the source throws or rejects with, now, later or at its end.
 * @returns Ends it, also when it has not quite begun; to be called once. Never throws.
 */
export function beginWatch(
  source: PeerSource,
  watcher: PeerWatcher,
  failed: (error: unknown) => void,
): () => void {
  let isOver = false;
  let inner: PeerWatch | null = null;
  const end = (watch: PeerWatch) =>
    attempt(
      () => watch.close(),
      () => {},
      failed,
    );
  const begun = (watch: unknown) => {
    inner = checkWatch(watch);
    if (isOver) end(inner);
  };
  attempt(() => source.watch(watcher), begun, failed);
  return () => {
    isOver = true;
    if (inner !== null) end(inner);
  };
}

/** Does what may be done later, and may fail now or then. */
function attempt(
  work: () => unknown,
  done: (result: unknown) => void,
  failed: (error: unknown) => void,
): void {
  try {
    const result = work();
    if (isThenable(result)) Promise.resolve(result).then(done).catch(failed);
    else done(result);
  } catch (error) {
    failed(error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

/** @throws NodeError ERR_ARGUMENT */
function checkWatch(watch: unknown): PeerWatch {
  const { close } = (watch ?? {}) as Partial<PeerWatch>;
  if (typeof close === 'function') return watch as PeerWatch;
  throw new NodeError('ERR_ARGUMENT', 'watch must return { close }, or the promise of it');
}
