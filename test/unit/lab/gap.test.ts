import assert from 'node:assert/strict';
import test from 'node:test';
import { splitGap } from '../../../src/lab/scenario/gap.js';

const every = (fromMs: number, toMs: number) =>
  Array.from({ length: toMs - fromMs + 1 }, (_, i) => fromMs + i);

test('the parts of a gap add up to it', () => {
  const parts = splitGap([...every(0, 2999), ...every(3057, 6000)], 3001, 6000, 3050);
  assert.deepEqual(parts, { gapMs: 58, beforeCutMs: 2, noticeMs: 49, resumeMs: 7 });
});

test('a gap before the cut is not the cut’s', () => {
  const parts = splitGap([0, 1, 900, 901, 902, 903, 910, 911], 902, 2000, null);
  assert.equal(parts.gapMs, 7);
});

test('without a path event within the gap, everything after the cut is resumption', () => {
  assert.deepEqual(splitGap([10, 30], 12, 40, null), {
    gapMs: 20,
    beforeCutMs: 2,
    noticeMs: 0,
    resumeMs: 18,
  });
  assert.equal(splitGap([10, 30], 12, 40, 99).resumeMs, 0);
});

test('a gap that begins after the cut has no part before it', () => {
  assert.deepEqual(splitGap([10, 20, 60], 12, 100, 50), {
    gapMs: 40,
    beforeCutMs: 0,
    noticeMs: 30,
    resumeMs: 10,
  });
});
