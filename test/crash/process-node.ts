/**
 * Stands in for a node at the configuration of one process: its links are carried by the process
 * above. Everything over the node is real: the driver, the replica, the store.
 */
import type { ConfigNode } from '../../src/config/open.js';
import type { ConfigurationPort } from '../../src/node/node.js';
import type { Observed, ObservedEvent, Observer } from '../../src/node/observers.js';
import { systemRuntime } from '../../src/runtime/index.js';
import { profiles } from '../../src/timing/profiles.js';
import type { FromMaster, ToMaster } from './master-protocol.js';

export class ProcessNode implements ConfigNode {
  readonly name: string;
  readonly runtime = systemRuntime;
  readonly profile = profiles.lan;
  readonly #tell: (message: FromMaster) => void;
  readonly #observers = new Set<Observer>();
  /** Numbers of the links that are up. */
  readonly #links = new Map<string, number>();
  #receive: (from: string, body: Buffer) => void = () => {};

  constructor(name: string, tell: (message: FromMaster) => void) {
    this.name = name;
    this.#tell = tell;
  }

  get nodes() {
    return [...this.#links.keys()].map((name) => ({ name, stalled: false }));
  }

  observe(observer: Observer): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  openConfiguration(receive: (from: string, body: Buffer) => void): ConfigurationPort {
    this.#receive = receive;
    return {
      send: (to, body) => {
        const link = this.#links.get(to);
        if (link !== undefined) this.#tell({ type: 'send', to, link, body });
        return link !== undefined;
      },
      close: () => {
        this.#receive = () => {};
      },
    };
  }

  /** What the process above says of a link. */
  hear(message: Exclude<ToMaster, { type: 'write' }>): void {
    const { name } = message;
    switch (message.type) {
      case 'up':
        this.#links.set(name, message.link);
        return this.#say('nodeup', { name } as Observed<'nodeup'>);
      case 'down':
        this.#links.delete(name);
        return this.#say('nodedown', { name } as Observed<'nodedown'>);
      case 'part':
        // Between processes a Buffer becomes a plain array of bytes.
        this.#receive(name, Buffer.from(message.body));
    }
  }

  #say<K extends ObservedEvent>(event: K, payload: Observed<K>): void {
    for (const observer of this.#observers) observer(event, payload);
  }
}
