/** Nodes with tasks on a network in this process, under virtual time. */
import type { ClusterNode } from '../../../src/node/node.js';
import { startTasks, type Tasks } from '../../../src/tasks/tasks.js';
import { createTestNetwork, type TestNetwork } from '../../../src/testing/index.js';

export interface Party {
  readonly node: ClusterNode;
  readonly tasks: Tasks;
}

/** A gate a handler waits at until a test opens it. */
export class Gate {
  readonly opened: Promise<void>;
  open!: () => void;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

export class TaskNetwork {
  readonly network: TestNetwork = createTestNetwork({ time: 'virtual' });

  async start(name: string): Promise<Party> {
    const node = await this.network.node(name);
    const tasks = startTasks(node);
    await this.network.linked();
    return { node, tasks };
  }

  async startAll(...names: readonly string[]): Promise<Party[]> {
    const all: Party[] = [];
    for (const name of names) all.push(await this.start(name));
    return all;
  }

  /** Some time, in which all that is said arrives. */
  settle(): Promise<void> {
    return this.network.advance(20);
  }

  until<T>(what: PromiseLike<T> | (() => boolean)): Promise<T> {
    return this.network.until(what);
  }

  close(): Promise<void> {
    return this.network.close();
  }
}

/** What a promise is rejected with. */
export async function errorOf(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Record<string, unknown>;
  }
  throw new Error('it was not rejected');
}
