/** Stores that cannot be used, as whoever runs `backplane serve` meets them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { open as openLmdb } from 'lmdb';
import { STORE_FORMAT } from '../../../src/config/store-contract.js';
import { spawn, spawnSync } from '../../../src/runtime/child-process.js';
import { build, fingerprint, golden } from '../../unit/config/records.js';
import { projectRoot } from '../../unit/rules/sources.js';
import { Daemons, values } from '../cli/daemons.js';

const limit = { timeout: 120_000 };
const errors = readFileSync(join(projectRoot, 'docs/errors.md'), 'utf8');
const PAGE_BYTES = 4096;

/** What is told of each, besides what is wrong; and how docs/errors.md says it. */
const ways: Readonly<Record<string, readonly [RegExp, RegExp]>> = {
  ERR_STORE_FULL: [/Make room on the disk of .*, then start again/, /Make room, and start again/],
  ERR_STORE_READ_ONLY: [/Make .* writable .*, then start again/, /mount it for writing, and start/],
  ERR_STORE_CORRUPT: [/Nothing was written to it\. .*mv .*, start empty, and add/, /Move it away/],
  ERR_STORE_FOREIGN: [/Nothing was written to it\. Choose another path/, /Choose another path/],
  ERR_STORE_FORMAT: [/Nothing was written to it\. Update backplane/, /Update this one/],
};

function checkWayOut(code: string, text: string): void {
  const [told, documented] = ways[code] as readonly [RegExp, RegExp];
  assert.match(text, told);
  const row = errors.split('\n').find((line) => line.startsWith(`| \`${code}\` |`)) ?? '';
  assert.match(row, documented);
}

/** A master with values and its store, ended. */
async function ended(context: TestContext): Promise<Daemons> {
  const daemons = await Daemons.make(context, { hosts: 2, masters: 1 });
  await daemons.begin(1);
  await daemons.done(1, 'config', 'put', 'cluster/a', '1', '--yes');
  await daemons.end(1, 'SIGTERM');
  return daemons;
}

/** It does not start, says why and what to do, and leaves all as it was. */
async function refused(daemons: Daemons, code: string, before: readonly string[] = []) {
  const answer = await daemons.refused(1, before);
  assert.deepEqual([answer['ok'], answer['code']], [false, code], JSON.stringify(answer));
  checkWayOut(code, String((answer['violations'] as unknown[])[0]));
}

/** May be a promise. */
type Spoil = (file: string) => unknown;

/** Changes a bit of each of these places. */
function flip(places: (bytes: Buffer) => readonly number[]): Spoil {
  return (file) => {
    const bytes = readFileSync(file);
    for (const place of places(bytes)) bytes[place] = bytes.readUInt8(place) ^ 0x40;
    writeFileSync(file, bytes);
  };
}

/** Where a text is: in pages that are in use, and in older ones that are not any more. */
function placesOf(text: string): (bytes: Buffer) => number[] {
  return (bytes) => {
    const found = bytes.toString('latin1').matchAll(new RegExp(text, 'g'));
    return [...found].map(({ index }) => index);
  };
}

/** What becomes of `config.mdb`. Pages 0 and 1 are its heads. */
const cases: readonly (readonly [string, string, Spoil])[] = [
  ['without a byte', 'ERR_STORE_CORRUPT', (file) => truncateSync(file, 0)],
  ['cut behind its heads', 'ERR_STORE_CORRUPT', (file) => truncateSync(file, 3 * PAGE_BYTES)],
  ['flipped in its head', 'ERR_STORE_CORRUPT', flip(() => [24])],
  ['flipped in a value', 'ERR_STORE_CORRUPT', flip(placesOf('one@host1'))],
  [
    'of something else',
    'ERR_STORE_FOREIGN',
    async (file) => {
      rmSync(file);
      const other = openLmdb({ path: file, overlappingSync: false });
      await other.put('a', 'b');
      await other.close();
    },
  ],
  [
    'of a newer format',
    'ERR_STORE_FORMAT',
    async (file) => {
      const newer = `${file}.newer`;
      await build(newer, golden(STORE_FORMAT + 1));
      renameSync(join(newer, 'config.mdb'), file);
      rmSync(newer, { recursive: true });
    },
  ],
];

test('a store that is damaged, foreign or newer is left as it is', limit, async (context) => {
  const daemons = await ended(context);
  const store = daemons.store(1);
  const good = `${store}.good`;
  renameSync(store, good);
  for (const [what, code, spoil] of cases) {
    await context.test(`a file ${what}`, async () => {
      cpSync(good, store, { recursive: true });
      await spoil(join(store, 'config.mdb'));
      const before = fingerprint(store);
      await refused(daemons, code);
      assert.deepEqual(fingerprint(store), before);
      rmSync(store, { recursive: true });
    });
  }
  await context.test('a folder of something else', async () => {
    mkdirSync(store);
    writeFileSync(join(store, 'passwd'), 'root');
    const before = fingerprint(store);
    await refused(daemons, 'ERR_STORE_FOREIGN');
    assert.deepEqual(fingerprint(store), before);
    rmSync(store, { recursive: true });
  });
  await context.test('and the good one is good still', async () => {
    renameSync(good, store);
    await daemons.start(1);
    await daemons.lines(1).until('configWritable');
    assert.deepEqual(values(await daemons.done(1, 'config', 'get')), { 'cluster/a': 1 });
  });
});

/** Mounts of their own for the processes that are started with `words` before their command. */
class Mounts {
  readonly words: readonly string[];

  private constructor(pid: number) {
    this.words = ['nsenter', '--mount', '--target', `${pid}`, '--'];
  }

  static async make(context: TestContext): Promise<Mounts> {
    const holder = spawn('unshare', ['--mount', 'sh', '-c', 'echo here; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    context.after(() => holder.kill());
    await once(holder.stdout!, 'data');
    return new Mounts(holder.pid as number);
  }

  /** Runs a command; what it printed. */
  run(...command: string[]): string {
    const [program = '', ...args] = [...this.words, ...command];
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    assert.equal(status, 0, `${command.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Leaves no room at all. */
  fill(file: string): void {
    this.run('sh', '-c', 'cat /dev/zero > "$0" 2> /dev/null || true', file);
  }

  hash(store: string): string {
    return this.run('sha256sum', join(store, 'config.mdb'));
  }
}

test('a store on a file system that is read-only is not touched', limit, async (context) => {
  const daemons = await ended(context);
  const store = daemons.store(1);
  const mounts = await Mounts.make(context);
  mounts.run('mount', '--bind', store, store);
  mounts.run('mount', '-o', 'remount,bind,ro', store);
  const before = fingerprint(store);
  await refused(daemons, 'ERR_STORE_READ_ONLY', mounts.words);
  assert.deepEqual(fingerprint(store), before);
  mounts.run('mount', '-o', 'remount,bind,rw', store);
  await daemons.start(1, mounts.words);
  await daemons.lines(1).until('configWritable');
});

test('a disk that is full stops writes, and loses nothing', limit, async (context) => {
  const daemons = await Daemons.make(context, { hosts: 2, masters: 1 });
  const store = daemons.store(1);
  const mounts = await Mounts.make(context);
  mkdirSync(store);
  mounts.run('mount', '-t', 'tmpfs', '-o', 'size=8m', 'small', store);
  await daemons.begin(1, mounts.words);
  const lines = daemons.lines(1);
  const rest = join(store, 'rest');
  mounts.fill(rest);
  const large = JSON.stringify('x'.repeat(100_000));
  const written: string[] = [];
  for (;;) {
    const key = `cluster/${String(written.length).padStart(3, '0')}`;
    const answer = await daemons.ask(1, 'config', 'put', key, large, '--yes');
    if (answer['ok'] !== true) break;
    written.push(key);
  }
  assert.ok(written.length > 0, 'the store has some room of its own');
  await lines.until('configTrouble', { code: 'ERR_STORE_FULL' });
  const trouble = lines.all.find(({ event }) => event === 'configTrouble');
  assert.match(String(trouble?.['msg']), /takes nothing more: ERR_STORE_FULL: .*ENOSPC/);
  checkWayOut('ERR_STORE_FULL', String(trouble?.['msg']));
  const list = await daemons.done(1, 'masters', 'list');
  assert.equal((list['status'] as Record<string, unknown>)['storeFailure'], 'ERR_STORE_FULL');
  const refusal = await daemons.ask(1, 'config', 'put', 'cluster/b', '1', '--yes');
  assert.equal(refusal['code'], 'ERR_REPLICAS');
  const held = await daemons.done(1, 'config', 'get');
  assert.deepEqual(Object.keys(values(held) as object), written);
  await daemons.end(1, 'SIGTERM');

  const before = mounts.hash(store);
  mounts.fill(rest);
  await refused(daemons, 'ERR_STORE_FULL', mounts.words);
  assert.equal(mounts.hash(store), before);
  mounts.run('rm', rest);
  await daemons.start(1, mounts.words);
  await daemons.lines(1).until('configWritable');
  // What was on its way may have come to be; all that was acknowledged has.
  const found = Object.keys(values(await daemons.done(1, 'config', 'get')) as object);
  assert.deepEqual(found.slice(0, written.length), written);
  await daemons.done(1, 'config', 'put', 'cluster/b', '1', '--yes');
});
