/** The process of one master, with links that the process above carries. It ends at any moment. */
import { openConfigWith } from '../../src/config/open.js';
import { openStore } from '../../src/config/store.js';
import { bootstrap, writeTo } from './clients.js';
import type { FromMaster, MasterSetup, ToMaster } from './master-protocol.js';
import { ProcessNode } from './process-node.js';

/** Longer than all masters take to be there: none is to serve reads alone. */
const LOAD_MS = 60_000;

function tell(message: FromMaster): void {
  process.send?.(message);
}

async function run({ name, masters, path }: MasterSetup): Promise<void> {
  tell({ type: 'opening' });
  const node = new ProcessNode(name, tell);
  const config = await openConfigWith(
    node,
    { store: path, masters, loadMs: LOAD_MS },
    {
      openStore: async (...parameters) => {
        const store = await openStore(...parameters);
        tell({ type: 'opened' });
        return store;
      },
    },
  );
  config.on('trouble', ({ name: who, code }) =>
    tell({ type: 'failed', message: `${who}: ${code}` }),
  );
  process.on('message', async (message: ToMaster) => {
    if (message.type !== 'write') return node.hear(message);
    tell({ type: 'answer', id: message.id, answer: await writeTo(config, message.write) });
  });
  tell({ type: 'ready' });
  if (name === masters[0]) await bootstrap(config, masters);
}

process.on('disconnect', () => process.exit());
run(JSON.parse(process.argv[2]!) as MasterSetup).catch((error: unknown) => {
  tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
});
