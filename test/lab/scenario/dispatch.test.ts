import assert from 'node:assert/strict';
import test from 'node:test';
import { runDispatch } from '../../../src/lab/scenario/dispatch.js';

test('tasks survive their workers and hosts, or are reported', async () => {
  const overhead = { pairs: 1, pairTasks: 200, progress: () => {} };
  const options = { tasks: 600, kills: 5, seed: 1, ...overhead };
  const { violations, kinds, workerKills, hostKills, planeCuts } = await runDispatch(options);
  assert.deepEqual(violations, []);
  assert.deepEqual([workerKills, hostKills, planeCuts], [4, 1, 1]);
  assert.deepEqual([kinds['at-least-once'].tasks, kinds['at-most-once'].tasks], [300, 300]);
  assert.equal(kinds['at-least-once'].completed, 300);
});
