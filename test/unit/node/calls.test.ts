import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { PendingCalls } from '../../../src/node/calls.js';
import { VirtualRuntime } from './virtual-runtime.js';

function setup() {
  const runtime = new VirtualRuntime();
  const calls = new PendingCalls(runtime.timers);
  const ids: number[] = [];
  const call = (deadlineMs = 100) => calls.make('two@b', 't', deadlineMs, (id) => ids.push(id));
  return { runtime, calls, ids, call };
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
  const other = calls.make('three@c', 't', 100, (id) => ids.push(id));
  calls.failAll('two@b', 'lost', cause);
  await lost;
  calls.resolve('three@c', ids[1]!, 'fine');
  assert.equal(await other, 'fine');
});

test('what cannot be sent is not waited for', async () => {
  const { calls, runtime } = setup();
  const error = new Error('no link');
  const call = calls.make('two@b', 't', 100, () => {
    throw error;
  });
  await assert.rejects(call, error);
  assert.equal(calls.size, 0);
  assert.equal(runtime.waiting, 0);
});

test('calls that wait are bounded', async () => {
  const { runtime, calls } = setup();
  const timers = { after: () => ({ cancel: () => {} }), soon: () => {} };
  const many = new PendingCalls(timers);
  for (let i = 0; i < limits.pendingCalls; i += 1) {
    many.make('two@b', 't', 100, () => {}).catch(() => {});
  }
  await assert.rejects(
    many.make('two@b', 't', 100, () => {}),
    { code: 'ERR_QUEUE_FULL' },
  );
  many.failAll('two@b', 'lost', null);
  assert.equal(many.size, 0);
  assert.equal(calls.size + runtime.waiting, 0);
});
