import assert from 'node:assert/strict';
import test from 'node:test';
import { Recorder } from '../../../../src/lab/recording/recorder.js';
import { callTimes, p99Ms } from '../../../../src/lab/scenario/call-times.js';

const MS = 1_000_000n;

test('a call takes from its sending to its reply; what was no call does not count', () => {
  const [sent, replied] = [new Recorder(10), new Recorder(10)];
  for (const [number, atMs] of [
    [0, 100n],
    [1, 101n],
    [2, 102n],
    [3, 103n],
  ] as const) {
    sent.record(number, atMs * MS);
  }
  replied.record(2, 110n * MS);
  replied.record(0, 130n * MS);
  replied.record(9, 131n * MS);
  assert.deepEqual(callTimes(sent, replied), [
    { atMs: 100, tookMs: 30 },
    { atMs: 102, tookMs: 8 },
  ]);
});

test('the 99th percentile is that of the calls made within a time', () => {
  const calls = Array.from({ length: 200 }, (_, i) => ({ atMs: i, tookMs: i + 1 }));
  assert.equal(p99Ms(calls, 0, 200), 198);
  assert.equal(p99Ms(calls, 0, 1), 1);
  assert.equal(p99Ms(calls, 100, 200), 199);
  assert.equal(p99Ms(calls, 200, 300), null);
});
