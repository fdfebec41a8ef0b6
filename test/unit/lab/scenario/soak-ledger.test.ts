import assert from 'node:assert/strict';
import test from 'node:test';
import {
  memoryViolations,
  type SoakResult,
  soakViolations,
} from '../../../../src/lab/scenario/soak.js';
import { SoakLedger } from '../../../../src/lab/scenario/soak-ledger.js';

function counts(notes: readonly (readonly [key: number, number: number])[]) {
  const ledger = new SoakLedger(2);
  for (const [key, number] of notes) ledger.note(key, number);
  const { received, duplicated, reordered } = ledger;
  return { received, duplicated, reordered };
}

test('keys count for themselves', () => {
  const notes = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ] as const;
  assert.deepEqual(counts(notes), { received: 4, duplicated: 0, reordered: 0 });
});

test('a message that comes late is reordered, one that comes again is duplicated', () => {
  const notes = [
    [0, 0],
    [0, 2],
    [0, 1],
    [0, 1],
    [0, 2],
  ] as const;
  assert.deepEqual(counts(notes), { received: 3, duplicated: 2, reordered: 1 });
});

test('what may come late is bounded', () => {
  const notes = [
    [0, 10_000],
    [0, 4095],
    [0, 4096],
  ] as const;
  assert.deepEqual(counts(notes), { received: 2, duplicated: 1, reordered: 1 });
});

test('there is no other key', () => {
  assert.throws(() => new SoakLedger(2).note(2, 0), RangeError);
});

const good: SoakResult = {
  sent: 500_000,
  received: 500_000,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  undelivered: 0,
  reconnects: 0,
  nodedown: 0,
  longestGapMs: 1,
  flaps: 1,
  retransmissions: 1,
  residentBytesAt20Percent: { sender: 1000, receiver: 1000 },
  residentBytesAtEnd: { sender: 1100, receiver: 500 },
  seconds: 1,
};

test('every count that should be zero is a violation when it is not', () => {
  assert.deepEqual(soakViolations(good), []);
  const names = ['lost', 'duplicated', 'reordered', 'undelivered', 'reconnects', 'nodedown'];
  for (const name of names) assert.equal(soakViolations({ ...good, [name]: 1 }).length, 1, name);
  for (const name of ['sent', 'retransmissions']) {
    assert.equal(soakViolations({ ...good, [name]: 0 }).length, 1, name);
  }
});

test('memory may grow by a tenth, and by more while a process warms up', () => {
  assert.deepEqual(memoryViolations(good), []);
  const grown = { ...good, residentBytesAtEnd: { sender: 1101, receiver: 1101 } };
  assert.equal(memoryViolations(grown).length, 2);
  assert.deepEqual(memoryViolations({ ...grown, sent: 499_999 }), []);
});
