import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { stepViolations } from '../../../src/lab/scenario/coldstart-steps.js';
import { runTypical } from '../../../src/lab/scenario/typical.js';

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

test('the typical system shows what it says', { timeout: 240_000 }, async () => {
  const { steps } = await runTypical({
    command: [process.execPath, main],
    progress: console.log,
  });
  assert.deepEqual(stepViolations(steps), []);
  assert.equal(steps.at(-1)?.name, 'the books are right');
});
