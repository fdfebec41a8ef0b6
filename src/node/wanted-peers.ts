/**
 * Who wants which peer: a pure machine. The program wants those it connected to, each source those
 * it names. A peer is dialled as long as anybody wants it; the program's word about its addresses
 * counts before that of sources, an older source's before a newer one's.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ResolvedPeer } from './options.js';

/** What is to be done about one peer. */
export type PeerOrder =
  /** Keep a link to it from now on, with these addresses from the next dial. */
  | { readonly type: 'dial'; readonly peer: ResolvedPeer }
  /** Nobody wants it any more: dial it no more, and leave it or keep the link that is up. */
  | { readonly type: 'keep' | 'leave'; readonly name: string };

/** What a new set of a source changed, by names. */
export interface PeerSetChange {
  readonly added: readonly string[];
  /** Other addresses or another port. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

type PeerSet = ReadonlyMap<string, ResolvedPeer>;

const EMPTY: PeerSet = new Map();

function isSame(a: ResolvedPeer, b: ResolvedPeer): boolean {
  const ours = [...a.addresses];
  const theirs = [...b.addresses];
  return (
    a.port === b.port &&
    isDeepStrictEqual(a.profile, b.profile) &&
    ours.length === theirs.length &&
    ours.every(([address, plane], i) => theirs[i]?.[0] === address && theirs[i]?.[1] === plane)
  );
}

export class WantedPeers {
  readonly #program = new Map<string, ResolvedPeer>();
  /** In the order in which they were followed. */
  readonly #sources = new Map<object, PeerSet>();
  /** Sources name them, but the program has disconnected since. */
  readonly #muted = new Set<string>();
  readonly #orders: PeerOrder[] = [];

  /** The next thing to do, or null. */
  poll(): PeerOrder | null {
    return this.#orders.shift() ?? null;
  }

  /** The program wants this peer. Its order is the caller's to carry out. */
  connect(peer: ResolvedPeer): void {
    this.#muted.delete(peer.name);
    this.#program.set(peer.name, peer);
  }

  /** The program could not have it, or wants it no more; sources may still name it. */
  withdraw(name: string): void {
    this.#program.delete(name);
  }

  /**
   * The program wants nobody to have this peer. A source that goes on naming it as before does not
   * change that; one that names it anew, or with other addresses, does.
   */
  disconnect(name: string): void {
    this.#program.delete(name);
    if ([...this.#sources.values()].some((peers) => peers.has(name))) this.#muted.add(name);
  }

  /** A source names these peers now. */
  update(source: object, peers: PeerSet, onRemoval: 'keep' | 'leave'): PeerSetChange {
    const before = this.#sources.get(source) ?? EMPTY;
    const added = [...peers.keys()].filter((name) => !before.has(name));
    const removed = [...before.keys()].filter((name) => !peers.has(name));
    const changed = [...peers.values()].flatMap((peer) => {
      const old = before.get(peer.name);
      return old === undefined || isSame(old, peer) ? [] : [peer.name];
    });
    const touched = [...added, ...changed, ...removed];
    const effective = new Map(touched.map((name) => [name, this.#effective(name)]));
    this.#sources.set(source, peers);
    for (const name of [...added, ...changed]) this.#muted.delete(name);
    for (const [name, old] of effective) this.#compare(name, old, onRemoval);
    return { added, changed, removed };
  }

  /** A source is not followed any more; what it alone named is dialled no more. */
  drop(source: object): void {
    if (this.#sources.has(source)) this.update(source, EMPTY, 'keep');
    this.#sources.delete(source);
  }

  #effective(name: string): ResolvedPeer | undefined {
    const program = this.#program.get(name);
    if (program !== undefined || this.#muted.has(name)) return program;
    for (const peers of this.#sources.values()) {
      const peer = peers.get(name);
      if (peer !== undefined) return peer;
    }
    return undefined;
  }

  #compare(name: string, old: ResolvedPeer | undefined, onRemoval: 'keep' | 'leave'): void {
    const peer = this.#effective(name);
    const isNamed = [...this.#sources.values()].some((peers) => peers.has(name));
    if (!isNamed) this.#muted.delete(name);
    if (peer === undefined) {
      if (old !== undefined) this.#orders.push({ type: onRemoval, name });
    } else if (old === undefined || !isSame(old, peer)) {
      this.#orders.push({ type: 'dial', peer });
    }
  }
}
