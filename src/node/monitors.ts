/** Who wants to be told, once, that a node has gone. */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { Timers } from '../runtime/index.js';
import { bound } from './async-context.js';
import type { NodeDown, NodeGone } from './events.js';

type Callback = (event: NodeGone) => void;

/** Told once, or taken away. */
interface Monitor {
  readonly tell: Callback;
}

export class Monitors {
  readonly #timers: Timers;
  readonly #isUp: (name: string) => boolean;
  readonly #monitors = new Map<string, Set<Monitor>>();
  #count = 0;

  constructor(timers: Timers, isUp: (name: string) => boolean) {
    this.#timers = timers;
    this.#isUp = isUp;
  }

  /**
   * As `ClusterNode.monitor`.
   * @param name checked.
   * @throws NodeError ERR_ARGUMENT, ERR_LIMIT.
   */
  add(name: string, callback: Callback): () => void {
    if (typeof callback !== 'function') {
      throw new NodeError('ERR_ARGUMENT', 'who monitors is a function');
    }
    if (this.#count >= limits.monitors) {
      throw new NodeError('ERR_LIMIT', `there are at most ${limits.monitors} monitors`);
    }
    const monitor: Monitor = { tell: bound(callback) };
    this.#count++;
    const ofNode = this.#monitors.get(name);
    if (ofNode === undefined) this.#monitors.set(name, new Set([monitor]));
    else ofNode.add(monitor);
    if (!this.#isUp(name)) {
      // Not before the caller has what takes it away.
      const gone: NodeGone = { name, incarnation: null, reason: 'absent', error: null };
      this.#timers.soon(() => {
        if (this.#remove(name, monitor)) monitor.tell(gone);
      });
    }
    return () => void this.#remove(name, monitor);
  }

  /** A link is over. */
  down(event: NodeDown): void {
    for (const monitor of [...(this.#monitors.get(event.name) ?? [])]) {
      // One that is told may take others away.
      if (this.#remove(event.name, monitor)) monitor.tell(event);
    }
  }

  #remove(name: string, monitor: Monitor): boolean {
    const ofNode = this.#monitors.get(name);
    if (ofNode?.delete(monitor) !== true) return false;
    if (ofNode.size === 0) this.#monitors.delete(name);
    this.#count--;
    return true;
  }
}
