/**
 * Nodes in one process on a network in memory, in real time: frameworks have timers of their own.
 */
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { ClusterNode } from '../../../src/node/node.js';
import { startNodeIn } from '../../../src/node/start.js';
import { systemRuntime } from '../../../src/runtime/index.js';
import { addressesOf, KEY, PORT } from '../node/cluster.js';
import { MemoryNetwork } from '../node/memory-network.js';

export class Nodes {
  readonly network = new MemoryNetwork(systemRuntime);
  readonly all: ClusterNode[] = [];

  constructor(context: TestContext) {
    // Nothing here is a handle, and some timers of frameworks do not count as work.
    const alive = setInterval(() => {}, 1000);
    context.after(async () => {
      await Promise.all(this.all.map((node) => node.close({ deadlineMs: 0 })));
      clearInterval(alive);
    });
  }

  /** Starts `name@hostN` with two planes; N counts from 1. */
  async start(name: string): Promise<ClusterNode> {
    const host = this.all.length + 1;
    const addresses = addressesOf(host);
    const machine = {
      hostName: `host${host}`,
      addresses: addresses.map((address) => ({ address, prefixBits: 24 })),
    };
    const world = { runtime: systemRuntime, transport: this.network.transport(), machine };
    const node = await startNodeIn(world, { name, planes: addresses, port: PORT, key: KEY });
    this.all.push(node);
    return node;
  }

  /** Starts nodes and links each with each. */
  async linked(...names: string[]): Promise<ClusterNode[]> {
    const nodes: ClusterNode[] = [];
    for (const name of names) nodes.push(await this.start(name));
    for (const [i, to] of nodes.entries()) {
      for (const from of nodes.slice(0, i)) await this.link(from, to);
    }
    return nodes;
  }

  /** Links two nodes; done when both know. */
  async link(from: ClusterNode, to: ClusterNode): Promise<void> {
    const up = once(to, 'nodeup');
    await from.connect({ name: to.name, addresses: this.addressesOf(to), port: PORT });
    await up;
  }

  addressesOf(node: ClusterNode): readonly [string, string] {
    return addressesOf(this.all.indexOf(node) + 1);
  }

  /** The process of a node dies: its peers see an orderly end of the association. */
  kill(node: ClusterNode): void {
    this.network.kill(this.addressesOf(node)[0], 'closed');
  }
}
