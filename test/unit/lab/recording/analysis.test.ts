import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { analyse } from '../../../../src/lab/recording/analysis.js';
import type { Recording } from '../../../../src/lab/recording/recorder.js';

/** Pairs of number and time in milliseconds. */
function recording(entries: ReadonlyArray<readonly [number: number, ms: number]>): Recording {
  return {
    numbers: Uint32Array.from(entries, ([number]) => number),
    timesNs: BigInt64Array.from(entries, ([, ms]) => BigInt(Math.round(ms * 1e6))),
  };
}

type Entry = [number: number, ms: number];

/** Numbers from 0, one every 10 ms from 1000 ms on. */
const steady = (count: number): Entry[] =>
  Array.from({ length: count }, (_, i) => [i, 1000 + 10 * i]);
const later = (entries: readonly Entry[], ms: number): Entry[] =>
  entries.map(([number, at]) => [number, at + ms]);

test('a run without a fault', () => {
  const sent = steady(100);
  const result = analyse(recording(sent), recording(later(sent, 2)));
  assert.deepEqual(result, {
    sent: 100,
    received: 100,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    longestGapMs: 10,
    longestGapAtNs: 1_002_000_000n,
    latency: { p50Ms: 2, p99Ms: 2, maxMs: 2 },
  });
});

test('planted losses are counted, and the silence around them is the gap', () => {
  const sent = steady(100);
  const arrived = later(sent, 2).filter(([number]) => number < 40 || number >= 45);
  const result = analyse(recording(sent), recording(arrived));
  assert.equal(result.lost, 5);
  assert.equal(result.received, 95);
  assert.equal(result.longestGapMs, 60);
  assert.equal(result.longestGapAtNs, 1_392_000_000n);
});

test('planted duplicates are counted once each, also those that nobody sent', () => {
  const sent = steady(10);
  const arrived = later(sent, 2);
  arrived.splice(5, 0, [3, 1043], [3, 1044]);
  arrived.push([77, 1100]);
  const result = analyse(recording(sent), recording(arrived));
  assert.equal(result.duplicated, 3);
  assert.equal(result.received, 10);
  assert.equal(result.lost, 0);
  assert.equal(result.reordered, 0);
});

test('planted reorderings: every message overtaken by a later one', () => {
  const sent = steady(6);
  const order = [0, 3, 1, 2, 5, 4];
  const arrived = order.map((number, i): Entry => [number, 1100 + i]);
  assert.equal(analyse(recording(sent), recording(arrived)).reordered, 3);
});

test('the order is that of sending, whatever the numbers are', () => {
  const sent: Entry[] = [
    [9, 1000],
    [2, 1001],
    [4_294_967_295, 1002],
  ];
  const result = analyse(recording(sent), recording(later(sent, 1)));
  assert.equal(result.reordered, 0);
  assert.equal(result.received, 3);
});

test('a planted gap without a loss: messages come late and all at once', () => {
  const sent = steady(100);
  const arrived = later(sent, 2).map(([number, at]): Entry => {
    return [number, at > 1300 && at < 1400 ? 1400 : at];
  });
  const result = analyse(recording(sent), recording(arrived));
  assert.equal(result.lost, 0);
  assert.equal(result.longestGapMs, 108);
  assert.equal(result.longestGapAtNs, 1_292_000_000n);
  assert.equal(result.latency!.maxMs, 100);
  assert.equal(result.latency!.p50Ms, 2);
});

test('the wait for the first arrival is a gap', () => {
  const sent = steady(10);
  assert.equal(analyse(recording(sent), recording(later(sent, 500))).longestGapMs, 500);
});

test('after the last arrival there is a gap only where messages are missing', () => {
  const sent = steady(100);
  const whole = recording(later(sent, 2));
  assert.equal(analyse(recording(sent), whole, 9_000_000_000n).longestGapMs, 10);
  const cut = recording(later(sent, 2).slice(0, 50));
  assert.equal(analyse(recording(sent), cut).longestGapMs, 498);
  assert.equal(analyse(recording(sent), cut, 2_992_000_000n).longestGapMs, 1500);
});

test('nothing sent, nothing received', () => {
  const none = recording([]);
  const empty = analyse(none, none);
  assert.deepEqual([empty.sent, empty.lost, empty.longestGapMs, empty.latency], [0, 0, 0, null]);
  const dead = analyse(recording(steady(11)), none);
  assert.deepEqual([dead.sent, dead.lost, dead.longestGapMs, dead.latency], [11, 11, 100, null]);
});

test('percentiles are values that were measured', () => {
  const sent = steady(200);
  const arrived = sent.map(([number, at], i): Entry => [number, at + 1 + i / 100]);
  const { latency } = analyse(recording(sent), recording(arrived));
  assert.deepEqual(latency, { p50Ms: 1.99, p99Ms: 2.97, maxMs: 2.99 });
});

test('whatever is dropped, doubled and shuffled is found again', () => {
  const fate = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(fate, fc.infiniteStream(fc.nat()), (copies, random) => {
      const sent = steady(copies.length);
      const arrived = copies
        .flatMap((count, number) => Array.from({ length: count }, () => number))
        .map((number) => ({ number, key: random.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ number }, i): Entry => [number, 5000 + i]);
      const result = analyse(recording(sent), recording(arrived));
      const reached = copies.filter((count) => count > 0).length;
      assert.equal(result.received, reached);
      assert.equal(result.lost, copies.length - reached);
      assert.equal(result.duplicated, arrived.length - reached);
      const first = arrived.filter(([n], i) => arrived.findIndex(([m]) => m === n) === i);
      const overtaken = first.filter(([n], i) => first.slice(0, i).some(([m]) => m > n));
      assert.equal(result.reordered, overtaken.length);
    }),
  );
});
