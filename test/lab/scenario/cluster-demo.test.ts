import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { runClusterDemo } from '../../../src/lab/scenario/cluster-demo.js';
import { stepViolations } from '../../../src/lab/scenario/coldstart-steps.js';

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

test('the demonstration of a cluster shows what it says', { timeout: 240_000 }, async () => {
  const { steps } = await runClusterDemo({
    command: [process.execPath, main],
    progress: console.log,
  });
  assert.deepEqual(stepViolations(steps), []);
  assert.equal(steps.at(-1)?.name, 'back');
});
