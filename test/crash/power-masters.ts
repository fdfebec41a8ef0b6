/**
 * Masters on the disk of a guest: all in one process, since a power cut ends them all. What the
 * last cut has left is looked at first; then clients write until the next one. Every write that is
 * acknowledged is told at once, and is out of the guest by the time it is told.
 */
import { rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../src/config/config.js';
import { openConfig } from '../../src/config/open.js';
import { guestDisk } from '../../src/lab/guest/init-script.js';
import { createTestNetwork } from '../../src/testing/index.js';
import { SeededRandom } from '../../src/testing/random.js';
import { bootstrap, Clients, writeTo } from './clients.js';
import { judgeStores, type Place } from './masters-judge.js';
import type { PowerReport, PowerSetup } from './power-protocol.js';

/** Longer than all masters take to be there: none is to serve reads alone. */
const LOAD_MS = 60_000;

function tell(report: PowerReport): void {
  writeSync(1, `${JSON.stringify(report)}\n`);
}

async function openAll(places: readonly Place[], seed: number): Promise<Config[]> {
  const network = createTestNetwork({ seed });
  const masters = places.map(({ name }) => name);
  const configs: Config[] = [];
  for (const { name, path } of places) {
    const node = await network.node(name);
    const config = await openConfig(node, { store: path, masters, loadMs: LOAD_MS });
    config.on('trouble', ({ name: who, code }) => {
      tell({ type: 'failed', message: `${who}: ${code}` });
    });
    configs.push(config);
  }
  return configs;
}

/** Never ends by itself. */
export async function run({ masters, seed, written }: PowerSetup): Promise<void> {
  const places = masters.map((name) => ({ name, path: join(guestDisk, name) }));
  const loss = await judgeStores(places, written);
  tell({ type: 'looked', loss });
  if (loss.findings.length > 0) {
    for (const { path } of places) rmSync(path, { recursive: true, force: true });
  }
  tell({ type: 'opening' });
  const configs = await openAll(places, seed);
  await bootstrap(configs[0]!, masters);
  const random = new SeededRandom(seed);
  new Clients({
    random,
    ask: (write) => writeTo(configs[random.below(configs.length)]!, write),
    wrote: (acknowledged) => tell({ type: 'acknowledged', acknowledged }),
  });
}
