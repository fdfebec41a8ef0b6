/** Whom a controller links with: those of its host file, and those that the configuration has. */
import { NodeError } from '../errors.js';
import type { PeerOptions } from '../node/options.js';
import type { PeerSource, PeerWatcher } from '../node/peer-source.js';

/**
 * A source that is told what the configuration has. Where both name a host, the configuration has
 * the last word: it is the newer one.
 */
export class HostPeers implements PeerSource {
  readonly name = 'configuration';
  readonly onRemoval = 'leave';
  readonly #first: readonly PeerOptions[];
  #found: readonly PeerOptions[] = [];
  #problems = '';
  #watcher: PeerWatcher | null = null;

  /** @param first those of the host file */
  constructor(first: readonly PeerOptions[]) {
    this.#first = first;
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

  /** The hosts of the configuration as they are now, and what in it cannot be used. */
  found(peers: readonly PeerOptions[], problems: readonly string[]): void {
    if (JSON.stringify(peers) !== JSON.stringify(this.#found)) {
      this.#found = peers;
      this.#tell();
    }
    const before = this.#problems;
    this.#problems = problems.join('; ');
    if (this.#problems === '' || this.#problems === before) return;
    this.#watcher?.onFailed(new NodeError('ERR_PEER_SOURCE', this.#problems));
  }

  #tell(): void {
    const names = this.#found.map(({ name }) => name);
    const rest = this.#first.filter(({ name }) => !names.includes(name));
    this.#watcher?.onPeers([...rest, ...this.#found]);
  }
}
