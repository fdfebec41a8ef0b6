import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { checkFile, type FileVerdict, lastPageOf } from '../../../src/config/store-file.js';
import { SeededRandom } from '../../../src/testing/random.js';
import { compact, DiskStore, entry, item, temporary } from './disk-store.js';

const { path, remove } = temporary();
after(remove);

const PAGE_BYTES = 4096;
const HEAD_BYTES = 24;
let good: Buffer;

before(async () => {
  const store = await DiskStore.open(path);
  for (let revision = 1; revision <= 100; revision++) {
    await store.persist(entry(revision, 'e'.repeat(100)));
  }
  const items = Array.from({ length: 500 }, (_, index) => item(`key ${index}`, 'v'.repeat(50)));
  await store.persist(compact(50, [...items, item('large', 'l'.repeat(30_000))]));
  await store.close();
  good = readFileSync(join(path, 'config.mdb'));
});

const readFrom = (bytes: Buffer) => (offset: number, length: number) =>
  bytes.subarray(offset, offset + length);

const check = (bytes: Buffer): FileVerdict => checkFile(bytes.length, readFrom(bytes));

/** The verdict over a copy in which something was changed. */
function changed(change: (bytes: Buffer) => void): FileVerdict {
  const bytes = Buffer.from(good);
  change(bytes);
  return check(bytes);
}

/** Pages of a kind that are in use, by their flags: changing them is seen. */
function pagesInUse(flags: number): number[] {
  const last = lastPageOf(readFrom(good));
  return Array.from({ length: last - 1 }, (_, index) => index + 2).filter((page) => {
    if (good.readUInt16LE(page * PAGE_BYTES + 18) !== flags) return false;
    return (
      changed((bytes) => bytes.fill(0xff, page * PAGE_BYTES, page * PAGE_BYTES + 8)).state !==
      'sound'
    );
  });
}

test('a file of LMDB is sound, and longer than it has to be', () => {
  const verdict = check(good);
  assert.equal(verdict.state, 'sound');
  const last = lastPageOf(readFrom(good));
  assert.ok((last + 1) * PAGE_BYTES < good.length);
  assert.equal(check(good.subarray(0, (last + 1) * PAGE_BYTES)).state, 'sound');
  assert.match(JSON.stringify(check(good.subarray(0, last * PAGE_BYTES))), /bytes of/);
});

test('every kind of page is looked at', () => {
  for (const flags of [1, 2, 4]) assert.ok(pagesInUse(flags).length > 0, `pages ${flags}`);
});

test('a page that is torn, of another kind, or in use twice is broken', () => {
  const [leaf] = pagesInUse(2);
  const [branch] = pagesInUse(1);
  const [overflow] = pagesInUse(4);
  const at = (page: number | undefined, offset: number) => page! * PAGE_BYTES + offset;
  const cases: [(bytes: Buffer) => void, RegExp][] = [
    [(bytes) => bytes.writeUInt16LE(8, at(leaf, 18)), /neither branch nor leaf/],
    [(bytes) => bytes.writeUInt16LE(5000, at(leaf, 22)), /torn/],
    [(bytes) => bytes.writeUInt16LE(4095, at(leaf, 20)), /torn/],
    [(bytes) => bytes.writeUInt16LE(4090, at(leaf, HEAD_BYTES)), /torn/],
    [(bytes) => bytes.writeUInt16LE(0, at(branch, 20)), /leads nowhere/],
    [(bytes) => bytes.writeUInt32LE(1, at(overflow, 20)), /does not hold/],
    [(bytes) => bytes.writeUInt16LE(2, at(overflow, 18)), /does not hold/],
  ];
  for (const [change, message] of cases) {
    assert.match((changed(change) as { why: string }).why, message);
  }
  const twice = changed((bytes) => {
    const node = (index: number) =>
      at(branch, HEAD_BYTES + bytes.readUInt16LE(at(branch, HEAD_BYTES + 2 * index)));
    bytes.copy(bytes, node(1), node(0), node(0) + 6);
  });
  assert.match((twice as { why: string }).why, /in use twice/);
});

test('a free page that is in use, or out of the file, is broken', () => {
  const newer = [0, PAGE_BYTES].sort(
    (one, two) => Number(good.readBigInt64LE(two + 152)) - Number(good.readBigInt64LE(one + 152)),
  )[0]!;
  const root = Number(good.readBigInt64LE(newer + 88));
  const page = root * PAGE_BYTES;
  const node = page + HEAD_BYTES + good.readUInt16LE(page + HEAD_BYTES);
  const ids = node + 16;
  assert.ok(good.readBigInt64LE(ids) > 0n);
  const free = (id: bigint) => changed((bytes) => bytes.writeBigInt64LE(id, ids + 8));
  assert.match(JSON.stringify(free(BigInt(root))), /in use and free/);
  assert.match(JSON.stringify(free(10n ** 9n)), /outside of the file/);
  assert.match(JSON.stringify(free(1n)), /outside of the file/);
  assert.match(
    JSON.stringify(changed((bytes) => bytes.writeBigInt64LE(10n ** 6n, ids))),
    /list of free pages is torn/,
  );
});

test('whatever is changed, there is a verdict', () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`seed ${seed}`);
  const random = new SeededRandom(seed);
  const last = lastPageOf(readFrom(good));
  const bytes = Buffer.from(good);
  for (let round = 0; round < 400; round++) {
    const changes = Array.from({ length: 1 + random.below(3) }, () => {
      const page = random.below(last + 1) * PAGE_BYTES;
      // Heads of pages and of entries are where everything is decided.
      return page + random.below(random.below(2) === 0 ? 200 : PAGE_BYTES);
    });
    for (const at of changes) bytes[at] = random.below(256);
    assert.match(check(bytes).state, /^(sound|broken|unknown)$/);
    for (const at of changes) bytes[at] = good[at]!;
  }
});
