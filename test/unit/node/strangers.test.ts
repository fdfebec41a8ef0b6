import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import type { Refused } from '../../../src/node/events.js';
import { profiles } from '../../../src/timing/profiles.js';
import { addressesOf, Cluster, type Member, PORT, words } from './cluster.js';
import type { MemoryCarrier } from './memory-network.js';

const ends = () => ({
  onUp: () => {},
  onMessage: () => false,
  onPath: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onUnsent: () => {},
});

/** An association from a program that is none of ours; up when this resolves. */
async function stranger(cluster: Cluster, to: Member, host: number): Promise<MemoryCarrier> {
  const options = { localAddresses: addressesOf(host), profile: profiles.lan };
  const carrier = cluster.network.transport().dial(addressesOf(to.host), PORT, options);
  carrier.attach(ends());
  await cluster.run(2);
  return carrier as MemoryCarrier;
}

const refusals = ({ diary }: Member) =>
  diary.filter(([name]) => name === 'refused').map(([, event]) => event as Refused);

test('a peer that talks garbage is cut off, and the node lives on', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const carrier = await stranger(cluster, one, 9);
  carrier.send(0, Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  await cluster.run(10);
  assert.equal(carrier.ended, true);
  const [refused] = refusals(one);
  assert.equal(refused?.code, 'ERR_PROTOCOL');
  assert.equal(refused?.address, '10.1.0.9');
  assert.equal(refused?.name, null);
  await cluster.link(two, one);
});

test('a peer that says nothing is cut off in time', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const carrier = await stranger(cluster, one, 9);
  await cluster.run(limits.handshakeMs - 100);
  assert.equal(carrier.ended, false);
  await cluster.run(200);
  assert.equal(carrier.ended, true);
  assert.deepEqual(words(one.diary, 'refused'), ['refused ERR_HANDSHAKE_LIMIT']);
});

test('one address has so many half-open links, and is reported once in a time', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const flood: MemoryCarrier[] = [];
  for (let i = 0; i < limits.halfOpenLinksPerAddress + 5; i += 1) {
    flood.push(await stranger(cluster, one, 9));
  }
  await cluster.run(2);
  assert.deepEqual(
    flood.map(({ ended }) => ended),
    flood.map((_, i) => i < 5),
    'the oldest go',
  );
  assert.deepEqual(words(one.diary, 'refused'), ['refused ERR_HANDSHAKE_LIMIT']);
  // Who has the key comes in all the same.
  await cluster.link(two, one);
  await cluster.run(limits.handshakeMs);
  assert.ok((refusals(one).at(-1)?.suppressed ?? 0) > 0);
});

test('one that comes and goes is not reported', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const carrier = await stranger(cluster, one, 9);
  carrier.abort();
  await cluster.run(10);
  assert.deepEqual(words(one.diary, 'refused'), []);
});

test('a node has so many peers and no more', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  for (let i = 0; i < limits.peers; i += 1) {
    one.node.connect({ name: `n${i}@x`, addresses: ['10.1.0.200'] }).catch(() => {});
  }
  const two = await cluster.start('two', 2);
  await assert.rejects(one.node.connect({ name: 'more@x', addresses: ['10.1.0.200'] }), {
    code: 'ERR_PEERS',
  });
  two.node.connect({ name: 'one@host1', addresses: addressesOf(1) }).catch(() => {});
  await cluster.run(20);
  assert.deepEqual(words(two.diary, 'dialFailed'), ['dialFailed ERR_PEERS']);
  assert.deepEqual(words(one.diary, 'refused'), ['refused ERR_PEERS']);
  await cluster.until(one.node.close());
});
