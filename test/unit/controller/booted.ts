/** Three controllers in one process, for tests. */
import type { TestContext } from 'node:test';
import { openConfigWith } from '../../../src/config/open.js';
import { Controller } from '../../../src/controller/controller.js';
import type { HostFile } from '../../../src/controller/host-file.js';
import { WorkerError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { createTestNetwork, type TestNetwork } from '../../../src/testing/index.js';
import type { Workers } from '../../../src/workers/workers.js';
import { MemoryDisks } from '../config/memory-disk.js';

const HOSTS = ['h1', 'h2', 'h3'] as const;
const MASTERS = ['controller@h1', 'controller@h2'];

/** A cluster that is up. */
export interface Cluster {
  readonly network: TestNetwork;
  readonly controllers: readonly [Controller, Controller, Controller];
  /** What workers were told, as `h1 restart api`. */
  readonly said: string[];
  /** Starts the controller of a host that has none any more. */
  start(host: string): Promise<Controller>;
}

/** The worker that all of them have. */
const API = {
  name: 'api',
  group: 'default',
  state: 'ready',
  sinceMs: 0,
  pid: 7,
  restarts: 0,
  text: '',
  lastEnding: null,
  isHeld: false,
};

/** Output that is there, and that comes; then none, until nobody wants it any more. */
async function* follow(worker: string, signal: AbortSignal, said: string[], host: string) {
  yield `${worker} was\n`;
  yield `${worker} is\n`;
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  said.push(`${host} unfollow ${worker}`);
}

/** Supervision that has nothing and notes what it is told. */
export function supervision(host: string, said: string[]): Workers {
  const noted = (what: string) => (worker: string) => {
    if (worker !== 'api') throw new WorkerError('ERR_WORKER_UNKNOWN', `there is no ${worker}`);
    said.push(`${host} ${what} ${worker}`);
  };
  return {
    desire: () => {},
    suspend: (reason: string, isOn: boolean) => {
      if (isOn) said.push(`${host} suspend ${reason}`);
    },
    restart: noted('restart'),
    logs: async (_: string, bytes: number) => 'x'.repeat(bytes),
    follow: (worker: string, signal: AbortSignal) => follow(worker, signal, said, host),
    view: () => ({ workers: [API], groups: [], suspended: [] }),
    close: async () => {},
  } as unknown as Workers;
}

/** Three controllers without a disk or a kernel, bootstrapped. */
export async function booted(context: TestContext): Promise<Cluster> {
  const network = createTestNetwork();
  const disks = new MemoryDisks();
  const said: string[] = [];
  const controllers: Controller[] = [];
  const start = async (host: string): Promise<Controller> => {
    const others = network.nodes.filter(({ name }) => name.startsWith('controller@'));
    const peers = others.map((other) => network.peer(other));
    const node = await network.node(`controller@${host}`, { peers });
    const parts = { openStore: disks.opener(node.runtime) };
    const config = await openConfigWith(node, { store: host, masters: MASTERS }, parts);
    const hostFile = { host, masters: [], loadMs: limits.configLoadMs } as unknown as HostFile;
    const options = { hostFile, version: '1.2.3' };
    const workers = supervision(host, said);
    const controller = new Controller({ node, config, workers, options });
    controllers.push(controller);
    return controller;
  };
  for (const host of HOSTS) await start(host);
  context.after(async () => {
    // One that was killed must not be used any more.
    const living = controllers.filter(({ node }) => network.nodes.includes(node));
    for (const controller of living) {
      network.resume(controller.node);
      await network.until(controller.close());
    }
    await network.close();
  });
  await network.linked();
  const [one] = controllers as [Controller];
  await network.until(() => one.config.status.newcomers.length === 1);
  await one.config.masters.bootstrap(MASTERS);
  await network.until(() => controllers.every(({ view }) => view.condition === 'up'));
  const links = () => controllers.flatMap(({ status }) => status.links);
  await network.until(() => links().every(({ isRedundant }) => isRedundant));
  const all = [...controllers] as unknown as Cluster['controllers'];
  return { network, controllers: all, said, start };
}
