import assert from 'node:assert/strict';
import test from 'node:test';
import type { NodeDown, NodeUp } from '../../../src/node/events.js';
import { Cluster, type Member, target, words } from './cluster.js';

const comings = (member: Member) => words(member.diary, 'nodeup', 'nodedown');

function last<T>(member: Member, name: string): T {
  return member.diary.filter(([event]) => event === name).at(-1)![1] as T;
}

/** The end of a link at an address. */
const endAt = ({ network }: Cluster, address: string) =>
  [...network.carriers].find(({ localAddresses }) => localAddresses[0] === address)!;

test('a link is up at both ends, each told of the other', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  assert.deepEqual(last<NodeUp>(one, 'nodeup'), {
    name: 'two@host2',
    incarnation: two.node.incarnation,
    dialledBy: 'us',
    linkNumber: 1,
  });
  assert.equal(last<NodeUp>(two, 'nodeup').dialledBy, 'peer');
  assert.deepEqual(one.node.nodes, [
    {
      name: 'two@host2',
      incarnation: two.node.incarnation,
      dialledBy: 'us',
      linkNumber: 1,
      stalled: false,
      redundant: true,
    },
  ]);
});

test('connecting again is the same link', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  await cluster.until(one.node.connect(target(two)));
  // The one that was dialled asks for the link too: it is there.
  await cluster.until(two.node.connect(target(one)));
  await cluster.run(10_000);
  assert.deepEqual(comings(one), ['nodeup']);
  assert.deepEqual(comings(two), ['nodeup']);
});

test('peers named at the start are dialled until they come', async () => {
  const cluster = new Cluster();
  const peers = [{ name: 'two@host2', addresses: ['10.1.0.2'], port: 24100 }];
  const one = await cluster.start('one', 1, { peers });
  await cluster.run(3000);
  const failures = words(one.diary, 'dialFailed');
  assert.ok(failures.length >= 4 && failures.length <= 8, `${failures.length} attempts`);
  assert.equal(failures[0], 'dialFailed ERR_REFUSED');
  await cluster.start('two', 2);
  await cluster.run(6000);
  assert.deepEqual(comings(one), ['nodeup']);
});

for (let seed = 1; seed <= 8; seed += 1) {
  test(`both dial at once and one link stays (seed ${seed})`, async () => {
    const cluster = new Cluster(seed);
    const one = await cluster.start('one', 1);
    const two = await cluster.start('two', 2);
    const both = Promise.all([one.node.connect(target(two)), two.node.connect(target(one))]);
    await cluster.until(both);
    await cluster.run(20_000);
    assert.deepEqual(comings(one), ['nodeup']);
    assert.deepEqual(comings(two), ['nodeup']);
    assert.equal(last<NodeUp>(one, 'nodeup').dialledBy, 'us', 'the lower name dialled');
    assert.equal(cluster.network.carriers.size, 2);
    assert.deepEqual(words(one.diary, 'dialFailed', 'refused'), []);
    assert.deepEqual(words(two.diary, 'dialFailed', 'refused'), []);
  });
}

test('one that closes has left; the other dials on and finds it again', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  const heard: unknown[] = [];
  one.node.handle('t', (body) => heard.push(body));
  two.node.send('one@host1', 't', 'sent before it left');
  await cluster.until(two.node.close());
  assert.deepEqual(heard, ['sent before it left']);
  assert.deepEqual(comings(one), ['nodeup', 'nodedown left']);
  assert.deepEqual(comings(two), ['nodeup', 'nodedown closed']);
  assert.throws(() => two.node.send('one@host1', 't', 1), { code: 'ERR_CLOSED' });
  await assert.rejects(two.node.connect(target(one)), { code: 'ERR_CLOSED' });

  const again = await cluster.start('two', 2);
  await cluster.run(6000);
  assert.deepEqual(comings(one), ['nodeup', 'nodedown left', 'nodeup']);
  assert.equal(last<NodeUp>(one, 'nodeup').incarnation, again.node.incarnation);
});

test('a closed node leaves no timer and no carrier behind', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  const lonely = one.node.connect({ name: 'x@host9', addresses: ['10.1.0.9'] });
  const rejected = assert.rejects(lonely, { code: 'ERR_CLOSED' });
  await cluster.run(50);
  await cluster.until(Promise.all([one.node.close(), two.node.close()]));
  await rejected;
  await cluster.run(20);
  assert.equal(cluster.runtime.waiting, 0);
  assert.equal(cluster.network.carriers.size, 0);
  assert.equal(cluster.network.endpoints.size, 0);
});

test('a process that is killed is closed, not left; calls to it fail', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  two.node.handle('never', () => new Promise(() => {}));
  const call = assert.rejects(one.node.call('two@host2', 'never', 1), { code: 'ERR_LINK_DOWN' });
  await cluster.run(10);
  cluster.network.kill('10.1.0.2', 'closed');
  await call;
  assert.deepEqual(comings(one), ['nodeup', 'nodedown closed']);
});

test('an association lost or begun anew ends the link, and it is dialled again', async () => {
  for (const end of ['lost', 'restarted'] as const) {
    const cluster = new Cluster();
    const one = await cluster.start('one', 1);
    const two = await cluster.start('two', 2);
    await cluster.link(one, two);
    for (const carrier of [...cluster.network.carriers]) carrier.end(end, null);
    await cluster.run(1000);
    assert.deepEqual(comings(one), ['nodeup', `nodedown ${end}`, 'nodeup']);
    assert.deepEqual(comings(two), ['nodeup', `nodedown ${end}`, 'nodeup']);
    assert.equal(last<NodeUp>(one, 'nodeup').linkNumber, 2);
  }
});

test('the same incarnation with a newer link replaces the old one at once', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  const seen: unknown[] = [];
  two.node.handle('t', (body) => seen.push(body));
  two.node.on('nodedown', () => seen.push('down'));
  two.node.on('nodeup', () => seen.push('up'));
  // One end has lost it, the other has not noticed.
  const dialled = [...cluster.network.carriers].find((c) => c.localAddresses[0] === '10.1.0.1')!;
  one.node.send('two@host2', 't', 'last of the first');
  await cluster.run(1);
  dialled.other = null;
  dialled.end('lost', null);
  await cluster.run(500);
  one.node.send('two@host2', 't', 'first of the second');
  await cluster.run(10);
  assert.deepEqual(seen, ['last of the first', 'down', 'up', 'first of the second']);
  assert.deepEqual(comings(two), ['nodeup', 'nodedown lost', 'nodeup']);
});

test('who leaves has closed the link, though the next comes before its end was read', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  const [ours, theirs] = [endAt(cluster, '10.1.0.1'), endAt(cluster, '10.1.0.2')];
  theirs.fallSilent();
  const left = two.node.disconnect('one@host1');
  ours.end('lost', null);
  await cluster.run(500);
  assert.deepEqual(comings(two), ['nodeup', 'nodedown closed', 'nodeup']);
  await left;
});

test('a second node of a name is refused while the first lives', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(two, one);
  const impostor = await cluster.start('two@host2', 3);
  const never = impostor.node.connect(target(one));
  never.catch(() => {});
  await cluster.run(3000);
  assert.ok(words(impostor.diary, 'dialFailed').every((w) => w === 'dialFailed ERR_NAME_TAKEN'));
  assert.ok(words(impostor.diary, 'dialFailed').length > 0);
  assert.ok(words(one.diary, 'refused').every((w) => w === 'refused ERR_NAME_TAKEN'));
  assert.ok(words(one.diary, 'refused').length > 0);
  assert.deepEqual(comings(one), ['nodeup']);
  assert.deepEqual(comings(impostor), []);
  assert.equal(one.node.nodes[0]?.incarnation, two.node.incarnation);
});

test('a link that ends while its name is claimed says why itself', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(two, one);
  const [ours, theirs] = [endAt(cluster, '10.1.0.1'), endAt(cluster, '10.1.0.2')];
  theirs.fallSilent();
  const impostor = await cluster.start('two@host2', 3);
  impostor.node.connect(target(one)).catch(() => {});
  await cluster.run(300);
  assert.deepEqual(comings(one), ['nodeup'], 'the first is asked, and does not answer yet');
  ours.end('lost', null);
  await cluster.run(100);
  assert.deepEqual(comings(one), ['nodeup', 'nodedown lost', 'nodeup']);
  assert.equal(last<NodeUp>(one, 'nodeup').incarnation, impostor.node.incarnation);
});

test('a new incarnation takes the place of one that does not answer', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(two, one);
  // The host of two dies without a word, and comes back.
  for (const carrier of [...cluster.network.carriers]) {
    if (carrier.localAddresses[0] === '10.1.0.2') carrier.fallSilent();
  }
  cluster.network.kill('10.1.0.2', 'closed');
  const again = await cluster.start('two', 2);
  const up = again.node.connect(target(one));
  await cluster.run(5000);
  await up;
  assert.deepEqual(comings(one), ['nodeup', 'nodedown restarted', 'nodeup']);
  assert.equal(last<NodeDown>(one, 'nodedown').incarnation, two.node.incarnation);
  assert.equal(last<NodeUp>(one, 'nodeup').incarnation, again.node.incarnation);
});

test('a node that has our own name is refused, and not dialled', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one@x', 1);
  const twin = await cluster.start('one@x', 2);
  await assert.rejects(one.node.connect(target(twin)), { code: 'ERR_ARGUMENT' });
});

test('somebody else at the address that was dialled is refused', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  await cluster.start('two', 2);
  one.node.connect({ name: 'three@host3', addresses: ['10.1.0.2'] }).catch(() => {});
  await cluster.run(2000);
  const codes = new Set(words(one.diary, 'dialFailed'));
  assert.deepEqual([...codes], ['dialFailed ERR_NAME_MISMATCH']);
});

const versionTwo = {
  versionMin: 2,
  versionMax: 2,
  featuresSupported: 0,
  featuresRequired: 0,
  securityMin: 1,
  securityMax: 1,
};

const strangers = [
  ['another key', 'ERR_KEY_MISMATCH', { key: Buffer.alloc(32, 8) }, undefined],
  ['another label', 'ERR_LABEL_MISMATCH', { label: 'other' }, undefined],
  ['another version', 'ERR_VERSION', {}, versionTwo],
] as const;

for (const [what, code, options, offer] of strangers) {
  test(`a node with ${what} is refused at both ends, again and again`, async () => {
    const cluster = new Cluster();
    const one = await cluster.start('one', 1);
    const two = await cluster.start('two', 2, options, offer);
    one.node.connect(target(two)).catch(() => {});
    await cluster.run(4000);
    const failures = words(one.diary, 'dialFailed');
    assert.ok(failures.length >= 3, `${failures.length} attempts`);
    assert.deepEqual([...new Set(failures)], [`dialFailed ${code}`]);
    const refusals = words(two.diary, 'refused');
    assert.ok(refusals.length > 0, 'the acceptor tells');
    assert.ok(refusals.length <= 5, 'at most one report in a second');
    assert.deepEqual([...new Set(refusals)], [`refused ${code}`]);
    assert.deepEqual(comings(one), []);
    assert.deepEqual(comings(two), []);
  });
}

test('a peer that is left is dialled no more, and may come back by itself', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  await cluster.until(one.node.disconnect('two@host2'));
  await cluster.run(20_000);
  assert.deepEqual(comings(one), ['nodeup', 'nodedown closed']);
  assert.deepEqual(comings(two), ['nodeup', 'nodedown left']);
  await cluster.link(two, one);
  assert.deepEqual(comings(one), ['nodeup', 'nodedown closed', 'nodeup']);
});

test('who waits for a link is told when it is given up', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const up = one.node.connect({ name: 'two@host2', addresses: ['10.1.0.2'] });
  const rejected = assert.rejects(up, { code: 'ERR_CLOSED' });
  await cluster.run(300);
  await one.node.disconnect('two@host2');
  await rejected;
  const failures = words(one.diary, 'dialFailed').length;
  await cluster.run(20_000);
  assert.equal(words(one.diary, 'dialFailed').length, failures);
});

test('a listener that throws does not stop what is under way', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const thrown: unknown[] = [];
  one.node.on('nodeup', () => {
    throw new Error('bug in a listener');
  });
  const original = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', (error) => thrown.push(error));
  await cluster.link(one, two);
  for (const listener of original) process.on('uncaughtException', listener);
  assert.match(String(thrown[0]), /bug in a listener/);
  assert.equal(one.node.nodes.length, 1);
});
