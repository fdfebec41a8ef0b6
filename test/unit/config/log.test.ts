import assert from 'node:assert/strict';
import test from 'node:test';
import { Core } from '../../../src/config/core.js';
import { type Entry, makeEntry, ORIGIN, type Position } from '../../../src/config/entry.js';
import { type EpochRecord, encodeRecord, nextRecord } from '../../../src/config/epoch-record.js';
import { Log } from '../../../src/config/log.js';
import { loadState } from '../../../src/config/state.js';
import { checkTransaction, encodeOperations } from '../../../src/config/transaction.js';
import { limits } from '../../../src/limits.js';
import { idOf } from './cluster.js';
import { MemoryStore } from './memory-store.js';

const first: EpochRecord = {
  clusterId: idOf('cluster'),
  lineage: idOf('L1'),
  epoch: 1,
  masters: [{ name: 'a@h1', storeId: idOf('a') }],
  parent: null,
  ancestors: [],
  cause: { kind: 'bootstrap', by: 'test', atMs: 1 },
};

let drawn = 0;

function epochEntry(before: Position, record: EpochRecord): Entry {
  const { epoch } = record;
  const fields = { kind: 'epoch', epoch, requestId: idOf(`${++drawn}`) } as const;
  return makeEntry(before, { ...fields, body: encodeRecord(record) });
}

function transaction(before: Position, epoch = 1, value: unknown = before.revision): Entry {
  const { operations } = checkTransaction({ write: [{ put: 'cluster/x', value }] });
  const fields = { kind: 'transaction', epoch, requestId: idOf(`${++drawn}`) } as const;
  return makeEntry(before, { ...fields, body: encodeOperations(operations) });
}

/** A log over a store that flushes at once. */
class Disk {
  readonly store = new MemoryStore(idOf('store'));
  log = new Log(this.store.contents(), loadState);

  flush(): void {
    for (let batch = this.log.poll(0); batch !== null; batch = this.log.poll(0)) {
      this.store.waiting.push(batch);
      this.log.persisted(this.store.flush() as number);
    }
  }

  open(): Log {
    this.log = new Log(this.store.contents(), loadState);
    return this.log;
  }
}

function begun(): Disk {
  const disk = new Disk();
  disk.log.append(epochEntry(ORIGIN, first));
  disk.flush();
  return disk;
}

test('what is appended and flushed is there after the next opening', () => {
  const disk = begun();
  const { log } = disk;
  log.append(transaction(log.last));
  log.append(transaction(log.last));
  assert.equal(log.durable, 1);
  disk.flush();
  assert.equal(log.durable, 3);
  log.commit(0, 2);
  disk.flush();
  const opened = disk.open();
  assert.deepEqual(opened.last, log.last);
  assert.equal(opened.committed, 0, 'nothing followed that could carry the note');
  assert.deepEqual(opened.record, first);
  assert.equal(opened.durable, 3);
});

test('the fence: no entry of another epoch, no gap, no other history', () => {
  const { log } = begun();
  const next = nextRecord(first, log.last, first.masters, { kind: 'add', by: 'me', atMs: 1 });
  const before = log.last;
  const stale = transaction(before, 1);
  const wrong = (entry: Entry) => {
    const { last } = log;
    assert.throws(() => log.append(entry), { code: 'ERR_PROTOCOL' });
    assert.equal(log.last, last);
  };
  wrong(transaction(before, 2));
  wrong(transaction(ORIGIN, 1));
  wrong(transaction({ ...before, hash: '1'.repeat(64) }));
  wrong(epochEntry(before, { ...next, epoch: 1 }));
  wrong(epochEntry(before, { ...next, parent: null }));
  wrong(epochEntry(before, { ...next, clusterId: idOf('other') }));
  wrong(epochEntry(before, { ...next, parent: { ...next.parent!, revision: 0 } }));
  log.append(epochEntry(before, next));
  wrong(stale);
  wrong(transaction(log.last, 1));
  log.append(transaction(log.last, 2));
  assert.equal(log.recordAt(1)?.epoch, 1);
  assert.equal(log.recordAt(2)?.epoch, 2);
  assert.equal(log.uncommittedEpochs().length, 2);
});

test('an entry whose body is no transaction is refused, and nothing is changed', () => {
  const { log } = begun();
  const fields = { kind: 'transaction', epoch: 1, requestId: idOf('r') } as const;
  const entry = makeEntry(log.last, { ...fields, body: Buffer.from('ff', 'hex') });
  assert.throws(() => log.append(entry), { code: 'ERR_PROTOCOL' });
  assert.equal(log.last.revision, 1);
  log.append(transaction(log.last));
});

test('a store that does not belong together is corrupt', () => {
  const corrupt = (change: (store: MemoryStore) => void) => {
    const disk = begun();
    for (let count = 0; count < 3; count++) disk.log.append(transaction(disk.log.last));
    disk.log.commit(0, 2);
    disk.flush();
    change(disk.store);
    assert.throws(() => disk.open(), { code: 'ERR_STORE_CORRUPT' });
  };
  corrupt(({ log }) => {
    const bytes = Buffer.from(log[2] as Uint8Array);
    bytes[70] = (bytes[70] as number) ^ 1;
    log[2] = bytes;
  });
  corrupt(({ log }) => log.splice(1, 1));
  corrupt((store) => {
    store.committed = 9;
  });
  corrupt((store) => {
    store.items.set('00', { key: Buffer.from('q'), value: Buffer.alloc(1) });
  });
});

test('a store with an entry of a newer program is told apart from a damaged one', () => {
  const disk = begun();
  const bytes = Buffer.from(disk.store.log[0] as Uint8Array);
  bytes[0] = 2;
  disk.store.log[0] = bytes;
  assert.throws(() => disk.open(), { code: 'ERR_STORE_FORMAT' });
});

test('batches are bounded, and so are those under way', () => {
  const { log } = begun();
  const many = limits.configBatchEntries * (limits.configPersists + 1);
  for (let count = 0; count < many; count++) log.append(transaction(log.last));
  const batches = [];
  for (let batch = log.poll(0); batch !== null; batch = log.poll(0)) batches.push(batch);
  assert.equal(batches.length, limits.configPersists);
  for (const { operations } of batches) assert.equal(operations.length, limits.configBatchEntries);
  const { token } = batches.at(-1)!;
  log.persisted(token);
  assert.equal(log.durable, 1 + limits.configBatchEntries * limits.configPersists);
  assert.notEqual(log.poll(0), null);
});

test('what is held goes to the store with the next entry, or not at all', () => {
  const { log } = begun();
  while (log.last.revision < limits.configBatchEntries) log.append(transaction(log.last));
  log.hold();
  log.append(transaction(log.last));
  log.releaseWithNext();
  log.append(transaction(log.last));
  const { token, operations } = log.poll(0)!;
  assert.equal(operations.length, limits.configBatchEntries + 1);
  log.persisted(token);
  assert.equal(log.durable, log.last.revision);
});

test('large entries go in batches of few', () => {
  const { log } = begun();
  const value = 'x'.repeat(limits.configBatchBytes / 2);
  for (let count = 0; count < 3; count++) log.append(transaction(log.last, 1, value));
  assert.equal(log.poll(0)?.operations.length, 1);
  assert.equal(log.batch(2, 4).length, 1);
});

test('that something is committed is noted with what follows, or alone after a while', () => {
  const { log } = begun();
  log.commit(100, 1);
  assert.equal(log.poll(100), null);
  assert.equal(log.deadline(), 100 + limits.configNoteMs);
  const noted = log.poll(100 + limits.configNoteMs)?.operations;
  assert.deepEqual(noted, [{ type: 'committed', revision: 1 }]);
  assert.equal(log.deadline(), Number.POSITIVE_INFINITY);
});

test('each slave waits for its disk for a time of its own', () => {
  const contents = new MemoryStore(idOf('store')).contents();
  const of = (instance: string) => {
    const setup = { name: 's@h1', instance, masters: [], loadMs: 1000, load: loadState, contents };
    const { log } = new Core(0, setup, 'slave');
    log.append(epochEntry(ORIGIN, first));
    log.commit(0, 1);
    return log.deadline(false);
  };
  const [soonest, latest] = [of('0'.repeat(32)), of('f'.repeat(32))];
  assert.equal(soonest, limits.configSlaveNoteMs / 2);
  assert.ok(latest > 0.99 * limits.configSlaveNoteMs && latest <= limits.configSlaveNoteMs);
});

test('where nobody waits for the disk, entries wait for the note, or to be a batch', () => {
  const { log } = begun();
  const noteAtMs = 100 + limits.configSlaveNoteMs;
  log.append(transaction(log.last));
  log.commit(100, log.last.revision);
  log.append(transaction(log.last));
  log.commit(120, log.last.revision);
  assert.equal(log.poll(120, false), null);
  assert.equal(log.deadline(false), noteAtMs);
  assert.equal(log.deadline(), 100 + limits.configNoteMs);
  assert.equal(log.poll(noteAtMs - 1, false), null);
  const types = log.poll(noteAtMs, false)?.operations.map(({ type }) => type);
  assert.deepEqual(types, ['append', 'append', 'committed']);
  assert.equal(log.poll(noteAtMs, false), null);

  log.append(transaction(log.last, 1, 'x'.repeat(limits.configBatchBytes / 2)));
  log.commit(noteAtMs, log.last.revision);
  assert.equal(log.poll(noteAtMs, false), null);
  log.append(transaction(log.last, 1, 'x'.repeat(limits.configBatchBytes / 2)));
  log.commit(noteAtMs, log.last.revision);
  assert.notEqual(log.poll(noteAtMs, false), null);
  assert.notEqual(log.poll(noteAtMs), null);
});

test('what waits goes at once when somebody waits for it', () => {
  const { log } = begun();
  log.append(transaction(log.last));
  log.commit(0, log.last.revision);
  assert.equal(log.poll(0, false), null);
  assert.equal(log.poll(0, true)?.operations.length, 2);
});

test('a log that is long or large is compacted, and what is remembered stays bounded', () => {
  const disk = begun();
  const count = limits.configLogEntries + limits.configRequestIds + 2000;
  const old = transaction(disk.log.last);
  disk.log.append(old);
  for (let added = 0; added < count; added++) {
    disk.log.append(transaction(disk.log.last));
    if (added % 500 !== 0) continue;
    disk.log.commit(0, disk.log.last.revision);
    disk.log.compact();
    disk.flush();
  }
  const { log, store } = disk;
  assert.ok(log.last.revision - log.base.revision <= limits.configLogEntries + 1000);
  assert.ok(store.items.size <= limits.configRequestIds + 1);
  assert.deepEqual(log.state.remembered(old.requestId, 1), { type: 'forgotten' });
  assert.deepEqual(log.state.remembered(idOf('new'), log.last.revision), { type: 'unknown' });
  const opened = disk.open();
  assert.deepEqual(opened.record, first);
  assert.deepEqual(opened.state.remembered(old.requestId, 1), { type: 'forgotten' });
  const value = 'x'.repeat(limits.configBatchBytes / 2);
  const bytes = () => store.log.reduce((sum, { length }) => sum + length, 0);
  for (let added = 0; added < 300; added++) {
    opened.append(transaction(opened.last, 1, value));
    opened.commit(0, opened.last.revision);
    opened.compact();
    disk.flush();
  }
  assert.ok(bytes() <= limits.configLogBytes, `${bytes()}`);
});

test('what somebody has yet to look at is not compacted', () => {
  const { log } = begun();
  const value = 'x'.repeat(limits.configBatchBytes / 2);
  for (let added = 0; added < 400; added++) log.append(transaction(log.last, 1, value));
  log.commit(0, log.last.revision);
  log.compact(50);
  assert.equal(log.base.revision, 50);
  log.compact(50);
  assert.equal(log.base.revision, 50);
  log.compact();
  assert.ok(log.base.revision > 50);
});

test('after a failure nothing is given to the store', () => {
  const { log } = begun();
  log.append(transaction(log.last));
  log.failed('ERR_STORE_FULL');
  assert.equal(log.poll(0), null);
  log.append(transaction(log.last));
  assert.equal(log.poll(1000), null);
  assert.equal(log.deadline(), Number.POSITIVE_INFINITY);
  assert.equal(log.failure, 'ERR_STORE_FULL');
});

test('a snapshot takes the place of all; of what is set aside the newest sets are kept', () => {
  const disk = begun();
  const { log, store } = disk;
  log.append(transaction(log.last));
  const underWay = log.poll(0)!;
  const record = encodeRecord(first);
  for (let count = 1; count <= limits.configSetAside + 1; count++) {
    const base = { revision: 10 * count, hash: idOf('hash').repeat(2), record };
    const entries = [transaction(ORIGIN).bytes];
    const set = { lineage: idOf('L1'), after: ORIGIN, leftBy: idOf('L2'), entries };
    log.install(base, [], set);
    assert.equal(log.setAside.length, Math.min(count, limits.configSetAside));
  }
  // What was under way is of the log before.
  store.waiting.push(underWay);
  log.persisted(store.flush() as number);
  assert.equal(log.durable, 0);
  disk.flush();
  const end = 10 * (limits.configSetAside + 1);
  assert.equal(log.durable, end);
  assert.equal(disk.open().committed, end);
  disk.log.forget();
  disk.flush();
  assert.deepEqual(disk.open().setAside, []);
});
