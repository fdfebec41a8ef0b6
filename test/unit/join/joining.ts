/** Workers that join clusters in one process, for tests. */
import type { TestContext } from 'node:test';
import { type JoinOptions, joinClusterIn } from '../../../src/join/join.js';
import { joinVariables } from '../../../src/join/join-variables.js';
import type { JoinedWorker } from '../../../src/join/joined-worker.js';
import type { TestNetwork } from '../../../src/testing/index.js';
import type { WorkerNotify } from '../../../src/workers/worker-notify.js';
import { booted } from '../controller/booted.js';

/** What a controller would start a worker with. */
export function environment(network: TestNetwork, worker: string, host: string): NodeJS.ProcessEnv {
  const controller = network.peer(`controller@${host}`);
  const told = { planes: {}, port: 0, keyFile: '/key', label: 'l', profile: 'lan' } as const;
  const variables = joinVariables(worker, host, { ...told, security: 'sealed', controller });
  const own = { BACKPLANE_WORKER: worker, BACKPLANE_HOST: host, BACKPLANE_INSTANCE: 'abc' };
  return { ...own, BACKPLANE_POOL: 'jobs', ...variables };
}

/** Joins a worker of a test network; what it says to its keeper is noted. */
export function joining(
  network: TestNetwork,
  name: string,
  said: string[],
  options: JoinOptions = {},
) {
  const [worker = '', host = ''] = name.split('@');
  const notify = {
    ready: () => said.push('ready'),
    status: (text: string) => said.push(text),
    stopping: () => said.push('stopping'),
    close: () => said.push('closed'),
  } as unknown as WorkerNotify;
  const world = {
    start: (told: { readonly name: string }) => network.node(told.name, { peers: [] }),
    notify: async () => notify,
  };
  const env = environment(network, worker, host);
  return joinClusterIn(world, { endsOnSignals: false, env, ...options });
}

/** Workers of several hosts that have joined, each linked with its controller and all others. */
export async function joined(context: TestContext, ...names: string[]) {
  const cluster = await booted(context);
  const { network } = cluster;
  const said: string[] = [];
  const workers: JoinedWorker[] = [];
  for (const name of names) {
    workers.push(await network.until(joining(network, name, said)));
  }
  await network.until(() => workers.every(({ node }) => node.nodes.length === names.length));
  return { ...cluster, said, workers };
}
