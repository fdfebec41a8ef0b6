import assert from 'node:assert/strict';
import test from 'node:test';
import {
  continues,
  ENTRY_HEADER_BYTES,
  isSamePosition,
  makeEntry,
  ORIGIN,
  readEntry,
} from '../../../src/config/entry.js';
import {
  type EpochRecord,
  encodeRecord,
  forcedRecord,
  forkFrom,
  isMaster,
  kinship,
  nextRecord,
  readRecord,
} from '../../../src/config/epoch-record.js';
import { limits } from '../../../src/limits.js';
import { idOf } from './cluster.js';

const fields = {
  kind: 'transaction',
  epoch: 3,
  requestId: idOf('r'),
  body: Buffer.from('x'),
} as const;
const cause = { kind: 'force', by: 'test', atMs: 5 } as const;
const first: EpochRecord = {
  clusterId: idOf('cluster'),
  lineage: idOf('L1'),
  epoch: 1,
  masters: [
    { name: 'a@h1', storeId: idOf('a') },
    { name: 'b@h2', storeId: idOf('b') },
  ],
  parent: null,
  ancestors: [],
  cause: { kind: 'bootstrap', by: 'test', atMs: 1 },
};

test('an entry is read as it was made, and has the hash of its bytes', () => {
  const one = makeEntry(ORIGIN, fields);
  const two = makeEntry(one, { ...fields, kind: 'epoch' });
  for (const entry of [one, two]) assert.deepEqual(readEntry(entry.bytes), entry);
  assert.equal(two.revision, 2);
  assert.ok(continues(ORIGIN, one) && continues(one, two));
  assert.ok(!continues(ORIGIN, two) && !continues(two, two));
  assert.ok(isSamePosition(one, readEntry(one.bytes)) && !isSamePosition(one, two));
});

test('the bytes of an entry stay what they are', () => {
  const { bytes, hash } = makeEntry(ORIGIN, fields);
  assert.equal(
    bytes.toString('hex'),
    `0101000000000003${'0000000000000001'}${'00'.repeat(32)}${idOf('r')}78`,
  );
  assert.equal(hash, 'de7b18ebad9d476a6640d6d4e873fc136e253edf4e6ed7b98a9f4af0cf857b1f');
});

test('every change of an entry is another hash, and another chain', () => {
  const { bytes, hash } = makeEntry({ ...ORIGIN, revision: 4 }, fields);
  for (let at = 2; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] as number) ^ 1;
    // A revision has 53 bits.
    if (at === 8) continue;
    assert.notEqual(readEntry(changed).hash, hash);
  }
});

test('what is not an entry is a ProtocolError', () => {
  const { bytes } = makeEntry(ORIGIN, fields);
  const change = (at: number, value: number) => {
    const changed = Buffer.from(bytes);
    changed[at] = value;
    return changed;
  };
  const wrong = [
    Buffer.alloc(0),
    bytes.subarray(0, ENTRY_HEADER_BYTES - 1),
    change(1, 0),
    change(1, 3),
    change(15, 0),
    change(8, 255),
    Buffer.alloc(ENTRY_HEADER_BYTES + limits.configEntryBytes + 1, 1),
  ];
  for (const data of wrong) assert.throws(() => readEntry(data), { code: 'ERR_PROTOCOL' });
  // One that a newer program wrote is told apart.
  assert.throws(() => readEntry(change(0, 2)), { code: 'ERR_VERSION' });
});

test('an epoch record is read as it was written', () => {
  const at = makeEntry(ORIGIN, fields);
  const next = nextRecord(first, at, first.masters.slice(1), { ...cause, kind: 'remove' });
  const forced = forcedRecord(next, at, next.masters, cause, idOf('L2'));
  for (const record of [first, next, forced]) {
    assert.deepEqual(readRecord(Buffer.from(encodeRecord(record))), record);
  }
  assert.deepEqual(next.parent, {
    lineage: idOf('L1'),
    epoch: 1,
    revision: 1,
    hash: at.hash,
  });
  assert.equal(next.lineage, first.lineage);
  assert.deepEqual(forced.ancestors, [forced.parent]);
});

test('what is not an epoch record is a ProtocolError', () => {
  const masters = [first.masters[0], first.masters[0]] as EpochRecord['masters'];
  const wrong: EpochRecord[] = [
    { ...first, masters: [] },
    { ...first, masters },
    { ...first, masters: [{ name: 'nobody', storeId: idOf('a') }] },
    { ...first, epoch: 0 },
    { ...first, lineage: 'ab' },
    { ...first, cause: { ...first.cause, by: 'x'.repeat(limits.configCauseCharacters + 1) } },
    { ...first, cause: { ...first.cause, kind: 'fun' as 'force' } },
  ];
  for (const record of wrong) {
    const body = Buffer.from(encodeRecord(record));
    assert.throws(() => readRecord(body), { code: 'ERR_PROTOCOL' });
  }
  assert.throws(() => readRecord(Buffer.from('ff', 'hex')), { code: 'ERR_PROTOCOL' });
});

test('a master is one by its name and by its store', () => {
  assert.ok(isMaster(first, { name: 'a@h1', storeId: idOf('a') }));
  assert.ok(!isMaster(first, { name: 'a@h1', storeId: idOf('b') }));
  assert.ok(!isMaster(first, { name: 'c@h3', storeId: idOf('a') }));
});

test('a lineage knows those that it comes from', () => {
  const at = makeEntry(ORIGIN, fields);
  const two = forcedRecord(first, at, first.masters, cause, idOf('L2'));
  const three = forcedRecord(two, makeEntry(at, fields), first.masters, cause, idOf('L3'));
  const other = forcedRecord(first, at, first.masters, cause, idOf('L4'));
  assert.equal(kinship(three, three), 'same');
  assert.equal(kinship(three, first), 'ancestor');
  assert.equal(kinship(three, two), 'ancestor');
  assert.equal(kinship(first, three), 'foreign');
  assert.equal(kinship(three, other), 'foreign');
  assert.equal(kinship({ ...three, clusterId: idOf('x') }, first), 'foreign');
  assert.equal(forkFrom(three, idOf('L1'))?.revision, 1);
  assert.equal(forkFrom(three, idOf('L2'))?.revision, 2);
});

test('so many ancestors are remembered, the newest', () => {
  let record = first;
  for (let count = 0; count <= limits.configAncestors; count++) {
    record = forcedRecord(record, ORIGIN, record.masters, cause, idOf(`forced ${count}`));
  }
  assert.equal(record.ancestors.length, limits.configAncestors);
  assert.equal(kinship(record, first), 'foreign');
  assert.deepEqual(readRecord(Buffer.from(encodeRecord(record))), record);
});
