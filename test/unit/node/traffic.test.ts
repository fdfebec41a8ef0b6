import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { NO_TRAFFIC } from '../../../src/link/traffic.js';
import { OTHER_PEERS, Traffic } from '../../../src/node/traffic.js';
import { Cluster, type Member } from './cluster.js';

const withPeer = ({ node }: Member, peer: Member) =>
  node.traffic.find(({ name }) => name === peer.node.name)!;

async function linked() {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  return { cluster, one, two };
}

test('what one end sends the other receives, message for message and byte for byte', async () => {
  const { cluster, one, two } = await linked();
  two.node.handle('t', () => {});
  for (let i = 0; i < 10; i++) one.node.send('two@host2', 't', Buffer.alloc(i * 100));
  one.node.send('two@host2', 't', Buffer.alloc(200_000));
  one.node.send('two@host2', 't', 'loose', { unordered: true });
  one.node.send('two@host2', 'nobody', 'lost');
  const call = one.node.call('two@host2', 't', 1);
  await cluster.run(50);
  await call;
  const sent = withPeer(one, two);
  const received = withPeer(two, one);
  assert.equal(sent.sentMessages, 14);
  assert.equal(received.receivedMessages, 14);
  assert.ok(sent.sentBytes > 204_500 && sent.sentBytes < 205_500, `${sent.sentBytes}`);
  assert.equal(received.receivedBytes, sent.sentBytes);
  // The answer.
  assert.deepEqual([received.sentMessages, sent.receivedMessages], [1, 1]);
  const { delivered, refused, unsent, expired, unknown, openMessages, queuedBytes } = sent;
  assert.deepEqual([delivered, refused, unsent, expired, unknown], [13, 1, 0, 0, 0]);
  assert.deepEqual([openMessages, queuedBytes], [0, 0]);
});

test('what nodes tell each other by themselves is counted at both ends alike', async () => {
  const { cluster, one, two } = await linked();
  for (let i = 0; i < 10; i++) one.node.subscribe(`topic ${i}`, () => {});
  await cluster.run(50);
  const { sentMessages, sentBytes } = withPeer(one, two);
  const { receivedMessages, receivedBytes } = withPeer(two, one);
  assert.ok(sentMessages > 0);
  assert.deepEqual([receivedMessages, receivedBytes], [sentMessages, sentBytes]);
});

test('every message has one outcome, whatever ends the link', async () => {
  const { cluster, one, two } = await linked();
  two.node.handle('t', () => {});
  const outcomes: Record<string, number> = {};
  const count = ({ type }: { type: string }) => {
    outcomes[type] = (outcomes[type] ?? 0) + 1;
  };
  const send = (bytes: number, ttl?: number) =>
    one.node.send('two@host2', 't', Buffer.alloc(bytes), {
      ...(ttl === undefined ? {} : { ttl }),
      onOutcome: count,
    });
  send(10);
  await cluster.run(20);
  const carrier = [...cluster.network.carriers].find((c) => c.localAddresses[0] === '10.1.0.1')!;
  const { other } = carrier;
  // Nothing is acknowledged from now on, and then there is no room.
  carrier.other = { inject: () => {}, end: () => {} } as never;
  send(20);
  await cluster.run(1);
  carrier.setRoom(false);
  for (let i = 0; i < 5; i++) send(30);
  await cluster.run(1);
  for (let i = 0; i < 7; i++) send(300_000);
  send(40, 0);
  await cluster.run(5);
  const before = withPeer(one, two);
  assert.ok(before.queuedBytes > 2_000_000);
  assert.equal(before.openMessages, before.sentMessages - before.delivered - before.expired);
  carrier.other = other;
  carrier.end('lost', null);
  const after = withPeer(one, two);
  const { delivered, refused, unsent, expired, unknown } = after;
  assert.equal(delivered + refused + unsent + expired + unknown, after.sentMessages);
  assert.deepEqual([after.openMessages, after.queuedBytes, after.linked], [0, 0, false]);
  const { delivered: told = 0, ...others } = outcomes;
  assert.deepEqual({ delivered, unsent, unknown }, { delivered: told, ...others });
  assert.ok(unsent >= 7 && unknown >= 1, `${unsent} unsent, ${unknown} unknown`);
});

test('what waited for too long is counted as expired', async () => {
  const { cluster, one, two } = await linked();
  const carrier = [...cluster.network.carriers].find((c) => c.localAddresses[0] === '10.1.0.1')!;
  carrier.setRoom(false);
  one.node.send('two@host2', 't', 'full');
  await cluster.run(1);
  one.node.send('two@host2', 't', 'late', { ttl: 5 });
  await cluster.run(10);
  carrier.setRoom(true);
  await cluster.run(10);
  assert.equal(withPeer(one, two).expired, 1);
});

test('what send does not take is counted', async () => {
  const { cluster, one, two } = await linked();
  const carrier = [...cluster.network.carriers].find((c) => c.localAddresses[0] === '10.1.0.1')!;
  carrier.setRoom(false);
  const body = Buffer.alloc(limits.messageBytes);
  let taken = 0;
  assert.throws(
    () => {
      for (;;) {
        one.node.send('two@host2', 't', body);
        taken++;
      }
    },
    { code: 'ERR_QUEUE_FULL' },
  );
  const { rejected, sentMessages } = withPeer(one, two);
  assert.deepEqual([rejected, sentMessages], [1, taken]);
  await cluster.run(1);
});

test('counts go on over the links of one peer', async () => {
  const { cluster, one, two } = await linked();
  const count = () => withPeer(one, two).sentMessages;
  one.node.send('two@host2', 't', 1);
  await cluster.run(10);
  assert.equal(count(), 1);
  await cluster.until(one.node.disconnect('two@host2'));
  assert.deepEqual([count(), withPeer(one, two).linked], [1, false]);
  await cluster.link(one, two);
  one.node.send('two@host2', 't', 1);
  assert.deepEqual([count(), withPeer(one, two).linked], [2, true]);
});

test('of peers that have gone the last are remembered by name, the others as one', () => {
  const traffic = new Traffic();
  const link = (index: number) => ({
    name: `n${index}@h`,
    link: { traffic: { ...NO_TRAFFIC, sentMessages: 1, openMessages: 0 } },
  });
  const stays = link(-1);
  traffic.up(stays);
  const count = limits.departedPeers + 10;
  for (let i = 0; i < count; i++) {
    traffic.up(link(i));
    traffic.down(link(i));
  }
  const { view } = traffic;
  assert.equal(view.length, limits.departedPeers + 2);
  assert.equal(view[0]?.name, 'n-1@h');
  assert.equal(view.at(-1)?.name, OTHER_PEERS);
  assert.equal(view.at(-1)?.sentMessages, 10);
  assert.equal(view[1]?.name, 'n10@h');
  const sum = view.reduce((total, { sentMessages }) => total + sentMessages, 0);
  assert.equal(sum, count + 1);
  // Who comes again counts anew under its name; what was is with the others.
  traffic.up(link(0));
  const again = traffic.view.find(({ name }) => name === 'n0@h');
  assert.equal(again?.sentMessages, 1);
});
