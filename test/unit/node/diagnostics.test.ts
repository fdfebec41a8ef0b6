import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import test, { type TestContext } from 'node:test';
import type { CallTrace, HandleTrace } from '../../../src/node/diagnostics.js';
import { linkedPair } from './cluster.js';

/** Notes what comes on a channel until the test is over. */
function observe(context: TestContext, name: string): unknown[] {
  const seen: unknown[] = [];
  const listener = (message: unknown) => void seen.push(message);
  subscribe(name, listener);
  context.after(() => unsubscribe(name, listener));
  return seen;
}

test('every event of a node is told on a channel of its name, with the node', async (context) => {
  const ups = observe(context, 'backplane:nodeup');
  const downs = observe(context, 'backplane:nodedown');
  const paths = observe(context, 'backplane:path');
  const redundancy = observe(context, 'backplane:redundancy');
  const failures = observe(context, 'backplane:handlerError');
  const { cluster, one, two } = await linkedPair();
  two.node.handle('t', () => Promise.reject(new Error('bug')));
  one.node.send('two@host2', 't', 1);
  cluster.network.cut('10.2.0.2');
  await cluster.run(10);
  cluster.network.kill('10.1.0.2', 'lost');
  await cluster.run(10);
  const briefly = (events: unknown[]) =>
    events.map((event) => {
      const { node, name } = event as { node: string; name: string };
      return `${node} ${name}`;
    });
  assert.deepEqual(briefly(ups).sort(), ['one@host1 two@host2', 'two@host2 one@host1']);
  assert.deepEqual(briefly(downs), ['one@host1 two@host2']);
  assert.equal((downs[0] as { reason: string }).reason, 'lost');
  assert.ok(briefly(paths).includes('one@host1 two@host2'));
  assert.ok(briefly(redundancy).includes('one@host1 two@host2'));
  assert.deepEqual(briefly(failures), ['two@host2 one@host1']);
});

test('calls and streams are traced from their start to their answer or error', async (context) => {
  const calls = tracingChannel<unknown, CallTrace>('backplane:call');
  const seen: string[] = [];
  const note = (what: string) => (trace: CallTrace) => {
    const { node, to, topic, result, error } = trace;
    const end = error === undefined ? result : (error as { code: string }).code;
    seen.push(`${what} ${node} ${to} ${topic} ${end ?? '-'}`);
  };
  const subscribers = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  };
  const { cluster, one, two } = await linkedPair();
  two.node.handle('echo', (body) => body);
  calls.subscribe(subscribers);
  context.after(() => calls.unsubscribe(subscribers));
  assert.equal(await cluster.until(one.node.call('two@host2', 'echo', 'hi')), 'hi');
  const who = 'one@host1 two@host2';
  assert.deepEqual(seen.splice(0), [
    `start ${who} echo -`,
    `end ${who} echo -`,
    `asyncStart ${who} echo hi`,
    `asyncEnd ${who} echo hi`,
  ]);
  const failed = one.node.call('two@host2', 'none', 1);
  await assert.rejects(cluster.until(failed), { code: 'ERR_NO_HANDLER' });
  assert.ok(seen.includes(`error ${who} none ERR_NO_HANDLER`));
});

test('handlers run within stores that are bound to their channel', async (context) => {
  const handled = tracingChannel<unknown, HandleTrace>('backplane:handle');
  const spans = new AsyncLocalStorage<string>();
  const ends: string[] = [];
  const start = channel('tracing:backplane:handle:start');
  start.bindStore(spans, (trace) => (trace as HandleTrace).context.topic as never);
  const subscribers = {
    start: () => {},
    end: () => {},
    asyncStart: () => {},
    asyncEnd: ({ node, context: { topic, from } }: HandleTrace) =>
      void ends.push(`${node} ${topic} ${from}`),
    error: ({ context: { topic }, error }: HandleTrace) =>
      void ends.push(`${topic} ${(error as Error).message}`),
  };
  handled.subscribe(subscribers);
  context.after(() => {
    start.unbindStore(spans);
    handled.unsubscribe(subscribers);
  });
  const { cluster, one, two } = await linkedPair();
  two.node.handle('quick', () => spans.getStore());
  two.node.handle('slow', async () => {
    await Promise.resolve();
    return spans.getStore();
  });
  two.node.handle('count', async function* () {
    yield spans.getStore();
  });
  two.node.handle('fails', () => {
    throw new Error('bug');
  });
  const call = (topic: string) => cluster.until(one.node.call('two@host2', topic, null));
  assert.equal(await call('quick'), 'quick');
  assert.equal(await call('slow'), 'slow');
  assert.deepEqual(ends.splice(0), ['two@host2 quick one@host1', 'two@host2 slow one@host1']);
  await assert.rejects(call('fails'), { code: 'ERR_HANDLER', remoteMessage: 'bug' });
  one.node.send('two@host2', 'fails', null);
  await cluster.run(10);
  assert.equal(ends.filter((end) => end === 'fails bug').length, 2);
  const stream = one.node.stream('two@host2', 'count', null);
  assert.equal((await cluster.until(stream.next())).value, 'count');
  assert.equal((await cluster.until(stream.next())).done, true);
});
