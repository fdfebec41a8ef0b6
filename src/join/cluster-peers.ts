/** Whom a worker links with: the controller of its host, and all other workers that have joined. */
import type { PeerOptions } from '../node/options.js';
import type { PeerSource, PeerWatcher } from '../node/peer-source.js';
import { type HostNodes, peersOf } from './roster.js';

/** A source of peers that is told what controllers know. */
export class ClusterPeers implements PeerSource {
  readonly name = 'cluster';
  // A controller that has just begun does not know all of them yet.
  readonly onRemoval = 'keep';
  readonly #always: readonly PeerOptions[];
  #lists: readonly HostNodes[] = [];
  #watcher: PeerWatcher | null = null;

  /** @param always those that are linked with in any case */
  constructor(always: readonly PeerOptions[]) {
    this.#always = always;
  }

  watch(watcher: PeerWatcher): { close(): void } {
    this.#watcher = watcher;
    this.#tell();
    return {
      close: () => {
        this.#watcher = null;
      },
    };
  }

  /** The workers that have joined, as they are now. */
  found(lists: readonly HostNodes[]): void {
    this.#lists = lists;
    this.#tell();
  }

  #tell(): void {
    if (this.#watcher === null) return;
    const planes = this.#watcher.planes.map(({ name }) => name);
    this.#watcher.onPeers([...this.#always, ...peersOf(this.#lists, planes)]);
  }
}
