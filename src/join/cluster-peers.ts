/** Whom a worker links with: the controller of its host, and all other workers that have joined. */
import type { PeerOptions } from '../node/options.js';
import { ToldPeers } from '../node/told-peers.js';
import { type HostNodes, peersOf } from './roster.js';

/** A source of peers that is told what controllers know. */
export class ClusterPeers extends ToldPeers {
  readonly name = 'cluster';
  // A controller that has just begun does not know all of them yet.
  readonly onRemoval = 'keep';
  readonly #always: readonly PeerOptions[];
  #lists: readonly HostNodes[] = [];

  /** @param always those that are linked with in any case */
  constructor(always: readonly PeerOptions[]) {
    super();
    this.#always = always;
  }

  /** The workers that have joined, as they are now. */
  found(lists: readonly HostNodes[]): void {
    this.#lists = lists;
    this.tell();
  }

  protected override peers(planes: readonly string[]): PeerOptions[] {
    return [...this.#always, ...peersOf(this.#lists, planes)];
  }
}
