import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import type { Outcome } from '../../../src/link/types.js';
import type { CallError } from '../../../src/node/calls.js';
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
  const memories: ArrayBufferLike[] = [];
  const contexts: MessageContext[] = [];
  const seen = (body: unknown, context: MessageContext) => {
    memories.push((body as Buffer).buffer);
    contexts.push(context);
  };
  const released = (body: unknown, context: MessageContext) => {
    seen(body, context);
    const { release } = context;
    release();
    release();
  };
  two.node.handle('t', released);
  two.node.handle('in', (body, context) => released((body as { data: Buffer }).data, context));
  two.node.handle('kept', seen);
  two.node.subscribe('p', released);
  const large = Buffer.alloc(2 * limits.fragmentBytes, 7);
  const send = (topic: string, body: unknown) =>
    one.node.send('two@host2', topic, body, { orderKey: 'k' });
  await cluster.run(10);
  send('t', large);
  send('in', { data: large });
  await cluster.run(10);
  one.node.publish('p', large);
  await cluster.run(10);
  send('kept', large);
  await cluster.run(10);
  // Its handler is done: the memory is the program's.
  for (const { release } of contexts) release();
  send('kept', large);
  await cluster.run(10);
  // The second is longer than the first by what CBOR adds, and the third takes its memory.
  assert.deepEqual(
    memories.map((memory) => memories.indexOf(memory)),
    [0, 1, 1, 3, 4],
  );
});

test('a body that is released while it is forwarded is not sent', async () => {
  const { cluster, one, two } = await linked();
  const answers: unknown[] = [];
  one.node.handle('forwarded', (body) => void answers.push((body as Buffer)[0]));
  const codes: (string | undefined)[] = [];
  two.node.handle('t', (body, { release }) => {
    const onOutcome = (outcome: Outcome) => codes.push('code' in outcome ? outcome.code : '');
    two.node.send('one@host1', 'forwarded', body, { onOutcome });
    release();
  });
  one.node.send('two@host2', 't', Buffer.alloc(4 * limits.fragmentBytes, 1));
  one.node.send('two@host2', 't', Buffer.alloc(4 * limits.fragmentBytes, 2));
  await cluster.run(100);
  assert.deepEqual(codes, ['ERR_ARGUMENT', 'ERR_ARGUMENT']);
  assert.deepEqual(answers, []);
});

test('a call whose body is given away under way fails, and no other', async () => {
  const { cluster, one, two } = await linked();
  two.node.handle('length', (body) => (body as Buffer).length);
  const body = Buffer.alloc(8 * limits.fragmentBytes);
  const lost = one.node.call('two@host2', 'length', body);
  structuredClone(body.buffer, { transfer: [body.buffer as ArrayBuffer] });
  const next = one.node.call('two@host2', 'length', Buffer.alloc(8 * limits.fragmentBytes));
  const failed = assert.rejects(lost, { code: 'ERR_ARGUMENT' });
  await cluster.run(100);
  await failed;
  assert.equal(await cluster.until(next), 8 * limits.fragmentBytes);
  assert.throws(() => one.node.send('two@host2', 'length', body), { code: 'ERR_ARGUMENT' });
});

test('answers and items are sent as they are when the handler gives them', async () => {
  const { cluster, one, two } = await linked();
  const shared = Buffer.alloc(4 * limits.fragmentBytes);
  two.node.handle('answer', (byte) => shared.fill(byte as number));
  two.node.handle('items', async function* () {
    for (let i = 0; i < 20; i++) yield shared.fill(i);
  });
  const answers = Promise.all(
    [1, 2, 3].map((byte) => one.node.call('two@host2', 'answer', byte) as Promise<Buffer>),
  );
  const isOf = (body: Buffer, byte: number) => body.every((each) => each === byte);
  for (const [i, body] of (await cluster.until(answers)).entries()) assert.ok(isOf(body, i + 1));
  const items = (async () => {
    const seen: Buffer[] = [];
    for await (const item of one.node.stream('two@host2', 'items', null)) seen.push(item as Buffer);
    return seen;
  })();
  for (const [i, body] of (await cluster.until(items)).entries()) assert.ok(isOf(body, i), `${i}`);
});

test('a failure is told whatever its text, cut or not', async () => {
  const { cluster, one, two } = await linked();
  const half = '\ud83d';
  const thrown: unknown[] = [
    new Error(`bad name: ${half}`),
    new Error(`a${'\u{1f600}'.repeat(3000)}`),
    Object.assign(new Error('m'), { code: half }),
    { code: 'X', message: 'of an object' },
    null,
  ];
  const messages: string[] = [];
  for (const [i, error] of thrown.entries()) {
    const remove = two.node.handle('t', () => {
      throw error;
    });
    const call = one.node.call('two@host2', 't', i).catch((failure: unknown) => failure);
    const { code, remoteMessage } = (await cluster.until(call)) as CallError;
    assert.equal(code, 'ERR_HANDLER', `${i}`);
    messages.push(remoteMessage);
    remove();
  }
  assert.equal(messages[0], 'bad name: \ufffd');
  assert.equal(messages[1], `a${'\u{1f600}'.repeat(499)}\ufffd`);
  assert.deepEqual(messages.slice(2), ['m', 'of an object', 'null']);
});

test('names with half a surrogate pair are refused', async () => {
  const { cluster, one, two } = await linked();
  const half = 'room \ud83d';
  for (const use of [
    () => two.node.join(half),
    () => two.node.subscribe(half, () => {}),
    () => two.node.handle(half, () => {}),
    () => two.node.send('one@host1', half, 1),
  ]) {
    assert.throws(use, { code: 'ERR_ARGUMENT' });
  }
  two.node.join('room');
  await cluster.run(100);
  assert.deepEqual(one.node.members('room'), ['two@host2']);
});

test('a body that sends while it is read, or changes, is refused alone', async () => {
  const { cluster, one, two } = await linked();
  const seen: unknown[] = [];
  two.node.handle('t', (body) => void seen.push(body));
  const sending = {
    a: 'A',
    get b() {
      return one.node.send('two@host2', 't', { inner: true });
    },
  };
  assert.throws(() => one.node.send('two@host2', 't', sending), { code: 'ERR_ARGUMENT' });
  let looks = 0;
  const changing = {
    get a() {
      looks += 1;
      return looks === 1 ? 1 : () => {};
    },
  };
  assert.throws(() => one.node.send('two@host2', 't', changing), { code: 'ERR_ARGUMENT' });
  one.node.send('two@host2', 't', 'after');
  await cluster.run(100);
  assert.deepEqual(seen, ['after']);
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

test('a call whose answer finds no room fails at once', async () => {
  const { cluster, one, two } = await linked();
  one.node.handle('flood', () => {});
  const body = Buffer.alloc(limits.outboxHardBytes / 3 - 1000);
  two.node.handle('question', () => {
    for (let i = 0; i < 3; i++) two.node.send('one@host1', 'flood', body);
    return Buffer.alloc(4000);
  });
  const call = one.node.call('two@host2', 'question', null, { deadlineMs: 1_000_000 });
  await assert.rejects(cluster.until(call, 1000), {
    code: 'ERR_HANDLER',
    remoteCode: 'ERR_QUEUE_FULL',
  });
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
