/** What a store has set aside, as people look at it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { makeEntry, ORIGIN } from '../../../src/config/entry.js';
import { encodeRecord } from '../../../src/config/epoch-record.js';
import { readAside } from '../../../src/config/set-aside.js';
import { checkTransaction, encodeOperations } from '../../../src/config/transaction.js';

const ID = (digit: string) => digit.repeat(32);
const RECORD = {
  clusterId: ID('c'),
  lineage: ID('1'),
  epoch: 1,
  masters: [{ name: 'a@h', storeId: ID('a') }],
  parent: null,
  ancestors: [],
  cause: { kind: 'bootstrap', by: 'test', atMs: 0 },
} as const;
const SET = { lineage: ID('1'), leftBy: ID('2'), after: ORIGIN };

test('writes are shown as they were asked for, changes of the masters as records', () => {
  const write = [
    { put: 'cluster/a', value: { when: new Date(5) } },
    { delete: 'cluster/b' },
    { deletePrefix: 'hosts/h1' },
  ];
  const { operations } = checkTransaction({ write });
  const first = makeEntry(ORIGIN, {
    kind: 'transaction',
    epoch: 1,
    requestId: ID('5'),
    body: encodeOperations(operations),
  });
  const body = encodeRecord(RECORD);
  const second = makeEntry(first, { kind: 'epoch', epoch: 1, requestId: ID('6'), body });
  const read = readAside({ ...SET, entries: [first.bytes, second.bytes] });
  assert.deepEqual(read, {
    lineage: ID('1'),
    after: 0,
    leftBy: ID('2'),
    entries: [
      { revision: 1, requestId: ID('5'), writes: write, record: null },
      { revision: 2, requestId: ID('6'), writes: [], record: RECORD },
    ],
  });
});

test('what cannot be read is told as such', () => {
  assert.throws(() => readAside({ ...SET, entries: [Buffer.alloc(100)] }), {
    code: 'ERR_STORE_CORRUPT',
  });
});
