/**
 * The process that is killed: opens the store at the path it is given and writes until the end,
 * telling of each batch that was acknowledged.
 */
import { openStore } from '../../src/config/store.js';
import { SeededRandom } from '../../src/testing/random.js';
import { type Planned, Writer, type Written } from './store-writes.js';
import type { Recovery } from './subject.js';

/** What it tells. */
export type StoreReport =
  | { readonly type: 'opening' }
  /** The first batch is acknowledged. */
  | { readonly type: 'recovered'; readonly recovery: Recovery }
  | { readonly type: 'acknowledged'; readonly written: Written }
  | { readonly type: 'failed'; readonly message: string };

const IN_FLIGHT = 4;

function tell(report: StoreReport): void {
  process.send?.(report);
}

async function run(path: string, seed: string): Promise<void> {
  const random = new SeededRandom(seed);
  tell({ type: 'opening' });
  const startMs = performance.now();
  const planned = new Map<number, Planned>();
  let token = 0;
  const store = await openStore(
    path,
    {
      persisted: (acknowledged) => {
        const { revision, text } = planned.get(acknowledged)!;
        planned.delete(acknowledged);
        if (acknowledged === 1) {
          const openMs = openedMs - startMs;
          const recovery = { openMs, recoveryMs: performance.now() - openedMs };
          tell({ type: 'recovered', recovery });
        }
        tell({ type: 'acknowledged', written: { revision, text } });
        write();
      },
      failed: (_token, code, message) => tell({ type: 'failed', message: `${code}: ${message}` }),
    },
    random.bytes(16).toString('hex'),
  );
  const openedMs = performance.now();
  const writer = new Writer(store.contents, random);
  const write = () => {
    const batch = writer.next();
    planned.set(++token, batch);
    store.persist({ token, operations: batch.operations });
  };
  for (let lane = 0; lane < IN_FLIGHT; lane++) write();
}

process.on('disconnect', () => process.exit());
const [path, seed] = process.argv.slice(2);
run(path!, seed!).catch((error: unknown) => {
  tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
});
