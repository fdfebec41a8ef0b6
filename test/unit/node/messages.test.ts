import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import type { MessageContext } from '../../../src/node/handling.js';
import type { NodeOptions } from '../../../src/node/options.js';
import { profiles } from '../../../src/timing/profiles.js';
import { BUNDLE_HEADER_BYTES, writeBundleHeader } from '../../../src/wire/bundle.js';
import { messageRecordBytes, writeMessageHead } from '../../../src/wire/records.js';
import { Cluster, type Member, words } from './cluster.js';

async function linked(
  options: Partial<NodeOptions> = {},
): Promise<{ cluster: Cluster; one: Member; two: Member }> {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1, options);
  const two = await cluster.start('two', 2, options);
  await cluster.link(one, two);
  return { cluster, one, two };
}

test('messages arrive once, in the order of their key, with who sent them', async () => {
  const { cluster, one, two } = await linked();
  const seen: unknown[] = [];
  const contexts: MessageContext[] = [];
  two.node.handle('count', (body, context) => {
    seen.push(body);
    contexts.push(context);
  });
  for (let i = 0; i < 200; i += 1) one.node.send('two@host2', 'count', i, { orderKey: 'k' });
  await cluster.run(10);
  assert.deepEqual(
    seen,
    Array.from({ length: 200 }, (_, i) => i),
  );
  const { from, topic, isCall, isStream, traceparent, signal } = contexts[0]!;
  assert.deepEqual([from, topic, isCall, isStream], ['one@host1', 'count', false, false]);
  assert.deepEqual([traceparent, signal.aborted], [undefined, false]);
});

test('a handler gives back the memory of a large body, and of no other', async () => {
  const { cluster, one, two } = await linked();
  const seen: { body: Buffer; before: number; context: MessageContext }[] = [];
  const released = (body: unknown, context: MessageContext) => {
    seen.push({ body: body as Buffer, before: (body as Buffer).length, context });
    context.release();
    context.release();
  };
  two.node.handle('t', released);
  two.node.handle('in', (body, context) => released((body as { data: Buffer }).data, context));
  two.node.handle('kept', (body, context) => {
    seen.push({ body: body as Buffer, before: (body as Buffer).length, context });
  });
  two.node.subscribe('p', released);
  const large = Buffer.alloc(2 * limits.fragmentBytes, 7);
  await cluster.run(10);
  one.node.send('two@host2', 't', large, { orderKey: 'k' });
  one.node.send('two@host2', 'in', { data: large }, { orderKey: 'k' });
  one.node.send('two@host2', 't', large.subarray(0, 1000), { orderKey: 'k' });
  await cluster.run(10);
  one.node.publish('p', large);
  one.node.send('two@host2', 'kept', large);
  await cluster.run(10);
  assert.deepEqual(
    seen.map(({ before, body }) => [before, body.length]),
    [
      [large.length, 0],
      [large.length, 0],
      [1000, 1000],
      [large.length, large.length],
      [large.length, large.length],
    ],
  );
  // Its handler is done: the memory is the program's.
  for (const { context } of seen) context.release();
  assert.deepEqual(
    seen.slice(2).map(({ body }) => body.equals(large.subarray(0, body.length))),
    [true, true, true],
  );
});

test('both ends of a link send, whoever dialled', async () => {
  const { cluster, one, two } = await linked();
  const seen: unknown[] = [];
  one.node.handle('t', (body) => seen.push(body));
  two.node.send('one@host1', 't', Buffer.from('bytes'));
  two.node.send('one@host1', 't', { list: [1, 'two', null] });
  await cluster.run(10);
  assert.deepEqual(seen, [Buffer.from('bytes'), { list: [1, 'two', null] }]);
});

test('without a link a send fails at once', async () => {
  const { one } = await linked();
  assert.throws(() => one.node.send('three@host3', 't', 1), { code: 'ERR_NO_LINK' });
  await assert.rejects(one.node.call('three@host3', 't', 1), { code: 'ERR_NO_LINK' });
});

test('what cannot be sent is refused before anything is', async () => {
  const { one } = await linked();
  const send = (topic: unknown, body: unknown, options?: unknown) => () =>
    one.node.send('two@host2', topic as string, body, options as never);
  assert.throws(send('t', Buffer.alloc(limits.messageBytes + 1)), {
    code: 'ERR_MESSAGE_TOO_LARGE',
  });
  assert.throws(send('', 1), { code: 'ERR_ARGUMENT' });
  assert.throws(send('t', new Date(Number.NaN)), { code: 'ERR_ARGUMENT' });
  assert.throws(send('t', 1, { orderKey: 1 }), { code: 'ERR_ARGUMENT' });
});

test('the largest message passes', async () => {
  const { cluster, one, two } = await linked();
  let length = 0;
  two.node.handle('t', (body) => {
    length = (body as Buffer).length;
  });
  assert.equal(one.node.send('two@host2', 't', Buffer.alloc(limits.messageBytes)), false);
  await cluster.run(10);
  assert.equal(length, limits.messageBytes);
});

test('back-pressure: send says when there is no room, drain when there is', async () => {
  const { cluster, one } = await linked();
  const [carrier] = [...cluster.network.carriers];
  carrier!.setRoom(false);
  const body = Buffer.alloc(60_000);
  assert.equal(one.node.send('two@host2', 't', body), true);
  await cluster.run(1);
  while (one.node.send('two@host2', 't', body));
  await cluster.run(1);
  assert.deepEqual(words(one.diary, 'drain'), []);
  carrier!.setRoom(true);
  await cluster.run(1);
  assert.deepEqual(words(one.diary, 'drain'), ['drain']);
});

test('a call is answered by a value or by a promise', async () => {
  const { cluster, one, two } = await linked();
  two.node.handle('double', (body) => Number(body) * 2);
  two.node.handle('later', async (body) => [body]);
  two.node.handle('nothing', () => {});
  const call = (topic: string) => cluster.until(one.node.call('two@host2', topic, 21));
  assert.equal(await call('double'), 42);
  assert.deepEqual(await call('later'), [21]);
  assert.equal(await call('nothing'), undefined);
});

test('every node answers a ping', async () => {
  const { cluster, one } = await linked();
  assert.equal(await cluster.until(one.node.ping('two@host2')), 2);
});

test('a handler that throws or rejects fails the call with its code and message', async () => {
  const { cluster, one, two } = await linked();
  two.node.handle('throws', () => {
    throw Object.assign(new Error('no room'), { code: 'E_FULL' });
  });
  two.node.handle('rejects', () => Promise.reject('just text'));
  two.node.handle('odd', () => {
    throw Object.create(null);
  });
  const call = (topic: string) => cluster.until(one.node.call('two@host2', topic, null));
  await assert.rejects(call('throws'), {
    name: 'NodeError',
    code: 'ERR_HANDLER',
    remoteCode: 'E_FULL',
    remoteMessage: 'no room',
  });
  await assert.rejects(call('rejects'), { code: 'ERR_HANDLER', remoteCode: null });
  await assert.rejects(call('odd'), { code: 'ERR_HANDLER' });
  assert.deepEqual(words(two.diary, 'handlerError'), []);
});

test('a handler that answers what cannot be sent fails the call', async () => {
  const { cluster, one, two } = await linked();
  two.node.handle('huge', () => Buffer.alloc(limits.messageBytes + 1));
  const call = cluster.until(one.node.call('two@host2', 'huge', null));
  await assert.rejects(call, { code: 'ERR_HANDLER', remoteCode: 'ERR_MESSAGE_TOO_LARGE' });
});

test('a call of a topic without handler fails so; a handler may come and go', async () => {
  const { cluster, one, two } = await linked();
  const call = () => cluster.until(one.node.call('two@host2', 't', null));
  await assert.rejects(call(), { code: 'ERR_NO_HANDLER' });
  const remove = two.node.handle('t', () => 'here');
  assert.throws(() => two.node.handle('t', () => 'twice'), { code: 'ERR_STATE' });
  assert.equal(await call(), 'here');
  remove();
  await assert.rejects(call(), { code: 'ERR_NO_HANDLER' });
});

test('topics of the node itself and what is no function are refused', async () => {
  const { one } = await linked();
  assert.throws(() => one.node.handle('backplane:ping', () => {}), { code: 'ERR_ARGUMENT' });
  assert.throws(() => one.node.handle('t', 'no function' as never), { code: 'ERR_ARGUMENT' });
});

test('a call that is not answered in time fails', async () => {
  const { cluster, one, two } = await linked();
  two.node.handle('never', () => new Promise(() => {}));
  const call = one.node.call('two@host2', 'never', null, { deadlineMs: 50 });
  const failed = assert.rejects(call, { code: 'ERR_TIMEOUT' });
  await cluster.run(50);
  await failed;
  const bad = one.node.call('two@host2', 'never', null, { deadlineMs: -1 });
  await assert.rejects(bad, { code: 'ERR_ARGUMENT' });
});

test('a call that says no deadline has that of the profile', async () => {
  for (const profile of ['lan', 'mesh'] as const) {
    const { cluster, one, two } = await linked({ profile });
    two.node.handle('never', () => new Promise(() => {}));
    const deadlineMs = profiles[profile].callDeadlineMs;
    const failed = assert.rejects(one.node.call('two@host2', 'never', null), {
      code: 'ERR_TIMEOUT',
      message: new RegExp(`no answer within ${deadlineMs} ms`),
    });
    await cluster.run(deadlineMs);
    await failed;
  }
  assert.equal(profiles.lan.callDeadlineMs, limits.callDeadlineMs);
});

test('a handler of a sent message that throws is reported, and nothing else happens', async () => {
  const { cluster, one, two } = await linked();
  const error = new Error('bug');
  two.node.handle('throws', () => {
    throw error;
  });
  two.node.handle('rejects', () => Promise.reject(error));
  one.node.send('two@host2', 'throws', 1);
  one.node.send('two@host2', 'rejects', 1);
  await cluster.run(10);
  const failures = two.diary.filter(([name]) => name === 'handlerError');
  assert.deepEqual(
    failures.map(([, event]) => event),
    [
      { name: 'one@host1', topic: 'throws', error },
      { name: 'one@host1', topic: 'rejects', error },
    ],
  );
  assert.deepEqual(words(two.diary, 'nodedown'), []);
});

test('with nobody listening it becomes a warning, once in a time', async () => {
  const { cluster, one, two } = await linked();
  two.node.removeAllListeners('handlerError');
  two.node.handle('throws', () => {
    throw new Error('bug in a handler');
  });
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  for (let i = 0; i < 5; i += 1) one.node.send('two@host2', 'throws', i);
  await cluster.run(10);
  process.off('warning', listen);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!.message, /handler of throws, message from one@host1.*bug in a handler/);
});

test('a body that cannot be read ends the link, and the node lives on', async () => {
  const { cluster, one, two } = await linked({ security: 'authenticated' });
  two.node.handle('t', () => {});
  const arriving = [...cluster.network.carriers].find((c) => c.localAddresses[0] === '10.1.0.2')!;
  // An array without an end, and a lone break.
  const body = Buffer.from([0x9f, 0xff, 0xff]);
  const message = { kind: 'send', id: 0, topic: 't', encoding: 'cbor', body } as const;
  const bundle = Buffer.alloc(BUNDLE_HEADER_BYTES + messageRecordBytes(message, 1));
  body.copy(bundle, writeMessageHead(bundle, BUNDLE_HEADER_BYTES, message, Buffer.from('t')));
  writeBundleHeader(bundle, bundle.length, { loose: false, generation: 0, sequence: 0 });
  arriving.inject(15, bundle);
  await cluster.run(10);
  assert.deepEqual(words(two.diary, 'nodedown'), ['nodedown refused']);
  const [, event] = two.diary.find(([name]) => name === 'nodedown')!;
  assert.equal((event as { error: { code: string } }).error.code, 'ERR_PROTOCOL');
  // The dialler is back by itself.
  await cluster.run(1000);
  assert.deepEqual(words(two.diary, 'nodeup'), ['nodeup', 'nodeup']);
  assert.equal(one.node.send('two@host2', 't', 1), true);
});
