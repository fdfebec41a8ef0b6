import assert from 'node:assert/strict';
import test from 'node:test';
import { runSupervision } from '../../../../src/lab/scenario/supervision.js';

test('workers outlive controllers that are killed, and no exit status is lost', async () => {
  const counts = { crashes: 5, stalls: 1, kills: 8, commands: 300, pairs: 5 };
  const result = await runSupervision({ ...counts, progress: () => {} });
  const {
    crashToRunningMs,
    stalledReplacedMs,
    beatMs: _,
    plainCommands,
    twoControllers,
    ...rest
  } = result;
  assert.deepEqual([crashToRunningMs.length, stalledReplacedMs.length], [5, 1]);
  assert.ok(rest.exitStatuses > 0);
  assert.deepEqual(
    { ...rest, exitStatuses: 0 },
    {
      crashLoopStopped: true,
      crashLoopStarts: 4,
      controllerKills: 8,
      orphansUnadopted: 0,
      workersLost: 0,
      workersDoubled: 0,
      exitStatuses: 0,
      exitStatusesLost: 0,
    },
  );
  const { count, startedInOrder, stoppedInOrder } = plainCommands;
  assert.deepEqual([count, startedInOrder, stoppedInOrder], [300, true, true]);
  assert.deepEqual(twoControllers, { count: 5, oneRuns: 5, refusedWithPid: 5 });
});
