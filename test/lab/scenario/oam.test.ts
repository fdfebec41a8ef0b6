import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { runOam } from '../../../src/lab/scenario/oam.js';
import { oamCountViolations } from '../../../src/lab/scenario/oam-verdict.js';

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

test('workers lose nothing beside snapshots and watchers, and without controllers', async () => {
  const result = await runOam({
    keys: 1000,
    watchers: 50,
    pairs: 1,
    windowMs: 1000,
    warmUpMs: 500,
    ends: ['killed'],
    command: [process.execPath, main],
    progress: () => {},
  });
  // How long things take says nothing in so short a time; `lab oam` judges that.
  assert.deepEqual(oamCountViolations(result), []);
  assert.deepEqual(
    result.gone.map(({ how }) => how),
    ['killed'],
  );
});
