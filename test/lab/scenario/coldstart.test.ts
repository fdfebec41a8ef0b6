import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { runColdStart } from '../../../src/lab/scenario/coldstart.js';
import { stepViolations } from '../../../src/lab/scenario/coldstart-steps.js';

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

test('all hosts are killed under writes and start in some order, as one', async (context) => {
  const stores = mkdtempSync(join(tmpdir(), 'backplane-stores-'));
  context.after(() => rmSync(stores, { recursive: true }));
  const { steps } = await runColdStart({
    seed: 3,
    endings: ['kill -9'],
    forces: false,
    downTrials: 0,
    stores,
    command: [process.execPath, main],
    progress: () => {},
  });
  assert.deepEqual(stepViolations(steps), []);
  const [start, order] = steps;
  assert.equal(steps.length, 2);
  assert.match(start?.happened ?? '', /^epoch 1, all at revision 2$/);
  // A kill that met no write would prove nothing.
  assert.match(order?.happened ?? '', /[1-9]\d* writes acknowledged and there/);
});
