import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import type { IncomingStream } from '../../../src/node/incoming-stream.js';
import { type Cluster, inject, injectAt, linkedPair, words } from './cluster.js';

/** Counts from 1 to `last`, and notes how far it came and how it ended. */
function counter(body: (value: number) => unknown = (value) => value) {
  const diary = { made: 0, ended: false };
  async function* count(last: unknown): AsyncGenerator<unknown> {
    try {
      for (let value = 1; value <= (last as number); value++) {
        diary.made = value;
        yield body(value);
      }
    } finally {
      diary.ended = true;
    }
  }
  return { diary, count };
}

async function readAll<T>(cluster: Cluster, stream: IncomingStream<T>): Promise<T[]> {
  const items: T[] = [];
  const reading = (async () => {
    for await (const item of stream) items.push(item);
  })();
  await cluster.until(reading);
  return items;
}

const next = <T>(cluster: Cluster, stream: IncomingStream<T>) => cluster.until(stream.next());

test('a stream is read to its end, in order', async () => {
  const { cluster, one, two } = await linkedPair();
  const { count, diary } = counter();
  two.node.handle('count', count);
  two.node.handle('later', async (last) => counter().count(last));
  const items = await readAll(cluster, one.node.stream('two@host2', 'count', 1000));
  assert.deepEqual(
    items,
    Array.from({ length: 1000 }, (_, i) => i + 1),
  );
  assert.deepEqual(diary, { made: 1000, ended: true });
  assert.deepEqual(await readAll(cluster, one.node.stream('two@host2', 'later', 2)), [1, 2]);
  assert.deepEqual(await readAll(cluster, one.node.stream('two@host2', 'count', 0)), []);
});

test('who does not read holds the handler up: what lies between is bounded', async () => {
  const { cluster, one, two } = await linkedPair();
  const itemBytes = 10_000;
  const { count, diary } = counter(() => Buffer.alloc(itemBytes));
  two.node.handle('count', count);
  const stream = one.node.stream('two@host2', 'count', 10_000);
  await cluster.run(5000);
  const most = limits.streamCreditBytes / itemBytes + 1;
  assert.ok(diary.made <= most && diary.made > most - 3, `${diary.made} items`);
  for (let i = 0; i < 100; i++) await next(cluster, stream);
  await cluster.run(100);
  assert.ok(diary.made > 100 && diary.made <= 100 + most, `${diary.made} items`);
});

test('a window of its own, and items greater than it', async () => {
  const { cluster, one, two } = await linkedPair();
  const { count, diary } = counter(() => Buffer.alloc(limits.streamItemBytes));
  two.node.handle('count', count);
  const creditBytes = limits.streamInitialCreditBytes;
  const stream = one.node.stream('two@host2', 'count', 20, { creditBytes });
  await cluster.run(1000);
  assert.equal(diary.made, 1);
  assert.equal((await readAll(cluster, stream)).length, 20);
  for (const wrong of [creditBytes - 1, limits.streamCreditMaxBytes + 1, 1e5 + 0.5]) {
    const options = { creditBytes: wrong };
    assert.throws(() => one.node.stream('two@host2', 'count', 1, options), {
      code: 'ERR_ARGUMENT',
    });
  }
});

test('leaving the loop ends the handler and aborts its signal', async () => {
  const { cluster, one, two } = await linkedPair();
  const { count, diary } = counter(() => Buffer.alloc(50_000));
  const aborted: unknown[] = [];
  two.node.handle('count', (last, { signal, isCall, isStream }) => {
    assert.ok(isCall && isStream);
    signal.addEventListener('abort', () => aborted.push((signal.reason as { code: string }).code));
    return count(last);
  });
  const reading = (async () => {
    for await (const item of one.node.stream('two@host2', 'count', 1000)) return item;
    return null;
  })();
  assert.equal(((await cluster.until(reading)) as Buffer).length, 50_000);
  await cluster.run(20);
  assert.deepEqual(aborted, ['ERR_CANCELLED']);
  assert.equal(diary.ended, true);
  assert.ok(diary.made < 20);
});

test('return before anything has arrived, and after the end', async () => {
  const { cluster, one, two } = await linkedPair();
  const { count, diary } = counter();
  two.node.handle('count', count);
  const stream = one.node.stream('two@host2', 'count', 1e6);
  assert.deepEqual(await stream.return(), { value: undefined, done: true });
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
  await cluster.run(50);
  assert.ok(diary.made < 1e6);
  const { made } = diary;
  await cluster.run(50);
  assert.equal(diary.made, made);
  assert.deepEqual(await stream.return(), { value: undefined, done: true });
  await assert.rejects(stream.throw(new Error('mine')), { message: 'mine' });
});

test('a handler that fails: what came before is read, then its code', async () => {
  const { cluster, one, two } = await linkedPair();
  two.node.handle('fails', async function* () {
    yield 1;
    throw Object.assign(new Error('no room'), { code: 'E_FULL' });
  });
  const stream = one.node.stream('two@host2', 'fails', null);
  await cluster.run(20);
  assert.deepEqual(await stream.next(), { value: 1, done: false });
  await assert.rejects(stream.next(), { code: 'ERR_HANDLER', remoteCode: 'E_FULL' });
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
});

test('failures of all kinds have their codes', async () => {
  const { cluster, one, two } = await linkedPair();
  two.node.handle('throws', () => {
    throw Object.assign(new Error('at once'), { code: 'E_ONCE' });
  });
  two.node.handle('plain', () => 'no stream');
  two.node.handle('huge', async function* () {
    yield Buffer.alloc(limits.streamItemBytes + 1);
  });
  two.node.handle('odd', async function* () {
    yield () => {};
  });
  two.node.handle('odder', () => ({
    [Symbol.asyncIterator]: () => {
      throw Object.assign(new Error('no iterator'), { code: 'E_ITERATOR' });
    },
  }));
  const { count } = counter();
  two.node.handle('count', count);
  for (const [topic, remoteCode] of [
    ['throws', 'E_ONCE'],
    ['plain', 'ERR_STATE'],
    ['huge', 'ERR_MESSAGE_TOO_LARGE'],
    ['odd', 'ERR_ARGUMENT'],
    ['odder', 'E_ITERATOR'],
  ] as const) {
    const stream = one.node.stream('two@host2', topic, null);
    await assert.rejects(next(cluster, stream), { code: 'ERR_HANDLER', remoteCode }, topic);
  }
  const unknown = one.node.stream('two@host2', 'unknown', null);
  await assert.rejects(next(cluster, unknown), { code: 'ERR_NO_HANDLER' });
  const call = cluster.until(one.node.call('two@host2', 'count', 3));
  await assert.rejects(call, { code: 'ERR_HANDLER', remoteCode: 'ERR_STATE' });
  assert.throws(() => one.node.stream('three@host3', 'count', 3), { code: 'ERR_NO_LINK' });
});

test('the end of the link ends the stream, with its outcome, and the handler', async () => {
  const { cluster, one, two } = await linkedPair();
  const { count, diary } = counter(() => Buffer.alloc(50_000));
  two.node.handle('count', count);
  const stream = one.node.stream('two@host2', 'count', 1000);
  await next(cluster, stream);
  await cluster.run(20);
  for (const { node } of [one, two]) node.disconnect(node === one.node ? 'two@host2' : 'one@host1');
  await cluster.run(4000);
  let read = 0;
  const rest = (async () => {
    for await (const item of stream) read += (item as Buffer).length;
  })();
  await assert.rejects(cluster.until(rest), { code: 'ERR_LINK_DOWN', outcome: 'delivered' });
  assert.ok(read > 0);
  assert.equal(diary.ended, true);
});

test('an item that does not come in time ends the stream; only waiting counts', async () => {
  const { cluster, one, two } = await linkedPair();
  const aborted: unknown[] = [];
  two.node.handle('stuck', async function* (_, { signal }) {
    signal.addEventListener('abort', () => aborted.push((signal.reason as { code: string }).code));
    yield 1;
    await new Promise(() => {});
  });
  const stream = one.node.stream('two@host2', 'stuck', null, { idleMs: 50 });
  await cluster.run(1000);
  assert.equal((await stream.next()).value, 1);
  await cluster.run(1000);
  const failed = assert.rejects(stream.next(), { code: 'ERR_TIMEOUT' });
  await cluster.run(60);
  await failed;
  assert.deepEqual(aborted, ['ERR_TIMEOUT']);
});

test('the abort of the signal ends the stream for who waits', async () => {
  const { cluster, one, two } = await linkedPair();
  two.node.handle('stuck', async function* () {
    await new Promise(() => {});
  });
  const control = new AbortController();
  const stream = one.node.stream('two@host2', 'stuck', null, { signal: control.signal });
  const failed = assert.rejects(stream.next(), { code: 'ERR_CANCELLED', cause: 'why' });
  const second = stream.next();
  await cluster.run(10);
  control.abort('why');
  await failed;
  assert.deepEqual(await second, { value: undefined, done: true });
});

test('streams wait for a link that has no room, and all go on when it has', async () => {
  const { cluster, one, two } = await linkedPair();
  const producers = Array.from({ length: 20 }, () => counter(() => Buffer.alloc(60_000)));
  for (const [index, { count }] of producers.entries()) two.node.handle(`count${index}`, count);
  const carrier = [...cluster.network.carriers].find((c) => c.localAddresses[0] === '10.1.0.2')!;
  carrier.setRoom(false);
  const streams = producers.map((_, index) => one.node.stream('two@host2', `count${index}`, 50));
  await cluster.run(100);
  const made = producers.reduce((sum, { diary }) => sum + diary.made, 0);
  assert.ok(made * 60_000 < limits.outboxHighWaterBytes + 20 * 60_000 + 60_000, `${made} items`);
  carrier.setRoom(true);
  const all = await Promise.all(streams.map((stream) => readAll(cluster, stream)));
  assert.deepEqual(
    all.map(({ length }) => length),
    Array(20).fill(50),
  );
});

test('small messages pass a stream that nobody reads', async () => {
  const { cluster, one, two } = await linkedPair();
  const { count } = counter(() => Buffer.alloc(60_000));
  two.node.handle('count', count);
  two.node.handle('echo', (body) => body);
  one.node.stream('two@host2', 'count', 1000);
  await cluster.run(100);
  assert.equal(await cluster.until(one.node.call('two@host2', 'echo', 'here')), 'here');
});

test('streams that one peer may read at once are bounded', async () => {
  const { cluster, two } = await linkedPair({ security: 'authenticated' });
  let started = 0;
  two.node.handle('endless', async function* () {
    started += 1;
    await new Promise(() => {});
  });
  const asked = Array.from({ length: limits.producers + 5 }, (_, index) => {
    return { kind: 'stream', id: index + 1, topic: 'endless', body: Buffer.alloc(0) } as const;
  });
  inject(cluster, 2, ...asked);
  await cluster.run(0);
  assert.equal(started, limits.producers);
  assert.deepEqual(words(two.diary, 'nodedown'), []);
});

test('a peer that sends more of a stream than it has credit for is refused', async () => {
  const { cluster, one, two } = await linkedPair({ security: 'authenticated' });
  two.node.handle('quiet', async function* () {
    await new Promise(() => {});
  });
  const stream = one.node.stream('two@host2', 'quiet', null);
  await cluster.run(10);
  const body = Buffer.alloc(60_000);
  const within = Math.ceil(limits.streamCreditBytes / (body.length + 64));
  for (let sequence = 0; sequence <= within; sequence++) {
    assert.deepEqual(words(one.diary, 'nodedown'), []);
    injectAt(cluster, 1, sequence, { kind: 'item', id: 1, topic: '', body });
  }
  await cluster.run(0);
  assert.deepEqual(words(one.diary, 'nodedown'), ['nodedown refused']);
  for (let i = 0; i < within; i++) assert.equal((await stream.next()).done, false);
  await assert.rejects(stream.next(), { code: 'ERR_LINK_DOWN' });
});
