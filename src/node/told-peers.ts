/** A source of peers that is told itself who they are, by whoever made it. */
import type { PeerOptions } from './options.js';
import type { PeerSource, PeerWatch, PeerWatcher } from './peer-source.js';

/** What such sources have in common: one node at a time that follows them, or none yet. */
export abstract class ToldPeers implements PeerSource {
  abstract readonly name: string;
  abstract readonly onRemoval: 'keep' | 'leave';
  #watcher: PeerWatcher | null = null;

  watch(watcher: PeerWatcher): PeerWatch {
    this.#watcher = watcher;
    this.tell();
    return {
      close: () => {
        this.#watcher = null;
      },
    };
  }

  /** All of them as they are now, for a node on these planes. */
  protected abstract peers(planes: readonly string[]): readonly PeerOptions[];

  /** They are not what they were. */
  protected tell(): void {
    if (this.#watcher === null) return;
    const planes = this.#watcher.planes.map(({ name }) => name);
    this.#watcher.onPeers(this.peers(planes));
  }

  /** Something that was told cannot be used. */
  protected failed(error: Error): void {
    this.#watcher?.onFailed(error);
  }
}
