import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { PendingCalls, type ReadOptions } from '../../../src/node/calls.js';
import { sendUnanswered } from '../../../src/node/control.js';
import { Work } from '../../../src/node/handling.js';
import type { LiveLink } from '../../../src/node/live-link.js';
import { VirtualRuntime } from './virtual-runtime.js';

function setup() {
  const runtime = new VirtualRuntime();
  const cancelled: unknown[] = [];
  const granted: unknown[] = [];
  const calls = new PendingCalls({
    timers: runtime.timers,
    cancel: (...what) => cancelled.push(what),
    grant: (...what) => granted.push(what),
  });
  const ids: number[] = [];
  const call = (deadlineMs = 100, signal?: AbortSignal) =>
    calls.make('two@b', 't', { deadlineMs, signal }, (id) => ids.push(id));
  const read = { idleMs: 100, creditBytes: limits.streamCreditBytes };
  const stream = (options: Partial<ReadOptions> = {}) =>
    calls.open('two@b', 't', { ...read, ...options }, (id) => ids.push(id));
  return { runtime, calls, ids, call, stream, cancelled, granted };
}

test('an answer goes to its call', async () => {
  const { calls, ids, call, runtime } = setup();
  const [first, second] = [call(), call()];
  calls.resolve('two@b', ids[1]!, 'second');
  calls.resolve('two@b', ids[0]!, 'first');
  assert.equal(await first, 'first');
  assert.equal(await second, 'second');
  assert.equal(calls.size, 0);
  assert.equal(runtime.waiting, 0);
});

test('an answer from another node, or to no call, is dropped', async () => {
  const { calls, ids, call, runtime } = setup();
  const pending = assert.rejects(call(), { code: 'ERR_TIMEOUT' });
  calls.resolve('three@c', ids[0]!, 'forged');
  calls.resolve('two@b', 4711, 'nobody asked');
  await runtime.run(100);
  await pending;
  calls.resolve('two@b', ids[0]!, 'too late');
});

test('the deadline is kept', async () => {
  const { call, runtime, calls } = setup();
  const pending = assert.rejects(call(250), { code: 'ERR_TIMEOUT' });
  await runtime.run(249);
  assert.equal(calls.size, 1);
  await runtime.run(1);
  await pending;
  assert.equal(calls.size, 0);
});

test('a failure tells what the peer told', async () => {
  const { calls, ids, call } = setup();
  const failed = assert.rejects(call(), {
    code: 'ERR_HANDLER',
    remoteCode: 'E_FULL',
    remoteMessage: 'no room',
  });
  calls.fail('two@b', ids[0]!, { handled: true, code: 'E_FULL', message: 'no room' });
  await failed;
  const unhandled = assert.rejects(call(), { code: 'ERR_NO_HANDLER', remoteCode: null });
  calls.fail('two@b', ids[1]!, { handled: false, code: null, message: 'none' });
  await unhandled;
});

test('when a link ends, its calls fail and no others', async () => {
  const { calls, ids, call } = setup();
  const cause = new Error('cut');
  const lost = assert.rejects(call(), { code: 'ERR_LINK_DOWN', cause });
  const other = calls.make('three@c', 't', { deadlineMs: 100 }, (id) => ids.push(id));
  calls.failAll('two@b', 'lost', cause);
  await lost;
  calls.resolve('three@c', ids[1]!, 'fine');
  assert.equal(await other, 'fine');
});

test('what cannot be sent is not waited for', async () => {
  const { calls, runtime } = setup();
  const error = new Error('no link');
  const call = calls.make('two@b', 't', { deadlineMs: 100 }, () => {
    throw error;
  });
  await assert.rejects(call, error);
  assert.equal(calls.size, 0);
  assert.equal(runtime.waiting, 0);
});

test('calls that wait are bounded', async () => {
  const { runtime, calls } = setup();
  const timers = { after: () => ({ cancel: () => {} }), soon: () => {} };
  const many = new PendingCalls({ timers, cancel: () => {}, grant: () => {} });
  for (let i = 0; i < limits.pendingCalls; i += 1) {
    many.make('two@b', 't', { deadlineMs: 100 }, () => {}).catch(() => {});
  }
  await assert.rejects(
    many.make('two@b', 't', { deadlineMs: 100 }, () => {}),
    { code: 'ERR_QUEUE_FULL' },
  );
  many.failAll('two@b', 'lost', null);
  assert.equal(many.size, 0);
  assert.equal(calls.size + runtime.waiting, 0);
});

test('a call that is given up is cancelled there once it has arrived, and not before', async () => {
  const { calls, ids, call, cancelled } = setup();
  const control = new AbortController();
  const early = assert.rejects(call(100, control.signal), { code: 'ERR_CANCELLED', cause: 'no' });
  control.abort('no');
  await early;
  assert.deepEqual([calls.size, cancelled], [0, []]);
  calls.settled(ids[0]!, { type: 'delivered' });
  assert.deepEqual(cancelled, [['two@b', ids[0], 'cancelled']]);
  calls.settled(ids[0]!, { type: 'delivered' });
  assert.equal(cancelled.length, 1);

  const second = new AbortController();
  const late = assert.rejects(call(100, second.signal), { code: 'ERR_CANCELLED' });
  calls.settled(ids[1]!, { type: 'delivered' });
  second.abort();
  await late;
  assert.deepEqual(cancelled[1], ['two@b', ids[1], 'cancelled']);
});

test('what never arrived, or was refused, is not cancelled', async () => {
  const { calls, ids, call, cancelled } = setup();
  const outcomes = [{ type: 'unsent' }, { type: 'delivered', code: 'ERR_NO_HANDLER' }] as const;
  for (const [index, outcome] of outcomes.entries()) {
    const control = new AbortController();
    const failed = assert.rejects(call(100, control.signal), { code: 'ERR_CANCELLED' });
    control.abort();
    await failed;
    calls.settled(ids[index]!, outcome);
  }
  assert.deepEqual(cancelled, []);
});

test('a deadline that passes is told the other end', async () => {
  const { calls, ids, call, cancelled, runtime } = setup();
  const failed = assert.rejects(call(), { code: 'ERR_TIMEOUT' });
  calls.settled(ids[0]!, { type: 'delivered' });
  await runtime.run(100);
  await failed;
  assert.deepEqual(cancelled, [['two@b', ids[0], 'deadline']]);
});

test('a signal that is aborted sends nothing; one that never is keeps nothing', async () => {
  const { calls, ids, call, stream } = setup();
  const signal = AbortSignal.abort('why');
  await assert.rejects(call(100, signal), { code: 'ERR_CANCELLED', cause: 'why' });
  assert.throws(() => stream({ signal }), { code: 'ERR_CANCELLED', cause: 'why' });
  assert.deepEqual(ids, []);
  const { signal: lasting } = new AbortController();
  for (let i = 0; i < 20; i++) {
    const answer = call(100, lasting);
    calls.resolve('two@b', ids.at(-1)!, i);
    await answer;
    const read = stream({ signal: lasting });
    calls.resolve('two@b', ids.at(-1)!, undefined);
    assert.equal((await read.next()).done, true);
  }
  assert.equal(getEventListeners(lasting, 'abort').length, 0);
});

test('streams that are open are bounded', () => {
  const { calls, ids, stream } = setup();
  for (let i = 0; i < limits.openStreams; i++) stream();
  assert.throws(() => stream(), { code: 'ERR_LIMIT' });
  calls.resolve('two@b', ids[0]!, undefined);
  stream();
});

test('items beyond the credit, or in answer to a call, are against the protocol', () => {
  const { calls, ids, stream, call } = setup();
  stream();
  const cost = limits.streamInitialCreditBytes - 1;
  calls.item('two@b', ids[0]!, 'first', cost);
  // One may lie beyond, whatever its size.
  calls.item('two@b', ids[0]!, 'second', limits.streamItemBytes);
  assert.throws(() => calls.item('two@b', ids[0]!, 'third', 64), { code: 'ERR_PROTOCOL' });
  call().catch(() => {});
  assert.throws(() => calls.item('two@b', ids[1]!, 'any', 64), { code: 'ERR_PROTOCOL' });
  calls.item('three@c', ids[1]!, 'of another', 64);
  calls.item('two@b', 4711, 'for nobody', 64);
});

test('credit grows with what is read, a quarter of the window at a time', async () => {
  const { calls, ids, stream, granted } = setup();
  const { streamInitialCreditBytes: first, streamCreditBytes: window } = limits;
  const read = stream();
  assert.deepEqual(granted, []);
  calls.settled(ids[0]!, { type: 'delivered' });
  assert.deepEqual(granted, [['two@b', ids[0], window]]);
  for (let i = 0; i < 4; i++) calls.item('two@b', ids[0]!, i, first);
  assert.throws(() => calls.item('two@b', ids[0]!, 4, 64), { code: 'ERR_PROTOCOL' });
  assert.deepEqual(await read.next(), { value: 0, done: false });
  assert.deepEqual(granted[1], ['two@b', ids[0], window + first]);
  calls.item('two@b', ids[0]!, 4, 64);
});

test('who has more calls than may wait is told of no more that get no answer', () => {
  let sent = 0;
  const outcomes: (() => void)[] = [];
  const link = {
    send: (_: unknown, __: unknown, done: () => void) => {
      sent++;
      if (outcomes.length < 2) outcomes.push(done);
    },
  };
  const live = { link, work: new Work() } as unknown as LiveLink;
  for (let i = 0; i <= limits.pendingCalls; i++) sendUnanswered(live, i + 1, 'ERR_QUEUE_FULL');
  assert.equal(sent, limits.pendingCalls);
  for (const done of outcomes) done();
  for (let i = 0; i < 5; i++) sendUnanswered(live, i + 1, 'ERR_QUEUE_FULL');
  assert.equal(sent, limits.pendingCalls + outcomes.length);
});
