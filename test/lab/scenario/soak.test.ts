import assert from 'node:assert/strict';
import test from 'node:test';
import { runSoak, soakViolations } from '../../../src/lab/scenario/soak.js';

const MESSAGES = 60_000;

test('messages of all sizes over planes that lose frames arrive once and in order', async () => {
  const result = await runSoak({ messages: MESSAGES, progress: () => {} });
  assert.deepEqual(soakViolations(result), []);
  assert.equal(result.sent, MESSAGES);
  assert.equal(result.received, MESSAGES);
  // A path that never went away would prove nothing.
  assert.ok(result.flaps > 0, `${result.flaps} flaps in ${result.seconds} s`);
});
