/** A worker of the scenario `supervision` that beats as long as it runs. */
import { workerNotify } from '../../cluster.js';

async function main(): Promise<void> {
  const notify = await workerNotify();
  notify?.ready();
  setInterval(() => {}, 2 ** 30);
}

void main();
