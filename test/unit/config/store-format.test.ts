import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { open as openLmdb } from 'lmdb';
import { STORE_FORMAT } from '../../../src/config/store-contract.js';
import { projectRoot } from '../rules/sources.js';
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

const { folder, remove } = temporary();
after(remove);

/** Records as `key value`, in hex, a line each: files of LMDB itself differ between machines. */
const golden = (format: number): string[] => {
  const name = `test/unit/config/fixtures/store-format-${format}.txt`;
  return readFileSync(join(projectRoot, name), 'utf8').trimEnd().split('\n');
};

function trees(path: string) {
  const root = openLmdb({ path: join(path, 'config.mdb'), overlappingSync: false, maxDbs: 2 });
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const records = root.openDB<Buffer, Buffer>('records', binary);
  return { root, records, owner: root.openDB('owner', { ...binary, useVersions: true }) };
}

/** Makes a store of records. */
async function build(name: string, lines: readonly string[]): Promise<string> {
  const path = join(folder, name);
  mkdirSync(path);
  const { root, records } = trees(path);
  await records.batch(() => {
    for (const line of lines) {
      const [key, value] = line.split(' ').map((text) => Buffer.from(text, 'hex'));
      void records.put(key!, value!);
    }
  });
  await root.close();
  return path;
}

async function recordsOf(path: string): Promise<string[]> {
  const { root, records } = trees(path);
  const lines = [...records.getRange()].map(({ key, value }) =>
    [key, value].map((bytes) => Buffer.from(bytes).toString('hex')).join(' '),
  );
  await root.close();
  return lines;
}

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
  assert.deepEqual(await reading(await build('earlier', golden(1))), {
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
  const path = await build('newer', newer);
  await assert.rejects(DiskStore.open(path), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ERR_STORE_FORMAT');
    assert.match(error.message, /has format 2, this version knows 1\. .*Update backplane/);
    return true;
  });
  assert.deepEqual(await recordsOf(path), newer);
});
