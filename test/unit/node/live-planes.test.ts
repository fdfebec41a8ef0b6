import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import type { PlaneDeferred } from '../../../src/node/events.js';
import { Cluster, type Member, words } from './cluster.js';

const ONE_PLANE = { planes: { a: '10.1.0.0/24' } };
const B = '10.2.0.0/24';

const pathWords = ({ diary }: Member) =>
  diary
    .filter(([event]) => event === 'path')
    .map(([, payload]) => payload as { plane: string; change: string })
    .map(({ plane, change }) => `${plane} ${change}`);

const deferredAt = ({ diary }: Member) =>
  diary
    .filter(([event]) => event === 'planeDeferred')
    .map(([, payload]) => payload as PlaneDeferred);

const shown = (member: Member, of: string) =>
  member.node.paths(of).map(({ plane, state, primary }) => ({ plane, state, primary }));

async function linked(options = ONE_PLANE) {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1, options);
  const two = await cluster.start('two', 2, options);
  await cluster.link(one, two);
  await cluster.run(1000);
  return { cluster, one, two };
}

const carrierOf = (cluster: Cluster, address: string) =>
  [...cluster.network.carriers].find(({ localAddresses }) => localAddresses.includes(address))!;

test('a plane is added to a link that is up, and both ends are redundant', async () => {
  const { cluster, one, two } = await linked();
  assert.deepEqual(one.node.addPlane('b', B), {
    name: 'b',
    address: '10.2.0.1',
    live: ['two@host2'],
    deferred: [],
  });
  two.node.addPlane('b', B);
  await cluster.run(1000);
  assert.deepEqual(one.node.planes, [
    { name: 'a', address: '10.1.0.1' },
    { name: 'b', address: '10.2.0.1' },
  ]);
  for (const [member, peer] of [
    [one, 'two@host2'],
    [two, 'one@host1'],
  ] as const) {
    assert.deepEqual(pathWords(member), ['b added', 'b confirmed']);
    assert.deepEqual(shown(member, peer), [
      { plane: 'a', state: 'active', primary: true },
      { plane: 'b', state: 'active', primary: false },
    ]);
    assert.equal(member.node.nodes[0]?.redundant, true);
    assert.deepEqual(words(member.diary, 'nodedown', 'redundancy', 'planeDeferred'), []);
  }
  // What it stands for is redundancy from now on.
  cluster.network.cut('10.1.0.2');
  assert.deepEqual(words(one.diary, 'redundancy'), ['redundancy lost']);
});

test('a plane that only one end has got is redundancy lost after the grace time', async () => {
  const { cluster, one, two } = await linked();
  one.node.addPlane('b', B);
  await cluster.run(600);
  assert.deepEqual(words(one.diary, 'redundancy'), []);
  await cluster.run(200);
  assert.deepEqual(words(one.diary, 'redundancy'), ['redundancy lost']);
  two.node.addPlane('b', B);
  await cluster.run(1000);
  assert.deepEqual(words(one.diary, 'redundancy'), ['redundancy lost', 'redundancy restored']);
  assert.deepEqual(words(two.diary, 'redundancy'), []);
});

test('the plane that carries the traffic is left before it goes', async () => {
  const { cluster, one, two } = await linked({ planes: { a: '10.1.0.0/24', b: B } } as never);
  const before = pathWords(one).length;
  one.node.removePlane('a');
  assert.deepEqual(pathWords(one).slice(before), ['b made-primary']);
  two.node.removePlane('a');
  await cluster.run(1000);
  assert.deepEqual(pathWords(one).slice(before), ['b made-primary', 'a removed']);
  assert.deepEqual(shown(one, 'two@host2'), [{ plane: 'b', state: 'active', primary: true }]);
  assert.equal(one.node.nodes[0]?.redundant, true);
  assert.deepEqual(words(one.diary, 'nodedown'), []);
  // The node does not listen there any more, and dials from elsewhere.
  assert.deepEqual(
    [...cluster.network.endpoints].map(({ addresses }) => addresses),
    [['10.2.0.1'], ['10.2.0.2']],
  );
});

test('a plane that the peer has left is redundancy lost, until we leave it too', async () => {
  const { cluster, one, two } = await linked({ planes: { a: '10.1.0.0/24', b: B } } as never);
  two.node.removePlane('b');
  await cluster.run(1000);
  assert.deepEqual(words(one.diary, 'redundancy'), ['redundancy lost']);
  assert.deepEqual(pathWords(one).at(-1), 'b removed');
  one.node.removePlane('b');
  assert.deepEqual(words(one.diary, 'redundancy'), ['redundancy lost', 'redundancy restored']);
});

test('where a link cannot follow that is told, and the next one has the plane', async () => {
  const { cluster, one, two } = await linked();
  cluster.network.changesAddresses = false;
  assert.deepEqual(one.node.addPlane('b', B).deferred, ['two@host2']);
  two.node.addPlane('b', B);
  const [{ error, ...told }] = deferredAt(one) as [PlaneDeferred];
  assert.deepEqual(told, {
    name: 'two@host2',
    plane: 'b',
    address: '10.2.0.1',
    change: 'added',
    code: 'ERR_PLANE_DEFERRED',
  });
  assert.equal((error.cause as { code: string }).code, 'ERR_OPTION_REJECTED');
  await cluster.run(1000);
  assert.equal(shown(one, 'two@host2').length, 1);
  carrierOf(cluster, '10.1.0.1').end('lost', null);
  carrierOf(cluster, '10.1.0.2').end('lost', null);
  await cluster.run(5000);
  assert.deepEqual(
    shown(one, 'two@host2').map(({ plane, state }) => [plane, state]),
    [
      ['a', 'active'],
      ['b', 'active'],
    ],
  );
  assert.deepEqual(one.node.removePlane('b').deferred, ['two@host2']);
  assert.equal(deferredAt(one).at(-1)?.change, 'removed');
  // Taken back, the link is as it is to be.
  assert.deepEqual(one.node.addPlane('b', B).deferred, []);
});

test('a link whose association is older than the planes gets them as it comes up', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1, ONE_PLANE);
  const two = await cluster.start('two', 2, ONE_PLANE);
  const up = one.node.connect({ name: 'two@host2', addresses: ['10.1.0.2'], port: 24100 });
  // The association is there, the handshake is not over.
  await cluster.run(3);
  assert.deepEqual(one.node.addPlane('b', B).live, []);
  assert.deepEqual(two.node.addPlane('b', B).live, []);
  await cluster.until(up);
  await cluster.run(1000);
  for (const member of [one, two]) assert.equal(member.node.nodes[0]?.redundant, true);
  assert.equal(shown(two, 'one@host1').length, 2);
  const other = two.node.connect({ name: 'three@host3', addresses: ['10.1.0.3'], port: 24100 });
  await cluster.start('three', 3, ONE_PLANE);
  two.node.removePlane('b');
  await cluster.until(other);
  await cluster.run(10);
  assert.deepEqual(words(two.diary, 'planeDeferred'), []);
  assert.deepEqual(carrierOf(cluster, '10.1.0.3').paths.length, 1);
});

test('a plane that comes back before the peer had let it go is there in the end', async () => {
  const { cluster, one, two } = await linked({ planes: { a: '10.1.0.0/24', b: B } } as never);
  cluster.network.partingMs = 50;
  one.node.removePlane('b');
  assert.deepEqual(one.node.addPlane('b', B).live, ['two@host2']);
  await cluster.run(500);
  assert.equal(shown(two, 'one@host1').length, 1);
  await cluster.run(1000);
  assert.deepEqual(
    shown(two, 'one@host1').map(({ plane, state }) => [plane, state]),
    [
      ['a', 'active'],
      ['b', 'active'],
    ],
  );
  assert.deepEqual(deferredAt(one), []);
  assert.deepEqual([...cluster.network.endpoints][0]!.addresses, ['10.1.0.1', '10.2.0.1']);
});

test('a peer that does not let a plane go is told of, once', async () => {
  const { cluster, one } = await linked({ planes: { a: '10.1.0.0/24', b: B } } as never);
  cluster.network.partingMs = Number.POSITIVE_INFINITY;
  assert.deepEqual(one.node.removePlane('b').deferred, []);
  await cluster.run(4500);
  assert.deepEqual(deferredAt(one), []);
  await cluster.run(60_000);
  assert.deepEqual(
    deferredAt(one).map(({ name, plane, change, code }) => [name, plane, change, code]),
    [['two@host2', 'b', 'removed', 'ERR_PLANE_DEFERRED']],
  );
});

test('what cannot be is refused, and nothing has changed', async () => {
  const { cluster, one } = await linked();
  const refused = (code: string, name: string, address: string) =>
    assert.throws(() => one.node.addPlane(name, address), { code }, `${name} ${address}`);
  refused('ERR_ARGUMENT', 'a', B);
  refused('ERR_ARGUMENT', 'b', '10.1.0.1');
  refused('ERR_ARGUMENT', 'b c', B);
  refused('ERR_PLANE_NO_ADDRESS', 'c', '10.3.0.0/24');
  refused('ERR_ADDRESS_NOT_LOCAL', 'c', '10.3.0.1');
  assert.throws(() => one.node.removePlane('b'), { code: 'ERR_ARGUMENT' });
  assert.throws(() => one.node.removePlane('a'), { code: 'ERR_STATE' });
  // Somebody else listens there.
  await cluster.start('other', 1, { planes: { b: B } });
  refused('ERR_PORT_IN_USE', 'b', B);
  await cluster.run(100);
  assert.deepEqual(one.node.planes, [{ name: 'a', address: '10.1.0.1' }]);
  assert.deepEqual(carrierOf(cluster, '10.1.0.1').localAddresses, ['10.1.0.1']);
  await cluster.until(one.node.close());
  assert.throws(() => one.node.addPlane('b', B), { code: 'ERR_CLOSED' });
  assert.throws(() => one.node.removePlane('a'), { code: 'ERR_CLOSED' });
});

test('a node has no more planes than an association has addresses', async () => {
  const cluster = new Cluster();
  const addresses = Array.from({ length: limits.addresses + 1 }, (_, i) => `10.${i}.0.1`);
  const other = { planes: ['10.1.0.1'], port: 24101 };
  const one = await cluster.start('one', 1, other, undefined, addresses);
  const names = addresses.filter((address) => address !== '10.1.0.1');
  const profile = { outageMs: 5000, associationMaxRetransmits: 6000 };
  const wide = await cluster.start('wide', 4, { planes: ['10.1.0.4'], profile }, undefined, [
    '10.1.0.4',
    ...names,
  ]);
  for (const [i, address] of names.slice(0, -1).entries()) wide.node.addPlane(`n${i}`, address);
  assert.equal(wide.node.planes.length, limits.addresses);
  const last = names.at(-1) as string;
  assert.throws(() => wide.node.addPlane('last', last), { code: 'ERR_ARGUMENT' });
  // The timers do not hold with any number of planes.
  const add = () => {
    for (const [i, address] of names.entries()) one.node.addPlane(`n${i}`, address);
  };
  assert.throws(add, { code: 'ERR_PROFILE_INVALID' });
});
