import assert from 'node:assert/strict';
import test from 'node:test';
import type { Config } from '../../../src/config/config.js';
import { encodeValue } from '../../../src/config/value.js';
import { WorkerSettings } from '../../../src/controller/worker-settings.js';
import type { SettingsPiece } from '../../../src/join/settings-pieces.js';
import { limits } from '../../../src/limits.js';
import type { MessageContext } from '../../../src/node/handling.js';
import type { ClusterNode } from '../../../src/node/node.js';
import { systemRuntime } from '../../../src/runtime/index.js';

// A controller's own timers keep no process alive; here nothing else does.
const alive = setInterval(() => {}, 1000);
test.after(() => clearInterval(alive));

type Handler = (body: unknown, context: MessageContext) => AsyncGenerator<SettingsPiece>;

/** A configuration of one worker, and what its controller tells of it. */
class Told {
  readonly watched: string[] = [];
  readonly settings: WorkerSettings;
  readonly ending = new AbortController();
  looks = 0;
  #handler: Handler | null = null;
  #revision = 0;
  #values: object | null = null;
  #events: (() => void)[] = [];

  constructor() {
    const handle = (_: string, handler: Handler) => {
      this.#handler = handler;
    };
    const watch = (prefix: string, { onEvent }: { onEvent: () => void }) => {
      this.watched.push(prefix);
      this.#events.push(onEvent);
      return { close: () => this.watched.splice(this.watched.indexOf(prefix), 1) };
    };
    const view = () => this.#view();
    const config = Object.defineProperty({ watch }, 'view', { get: view });
    const node = { handle, runtime: systemRuntime } as unknown as ClusterNode;
    this.settings = new WorkerSettings(node, 'h', config as unknown as Config);
  }

  #view() {
    const values = this.#values;
    if (values === null) return null;
    const effective = (prefix: string) => {
      assert.equal(prefix, 'hosts/h/nodes/a');
      this.looks++;
      return Object.entries(values).map(([key, value]) => ({ key, value }));
    };
    return { lineage: 'l', revision: this.#revision, effective };
  }

  /** Begins to tell. */
  to(from: string, body: unknown = null): AsyncGenerator<SettingsPiece> {
    return (this.#handler as Handler)(body, { from, signal: this.ending.signal } as MessageContext);
  }

  /** The next revision, which watches tell of. */
  commit(values: object): void {
    this.#values = values;
    this.#revision++;
    for (const event of this.#events) event();
  }

  /** The next revision, which is about others. */
  quiet(): void {
    this.#revision++;
  }
}

/** What it tells next, with its revision; null: it has ended. */
async function next(told: AsyncGenerator<SettingsPiece>): Promise<unknown> {
  const { value } = await told.next();
  if (value === undefined) return null;
  const { place, set, gone } = value as SettingsPiece;
  return [place.revision, set.map(([key, bytes]) => `${key} ${bytes.toString('hex')}`), gone];
}

const hex = (value: unknown): string => encodeValue(value).toString('hex');

test('a worker is told what it has, and then what is news at that moment', async () => {
  const told = new Told();
  const stream = told.to('a@h');
  const first = next(stream);
  told.commit({ x: 1, y: 1 });
  assert.deepEqual(await first, [1, [`x ${hex(1)}`, `y ${hex(1)}`], []]);
  assert.deepEqual(told.watched, [
    'hosts/h/nodes/a',
    'hosts/h/node-defaults',
    'cluster/node-defaults',
  ]);
  const startMs = performance.now();
  const second = next(stream);
  for (let x = 2; x <= 100; x++) told.commit({ x });
  assert.deepEqual(await second, [100, [`x ${hex(100)}`], ['y']]);
  assert.ok(performance.now() - startMs >= limits.controllerLookMs - 5);
  assert.equal(told.looks, 2);
  const last = next(stream);
  told.ending.abort();
  assert.equal(await last, null);
  assert.deepEqual(told.watched, []);
});

test('one who has been told more waits until this host has come as far', async () => {
  const told = new Told();
  told.commit({ x: 1 });
  const stream = told.to('a@h', { lineage: 'l', revision: 3 });
  let isTold = false;
  const first = next(stream).finally(() => {
    isTold = true;
  });
  told.commit({ x: 2 });
  await new Promise(setImmediate);
  assert.equal(isTold, false);
  told.commit({ x: 3 });
  assert.deepEqual(await first, [3, [`x ${hex(3)}`], []]);
  // Of another lineage, or without a place that can be read, nobody waits.
  for (const place of [{ lineage: 'm', revision: 9 }, { revision: 9 }, 'there']) {
    assert.deepEqual(await next(told.to('a@h', place)), [3, [`x ${hex(3)}`], []]);
  }
});

test('it waits for the revision, also where that is none of its own', async () => {
  const told = new Told();
  told.commit({ x: 1 });
  const first = next(told.to('a@h', { lineage: 'l', revision: 2 }));
  await new Promise(setImmediate);
  assert.equal(told.looks, 0);
  // A commit of somebody else, which no watch tells of.
  told.quiet();
  told.settings.look();
  assert.deepEqual(await first, [2, [`x ${hex(1)}`], []]);
});

test('nobody but workers of the host is told anything', () => {
  const told = new Told();
  for (const name of ['a@other', 'controller@h', 'controller@other']) {
    assert.throws(() => told.to(name), { code: 'ERR_FORBIDDEN' });
  }
});
