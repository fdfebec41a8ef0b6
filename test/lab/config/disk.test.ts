import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { spawn } from '../../../src/runtime/child-process.js';
import type { Filled } from '../../unit/config/fixtures/store-filler.js';

const filler = fileURLToPath(
  new URL('../../unit/config/fixtures/store-filler.js', import.meta.url),
);

/** Runs a script with a small file system of its own at `$0`; `$@` is the program that fills it. */
async function onSmallDisk(script: string): Promise<Filled[]> {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-disk-'));
  const mounted = `mount -t tmpfs -o size=8m small "$0" && ${script}`;
  const program = [process.execPath, filler, join(folder, 'store')];
  const child = spawn('unshare', ['--mount', '/bin/sh', '-ec', mounted, folder, ...program], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  rmSync(folder, { recursive: true });
  assert.equal(code, 0, text);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Filled);
}

test('a disk that is full is told as such, also to a store that would be made there', async () => {
  const [first, again, other] = await onSmallDisk(
    '"$@"; "$@"; rm -r "$0/store"; dd if=/dev/zero of="$0/rest" bs=4k || true; exec "$@"',
  );
  assert.equal(first?.failure?.code, 'ERR_STORE_FULL');
  assert.match(first.failure.message, /ENOSPC/);
  assert.ok(first.persisted > 100);
  assert.equal(first.reopened, first.persisted);
  assert.equal(again?.failure?.code, 'ERR_STORE_FULL');
  assert.deepEqual([other?.failure?.code, other?.persisted], ['ERR_STORE_FULL', 0]);
});

test('a file system that is mounted read-only is told as such', async () => {
  const [first, again] = await onSmallDisk('"$@"; mount -o remount,ro "$0"; exec "$@"');
  assert.ok((first?.persisted ?? 0) > 100);
  assert.equal(again?.failure?.code, 'ERR_STORE_READ_ONLY');
  assert.match(again?.failure.message ?? '', /EROFS/);
});
