import assert from 'node:assert/strict';
import test from 'node:test';
import { type CaseSettings, caseTable, compare, median, missed } from '../../../bench/compare.js';

const settings: CaseSettings = {
  name: 'kernel vs raw C',
  size: 64,
  unit: 'msg/s',
  required: 0.8,
  better: 'greater',
};

test('median of odd and even counts', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.throws(() => median([]), RangeError);
});

test('the ratio is the median of the pairs, not the ratio of the medians', () => {
  const entry = compare(settings, [100, 10, 90], [100, 20, 1000]);
  assert.equal(entry.ratio, 0.5);
  assert.equal(entry.ok, false);
});

test('at the required ratio a case is content, below it is not', () => {
  assert.equal(compare(settings, [80], [100]).ok, true);
  assert.equal(compare(settings, [79], [100]).ok, false);
});

test('of times the smaller is the better, and the ratio still says greater is better', () => {
  const entry = compare({ ...settings, unit: 'ms', better: 'smaller' }, [10], [20]);
  assert.equal(entry.ratio, 2);
});

test('a run without its pair is a mistake', () => {
  assert.throws(() => compare(settings, [1, 2], [1]), RangeError);
});

test('missed cases are told in a sentence and stand out in the table', () => {
  const cases = [compare(settings, [50], [100]), compare({ ...settings, size: 1024 }, [1], [1])];
  assert.deepEqual(missed(cases), ['kernel vs raw C, 64 B: 0.5 of the required 0.8']);
  const lines = caseTable(cases).trimEnd().split('\n');
  assert.equal(lines.length, 4);
  assert.match(lines[2]!, /0\.50\s+0\.80\s+MISSED$/);
  assert.match(lines[3]!, /1\.00\s+0\.80\s+ok$/);
});
