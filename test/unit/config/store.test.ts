import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ORIGIN } from '../../../src/config/entry.js';
import { StoreChanges } from '../../../src/config/store-changes.js';
import { limits } from '../../../src/limits.js';
import {
  committed,
  compact,
  DiskStore,
  entry,
  install,
  item,
  reading,
  STORE_ID,
  surplus,
  temporary,
} from './disk-store.js';

/** Runs with a folder of its own. */
async function withFolder(run: (path: string, folder: string) => Promise<void>): Promise<void> {
  const { path, folder, remove } = temporary();
  try {
    await run(path, folder);
  } finally {
    remove();
  }
}

test('a new store is empty, private, and has the id it was given', () =>
  withFolder(async (path) => {
    const store = await DiskStore.open(join(path, 'below'));
    const { format, storeId, base, items, log, setAside } = store.contents;
    assert.deepEqual([format, storeId, store.contents.committed], [1, STORE_ID, 0]);
    assert.deepEqual(base, { revision: 0, hash: '0'.repeat(64), record: null });
    assert.deepEqual([[...items], log, setAside], [[], [], []]);
    await store.close();
    assert.equal(statSync(join(path, 'below')).mode & 0o777, 0o700);
    assert.equal(statSync(join(path, 'below', 'config.mdb')).mode & 0o777, 0o600);
    const again = await DiskStore.open(join(path, 'below'), 'b2'.repeat(16));
    assert.equal(again.contents.storeId, STORE_ID);
    await again.close();
  }));

test('entries and what is committed are there again', () =>
  withFolder(async (path) => {
    const store = await DiskStore.open(path);
    assert.equal(await store.persist(entry(1), entry(2)), 'persisted');
    assert.equal(await store.persist(entry(3), committed(2)), 'persisted');
    await store.close();
    const found = await reading(path);
    assert.deepEqual(found.log, ['entry 1', 'entry 2', 'entry 3']);
    assert.equal(found.committed, 2);
  }));

test('batches are answered in their order, and never from within persist', () =>
  withFolder(async (path) => {
    const store = await DiskStore.open(path);
    const outcomes = Array.from({ length: 500 }, (_, index) => {
      const outcome = store.persist(entry(index + 1));
      assert.equal(store.answered.length, 0);
      return outcome;
    });
    await Promise.all(outcomes);
    assert.deepEqual(
      store.answered,
      Array.from({ length: 500 }, (_, index) => index + 1),
    );
    // From within an answer, too.
    await store.persist(entry(501)).then(() => store.persist(entry(502)));
    await store.close();
    assert.equal((await reading(path)).log.length, 502);
  }));

test('closing waits for what was begun', () =>
  withFolder(async (path) => {
    const store = await DiskStore.open(path);
    for (let revision = 1; revision <= 20; revision++) void store.persist(entry(revision));
    await store.close();
    assert.equal(store.answered.length, 20);
    assert.equal((await reading(path)).log.length, 20);
  }));

test('the base moves on, and the log begins after it', () =>
  withFolder(async (path) => {
    const store = await DiskStore.open(path);
    await store.persist(entry(1), entry(2), entry(3), committed(2));
    await store.persist(compact(1, [item('a', '1'), item('b', '1')]));
    await store.persist(compact(2, [item('b', '2'), item('', 'empty key')], ['a', 'absent']));
    await store.close();
    const found = await reading(path);
    assert.deepEqual([found.revision, found.record], [2, 'record']);
    assert.deepEqual(found.items, { '': 'empty key', b: '2' });
    assert.deepEqual([found.log, found.committed], [['entry 3'], 2]);
  }));

test('what is in the base is committed, noted or not', () =>
  withFolder(async (path) => {
    const store = await DiskStore.open(path);
    await store.persist(entry(1), entry(2), compact(1, []));
    await store.close();
    assert.equal((await reading(path)).committed, 1);
  }));

test('items come in the order of the bytes of their keys, once', () =>
  withFolder(async (path) => {
    const keys = ['b', 'a/b', 'a', '\u{1f600}', '\uffff', 'ab', 'a b'];
    const store = await DiskStore.open(path);
    await store.persist(
      install(
        5,
        keys.map((key) => item(key, key)),
      ),
    );
    await store.close();
    const again = await DiskStore.open(path);
    const found = [...again.contents.items].map(({ key }) => Buffer.from(key));
    assert.deepEqual(found, keys.map((key) => Buffer.from(key)).sort(Buffer.compare));
    assert.deepEqual([...again.contents.items], []);
    await again.close();
  }));

test('a snapshot takes the place of all but the id', () =>
  withFolder(async (path) => {
    const store = await DiskStore.open(path);
    await store.persist(entry(1), entry(2), committed(2));
    await store.persist(compact(1, [item('old', '1'), item('both', '1')]));
    await store.persist(install(9, [item('new', '9'), item('both', '9')]));
    await store.persist(entry(10), committed(10));
    await store.persist(install(20, [item('newer', '20')]), entry(21));
    await store.close();
    const found = await reading(path);
    assert.deepEqual(found.items, { newer: '20' });
    assert.deepEqual([found.revision, found.committed, found.log], [20, 20, ['entry 21']]);
    assert.equal(found.storeId, STORE_ID);
  }));

test('a large snapshot is written in pieces, and its forerunner is removed', () =>
  withFolder(async (path) => {
    const value = 'v'.repeat(1000);
    const count = (3 * limits.configCommitBytes) / value.length;
    const items = Array.from({ length: count }, (_, index) => item(`key ${index}`, value));
    const store = await DiskStore.open(path);
    const bytes: number[] = [];
    for (let round = 1; round <= 6; round++) {
      await store.persist(install(round, items));
      bytes.push(statSync(join(path, 'config.mdb')).size);
    }
    await store.persist(install(7, [item('a', 'b')]), entry(8));
    await store.close();
    assert.deepEqual((await reading(path)).items, { a: 'b' });
    // Two of them lie beside each other for a while, and never a third.
    assert.equal(bytes.at(-1), bytes[2]);
    assert.equal(bytes[0]! % limits.configStoreStepBytes, 0);
  }));

test('what is set aside is kept, the newest, until it may go', () =>
  withFolder(async (path) => {
    const store = await DiskStore.open(path);
    const sets = Array.from({ length: limits.configSetAside + 2 }, (_, index) =>
      surplus(`0${index}`, [`x${index}`, `y${index}`]),
    );
    for (const [index, set] of sets.entries()) await store.persist(install(index + 1, [], set));
    await store.close();
    const found = await reading(path);
    assert.equal(found.setAside.length, limits.configSetAside);
    assert.deepEqual(found.setAside[0], { lineage: '02'.repeat(16), entries: ['x2', 'y2'] });
    const again = await DiskStore.open(path);
    assert.deepEqual(again.contents.setAside.at(-1), sets.at(-1));
    await again.persist(install(30, [], surplus('aa', [])));
    await again.persist({ type: 'forget' }, entry(31));
    await again.persist(install(40, [], surplus('bb', ['z'])));
    await again.close();
    assert.deepEqual((await reading(path)).setAside, [
      { lineage: 'bb'.repeat(16), entries: ['z'] },
    ]);
  }));

test('the largest entry fits, and many batches at once', () =>
  withFolder(async (path) => {
    const store = await DiskStore.open(path);
    const text = 'e'.repeat(64 + limits.configEntryBytes);
    const outcomes = Array.from({ length: 12 }, (_, index) =>
      store.persist(entry(index + 1, text + index)),
    );
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(['persisted']));
    await store.close();
    assert.equal((await reading(path)).log.at(-1), `${text}11`);
  }));

test('a gap in the log is a broken promise of the replica, not of the store', () => {
  const place = { generation: 0, setAside: [] };
  const changes = new StoreChanges({ base: { ...ORIGIN, record: null }, log: [] }, place);
  assert.throws(() => changes.of(entry(2)), /entry 2 after 0/);
  assert.throws(() => changes.of(compact(1, [])), /base 1 after 0/);
});
