import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ORIGIN } from '../../../src/config/entry.js';
import { StoreChanges } from '../../../src/config/store-changes.js';
import type { StoreOperation } from '../../../src/config/store-contract.js';
import { storeError } from '../../../src/config/store-failure.js';
import { type StoreEngine, StoreQueue } from '../../../src/config/store-queue.js';
import type { StoreRecord } from '../../../src/config/store-records.js';
import { limits } from '../../../src/limits.js';
import { entry, install, item } from './disk-store.js';

/** An engine that ends a commit when it is told to, and says what it was asked for. */
class HeldEngine implements StoreEngine {
  readonly commits: (readonly StoreRecord[])[] = [];
  strays: Buffer[] = [];
  #settle: { resolve(): void; reject(error: Error): void } | null = null;

  commit(records: readonly StoreRecord[]): Promise<void> {
    this.commits.push(records);
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  strayKeys(): Buffer[] {
    return this.strays.splice(0);
  }

  async end(error?: Error): Promise<void> {
    if (error === undefined) this.#settle?.resolve();
    else this.#settle?.reject(error);
    await turn();
  }
}

function queue() {
  const engine = new HeldEngine();
  const said: string[] = [];
  const place = { generation: 0, setAside: [] };
  const changes = new StoreChanges({ base: { ...ORIGIN, record: null }, log: [] }, place);
  const it = new StoreQueue(engine, changes, {
    persisted: (token) => said.push(`${token}`),
    failed: (token, code) => said.push(`${token} ${code}`),
  });
  let token = 0;
  const push = (...operations: StoreOperation[]) => it.push({ token: ++token, operations });
  return { engine, said, push, end: () => it.end() };
}

const full = () => storeError('ERR_STORE_FULL', 'path', 'full');

test('nothing is answered before it is durable, and what waits goes together', async () => {
  const { engine, said, push } = queue();
  push(entry(1));
  await turn();
  push(entry(2));
  push(entry(3), entry(4));
  await turn();
  assert.deepEqual([said, engine.commits.length], [[], 1]);
  await engine.end();
  assert.deepEqual([said, engine.commits.length], [['1'], 2]);
  assert.equal(engine.commits[1]?.length, 3);
  await engine.end();
  assert.deepEqual(said, ['1', '2', '3']);
});

test('batches go together up to the limit', async () => {
  const { engine, said, push } = queue();
  const text = 'x'.repeat(limits.configCommitBytes / 2);
  for (let revision = 1; revision <= 5; revision++) push(entry(revision, text));
  await turn();
  await engine.end();
  assert.deepEqual(said, ['1', '2']);
  await engine.end();
  assert.deepEqual(said, ['1', '2', '3', '4']);
});

test('after a failure nothing more is tried, and everything fails', async () => {
  const { engine, said, push, end } = queue();
  engine.strays = [Buffer.from('stray')];
  push(entry(1));
  await turn();
  push(entry(2));
  await engine.end(full());
  assert.deepEqual(said, ['1 ERR_STORE_FULL', '2 ERR_STORE_FULL']);
  push(entry(3));
  await end();
  assert.deepEqual([said.at(-1), engine.commits.length], ['3 ERR_STORE_FULL', 1]);
});

test('a snapshot that cannot be written whole changes nothing', async () => {
  const { engine, said, push } = queue();
  push(entry(1));
  await turn();
  const value = 'v'.repeat(limits.configCommitBytes * 0.8);
  push(install(9, [item('a', value), item('b', value)]));
  push(entry(10));
  await engine.end();
  assert.equal(engine.commits.length, 2);
  await engine.end();
  assert.deepEqual([said, engine.commits.length], [['1'], 3]);
  await engine.end(full());
  assert.deepEqual(said, ['1', '2 ERR_STORE_FULL', '3 ERR_STORE_FULL']);
  // The base is in none of what was written.
  const keys = engine.commits.flat().map(({ key }) => key[0]);
  assert.deepEqual([keys.includes(2), keys.includes(5)], [false, true]);
});

test('what nobody sees any more is removed when nothing else waits', async () => {
  const { engine, push, end, said } = queue();
  engine.strays = [Buffer.from('stray')];
  push(entry(1));
  await turn();
  await engine.end();
  assert.deepEqual(said, ['1']);
  assert.deepEqual(engine.commits[1], [{ key: Buffer.from('stray'), value: null }]);
  const ended = end();
  await engine.end();
  await ended;
});
