import assert from 'node:assert/strict';
import test from 'node:test';
import { Tally, type TestReport } from '../../runner/tally.js';

const FILE = '/x/y.test.js';

function report(name: string, nesting: number, more: Partial<TestReport> = {}): TestReport {
  return { name, nesting, details: {}, ...more };
}

function failure(failureType: string, message = 'no'): Pick<TestReport, 'details'> {
  return { details: { error: Object.assign(new Error(message), { failureType }) } };
}

test('leaves are counted, not their parents, suites or the file', () => {
  const tally = new Tally(FILE);
  tally.pass(report('one', 0));
  tally.pass(report('child', 1));
  tally.pass(report('grandchild', 2));
  tally.pass(report('child with a child', 1));
  tally.pass(report('parent', 0));
  tally.pass(report('in a suite', 1));
  tally.pass(report('suite', 0, { details: { type: 'suite' } }));
  tally.pass(report(FILE, 0));
  tally.fileEnded();
  assert.deepEqual(tally.counts, { passed: 4, failed: 0, skipped: 0 });
});

test('a test left out counts as skipped, with and without a reason', () => {
  const tally = new Tally(FILE);
  tally.pass(report('a', 0, { skip: true }));
  tally.pass(report('b', 0, { skip: 'why' }));
  tally.pass(report('c', 0, { todo: true }));
  assert.deepEqual(tally.counts, { passed: 0, failed: 0, skipped: 3 });
});

test('a failure is counted where it is, once', () => {
  const tally = new Tally(FILE);
  tally.fail(report('child', 1, failure('testCodeFailure', 'this is why')));
  tally.fail(report('parent', 0, failure('subtestsFailed')));
  tally.fail(report(FILE, 0, failure('subtestsFailed')));
  assert.deepEqual(tally.counts, { passed: 0, failed: 1, skipped: 0 });
  assert.match(tally.failures[0]!, /^child\n.*this is why/s);
});

test('a parent that fails by itself, and a file that crashes after its tests, are failures', () => {
  const tally = new Tally(FILE);
  tally.pass(report('child', 1));
  tally.fail(report('parent', 0, failure('hookFailed')));
  tally.fail(report(FILE, 0, failure('testCodeFailure')));
  assert.deepEqual(tally.counts, { passed: 1, failed: 2, skipped: 0 });
});

test('a file without a test fails', () => {
  const tally = new Tally(FILE);
  tally.pass(report(FILE, 0));
  tally.fileEnded();
  assert.deepEqual(tally.counts, { passed: 0, failed: 1, skipped: 0 });
});
