import assert from 'node:assert/strict';
import test from 'node:test';
import { Dialler } from '../../../src/node/dialler.js';

const times = { redialMinMs: 100, redialMaxMs: 5000 };
const failed = { type: 'failed', jitter: 0 } as const;
const unlinked = { type: 'unlinked', jitter: 0 } as const;
const start = { type: 'start' } as const;
const tick = { type: 'tick' } as const;

/** Fails `count` attempts, each as soon as it is due; the pauses between them. */
function pauses(dialler: Dialler, count: number, jitter = 0): number[] {
  const found: number[] = [];
  let nowMs = 0;
  for (let i = 0; i < count; i += 1) {
    assert.equal(dialler.poll(), 'dial');
    dialler.step(nowMs, { type: 'failed', jitter });
    const wakeAtMs = dialler.deadline();
    assert.ok(wakeAtMs !== null);
    found.push(wakeAtMs - nowMs);
    nowMs = wakeAtMs;
    dialler.step(nowMs, tick);
  }
  return found;
}

test('it dials once when told to, and waits for the outcome', () => {
  const dialler = new Dialler(times);
  assert.equal(dialler.poll(), null);
  dialler.step(0, start);
  dialler.step(0, start);
  assert.equal(dialler.poll(), 'dial');
  assert.equal(dialler.poll(), null);
  assert.equal(dialler.deadline(), null);
});

test('the pause doubles up to its bound', () => {
  const dialler = new Dialler(times);
  dialler.step(0, start);
  assert.deepEqual(pauses(dialler, 8), [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
});

test('jitter leaves away up to half of a pause', () => {
  const dialler = new Dialler(times);
  dialler.step(0, start);
  assert.deepEqual(pauses(dialler, 3, 1), [50, 100, 200]);
});

test('an early tick changes nothing', () => {
  const dialler = new Dialler(times);
  dialler.step(0, start);
  dialler.poll();
  dialler.step(0, failed);
  dialler.step(99, tick);
  assert.equal(dialler.poll(), null);
  dialler.step(100, tick);
  assert.equal(dialler.poll(), 'dial');
});

test('with a link it rests, and dials again when that is over', () => {
  const dialler = new Dialler(times);
  dialler.step(0, start);
  dialler.poll();
  dialler.step(0, { type: 'linked' });
  assert.equal(dialler.deadline(), null);
  dialler.step(60_000, unlinked);
  assert.equal(dialler.deadline(), 60_100);
  dialler.step(60_100, tick);
  assert.equal(dialler.poll(), 'dial');
});

test('a link the peer dialled counts as well, also while we dial', () => {
  const dialler = new Dialler(times);
  dialler.step(0, start);
  dialler.poll();
  dialler.step(1, { type: 'linked' });
  dialler.step(2, failed);
  assert.equal(dialler.poll(), null);
  assert.equal(dialler.deadline(), null);
});

test('a link that breaks at once does not reset the pause, one that lasted does', () => {
  const dialler = new Dialler(times);
  dialler.step(0, start);
  pauses(dialler, 4);
  dialler.poll();
  dialler.step(10_000, { type: 'linked' });
  dialler.step(10_001, unlinked);
  assert.equal(dialler.deadline(), 10_001 + 1600);
  dialler.step(11_601, tick);
  dialler.poll();
  dialler.step(11_700, { type: 'linked' });
  dialler.step(16_700, unlinked);
  assert.equal(dialler.deadline(), 16_800);
});

test('told to stop, it dials no more', () => {
  const dialler = new Dialler(times);
  dialler.step(0, start);
  dialler.poll();
  dialler.step(0, failed);
  dialler.step(1, { type: 'stop' });
  assert.equal(dialler.deadline(), null);
  dialler.step(5000, tick);
  assert.equal(dialler.poll(), null);

  dialler.step(6000, start);
  assert.equal(dialler.poll(), 'dial');
  dialler.step(6000, { type: 'linked' });
  dialler.step(6001, { type: 'stop' });
  dialler.step(6002, unlinked);
  assert.equal(dialler.deadline(), null);
  assert.equal(dialler.poll(), null);
  assert.equal(dialler.failures, 0);
});
