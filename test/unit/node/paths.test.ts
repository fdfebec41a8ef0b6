import assert from 'node:assert/strict';
import test from 'node:test';
import { Cluster, type Member, words } from './cluster.js';

const payloads = (member: Member, name: string) =>
  member.diary.filter(([event]) => event === name).map(([, payload]) => payload);

async function linked(planes?: Record<string, string>) {
  const cluster = new Cluster();
  const options = planes === undefined ? {} : { planes };
  const one = await cluster.start('one', 1, options);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  return { cluster, one, two };
}

test('every path event carries the name of its plane', async () => {
  const { cluster, one, two } = await linked({ left: '10.1.0.0/24', right: '10.2.0.0/24' });
  // The path of the first contact is confirmed by the handshake of the association itself.
  assert.deepEqual(payloads(one, 'path'), [
    {
      name: 'two@host2',
      plane: 'right',
      address: '10.2.0.2',
      change: 'confirmed',
      state: 'active',
      primary: false,
    },
  ]);
  cluster.network.cut('10.1.0.2');
  cluster.network.heal('10.1.0.2');
  const changes = payloads(one, 'path').slice(1) as { plane: string; change: string }[];
  assert.deepEqual(
    changes.map(({ plane, change }) => `${plane} ${change}`),
    ['left unreachable', 'left available'],
  );
  // The short form names planes by position.
  const [confirmed] = payloads(two, 'path') as { plane: string }[];
  assert.equal(confirmed?.plane, 'b');
});

test('paths are shown with their planes', async () => {
  const { one } = await linked({ left: '10.1.0.0/24', right: '10.2.0.0/24' });
  const shown = one.node.paths('two@host2').map(({ plane, address, state, primary }) => ({
    plane,
    address,
    state,
    primary,
  }));
  assert.deepEqual(shown, [
    { plane: 'left', address: '10.1.0.2', state: 'active', primary: true },
    { plane: 'right', address: '10.2.0.2', state: 'active', primary: false },
  ]);
  assert.deepEqual(one.node.paths('three@host3'), []);
  assert.deepEqual(one.node.planes, [
    { name: 'left', address: '10.1.0.1' },
    { name: 'right', address: '10.2.0.1' },
  ]);
});

test('a cut is a path and redundancy lost, and nothing else', async () => {
  const { cluster, one } = await linked();
  cluster.network.cut('10.1.0.2');
  assert.deepEqual(payloads(one, 'redundancy'), [
    { name: 'two@host2', state: 'lost', activePaths: 1, planes: ['b'], missing: ['a'] },
  ]);
  assert.equal(one.node.nodes[0]?.redundant, false);
  cluster.network.heal('10.1.0.2');
  assert.deepEqual(payloads(one, 'redundancy')[1], {
    name: 'two@host2',
    state: 'restored',
    activePaths: 2,
    planes: ['a', 'b'],
    missing: [],
  });
  await cluster.run(10_000);
  assert.deepEqual(words(one.diary, 'nodedown', 'stalled'), []);
});

test('a path that is never confirmed is redundancy lost', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  one.node.on('nodeup', () => cluster.network.cut('10.2.0.2'));
  await cluster.link(one, two);
  await cluster.run(600);
  assert.deepEqual(words(one.diary, 'redundancy'), []);
  await cluster.run(100);
  assert.deepEqual(words(one.diary, 'redundancy'), ['redundancy lost']);
});

test('a peer with one address is no redundancy', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2, { planes: ['10.1.0.2'] });
  await cluster.link(one, two);
  await cluster.run(1000);
  assert.deepEqual(words(one.diary, 'redundancy'), ['redundancy lost']);
  assert.deepEqual(words(two.diary, 'redundancy'), []);
});

test('no path and no frame for the outage time: lost', async () => {
  const { cluster, one } = await linked();
  cluster.network.cut('10.1.0.2');
  cluster.network.cut('10.2.0.2');
  cluster.network.cut('10.1.0.1');
  cluster.network.cut('10.2.0.1');
  await cluster.run(1000);
  assert.deepEqual(words(one.diary, 'nodedown'), []);
  await cluster.run(1500);
  assert.deepEqual(words(one.diary, 'nodedown', 'stalled'), ['nodedown lost']);
});

test('a process that does not answer while its paths do is stalled, and resumes', async () => {
  const { cluster, one } = await linked();
  const outbound = [...cluster.network.carriers].find((c) => c.localAddresses[0] === '10.1.0.2')!;
  const { other } = outbound;
  // Its process is stopped: what arrives waits in the socket.
  const held: (readonly [number, Uint8Array])[] = [];
  outbound.other = { inject: (...frame: [number, Uint8Array]) => held.push(frame) } as never;
  // No frame is on its way at this moment: it would be handed over behind the others.
  await cluster.run(2550);
  assert.deepEqual(words(one.diary, 'stalled', 'resumed', 'nodedown'), ['stalled']);
  assert.equal(one.node.nodes[0]?.stalled, true);
  outbound.other = other;
  for (const [stream, data] of held) other?.inject(stream, data);
  await cluster.run(1000);
  assert.deepEqual(words(one.diary, 'stalled', 'resumed', 'nodedown'), ['stalled', 'resumed']);
});
