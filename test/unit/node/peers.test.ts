import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import type { PeersChanged, PeersFailed } from '../../../src/node/events.js';
import type { PeerOptions } from '../../../src/node/options.js';
import type { PeerSource, PeerWatcher } from '../../../src/node/peer-source.js';
import { addressesOf, Cluster, type Member, target, words } from './cluster.js';

/** A source that a test tells what to tell. */
class Told implements PeerSource {
  readonly name = 'told';
  readonly onRemoval: 'keep' | 'leave';
  watcher: PeerWatcher | null = null;
  closed = 0;

  constructor(onRemoval: 'keep' | 'leave' = 'keep') {
    this.onRemoval = onRemoval;
  }

  watch(watcher: PeerWatcher) {
    this.watcher = watcher;
    const close = () => {
      this.closed += 1;
    };
    return { close };
  }

  tell(peers: unknown): void {
    this.watcher!.onPeers(peers as PeerOptions[]);
  }
}

const comings = (member: Member) => words(member.diary, 'nodeup', 'nodedown');
const changes = (member: Member) =>
  member.diary.filter(([name]) => name === 'peers').map(([, event]) => event as PeersChanged);
const failures = (member: Member) =>
  member.diary.filter(([name]) => name === 'peersFailed').map(([, event]) => event as PeersFailed);

test('peers a source names are dialled; the node itself may be among them', async () => {
  const cluster = new Cluster();
  const source = new Told();
  const one = await cluster.start('one', 1, { peerSources: [source] });
  await cluster.run(0);
  const two = await cluster.start('two', 2);
  assert.deepEqual(source.watcher!.planes, one.node.planes);
  source.tell([target(one), target(two)]);
  await cluster.run(1000);
  assert.deepEqual(comings(one), ['nodeup']);
  assert.deepEqual(changes(one), [
    { source: 'told', added: ['two@host2'], changed: [], removed: [] },
  ]);
  source.tell([target(two)]);
  assert.equal(changes(one).length, 1, 'the same again is no news');
});

test('a peer that is named no more keeps its link, and is not dialled again', async () => {
  const cluster = new Cluster();
  const source = new Told();
  const one = await cluster.start('one', 1, { peerSources: [source] });
  await cluster.run(0);
  const two = await cluster.start('two', 2);
  source.tell([target(two)]);
  await cluster.run(1000);
  source.tell([]);
  await cluster.run(10_000);
  assert.deepEqual(changes(one).at(-1)?.removed, ['two@host2']);
  assert.deepEqual(comings(one), ['nodeup']);
  await cluster.until(two.node.disconnect('one@host1'));
  await cluster.run(20_000);
  assert.deepEqual(comings(one), ['nodeup', 'nodedown left']);
  assert.deepEqual(words(one.diary, 'dialFailed'), []);
});

test('a peer that is named no more before it came is given up', async () => {
  const cluster = new Cluster();
  const source = new Told();
  const one = await cluster.start('one', 1, { peerSources: [source] });
  await cluster.run(0);
  source.tell([{ name: 'two@host2', addresses: addressesOf(2) }]);
  await cluster.run(1000);
  source.tell([]);
  const before = words(one.diary, 'dialFailed').length;
  assert.ok(before > 0);
  await cluster.run(20_000);
  assert.equal(words(one.diary, 'dialFailed').length, before);
});

test('a source may have those it names no more left', async () => {
  const cluster = new Cluster();
  const source = new Told('leave');
  const one = await cluster.start('one', 1, { peerSources: [source] });
  await cluster.run(0);
  const two = await cluster.start('two', 2);
  source.tell([target(two)]);
  await cluster.run(1000);
  source.tell([]);
  await cluster.run(20_000);
  assert.deepEqual(comings(one), ['nodeup', 'nodedown closed']);
  assert.deepEqual(comings(two), ['nodeup', 'nodedown left']);
});

test('another address counts from the next dial', async () => {
  const cluster = new Cluster();
  const source = new Told();
  const one = await cluster.start('one', 1, { peerSources: [source] });
  await cluster.run(0);
  const two = await cluster.start('two', 2);
  source.tell([{ ...target(two), addresses: ['10.9.0.2'] }]);
  await cluster.run(3000);
  assert.deepEqual(comings(one), []);
  source.tell([target(two)]);
  assert.deepEqual(changes(one).at(-1)?.changed, ['two@host2']);
  await cluster.run(limits.redialMaxMs);
  assert.deepEqual(comings(one), ['nodeup']);
  // A link that is up is not disturbed.
  source.tell([{ ...target(two), addresses: ['10.9.0.2'] }]);
  await cluster.run(5000);
  assert.deepEqual(comings(one), ['nodeup']);
});

test('a set with one bad entry changes nothing', async () => {
  const cluster = new Cluster();
  const source = new Told('leave');
  const one = await cluster.start('one', 1, { peerSources: [source] });
  await cluster.run(0);
  const two = await cluster.start('two', 2);
  source.tell([target(two)]);
  await cluster.run(1000);
  const bad = [
    'none',
    [null],
    [{ name: 'two', addresses: ['10.1.0.2'] }],
    [{ name: 'three@host3', addresses: ['host3'] }],
    [target(two), target(two)],
    Array.from({ length: limits.peers + 1 }, (_, i) => ({ name: `n@${i}`, addresses: ['::1'] })),
  ];
  for (const peers of bad) source.tell(peers);
  source.watcher!.onFailed(new Error('cannot tell'));
  await cluster.run(5000);
  assert.deepEqual(comings(one), ['nodeup']);
  assert.deepEqual(
    failures(one).map(({ source: name, code }) => [name, code]),
    Array.from({ length: bad.length + 1 }, () => ['told', 'ERR_PEER_SOURCE']),
  );
  assert.match(failures(one).at(-1)!.error.message, /told: cannot tell/);
});

test('what the program connected to stays, whatever a source says', async () => {
  const cluster = new Cluster();
  const source = new Told('leave');
  const one = await cluster.start('one', 1, { peerSources: [source] });
  await cluster.run(0);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  source.tell([target(two)]);
  source.tell([]);
  await cluster.run(5000);
  assert.deepEqual(comings(one), ['nodeup']);
});

test('a peer stays as long as one of two sources names it', async () => {
  const cluster = new Cluster();
  const [first, second] = [new Told('leave'), new Told('leave')];
  const one = await cluster.start('one', 1, { peerSources: [first, second] });
  await cluster.run(0);
  const two = await cluster.start('two', 2);
  first.tell([target(two)]);
  second.tell([{ ...target(two), addresses: ['10.9.0.2'] }]);
  await cluster.run(1000);
  assert.deepEqual(comings(one), ['nodeup'], 'the older one counts');
  first.tell([]);
  await cluster.run(5000);
  assert.deepEqual(comings(one), ['nodeup']);
  second.tell([]);
  await cluster.run(5000);
  assert.deepEqual(comings(one), ['nodeup', 'nodedown closed']);
});

test('the program disconnects, and a source that repeats itself does not undo it', async () => {
  const cluster = new Cluster();
  const source = new Told();
  const one = await cluster.start('one', 1, { peerSources: [source] });
  await cluster.run(0);
  const two = await cluster.start('two', 2);
  source.tell([target(two)]);
  await cluster.run(1000);
  await cluster.until(one.node.disconnect('two@host2'));
  source.tell([target(two)]);
  await cluster.run(10_000);
  assert.deepEqual(comings(one), ['nodeup', 'nodedown closed']);
  // Named anew, it is wanted anew.
  source.tell([]);
  source.tell([target(two)]);
  await cluster.run(1000);
  assert.deepEqual(comings(one), ['nodeup', 'nodedown closed', 'nodeup']);
});

test('a source that is followed no more, and those of a closed node, are ended once', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const [first, second] = [new Told('leave'), new Told()];
  const watch = one.node.followPeers(first);
  one.node.followPeers(second);
  first.tell([target(two)]);
  await cluster.run(1000);
  watch.close();
  watch.close();
  first.tell([]);
  first.watcher!.onFailed(new Error('too late'));
  await cluster.run(5000);
  assert.deepEqual(comings(one), ['nodeup']);
  assert.deepEqual(failures(one), []);
  await cluster.until(one.node.close());
  assert.deepEqual([first.closed, second.closed], [1, 1]);
  second.tell([target(two)]);
  await cluster.run(5000);
  assert.deepEqual(comings(one), ['nodeup', 'nodedown closed']);
  assert.throws(() => one.node.followPeers(first), { code: 'ERR_CLOSED' });
});

test('a source that cannot begin is a failure, and one that is none is refused', async () => {
  const cluster = new Cluster();
  const broken: PeerSource = {
    name: 'broken',
    watch: () => {
      throw new Error('no such thing');
    },
  };
  const one = await cluster.start('one', 1);
  one.node.followPeers(broken);
  assert.match(failures(one)[0]!.error.message, /broken: no such thing/);
  const two = await cluster.start('two', 2, { peerSources: [broken] });
  await cluster.run(0);
  assert.equal(failures(two).length, 1, 'who started the node hears it');
  const three = await cluster.start('three', 3, { peerSources: [new Told()] });
  await cluster.until(three.node.close());
  const odd = { name: 'odd', watch() {}, onRemoval: 'drop' };
  for (const none of [null, {}, { name: 'none' }, { watch() {} }, odd]) {
    assert.throws(() => one.node.followPeers(none as never), { code: 'ERR_ARGUMENT' });
    await assert.rejects(cluster.start('four', 4, { peerSources: [none as never] }), {
      code: 'ERR_ARGUMENT',
    });
  }
  const many = Array.from({ length: limits.peerSources + 1 }, () => new Told());
  await assert.rejects(cluster.start('four', 4, { peerSources: many }), { code: 'ERR_ARGUMENT' });
  for (const source of many.slice(2)) one.node.followPeers(source);
  assert.throws(() => one.node.followPeers(new Told()), { code: 'ERR_STATE' });
});

test('a source may begin later, and may be ended before it has begun', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const source = new Told();
  const later: PeerSource = { name: 'later', watch: async (watcher) => source.watch(watcher) };
  const watch = one.node.followPeers(later);
  await cluster.run(0);
  source.tell([target(two)]);
  await cluster.run(1000);
  assert.deepEqual(comings(one), ['nodeup']);
  watch.close();
  assert.equal(source.closed, 1);
  one.node.followPeers(later).close();
  await cluster.run(0);
  assert.equal(source.closed, 2, 'ended as soon as it had begun');
  assert.deepEqual(failures(one), []);
});

test('a source may be ended by what it tells at once', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  let closed = 0;
  one.node.once('peers', () => void one.node.close());
  one.node.followPeers({
    name: 'hasty',
    watch({ onPeers }) {
      onPeers([{ name: 'two@host2', addresses: addressesOf(2) }]);
      const close = () => {
        closed += 1;
      };
      return { close };
    },
  });
  await cluster.run(1000);
  assert.deepEqual([one.node.state, closed], ['closed', 1]);
});

test('what is wrong with a source is told, and holds up neither its end nor the node', async () => {
  const failing = {
    'begins with nothing': () => undefined,
    'begins with no end': () => ({}),
    'begins with nothing, later': async () => undefined,
    'cannot begin, later': async () => {
      throw new Error('no such thing');
    },
    'cannot end': () => ({
      close() {
        throw new Error('no end');
      },
    }),
    'cannot end, later': () => ({
      async close() {
        throw new Error('no end');
      },
    }),
  };
  for (const [name, watch] of Object.entries(failing)) {
    const cluster = new Cluster();
    const one = await cluster.start('one', 1);
    const two = await cluster.start('two', 2);
    await cluster.link(one, two);
    const good = new Told();
    const watched = one.node.followPeers({ name, watch: watch as never });
    one.node.followPeers({ name: 'of the node', watch: watch as never });
    one.node.followPeers(good);
    await cluster.run(0);
    watched.close();
    await cluster.run(0);
    const told = failures(one).filter(({ source }) => source === name);
    assert.deepEqual([told.length, told[0]?.code], [1, 'ERR_PEER_SOURCE'], name);
    assert.ok(told[0]!.error.message.startsWith(`${name}: `), told[0]!.error.message);
    await cluster.until(one.node.close());
    assert.deepEqual([one.node.state, good.closed], ['closed', 1], name);
    assert.deepEqual(comings(two).at(-1), 'nodedown left', name);
  }
});

test('a peer for which there is no room is told of, and not kept', async () => {
  const cluster = new Cluster();
  const source = new Told();
  const one = await cluster.start('one', 1, { peerSources: [source] });
  await cluster.run(0);
  const many = Array.from({ length: limits.peers }, (_, i) => ({
    name: `n@${i}`,
    addresses: ['10.9.0.1'],
  }));
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  source.tell(many);
  await cluster.run(10);
  const [failure, ...more] = failures(one);
  assert.deepEqual(more, []);
  assert.equal((failure!.error.cause as { code: string }).code, 'ERR_PEERS');
  assert.equal(one.node.reachability().nodes.length, limits.peers + 1);
});
