import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  openSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { limits } from '../../../src/limits.js';
import { spawn } from '../../../src/runtime/child-process.js';
import { DiskStore, entry, reading, temporary } from './disk-store.js';
import type { Filled } from './fixtures/store-filler.js';

const { folder, remove } = temporary();
after(remove);

const filler = fileURLToPath(new URL('fixtures/store-filler.js', import.meta.url));
/** What `nobody` is in most systems; any user without rights will do. */
const NOBODY = 65_534;

/** Where LMDB notes the last page it has used, in each of its two heads. */
const PAGE_BYTES = 4096;
const LAST_PAGE_AT = 144;

/** Runs the filler, with limits and as a user as told. */
async function fill(
  path: string,
  options: { readonly shell?: string; readonly user?: number } = {},
): Promise<Filled> {
  const command = `${options.shell ?? ''} exec "$0" "$@"`;
  const child = spawn('/bin/sh', ['-c', command, process.execPath, filler, path], {
    stdio: ['ignore', 'pipe', 'ignore'],
    ...(options.user === undefined ? {} : { uid: options.user, gid: options.user }),
  });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, text);
  return JSON.parse(text) as Filled;
}

test('a full disk is told as such, and nothing of what was acknowledged is lost', async () => {
  const path = join(folder, 'full');
  // A limit of the process in the place of the disk's: 1 KiB blocks in any shell.
  const filled = await fill(path, { shell: 'ulimit -f 6144;' });
  assert.equal(filled.failure?.code, 'ERR_STORE_FULL');
  assert.match(filled.failure.message, /EFBIG.*\. Make room on the disk of .*full/);
  assert.ok(filled.persisted > 100);
  // It is unhealthy until it is opened again, and in the same process it can be.
  assert.equal(filled.after?.code, 'ERR_STORE_FULL');
  assert.equal(filled.reopened, filled.persisted);
  const found = await reading(path);
  assert.equal(found.log.length, filled.persisted);
});

test('a store does not grow over its limit', async () => {
  const path = join(folder, 'limit');
  await (await DiskStore.open(path)).close();
  // As if LMDB had used nearly all of it: a file with a hole, and its last page in both heads.
  const file = openSync(join(path, 'config.mdb'), 'r+');
  ftruncateSync(file, limits.configStoreBytes);
  const lastPage = Buffer.alloc(8);
  lastPage.writeBigUInt64LE(BigInt(limits.configStoreBytes / PAGE_BYTES - 2));
  for (const head of [0, PAGE_BYTES]) writeSync(file, lastPage, 0, 8, head + LAST_PAGE_AT);
  closeSync(file);
  await assert.rejects(DiskStore.open(path), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ERR_STORE_FULL');
    return error.message.includes(`would grow over ${limits.configStoreBytes} bytes`);
  });
  assert.equal(statSync(join(path, 'config.mdb')).size, limits.configStoreBytes);
});

test('a store that may not be written is told as such', async () => {
  const path = join(folder, 'read-only');
  const store = await DiskStore.open(path);
  await store.persist(entry(1));
  await store.close();
  const isRoot = process.geteuid?.() === 0;
  const user = isRoot ? { user: NOBODY } : {};
  chmodSync(folder, 0o755);
  // The folder, and then the file alone.
  for (const [folderMode, fileMode] of [
    [0o555, 0o644],
    [0o777, 0o444],
  ] as const) {
    chmodSync(join(path, 'config.mdb'), fileMode);
    chmodSync(path, folderMode);
    const filled = await fill(path, user);
    assert.equal(filled.failure?.code, 'ERR_STORE_READ_ONLY', JSON.stringify(filled));
    assert.match(filled.failure.message, /EACCES.*writable for this user/);
    assert.equal(filled.persisted, 0);
  }
  chmodSync(path, 0o700);
  chmodSync(join(path, 'config.mdb'), 0o600);
  assert.equal((await reading(path)).log.length, 1);
});

test('a path that cannot be reached is told with what the system says', async () => {
  const path = join(folder, 'closed', 'store');
  const closed = await DiskStore.open(path);
  await closed.close();
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) chownSync(join(folder, 'closed'), 0, 0);
  chmodSync(join(folder, 'closed'), isRoot ? 0o700 : 0o000);
  const filled = await fill(path, isRoot ? { user: NOBODY } : {});
  assert.equal(filled.failure?.code, 'ERR_STORE_READ_ONLY');
  assert.match(filled.failure.message, /EACCES/);
  chmodSync(join(folder, 'closed'), 0o700);
});
