import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import test from 'node:test';
import { linkedPair } from './cluster.js';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const OTHER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-00';

test('outcomes come in the context of their send, also where all have one callback', async () => {
  const { cluster, one, two } = await linkedPair();
  two.node.handle('t', () => {});
  two.node.subscribe('t', () => {});
  await cluster.run(10);
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const onOutcome = () => void seen.push(storage.getStore());
  for (const name of ['first', 'second']) {
    storage.run(name, () => one.node.send('two@host2', 't', 1, { onOutcome }));
  }
  storage.run('third', () => one.node.publish('t', 1, { onOutcome }));
  one.node.send('two@host2', 't', 1, { onOutcome });
  await cluster.run(20);
  assert.deepEqual(seen.sort(), ['first', 'second', 'third', undefined]);
});

test('answers, items and monitors come in the context of who asked', async () => {
  const { cluster, one, two } = await linkedPair();
  two.node.handle('echo', (body) => body);
  two.node.handle('count', async function* () {
    yield 1;
    yield 2;
  });
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const asked = storage.run('mine', async () => {
    await one.node.call('two@host2', 'echo', 1);
    seen.push(storage.getStore());
    for await (const item of one.node.stream('two@host2', 'count', null)) {
      seen.push(`${storage.getStore()} ${item}`);
    }
    one.node.monitor('two@host2', () => seen.push(`${storage.getStore()} gone`));
  });
  await cluster.until(asked);
  cluster.network.kill('10.1.0.2', 'lost');
  await cluster.run(10);
  assert.deepEqual(seen, ['mine', 'mine 1', 'mine 2', 'mine gone']);
});

test('a context that a handler makes lasts through what it awaits', async () => {
  const { cluster, one, two } = await linkedPair();
  const storage = new AsyncLocalStorage<unknown>();
  one.node.handle('echo', (body) => body);
  two.node.handle('relay', (body) =>
    storage.run(body, async () => {
      await two.node.call('one@host1', 'echo', null);
      return storage.getStore();
    }),
  );
  const calls = [1, 2, 3].map((body) => one.node.call('two@host2', 'relay', body));
  assert.deepEqual(await cluster.until(Promise.all(calls)), [1, 2, 3]);
});

test('what a callback of an outcome throws is no matter of the link', async () => {
  const { cluster, one, two } = await linkedPair();
  two.node.handle('t', () => {});
  const thrown: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', (error) => thrown.push(error));
  const error = new Error('bug');
  one.node.send('two@host2', 't', 1, {
    onOutcome: () => {
      throw error;
    },
  });
  await cluster.run(20);
  for (const listener of listeners) process.on('uncaughtException', listener);
  assert.deepEqual(thrown, [error]);
  assert.equal(one.node.nodes.length, 1);
});

test('a trace travels with every kind of message, and into what its handler sends', async () => {
  const { cluster, one, two } = await linkedPair();
  const seen: [string, string | undefined][] = [];
  for (const topic of ['send', 'call', 'stream', 'publish']) {
    one.node.handle(`back-${topic}`, (_, { traceparent }) => void seen.push([topic, traceparent]));
  }
  const answer = async (topic: string) => {
    await Promise.resolve();
    await two.node.call('one@host1', `back-${topic}`, null);
  };
  two.node.handle('send', () => answer('send'));
  two.node.handle('call', () => answer('call'));
  two.node.handle('stream', async function* () {
    yield await answer('stream');
  });
  two.node.subscribe('publish', () => answer('publish'));
  await cluster.run(10);
  const all = async (options: { traceparent?: string }) => {
    one.node.send('two@host2', 'send', null, options);
    one.node.publish('publish', null, options);
    await cluster.until(one.node.call('two@host2', 'call', null, options));
    for await (const _ of { [Symbol.asyncIterator]: () => items(options) });
    await cluster.run(20);
    return new Map(seen.splice(0).sort());
  };
  const items = (options: { traceparent?: string }) => {
    const stream = one.node.stream('two@host2', 'stream', null, options);
    return { next: () => cluster.until(stream.next()) };
  };
  const topics = ['call', 'publish', 'send', 'stream'];
  const every = (traceparent: string | undefined) =>
    new Map(topics.map((topic) => [topic, traceparent]));
  // None, before any has come and after.
  assert.deepEqual(await all({}), every(undefined));
  assert.deepEqual(await all({ traceparent: TRACE }), every(TRACE));
  assert.deepEqual(await all({}), every(undefined));
});

test('a handler may give its own messages another trace; what is none is refused', async () => {
  const { cluster, one, two } = await linkedPair();
  one.node.handle('which', (_, { traceparent }) => traceparent);
  two.node.handle('ask', async () => [
    await two.node.call('one@host1', 'which', null),
    await two.node.call('one@host1', 'which', null, { traceparent: OTHER }),
  ]);
  const call = one.node.call('two@host2', 'ask', null, { traceparent: TRACE });
  assert.deepEqual(await cluster.until(call), [TRACE, OTHER]);
  for (const traceparent of ['', 'x', TRACE.replace('00-', 'ff-')]) {
    const options = { traceparent };
    assert.throws(() => one.node.send('two@host2', 't', 1, options), { code: 'ERR_ARGUMENT' });
    assert.throws(() => one.node.publish('t', 1, options), { code: 'ERR_ARGUMENT' });
    const refused = one.node.call('two@host2', 't', 1, options);
    await assert.rejects(refused, { code: 'ERR_ARGUMENT' });
  }
});
