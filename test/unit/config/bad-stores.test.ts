import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { open as openLmdb } from 'lmdb';
import { spawn } from '../../../src/runtime/child-process.js';
import { processIdentity } from '../../../src/runtime/process-identity.js';
import { SeededRandom } from '../../../src/testing/random.js';
import { compact, DiskStore, entry, item, reading, temporary } from './disk-store.js';
import { fingerprint, trees } from './records.js';

const { folder, remove } = temporary();
after(remove);

const PAGE_BYTES = 4096;
const good = join(folder, 'good');
let made = 0;

before(async () => {
  const store = await DiskStore.open(good);
  for (let revision = 1; revision <= 200; revision++) {
    await store.persist(entry(revision, `entry ${revision} `.repeat(40)));
  }
  const items = Array.from({ length: 300 }, (_, index) => item(`key ${index}`, 'v'.repeat(200)));
  await store.persist(compact(100, [...items, item('large', 'l'.repeat(20_000))]));
  await store.close();
});

/** A copy of a good store, to be spoilt. */
function copy(): string {
  const path = join(folder, `copy-${made++}`);
  mkdirSync(path);
  copyFileSync(join(good, 'config.mdb'), join(path, 'config.mdb'));
  return path;
}

/** It is refused with this code, says a way out, and is left as it was. */
async function refused(path: string, code: string, message: RegExp): Promise<void> {
  const before = fingerprint(path);
  await assert.rejects(DiskStore.open(path), (error: Error & { code?: string }) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.ok(error.message.includes(path), error.message);
    assert.match(error.message, /\. (Nothing was written|End that process|Make |Mend )/);
    return true;
  });
  assert.deepEqual(fingerprint(path), before);
  assert.deepEqual(
    readdirSync(statSync(path).isDirectory() ? path : folder).filter((name) => name === 'lock'),
    [],
  );
}

function spoil(change: (bytes: Buffer) => Buffer): string {
  const path = copy();
  const file = join(path, 'config.mdb');
  writeFileSync(file, change(readFileSync(file)));
  return path;
}

test('a file that was cut short is corrupt, wherever that was', async () => {
  for (const bytes of [0, 1, 100, PAGE_BYTES, 2 * PAGE_BYTES, 20 * PAGE_BYTES + 7]) {
    const path = copy();
    truncateSync(join(path, 'config.mdb'), bytes);
    await refused(path, 'ERR_STORE_CORRUPT', /is damaged: .*mv /);
  }
});

test('garbage in the place of pages is corrupt', async () => {
  const random = new SeededRandom('garbage');
  const garbage = (count: number) => random.bytes(count * PAGE_BYTES);
  await refused(
    spoil((bytes) => Buffer.concat([garbage(30), bytes.subarray(30 * PAGE_BYTES)])),
    'ERR_STORE_CORRUPT',
    /is damaged/,
  );
  const half = spoil((bytes) => {
    garbage(25).copy(bytes, 10 * PAGE_BYTES);
    return bytes;
  });
  await refused(half, 'ERR_STORE_CORRUPT', /is damaged/);
  const zeros = spoil((bytes) => bytes.fill(0, 10 * PAGE_BYTES, 40 * PAGE_BYTES));
  await refused(zeros, 'ERR_STORE_CORRUPT', /is damaged/);
});

test('one changed byte of a value is corrupt', async () => {
  for (const text of ['entry 150 entry 150 entry', 'v'.repeat(200), 'l'.repeat(5000)]) {
    const path = spoil((bytes) => {
      // Wherever it lies: some of it is in pages that are no longer in use.
      for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) {
        bytes[at + 3]! ^= 1;
      }
      return bytes;
    });
    await refused(path, 'ERR_STORE_CORRUPT', /the checksum of record [0-9a-f]+ does not fit/);
  }
});

/** Changes what a copy holds, below the store. */
async function withRecords(
  change: (records: ReturnType<typeof trees>['records']) => Promise<unknown>,
): Promise<string> {
  const path = copy();
  const { records } = trees(path);
  await change(records);
  await records.close();
  return path;
}

const revisionKey = (kind: number, revision: number) => {
  const key = Buffer.alloc(9);
  key[0] = kind;
  key.writeBigUInt64BE(BigInt(revision), 1);
  return key;
};

test('a record that is missing, moved or unknown is corrupt', async () => {
  const cases: [Parameters<typeof withRecords>[0], RegExp][] = [
    [(records) => records.remove(revisionKey(6, 150)), /entry 150 of the log is missing/],
    [(records) => records.remove(Buffer.of(2)), /its place is missing/],
    [(records) => records.remove(Buffer.of(3)), /its place is missing/],
    [
      (records) => records.put(revisionKey(6, 201), records.get(revisionKey(6, 200))!),
      /checksum of record 06/,
    ],
    [(records) => records.put(Buffer.of(9), Buffer.from('x')), /a short record/],
    [(records) => records.put(Buffer.of(9), Buffer.from('0123456789')), /checksum/],
  ];
  for (const [change, message] of cases) {
    await refused(await withRecords(change), 'ERR_STORE_CORRUPT', message);
  }
});

test('what is not a store is foreign', async () => {
  const file = join(folder, 'a-file');
  writeFileSync(file, 'text');
  await refused(file, 'ERR_STORE_FOREIGN', /is a file, not the folder of a store/);
  const full = join(folder, 'full');
  mkdirSync(full);
  writeFileSync(join(full, 'passwd'), 'root');
  await refused(full, 'ERR_STORE_FOREIGN', /holds no store, but has passwd in it/);
  const odd = join(folder, 'odd');
  mkdirSync(join(odd, 'config.mdb'), { recursive: true });
  await refused(odd, 'ERR_STORE', /EISDIR/);
  const empty = join(folder, 'empty-lmdb');
  mkdirSync(empty);
  await openLmdb({ path: join(empty, 'config.mdb'), overlappingSync: false }).put('a', 'b');
  await refused(empty, 'ERR_STORE_FOREIGN', /is not of this package/);
  const other = await withRecords((records) => records.remove(Buffer.of(1)));
  await refused(other, 'ERR_STORE_FOREIGN', /is not of this package/);
});

test('a new file system may have its own folder', async () => {
  const path = join(folder, 'mount');
  mkdirSync(join(path, 'lost+found'), { recursive: true });
  assert.equal((await reading(path)).revision, 0);
});

test('what a sudden end leaves of a store being made is no store, and no hindrance', async () => {
  const path = join(folder, 'half-made');
  mkdirSync(path);
  writeFileSync(join(path, 'config.mdb.new.77'), 'half');
  writeFileSync(join(path, 'config.mdb.new.77-lock'), '');
  writeFileSync(join(path, 'lock.77'), '77');
  assert.equal((await reading(path)).revision, 0);
});

test('another layout of LMDB is another format', async () => {
  const path = spoil((bytes) => {
    bytes.writeUInt32LE(3, 24 + 4);
    bytes.writeUInt32LE(3, PAGE_BYTES + 24 + 4);
    return bytes;
  });
  await refused(path, 'ERR_STORE_FORMAT', /LMDB's data version is 3/);
});

const holder = fileURLToPath(new URL('fixtures/store-holder.js', import.meta.url));

/** Another process that has the store open. */
async function hold(path: string): Promise<{ end(): Promise<void>; pid: number }> {
  const child = spawn(process.execPath, [holder, path], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  const end = async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { end, pid: child.pid! };
}

test('a store has one process at a time, and one that was killed is none', async () => {
  const path = copy();
  const { end, pid } = await hold(path);
  await assert.rejects(DiskStore.open(path), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ERR_STORE_IN_USE');
    return error.message.includes(`process ${pid} has the store ${path} open`);
  });
  await end();
  const store = await DiskStore.open(path);
  await assert.rejects(DiskStore.open(path), { code: 'ERR_STORE_IN_USE' });
  await store.close();
  rmSync(join(path, 'config.mdb-lock'));
  assert.equal((await reading(path)).log.length, 100);
});

test('a lock means nothing when its process, or the machine, has started anew', async () => {
  const path = copy();
  const [pid, ticks, boot] = processIdentity().split(' ');
  for (const old of [`${pid} ${Number(ticks) + 1} ${boot}`, `${pid} ${ticks} other-boot`, '']) {
    writeFileSync(join(path, 'lock'), old);
    assert.equal((await reading(path)).log.length, 100);
  }
});

test('of two that both believe to have it, the later one has it', async () => {
  const path = copy();
  const store = await DiskStore.open(path);
  assert.equal(await store.persist(entry(201)), 'persisted');
  // As two who take over the same lock in the same moment.
  rmSync(join(path, 'lock'));
  const { end } = await hold(path);
  const outcome = await store.persist(entry(202));
  assert.ok(outcome !== 'persisted');
  assert.equal(outcome.code, 'ERR_STORE_IN_USE');
  assert.match(outcome.message, /another process has taken over the store/);
  await store.close();
  await assert.rejects(DiskStore.open(path), { code: 'ERR_STORE_IN_USE' });
  await end();
  assert.equal((await reading(path)).log.length, 101);
});
