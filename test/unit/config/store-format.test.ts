import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { STORE_FORMAT } from '../../../src/config/store-contract.js';
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
import { build, golden, recordsOf } from './records.js';

const { folder, remove } = temporary();
after(remove);

/** A bit of everything. */
async function sample(path: string): Promise<void> {
  const store = await DiskStore.open(path);
  await store.persist(entry(1), entry(2), committed(1));
  await store.persist(install(4, [item('a', '1'), item('b', '2')], surplus('ab', ['lost'])));
  await store.persist(entry(5), entry(6), entry(7), committed(6));
  await store.persist(compact(5, [item('b', '3'), item('c/d', '')], ['a']));
  await store.close();
}

test('this version writes its format as it always has', async () => {
  const path = join(folder, 'sample');
  await sample(path);
  assert.deepEqual(await recordsOf(path), golden(STORE_FORMAT));
});

test('a store that an earlier build of this format has written is read', async () => {
  assert.deepEqual(await reading(await build(join(folder, 'earlier'), golden(1))), {
    storeId: STORE_ID,
    revision: 5,
    record: 'record',
    items: { b: '3', 'c/d': '' },
    log: ['entry 6', 'entry 7'],
    committed: 6,
    setAside: [{ lineage: 'ab'.repeat(16), entries: ['lost'] }],
  });
});

test('a newer format is refused, whatever else it holds, and left as it is', async () => {
  const newer = golden(STORE_FORMAT + 1);
  const path = await build(join(folder, 'newer'), newer);
  await assert.rejects(DiskStore.open(path), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ERR_STORE_FORMAT');
    assert.match(error.message, /has format 2, this version knows 1\. .*Update backplane/);
    return true;
  });
  assert.deepEqual(await recordsOf(path), newer);
});
