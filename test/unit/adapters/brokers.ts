/** Brokers of Moleculer on nodes in memory, in both versions. */
import type { TestContext } from 'node:test';
import type * as moleculer014 from 'moleculer';
import { registerTransporter } from '../../../src/adapters/moleculer/index.js';
import type { ClusterNode } from '../../../src/index.js';
import { Nodes } from './nodes.js';

// The same names in both versions, with types of their own.
export type Moleculer = typeof moleculer014;
export type Broker = moleculer014.ServiceBroker;
export const moleculer015 = (await import('moleculer-0.15')) as unknown as Moleculer;
registerTransporter(moleculer015);
/** Nodes with brokers of one version, which end with the test. */
export class World {
  readonly nodes: Nodes;
  readonly #brokers: Broker[] = [];
  readonly #moleculer: Moleculer;

  constructor(context: TestContext, moleculer: Moleculer) {
    context.after(() => Promise.all(this.#brokers.map((broker) => broker.stop())));
    this.#moleculer = moleculer;
    this.nodes = new Nodes(context);
  }

  broker(
    nodeID: string,
    node: ClusterNode | null,
    services: readonly object[] = [],
    options: moleculer014.BrokerOptions = {},
  ): Broker {
    const transporter = node === null ? 'SCTP' : { type: 'SCTP', options: { node } };
    const quiet = { logger: false, skipProcessEventRegistration: true } as const;
    const all = { nodeID, transporter, ...quiet, ...options };
    const broker = new this.#moleculer.ServiceBroker(all);
    for (const service of services) broker.createService(service as moleculer014.ServiceSchema);
    this.#brokers.push(broker);
    return broker;
  }

  /** Two linked nodes, a broker on each, both started, the second one's services known. */
  async pair(
    services: readonly { readonly name: string }[],
    options: moleculer014.BrokerOptions = {},
  ): Promise<{ caller: Broker; server: Broker; one: ClusterNode; two: ClusterNode }> {
    const [one, two] = (await this.nodes.linked('one', 'two')) as [ClusterNode, ClusterNode];
    const caller = this.broker('caller', one, [], options);
    const server = this.broker('server', two, services, options);
    await Promise.all([caller.start(), server.start()]);
    await caller.waitForServices(services.map(({ name }) => name));
    return { caller, server, one, two };
  }
}

export type Context<Params = Record<string, unknown>> = moleculer014.Context<Params>;

/** A service with one action that works and one that fails. */
export const math = {
  name: 'math',
  actions: {
    add: (ctx: Context<{ a: number; b: number }>) => ctx.params.a + ctx.params.b,
    fail: () => {
      throw new Error('it is broken');
    },
  },
};

/** Resolves at the next event of a broker about a node. */
export function seen<Payload extends { node: { id: string } }>(
  broker: Broker,
  event: string,
  nodeID: string,
): Promise<Payload> {
  return new Promise((resolve) => {
    const listener = (payload: Payload) => {
      if (payload.node.id !== nodeID) return;
      broker.localBus.off(event, listener);
      resolve(payload);
    };
    broker.localBus.on(event, listener);
  });
}
