/** Whom a controller links with: those of its host file, and those that the configuration has. */
import { NodeError } from '../errors.js';
import type { PeerOptions } from '../node/options.js';
import { ToldPeers } from '../node/told-peers.js';

/**
 * A source that is told what the configuration has. Where both name a host, the configuration has
 * the last word: it is the newer one.
 */
export class HostPeers extends ToldPeers {
  readonly name = 'configuration';
  readonly onRemoval = 'leave';
  readonly #first: readonly PeerOptions[];
  #found: readonly PeerOptions[] = [];
  #problems = '';

  /** @param first those of the host file */
  constructor(first: readonly PeerOptions[]) {
    super();
    this.#first = first;
  }

  /** The hosts of the configuration as they are now, and what in it cannot be used. */
  found(peers: readonly PeerOptions[], problems: readonly string[]): void {
    if (JSON.stringify(peers) !== JSON.stringify(this.#found)) {
      this.#found = peers;
      this.tell();
    }
    const before = this.#problems;
    this.#problems = problems.join('; ');
    if (this.#problems === '' || this.#problems === before) return;
    this.failed(new NodeError('ERR_PEER_SOURCE', this.#problems));
  }

  protected override peers(): PeerOptions[] {
    const names = this.#found.map(({ name }) => name);
    return [...this.#first.filter(({ name }) => !names.includes(name)), ...this.#found];
  }
}
