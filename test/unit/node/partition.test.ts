import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import type { PartitionChanged } from '../../../src/node/events.js';
import { REACH_TOPIC } from '../../../src/node/names.js';
import { profiles } from '../../../src/timing/profiles.js';
import { encodeBody } from '../../../src/wire/payload.js';
import { addressesOf, Cluster, inject, type Member, words } from './cluster.js';

const PATIENCE_MS = profiles.lan.outageMs + limits.partitionGraceMs;

const partitions = ({ diary }: Member) =>
  diary.filter(([name]) => name === 'partition').map(([, event]) => event as PartitionChanged);

/** Nodes that all want links with each other. */
async function mesh(count: number): Promise<{ cluster: Cluster; members: Member[] }> {
  const cluster = new Cluster();
  const hosts = Array.from({ length: count }, (_, i) => i + 1);
  const peers = hosts.map((host) => ({ name: `n@host${host}`, addresses: addressesOf(host) }));
  const members: Member[] = [];
  for (const host of hosts) {
    members.push(await cluster.start('n', host, { peers: peers.filter((_, i) => i + 1 !== host) }));
  }
  await cluster.run(10_000);
  for (const { node } of members) assert.equal(node.nodes.length, count - 1);
  return { cluster, members };
}

test('an overlapping partition is told with the matrix, and nobody is disconnected', async () => {
  const { cluster, members } = await mesh(4);
  const [one, two] = members as [Member, Member];
  cluster.network.separate('10.1.0.1', '10.1.0.2');
  await cluster.run(PATIENCE_MS + limits.reachMostMs);
  for (const member of members) {
    assert.deepEqual(words(member.diary, 'partition'), ['partition detected'], member.node.name);
    const [event] = partitions(member);
    assert.deepEqual(event!.nodes, ['n@host1', 'n@host2', 'n@host3', 'n@host4']);
    assert.deepEqual(
      event!.pairs.map(({ nodes }) => nodes),
      [['n@host1', 'n@host2']],
    );
    const downs = words(member.diary, 'nodedown');
    assert.deepEqual(downs, member === one || member === two ? ['nodedown lost'] : []);
  }
  assert.deepEqual(partitions(members[2]!)[0]!.matrix, ['=-++', '-=++', '++=+', '+++=']);
  assert.deepEqual(one.node.reachability().matrix, ['=-++', '?=??', '++=+', '+++=']);

  cluster.network.rejoin('10.1.0.1', '10.1.0.2');
  await cluster.run(limits.redialMaxMs + limits.reachMostMs);
  for (const member of members) {
    const told = words(member.diary, 'partition');
    assert.deepEqual(told, ['partition detected', 'partition cleared']);
    assert.equal(member.node.nodes.length, 3);
  }
});

test('a node that closes, or dies, is no partition', async () => {
  const { cluster, members } = await mesh(4);
  await cluster.until(members[3]!.node.close());
  cluster.network.kill('10.1.0.3', 'closed');
  await cluster.run(3 * PATIENCE_MS);
  for (const member of members.slice(0, 2)) assert.deepEqual(partitions(member), []);
});

test('a peer that tells nonsense is refused; the node goes on', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1, { security: 'authenticated' });
  const two = await cluster.start('two', 2, { security: 'authenticated' });
  await cluster.link(one, two);
  inject(cluster, 1, { topic: REACH_TOPIC, ...encodeBody({ not: 'a report' }) });
  await cluster.run(100);
  // It may try again.
  const comings = words(one.diary, 'nodeup', 'nodedown');
  assert.deepEqual(comings, ['nodeup', 'nodedown refused', 'nodeup']);
  const down = one.diary.find(([name]) => name === 'nodedown')![1] as { error: { code: string } };
  assert.equal(down.error.code, 'ERR_PROTOCOL');
});

test('a report that finds the queue full is told later', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  // A handler that is not done holds the sender back.
  const waiting: (() => void)[] = [];
  two.node.handle('bulk', () => new Promise<void>((done) => waiting.push(done)));
  // Some goes on its way, as far as credit reaches; then the queue stays full.
  for (let round = 0; round < 3; round += 1) {
    for (const bytes of [limits.messageBytes, limits.fragmentBytes, 64, 1]) {
      const body = Buffer.alloc(bytes);
      const fill = () => {
        for (;;) one.node.send('two@host2', 'bulk', body);
      };
      assert.throws(fill, { code: 'ERR_QUEUE_FULL' });
    }
    await cluster.run(100);
  }
  await cluster.run(5000);
  assert.deepEqual(two.node.reachability().matrix, ['=?', '+=']);
  const drain = () => {
    for (const done of waiting.splice(0)) done();
  };
  for (let i = 0; i < 30; i += 1) {
    drain();
    await cluster.run(100);
  }
  assert.deepEqual(two.node.reachability().matrix, ['=+', '+=']);
});
