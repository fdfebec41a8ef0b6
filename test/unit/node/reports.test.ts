import assert from 'node:assert/strict';
import test from 'node:test';
import { Reports } from '../../../src/node/reports.js';

const bounds = { reportEveryMs: 1000, reportedAddresses: 2 };

test('one report in a time, with the number of those that were not made', () => {
  const reports = new Reports(bounds);
  assert.equal(reports.admit(0, 'x'), 0);
  assert.equal(reports.admit(1, 'x'), null);
  assert.equal(reports.admit(999, 'x'), null);
  assert.equal(reports.admit(1000, 'x'), 2);
  assert.equal(reports.admit(5000, 'x'), 0);
});

test('sources do not hide each other, up to the bound', () => {
  const reports = new Reports(bounds);
  assert.equal(reports.admit(0, 'x'), 0);
  assert.equal(reports.admit(0, 'y'), 0);
  // All others share one place.
  assert.equal(reports.admit(0, 'z'), 0);
  assert.equal(reports.admit(0, 'w'), null);
  assert.equal(reports.admit(0, 'z'), null);
  assert.equal(reports.admit(0, 'x'), null);
});

test('sources that are quiet make room', () => {
  const reports = new Reports(bounds);
  reports.admit(0, 'x');
  reports.admit(0, 'y');
  assert.equal(reports.admit(1000, 'z'), 0);
  assert.equal(reports.admit(1000, 'w'), 0);
  assert.equal(reports.admit(1000, 'w'), null);
});
