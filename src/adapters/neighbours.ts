/** The nodes that an adapter's node has links with: who there is, and who has room. */
import type { ClusterNode, NodeEvents, TellOptions } from '../index.js';

/** What an adapter wants to hear of its node. */
export interface NeighbourHandlers {
  /** A node came: messages to it go from now on. */
  onUp(name: string): void;
  /** A node went, after everything it had sent was handled. */
  onDown(name: string, reason: NodeEvents['nodedown'][0]['reason']): void;
}

interface Room {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

/** The links of one node, as one adapter sees them. */
export class Neighbours {
  readonly #node: ClusterNode;
  readonly #handlers: NeighbourHandlers;
  readonly #names: Set<string>;
  /** Nodes to which `send` returned false. */
  readonly #full = new Map<string, Room>();

  constructor(node: ClusterNode, handlers: NeighbourHandlers) {
    this.#node = node;
    this.#handlers = handlers;
    this.#names = new Set(node.nodes.map(({ name }) => name));
    node.on('nodeup', this.#onUp).on('nodedown', this.#onDown).on('drain', this.#onDrain);
  }

  /** Nodes with a link, by name. */
  get names(): ReadonlySet<string> {
    return this.#names;
  }

  /** Whether so much waits for this node that `drain` has to come first. */
  isFull(name: string): boolean {
    return this.#full.has(name);
  }

  /** Resolves when the node has room or is gone; null when it has. */
  whenRoom(name: string): Promise<void> | null {
    return this.#full.get(name)?.promise ?? null;
  }

  /** Sends as `ClusterNode.send` does, with all it throws, and notes who is full. */
  send(to: string, topic: string, body: unknown, options: TellOptions): void {
    if (this.#node.send(to, topic, body, options) || this.#full.has(to)) return;
    let resolve = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    this.#full.set(to, { promise, resolve });
  }

  /** Hears nothing more, and keeps nobody waiting. */
  close(): void {
    this.#node.off('nodeup', this.#onUp).off('nodedown', this.#onDown).off('drain', this.#onDrain);
    for (const name of [...this.#full.keys()]) this.#release(name);
    this.#names.clear();
  }

  readonly #onUp = ({ name }: NodeEvents['nodeup'][0]) => {
    this.#names.add(name);
    this.#handlers.onUp(name);
  };

  readonly #onDown = ({ name, reason }: NodeEvents['nodedown'][0]) => {
    this.#names.delete(name);
    this.#release(name);
    this.#handlers.onDown(name, reason);
  };

  readonly #onDrain = ({ name }: NodeEvents['drain'][0]) => this.#release(name);

  #release(name: string): void {
    const room = this.#full.get(name);
    this.#full.delete(name);
    room?.resolve();
  }
}
