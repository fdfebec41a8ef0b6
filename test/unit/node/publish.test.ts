import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import type { MessageContext } from '../../../src/node/handling.js';
import { encodeBody } from '../../../src/wire/payload.js';
import { Cluster, injectAt, linkedPair, type Member, words } from './cluster.js';

/** Nodes one, two and three; one has links with both others. */
async function star(): Promise<{ cluster: Cluster; one: Member; two: Member; three: Member }> {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const three = await cluster.start('three', 3);
  await cluster.link(one, two);
  await cluster.link(one, three);
  return { cluster, one, two, three };
}

/** Notes what a node hears on a topic. */
function listen({ node }: Member, topic = 't'): { heard: unknown[]; stop: () => void } {
  const heard: unknown[] = [];
  return { heard, stop: node.subscribe(topic, (body) => void heard.push(body)) };
}

test('what is published goes to the nodes that subscribe, and to no other', async () => {
  const { cluster, one, two, three } = await star();
  const at = { one: listen(one), two: listen(two), other: listen(three, 'other') };
  await cluster.run(10);
  assert.deepEqual(one.node.subscribers('t'), ['one@host1', 'two@host2']);
  const carrier = [...cluster.network.carriers].find((c) => c.localAddresses[0] === '10.1.0.3')!;
  const { received } = carrier;
  const { nodes, full, failed } = one.node.publish('t', { text: 'news' });
  assert.deepEqual([[...nodes].sort(), full, failed], [['one@host1', 'two@host2'], [], []]);
  await cluster.run(10);
  assert.deepEqual(at.one.heard, [{ text: 'news' }]);
  assert.deepEqual(at.two.heard, [{ text: 'news' }]);
  assert.deepEqual(at.other.heard, []);
  assert.equal(carrier.received, received);
});

test('subscriptions from before a link count, those that were given back do not', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const { heard, stop } = listen(two);
  const second = listen(two);
  await cluster.link(one, two);
  one.node.publish('t', 1);
  await cluster.run(10);
  stop();
  stop();
  await cluster.run(10);
  assert.deepEqual(one.node.publish('t', 2).nodes, ['two@host2']);
  await cluster.run(10);
  second.stop();
  await cluster.run(10);
  assert.deepEqual(one.node.publish('t', 3).nodes, []);
  assert.deepEqual([heard, second.heard], [[1], [1, 2]]);
});

test('of a topic that comes and goes only the last word counts', async () => {
  const { cluster, one, two } = await linkedPair();
  for (let i = 0; i < 1001; i++) {
    const { stop } = listen(two);
    if (i < 1000) stop();
  }
  await cluster.run(20);
  assert.deepEqual(one.node.subscribers('t'), ['two@host2']);
});

test('thousands of topics are told in many messages, and all arrive', async () => {
  const { cluster, one, two } = await linkedPair();
  const name = (index: number) => `${'t'.repeat(200)}${index}`;
  const stops = Array.from({ length: limits.sharedNames }, (_, index) => {
    return listen(two, name(index)).stop;
  });
  assert.throws(() => listen(two, 'one more'), { code: 'ERR_LIMIT' });
  await cluster.run(1000);
  const last = name(limits.sharedNames - 1);
  assert.deepEqual(one.node.subscribers(last), ['two@host2']);
  for (const stop of stops) stop();
  await cluster.run(1000);
  assert.deepEqual(one.node.subscribers(last), []);
});

test('a peer that tells of more topics than a node may have is refused', async () => {
  const { cluster, two } = await linkedPair({ security: 'authenticated' });
  for (let from = 0; from <= limits.sharedNames; from += limits.sharedNamesPerMessage) {
    assert.deepEqual(words(two.diary, 'nodedown'), []);
    const names = Array.from({ length: limits.sharedNamesPerMessage }, (_, i) => `${from + i}`);
    const topic = 'backplane:subscriptions';
    const sequence = from / limits.sharedNamesPerMessage;
    injectAt(cluster, 2, sequence, { topic, ...encodeBody([names, []]) });
  }
  await cluster.run(0);
  assert.deepEqual(words(two.diary, 'nodedown'), ['nodedown refused']);
});

test('subscriptions end with the link, and come back with the next', async () => {
  const { cluster, one, two } = await linkedPair();
  const { heard } = listen(two);
  await cluster.run(10);
  cluster.network.kill('10.1.0.2', 'lost');
  await cluster.run(1);
  assert.deepEqual(one.node.publish('t', 1).nodes, []);
  const again = await cluster.start('two', 2);
  const other = listen(again);
  await cluster.run(10_000);
  assert.deepEqual(one.node.publish('t', 2).nodes, ['two@host2']);
  await cluster.run(10);
  assert.deepEqual([heard, other.heard], [[], [2]]);
});

test('messages of one key come in order', async () => {
  const { cluster, one, two } = await linkedPair();
  const { heard } = listen(two);
  await cluster.run(10);
  for (let i = 0; i < 300; i++) {
    one.node.publish('t', i === 7 ? Buffer.alloc(100_000) : i, { orderKey: 'k' });
  }
  await cluster.run(50);
  heard[7] = 7;
  assert.deepEqual(
    heard,
    Array.from({ length: 300 }, (_, i) => i),
  );
});

test('outcomes come by node, each once; who has gone meanwhile refuses', async () => {
  const { cluster, one, two, three } = await star();
  listen(one);
  listen(two);
  const { stop } = listen(three);
  await cluster.run(10);
  const outcomes = await cluster.until(one.node.publishForOutcomes('t', 'all'));
  assert.deepEqual([...outcomes].sort(), [
    ['one@host1', { type: 'delivered' }],
    ['three@host3', { type: 'delivered' }],
    ['two@host2', { type: 'delivered' }],
  ]);
  // It gives back its subscription, and one does not know yet.
  stop();
  const late = await cluster.until(one.node.publishForOutcomes('t', 'late'));
  assert.deepEqual(late.get('three@host3'), { type: 'delivered', code: 'ERR_NO_HANDLER' });
  assert.deepEqual(await one.node.publishForOutcomes('nobody', 1), new Map());
});

test('a node whose queue is full is told, and one at its hard limit has failed', async () => {
  const { cluster, one, two } = await linkedPair();
  listen(two);
  await cluster.run(10);
  for (const carrier of cluster.network.carriers) carrier.setRoom(false);
  one.node.send('two@host2', 'x', 0);
  await cluster.run(1);
  const body = Buffer.alloc(limits.outboxHardBytes / 3 - 1000);
  for (let i = 0; i < 3; i++) assert.deepEqual(one.node.publish('t', body).full, ['two@host2']);
  const { nodes, failed } = one.node.publish('t', body);
  assert.deepEqual([nodes, failed[0]?.name], [[], 'two@host2']);
  assert.equal(failed[0]?.error.code, 'ERR_QUEUE_FULL');
  const outcomes = await one.node.publishForOutcomes('t', body);
  assert.deepEqual(outcomes, new Map([['two@host2', { type: 'unsent' }]]));
});

test('what cannot be published goes to nobody', async () => {
  const { cluster, one, two } = await linkedPair();
  listen(two);
  await cluster.run(10);
  assert.throws(() => one.node.publish('t', () => {}), { code: 'ERR_ARGUMENT' });
  assert.throws(() => one.node.publish('', 1), { code: 'ERR_ARGUMENT' });
  const large = Buffer.alloc(limits.bundleBytes);
  const code = 'ERR_MESSAGE_TOO_LARGE';
  assert.throws(() => one.node.publish('t', large, { unordered: true }), { code });
  assert.throws(() => one.node.subscribe('t', 1 as never), { code: 'ERR_ARGUMENT' });
  await cluster.until(one.node.close());
  assert.throws(() => one.node.publish('t', 1), { code: 'ERR_CLOSED' });
  await assert.rejects(one.node.publishForOutcomes('t', 1), { code: 'ERR_CLOSED' });
});

test('handlers of sends and subscribers of one topic have nothing in common', async () => {
  const { cluster, one, two } = await linkedPair();
  const sent: unknown[] = [];
  two.node.handle('t', (body) => void sent.push(body));
  const { heard } = listen(two);
  await cluster.run(10);
  one.node.send('two@host2', 't', 'sent');
  one.node.publish('t', 'published');
  await cluster.run(10);
  assert.deepEqual([sent, heard], [['sent'], ['published']]);
});

test('a subscriber that fails is reported and holds up no other', async () => {
  const { cluster, one, two } = await linkedPair();
  const error = new Error('bug');
  two.node.subscribe('t', () => {
    throw error;
  });
  two.node.subscribe('t', () => Promise.reject(error));
  const { heard } = listen(two);
  const contexts: MessageContext[] = [];
  two.node.subscribe('t', (_, context) => void contexts.push(context));
  await cluster.run(10);
  one.node.publish('t', 1);
  await cluster.run(10);
  const failures = two.diary.filter(([name]) => name === 'handlerError');
  assert.deepEqual(
    failures.map(([, event]) => event),
    Array(2).fill({ name: 'one@host1', topic: 't', error }),
  );
  assert.deepEqual(heard, [1]);
  assert.deepEqual([contexts[0]?.from, contexts[0]?.isCall], ['one@host1', false]);
});

test('subscribers that take their time hold the publisher by its credit', async () => {
  const { cluster, one, two } = await linkedPair();
  let begun = 0;
  for (let i = 0; i < 2; i++) {
    two.node.subscribe('t', () => {
      begun += 1;
      return i === 0 ? undefined : new Promise(() => {});
    });
  }
  await cluster.run(10);
  const body = Buffer.alloc(60_000);
  for (let i = 0; i < 300; i++) one.node.publish('t', body);
  await cluster.run(1000);
  assert.ok(begun < 300, `${begun} of 600 handlers were called`);
});

test('a node hears itself after the turn, with a body of its own', async () => {
  const { cluster, one } = await linkedPair();
  const { heard } = listen(one);
  const body = Buffer.from('bytes');
  const list = [1];
  one.node.publish('t', body);
  one.node.publish('t', list);
  body.fill(0);
  list.push(2);
  assert.deepEqual(heard, []);
  await cluster.run(0);
  assert.deepEqual(heard, [Buffer.from('bytes'), [1]]);
});
