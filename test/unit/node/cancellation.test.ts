import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import test from 'node:test';
import type { MessageContext } from '../../../src/node/handling.js';
import { encodeBody } from '../../../src/wire/payload.js';
import { inject, linkedPair, type Member, words } from './cluster.js';

/** A handler that never answers, and what its signal told. */
function hang({ node }: Member, topic = 'hang'): { readonly told: unknown[] } {
  const told: unknown[] = [];
  node.handle(topic, (_, { signal }) => {
    signal.addEventListener('abort', () => told.push((signal.reason as { code: string }).code));
    return new Promise(() => {});
  });
  return { told };
}

test('the abort of a call reaches the handler', async () => {
  const { cluster, one, two } = await linkedPair();
  const { told } = hang(two);
  const control = new AbortController();
  const call = one.node.call('two@host2', 'hang', null, { signal: control.signal });
  const failed = assert.rejects(call, { code: 'ERR_CANCELLED', cause: 'enough' });
  await cluster.run(10);
  control.abort('enough');
  await failed;
  await cluster.run(10);
  assert.deepEqual(told, ['ERR_CANCELLED']);
});

test('an abort in the same turn follows the call and does not overtake it', async () => {
  const { cluster, one, two } = await linkedPair();
  const { told } = hang(two);
  const control = new AbortController();
  const call = one.node.call('two@host2', 'hang', null, { signal: control.signal });
  control.abort();
  await assert.rejects(call, { code: 'ERR_CANCELLED' });
  await cluster.run(20);
  assert.deepEqual(told, ['ERR_CANCELLED']);
});

test('one signal serves any number of calls, without a warning', async () => {
  const { cluster, one, two } = await linkedPair();
  const { told } = hang(two);
  two.node.handle('echo', (body) => body);
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  const control = new AbortController();
  const { signal } = control;
  const ask = (topic: string) => one.node.call('two@host2', topic, null, { signal });
  const echoes = Array.from({ length: 20 }, () => ask('echo'));
  await cluster.until(Promise.all(echoes));
  assert.deepEqual(getEventListeners(signal, 'abort'), [], 'nobody waits, nobody listens');
  const failures = Array.from({ length: 20 }, () =>
    assert.rejects(ask('hang'), { code: 'ERR_CANCELLED', cause: 'enough' }),
  );
  await cluster.until(ask('echo'));
  control.abort('enough');
  await cluster.until(Promise.all(failures));
  await cluster.run(20);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', listen);
  assert.deepEqual(warnings, []);
  assert.equal(told.length, 20);
});

test('the deadline of the caller reaches the handler', async () => {
  const { cluster, one, two } = await linkedPair();
  const { told } = hang(two);
  const call = one.node.call('two@host2', 'hang', null, { deadlineMs: 50 });
  const failed = assert.rejects(call, { code: 'ERR_TIMEOUT' });
  await cluster.run(60);
  await failed;
  assert.deepEqual(told, ['ERR_TIMEOUT']);
});

test('the end of the link reaches the handlers of calls and of messages', async () => {
  const { cluster, one, two } = await linkedPair();
  const { told } = hang(two);
  hang(two, 'other');
  const late: MessageContext[] = [];
  two.node.handle('late', (_, context) => {
    late.push(context);
    return new Promise(() => {});
  });
  for (const topic of ['hang', 'late']) {
    one.node.call('two@host2', topic, null).catch(() => {});
    one.node.send('two@host2', topic, null);
  }
  await cluster.run(10);
  cluster.network.kill('10.1.0.1', 'lost');
  await cluster.run(10);
  assert.deepEqual(told, ['ERR_LINK_DOWN', 'ERR_LINK_DOWN']);
  // Who asks for the signal only now is told as well.
  assert.deepEqual(
    late.map(({ signal }) => [signal.aborted, (signal.reason as { code: string }).code]),
    [
      [true, 'ERR_LINK_DOWN'],
      [true, 'ERR_LINK_DOWN'],
    ],
  );
});

test('who asks for the signal after the cancellation is told; who is done is not', async () => {
  const { cluster, one, two } = await linkedPair();
  const seen: boolean[] = [];
  let proceed = () => {};
  two.node.handle('slow', async (_, context) => {
    await new Promise<void>((resolve) => {
      proceed = resolve;
    });
    seen.push(context.signal.aborted);
  });
  let answered: AbortSignal | null = null;
  two.node.handle('quick', (_, { signal }) => {
    answered = signal;
    return 'answer';
  });
  const control = new AbortController();
  const { signal } = control;
  const call = one.node.call('two@host2', 'slow', null, { signal });
  assert.equal(
    await cluster.until(one.node.call('two@host2', 'quick', null, { signal })),
    'answer',
  );
  const failed = assert.rejects(call, { code: 'ERR_CANCELLED' });
  control.abort();
  await failed;
  await cluster.run(10);
  proceed();
  await cluster.run(10);
  assert.deepEqual(seen, [true]);
  assert.equal(answered!.aborted, false);
});

test('a handler that is cancelled answers nobody', async () => {
  const { cluster, one, two } = await linkedPair();
  two.node.handle('slow', (_, { signal }) => {
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  });
  const control = new AbortController();
  const call = one.node.call('two@host2', 'slow', null, { signal: control.signal });
  control.abort();
  await assert.rejects(call, { code: 'ERR_CANCELLED' });
  await cluster.run(20);
  const received = [...cluster.network.carriers].map((carrier) => carrier.received);
  await cluster.run(20);
  assert.deepEqual(
    [...cluster.network.carriers].map((carrier) => carrier.received),
    received,
  );
  assert.deepEqual(words(two.diary, 'handlerError'), []);
});

test('what is no signal is refused', async () => {
  const { one } = await linkedPair();
  const call = one.node.call('two@host2', 't', null, { signal: {} as AbortSignal });
  await assert.rejects(call, { code: 'ERR_ARGUMENT' });
});

test('topics of the node itself cannot be sent to', async () => {
  const { one } = await linkedPair();
  const topic = 'backplane:cancel';
  const refused = { code: 'ERR_ARGUMENT' };
  assert.throws(() => one.node.send('two@host2', topic, [1, 'cancelled']), refused);
  assert.throws(() => one.node.stream('two@host2', topic, null), refused);
  assert.throws(() => one.node.publish(topic, null), refused);
  assert.throws(() => one.node.subscribe(topic, () => {}), refused);
  await assert.rejects(one.node.call('two@host2', 'backplane:ping', null), refused);
});

test('messages of a node that are malformed end its link, and nothing else', async () => {
  const name = 'x'.repeat(256);
  const bad: [string, unknown][] = [
    ['cancel', null],
    ['cancel', [1]],
    ['cancel', [0, 'cancelled']],
    ['cancel', [1, 'why not']],
    ['credit', [1, -1]],
    ['credit', ['1', 1]],
    ['credit', [1, 2 ** 53]],
    ['unanswered', [1, 2]],
    ['unanswered', ['1', 'ERR_QUEUE_FULL']],
    ['subscriptions', [['a']]],
    ['subscriptions', [[''], []]],
    ['subscriptions', [[name], []]],
    ['groups', [[], [1]]],
    ['groups', [Array.from({ length: 201 }, (_, i) => `${i}`), []]],
  ];
  for (const [topic, value] of bad) {
    const { cluster, two } = await linkedPair({ security: 'authenticated' });
    inject(cluster, 2, { topic: `backplane:${topic}`, ...encodeBody(value) });
    await cluster.run(5);
    const text = `${topic} ${JSON.stringify(value)}`;
    assert.deepEqual(words(two.diary, 'nodedown'), ['nodedown refused'], text);
  }
});

test('cancellations and credit for nothing change nothing, nor do unknown topics', async () => {
  const { cluster, two } = await linkedPair({ security: 'authenticated' });
  inject(
    cluster,
    2,
    { topic: 'backplane:cancel', ...encodeBody([7, 'cancelled']) },
    { topic: 'backplane:credit', ...encodeBody([7, 7]) },
    { topic: 'backplane:unanswered', ...encodeBody([7, 'ERR_QUEUE_FULL']) },
    { topic: 'backplane:of-tomorrow', ...encodeBody([7, 7]) },
    { kind: 'reply', id: 7, topic: '' },
    { kind: 'item', id: 7, topic: '' },
  );
  assert.deepEqual(words(two.diary, 'nodedown'), []);
});

test('a call that comes twice ends the link', async () => {
  const { cluster, two } = await linkedPair({ security: 'authenticated' });
  hang(two);
  const call = { kind: 'call', id: 7, topic: 'hang' } as const;
  inject(cluster, 2, call, call);
  await cluster.run(5);
  assert.deepEqual(words(two.diary, 'nodedown'), ['nodedown refused']);
});
