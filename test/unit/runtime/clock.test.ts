import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemRuntime } from '../../../src/runtime/index.js';

const { clock } = systemRuntime;

/** Lets time pass without giving the turn away. */
function compute(ms: number): void {
  const untilMs = clock.nowMs() + ms;
  while (clock.nowMs() < untilMs);
}

test('the time of a turn stands still in it, and is another one in the next', async () => {
  await nextTurn();
  const beforeMs = clock.nowMs();
  const firstMs = clock.turnMs();
  compute(5);
  assert.equal(clock.turnMs(), firstMs);
  await nextTurn();
  const secondMs = clock.turnMs();
  assert.ok(firstMs >= beforeMs);
  assert.ok(secondMs >= firstMs + 5);
});

test('a turn begins without the time of the last one, whoever asked in that', async () => {
  const asked = clock.turnMs();
  await new Promise<void>((resolve) => setImmediate(() => process.nextTick(resolve)));
  compute(1);
  await nextTurn();
  assert.ok(clock.turnMs() > asked);
});
