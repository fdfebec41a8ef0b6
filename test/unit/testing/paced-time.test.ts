import assert from 'node:assert/strict';
import test from 'node:test';
import { PacedTime } from '../../../src/testing/paced-time.js';

test('what is due runs in its order, not before its time, each with its promises', async () => {
  const time = new PacedTime();
  const ran: string[] = [];
  const beganMs = time.nowMs;
  await new Promise<void>((resolve) => {
    const entry = (name: string, delayMs: number, then = () => {}) =>
      time.at(beganMs + delayMs, () => {
        assert.ok(time.nowMs - beganMs >= delayMs);
        time.isUnsettled = true;
        ran.push(name);
        Promise.resolve().then(() => {
          ran.push(`${name}'s promise`);
          then();
        });
      });
    entry('late', 12, resolve);
    entry('soon', 0.2);
    entry('first', 0);
  });
  assert.deepEqual(ran, [
    'first',
    "first's promise",
    'soon',
    "soon's promise",
    'late',
    "late's promise",
  ]);
});

test('nothing runs once it has stopped, and nothing keeps the process alive', async () => {
  const time = new PacedTime();
  let ran = 0;
  const count = () => {
    ran += 1;
  };
  time.after(0, count);
  time.after(5, count);
  time.stop();
  time.after(0, count);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(ran, 0);
});
