import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { Cluster, type Member } from './cluster.js';

/** So many nodes, all of them linked. */
async function mesh(count: number): Promise<{ cluster: Cluster; members: Member[] }> {
  const cluster = new Cluster();
  const members: Member[] = [];
  for (let host = 1; host <= count; host++) {
    const member = await cluster.start('n', host);
    for (const other of members) await cluster.link(member, other);
    members.push(member);
  }
  return { cluster, members };
}

const changes = ({ diary }: Member) =>
  diary.flatMap(([name, event]) =>
    name === 'groupJoin' || name === 'groupLeave' ? [`${name} ${event.group} ${event.name}`] : [],
  );

test('who joins is a member everywhere a little later, who leaves is none', async () => {
  const { cluster, members } = await mesh(3);
  const [one, two, three] = members as [Member, Member, Member];
  assert.equal(one.node.join('g'), true);
  assert.equal(one.node.join('g'), false);
  await cluster.run(10);
  assert.equal(two.node.join('g'), true);
  await cluster.run(10);
  for (const { node } of members) {
    assert.deepEqual(node.members('g'), ['n@host1', 'n@host2']);
    assert.deepEqual(node.groups, ['g']);
  }
  assert.equal(one.node.leave('g'), true);
  assert.equal(one.node.leave('g'), false);
  assert.deepEqual(one.node.members('g'), ['n@host2']);
  await cluster.run(10);
  assert.deepEqual(three.node.members('g'), ['n@host2']);
  const told = ['groupJoin g n@host1', 'groupJoin g n@host2', 'groupLeave g n@host1'];
  assert.deepEqual(changes(three), told);
  assert.deepEqual(changes(one), told);
});

test('who comes late learns of all groups', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('n', 1);
  one.node.join('g');
  const two = await cluster.start('n', 2);
  two.node.join('h');
  await cluster.link(one, two);
  for (const { node } of [one, two]) assert.deepEqual(node.groups, ['g', 'h']);
});

test('membership ends with the link, before nodedown', async () => {
  const { cluster, members } = await mesh(2);
  const [one, two] = members as [Member, Member];
  two.node.join('g');
  await cluster.run(10);
  const seen: unknown[] = [];
  one.node.on('nodedown', () => seen.push(one.node.members('g'), changes(one).at(-1)));
  cluster.network.kill('10.1.0.2', 'lost');
  await cluster.run(10);
  assert.deepEqual(seen, [[], 'groupLeave g n@host2']);
  assert.deepEqual(one.node.groups, []);
});

test('pick takes each in turn, and by a key always the same', async () => {
  const { cluster, members } = await mesh(4);
  for (const { node } of members) node.join('g');
  await cluster.run(10);
  const [one, two] = members as [Member, Member];
  assert.equal(one.node.pick('nobody'), null);
  const turns = Array.from({ length: 8 }, () => one.node.pick('g'));
  assert.deepEqual(turns.slice(0, 4), turns.slice(4));
  assert.deepEqual([...new Set(turns)].sort(), one.node.members('g'));

  const keys = Array.from({ length: 1000 }, (_, index) => `customer-${index}`);
  const before = new Map(keys.map((key) => [key, one.node.pick('g', { key })]));
  for (const [key, name] of before) assert.equal(two.node.pick('g', { key }), name);
  for (const name of one.node.members('g')) {
    const share = [...before.values()].filter((picked) => picked === name).length;
    assert.ok(share > 180 && share < 320, `${name} has ${share} of 1000`);
  }
  members[3]!.node.leave('g');
  await cluster.run(10);
  for (const [key, name] of before) {
    if (name !== 'n@host4') assert.equal(one.node.pick('g', { key }), name);
  }
  const key = 7 as unknown as string;
  assert.throws(() => one.node.pick('g', { key }), { code: 'ERR_ARGUMENT' });
});

test('names of groups are checked, and their number is bounded', async () => {
  const { members } = await mesh(1);
  const { node } = members[0]!;
  for (const name of ['', 'x'.repeat(limits.topicBytes + 1), 7 as unknown as string]) {
    assert.throws(() => node.join(name), { code: 'ERR_ARGUMENT' });
    assert.throws(() => node.members(name), { code: 'ERR_ARGUMENT' });
  }
  for (let i = 0; i < limits.sharedNames; i++) node.join(`${i}`);
  assert.throws(() => node.join('one more'), { code: 'ERR_LIMIT' });
});
