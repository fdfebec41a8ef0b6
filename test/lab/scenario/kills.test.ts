import assert from 'node:assert/strict';
import test from 'node:test';
import { runKills } from '../../../src/lab/scenario/kills.js';

test('every message of a link that is killed ends as it was told', async () => {
  const result = await runKills({ count: 8, progress: () => {} });
  assert.deepEqual(result.violations, []);
  const { cycles, reportedUnknown } = result;
  const kinds = ['receiver-abort', 'kill', 'outage', 'sender-abort', 'restart'];
  assert.deepEqual(
    cycles.map(({ kind }) => kind),
    [...kinds, ...kinds].slice(0, 8),
  );
  // Of both a kind and its effect: a restart that nobody noticed would prove nothing.
  for (const { kind, reason } of cycles) {
    if (kind === 'restart') assert.equal(reason, 'restarted');
    if (kind === 'outage') assert.equal(reason, 'lost');
  }
  assert.ok(reportedUnknown > 0, 'messages were under way, and nobody can know of all of them');
});
