import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { Pool, type TaskHandler } from '../../../src/tasks/pool.js';
import type { RunAnswer, RunRequest } from '../../../src/tasks/task-messages.js';

interface Running {
  readonly body: unknown;
  readonly signal: AbortSignal;
  end(result: unknown): void;
  fail(error: unknown): void;
}

/** A pool whose handlers end when the test says so. */
class PoolAtHand {
  readonly begun: Running[] = [];
  readonly told: string[] = [];
  readonly room: string[] = [];
  readonly pool: Pool;
  #lastId = 0;

  constructor(concurrency: number, ahead = 0, handler?: TaskHandler) {
    const waiting: TaskHandler = (body, { signal }) =>
      new Promise((resolve, reject) => {
        this.begun.push({ body, signal, end: resolve, fail: reject });
      });
    this.pool = new Pool({
      name: 'p',
      handler: handler ?? waiting,
      concurrency,
      ahead,
      limits,
      ended: { count: 0 },
      progress: ({ from, id }, value) => void this.told.push(`${from} ${id} ${value}`),
      room: (from) => void this.room.push(from),
    });
  }

  ask(from: string, body: unknown, more: Partial<RunRequest> = {}, signal?: AbortSignal) {
    const plain = { pool: 'p', id: ++this.#lastId, attempt: 1, priority: 0, key: null };
    const request = { ...plain, idempotencyKey: null, body, ...more };
    return this.pool.accept(from, request, signal ?? new AbortController().signal);
  }

  get bodies(): unknown[] {
    return this.begun.map(({ body }) => body);
  }
}

const word = async (answer: Promise<RunAnswer>): Promise<string> => {
  const told = await answer;
  if (told.type === 'done') return `done ${told.result}`;
  return told.type === 'threw' ? `threw ${told.message}` : `refused ${told.isFull}`;
};

test('so many run, so many wait by priority, the rest is refused and told of room', async () => {
  const it = new PoolAtHand(1, 2);
  const first = it.ask('a', 'first');
  const low = it.ask('a', 'low');
  const high = it.ask('b', 'high', { priority: 5 });
  assert.equal(await word(it.ask('c', 'too much')), 'refused true');
  assert.equal(await word(it.ask('c', 'too much again')), 'refused true');
  assert.deepEqual(it.bodies, ['first']);
  it.begun[0]?.end(1);
  assert.equal(await word(first), 'done 1');
  assert.deepEqual(it.room, ['c']);
  assert.deepEqual(it.bodies, ['first', 'high']);
  it.begun[1]?.end(2);
  assert.equal(await word(high), 'done 2');
  it.begun[2]?.end(3);
  assert.equal(await word(low), 'done 3');
  // Both heard of one of the other, which is gone.
  assert.deepEqual(it.room, ['c', 'a', 'b']);
});

test('each is told how much there is of others, and how new that is', async () => {
  const it = new PoolAtHand(3);
  const first = it.ask('a', 1);
  it.ask('a', 2);
  it.ask('b', 3);
  assert.deepEqual(it.pool.load('a'), { ended: 0, others: 1 });
  assert.deepEqual(it.pool.load('c'), { ended: 0, others: 3 });
  it.begun[0]?.end(null);
  const { load } = await first;
  assert.deepEqual(load, { ended: 1, others: 1 });
  assert.deepEqual(it.pool.load('b'), { ended: 1, others: 1 });
});

test('who heard of others hears when they have half as much, and at last nothing', async () => {
  const it = new PoolAtHand(4);
  for (const body of [1, 2, 3, 4]) it.ask('a', body);
  const end = async (at: number) => {
    it.begun[at]?.end(null);
    await new Promise(setImmediate);
    return it.room.splice(0);
  };
  assert.equal(it.pool.load('b').others, 4);
  assert.deepEqual(await end(0), []);
  assert.deepEqual(await end(1), ['b']);
  assert.equal(it.pool.load('b').others, 2);
  assert.deepEqual(await end(2), ['b']);
  assert.equal(it.pool.load('b').others, 1);
  assert.deepEqual(await end(3), ['b']);
  assert.equal(it.pool.load('b').others, 0);
});

test('of those who heard of others, as many are kept as can be linked at once', async () => {
  const it = new PoolAtHand(1);
  it.ask('a', 1);
  for (let index = 0; index <= limits.peers; index++) it.pool.load(`b${index}`);
  it.begun[0]?.end(null);
  await new Promise(setImmediate);
  assert.equal(it.room.length, limits.peers);
  assert.equal(it.room[0], 'b1');
});

test('what is given up is aborted where it runs and forgotten where it waits', async () => {
  const it = new PoolAtHand(1, 1);
  const running = new AbortController();
  const waiting = new AbortController();
  it.ask('a', 1, {}, running.signal);
  it.ask('a', 2, {}, waiting.signal);
  assert.equal(await word(it.ask('b', 3)), 'refused true');
  waiting.abort('why not');
  assert.deepEqual(it.room, ['b']);
  running.abort('enough');
  assert.equal(it.begun[0]?.signal.reason, 'enough');
  // It runs on until it ends, and has its place until then.
  const { running: count } = it.pool.view;
  assert.equal(count, 1);
  it.ask('b', 4);
  assert.deepEqual(it.bodies, [1]);
  it.begun[0]?.fail(new Error('aborted'));
  await new Promise(setImmediate);
  assert.deepEqual(it.bodies, [1, 4]);
  const over = new AbortController();
  over.abort();
  assert.equal(await word(it.ask('a', 5, {}, over.signal)), 'refused false');
});

test('what has an idempotency key and comes again is not run again', async () => {
  const it = new PoolAtHand(2);
  const same = { idempotencyKey: 'k' };
  const first = it.ask('a', 1, same);
  const second = it.ask('b', 1, same);
  assert.deepEqual(it.bodies, [1]);
  it.begun[0]?.end(['same']);
  assert.deepEqual(await Promise.all([word(first), word(second)]), ['done same', 'done same']);
  assert.equal(await word(it.ask('c', 1, same)), 'done same');
  assert.deepEqual(it.bodies, [1]);
  // A failure is no result: it is tried again.
  const other = { idempotencyKey: 'l' };
  const bad = it.ask('a', 2, other);
  it.begun[1]?.fail(new Error('bad'));
  assert.equal(await word(bad), 'threw bad');
  it.ask('a', 2, other);
  assert.deepEqual(it.bodies, [1, 2, 2]);
});

test('one that all gave up is run anew for whoever comes then, when it has ended', async () => {
  const it = new PoolAtHand(3);
  const same = { idempotencyKey: 'k' };
  const [one, two] = [new AbortController(), new AbortController()];
  it.ask('a', 1, same, one.signal);
  it.ask('b', 1, same, two.signal);
  one.abort();
  assert.equal(it.begun[0]?.signal.aborted, false);
  two.abort();
  assert.equal(it.begun[0]?.signal.aborted, true);
  const again = it.ask('c', 1, same);
  const more = it.ask('d', 1, same);
  assert.deepEqual(it.bodies, [1]);
  it.begun[0]?.fail(new Error('aborted'));
  await new Promise(setImmediate);
  assert.deepEqual(it.bodies, [1, 1]);
  it.begun[1]?.end('at last');
  assert.equal(await word(again), 'done at last');
  assert.equal(await word(more), 'done at last');
});

test('one that was given up and ended well all the same is not run again', async () => {
  const it = new PoolAtHand(1);
  const same = { idempotencyKey: 'k' };
  const one = new AbortController();
  it.ask('a', 1, same, one.signal);
  one.abort();
  const again = it.ask('b', 1, same);
  it.begun[0]?.end('well');
  assert.equal(await word(again), 'done well');
  assert.deepEqual(it.bodies, [1]);
});

test('a result that cannot be told is a failure', async () => {
  const it = new PoolAtHand(1, 0, () => () => {});
  const told = await word(it.ask('a', 1, { idempotencyKey: 'k' }));
  assert.match(told, /^threw a body cannot hold a function/);
});

test('all who wait for a task are told of its progress', async () => {
  const it = new PoolAtHand(1, 0, (_, { progress }) => {
    progress('half');
    return new Promise(() => {});
  });
  it.ask('a', 1, { idempotencyKey: 'k' });
  assert.deepEqual(it.told, ['a 1 half']);
});

test('drained, it gives back what waits, takes none, and is done when all is', async () => {
  const it = new PoolAtHand(1, 2);
  const first = it.ask('a', 1);
  const second = it.ask('a', 2);
  let isDrained = false;
  const drained = it.pool.drain().then(() => {
    isDrained = true;
  });
  assert.equal(await word(second), 'refused false');
  assert.equal(await word(it.ask('b', 3)), 'refused false');
  assert.equal(isDrained, false);
  it.begun[0]?.end('over');
  assert.equal(await word(first), 'done over');
  await drained;
  assert.deepEqual(it.bodies, [1]);
  assert.deepEqual(it.room, []);
  await it.pool.drain();
});
