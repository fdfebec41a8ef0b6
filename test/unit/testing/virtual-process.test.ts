import assert from 'node:assert/strict';
import test from 'node:test';
import { VirtualProcess } from '../../../src/testing/virtual-process.js';
import { VirtualTime } from '../../../src/testing/virtual-time.js';
import { SeededRandom } from '../../random.js';

const STALL_MS = 100;

for (const hasNoPromises of [false, true]) {
  const kind = hasNoPromises ? 'without promises' : 'with promises';

  test(`a process ${kind} that ran late is overtaken by nothing that comes then`, async () => {
    const time = new VirtualTime();
    const random = new SeededRandom(1);
    const late = new VirtualProcess({ name: 'late', time, random, hasNoPromises });
    const ran: string[] = [];
    const reads = (what: string) => () => late.readable(() => ran.push(what));
    const timer = (what: string, delayMs: number) =>
      late.timers.after(delayMs, () => ran.push(what));
    timer('timer', 10);
    // Before the loop runs again, in the very moment in which it does.
    time.after(STALL_MS, reads('read as it wakes'));
    timer('timer as it wakes', STALL_MS);
    late.stall(STALL_MS);
    // When it runs again, and has not come to what is late.
    time.after(STALL_MS, reads('read as it catches up'));
    timer('timer as it catches up', STALL_MS);
    time.after(20, reads('read'));
    time.after(20, reads('another read'));
    await time.advance(STALL_MS - 1);
    assert.deepEqual(ran, []);
    await time.advance(1);
    assert.deepEqual(ran, [
      'timer',
      'timer as it wakes',
      'read',
      'another read',
      'read as it wakes',
      'read as it catches up',
      'timer as it catches up',
    ]);
    reads('read in time')();
    assert.equal(ran.at(-1), 'read in time');
  });
}

test('a process that is thawed comes to what waited before all that is new', async () => {
  const time = new VirtualTime();
  const thawed = new VirtualProcess({ name: 'thawed', time, random: new SeededRandom(1) });
  const ran: string[] = [];
  thawed.frozen = true;
  thawed.readable(() => ran.push('read'));
  thawed.frozen = false;
  thawed.readable(() => ran.push('new read'));
  assert.deepEqual(ran, []);
  await time.advance(0);
  assert.deepEqual(ran, ['read', 'new read']);
});
