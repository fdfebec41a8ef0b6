/** A worker of the demonstration of a cluster: it joins, and serves the pool of its description. */
import { joinCluster } from '../../cluster.js';

async function main(): Promise<void> {
  const worker = await joinCluster({ isReady: false });
  worker.tasks.serve(worker.pool ?? '', (name) => `hello ${String(name)}`);
  worker.ready();
}

void main();
