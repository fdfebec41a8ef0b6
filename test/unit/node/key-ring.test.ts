import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { Cluster, type Member, words } from './cluster.js';

const folder = mkdtempSync(join(tmpdir(), 'backplane-ring-'));
after(() => rmSync(folder, { recursive: true }));

const OLD = Buffer.alloc(32, 7);
const NEW = Buffer.alloc(32, 9);

const fileOf = (name: string) => join(folder, `${name}.key`);

function write(name: string, keys: readonly Buffer[]): void {
  const text = keys.map((key) => `${key.toString('base64')}\n`).join('');
  writeFileSync(fileOf(name), text, { mode: 0o600 });
}

async function member(cluster: Cluster, name: string, host: number): Promise<Member> {
  write(name, [OLD]);
  return cluster.start(name, host, { keyFile: fileOf(name) });
}

/** What would be an outage, or a sign of one to come. */
const troubles = ({ diary }: Member) => words(diary, 'nodedown', 'refused', 'dialFailed');

/** A new link in this direction, whatever there was before. */
async function redial(cluster: Cluster, from: Member, to: Member): Promise<void> {
  await cluster.until(from.node.disconnect(to.node.name));
  await cluster.until(to.node.disconnect(from.node.name));
  await cluster.run(10);
  for (const { diary } of [from, to]) diary.length = 0;
  await cluster.link(from, to);
  assert.deepEqual([...troubles(from), ...troubles(to)], []);
}

test('the first key is used, all are accepted', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1, { key: [NEW, OLD] });
  const two = await cluster.start('two', 2, { key: OLD });
  await cluster.link(two, one);
  assert.deepEqual(one.node.keyIds.slice(1), two.node.keyIds);
  await cluster.until(two.node.disconnect(one.node.name));
  one.node.connect({ name: two.node.name, addresses: ['10.1.0.2'] }).catch(() => {});
  await cluster.run(20);
  assert.deepEqual(words(one.diary, 'dialFailed'), ['dialFailed ERR_KEY_MISMATCH']);
});

test('a cluster changes its key node by node: no refusal, no link ends', async () => {
  const cluster = new Cluster();
  const nodes = [
    await member(cluster, 'one', 1),
    await member(cluster, 'two', 2),
    await member(cluster, 'three', 3),
  ];
  const pairs = nodes.flatMap((from) => nodes.map((to) => [from, to] as const));
  const others = pairs.filter(([from, to]) => from !== to);
  for (const [from, to] of others) if (from.host < to.host) await cluster.link(from, to);
  const steps = [[OLD, NEW], [NEW, OLD], [NEW]];
  for (const keys of steps) {
    for (const { node, host, diary } of nodes) {
      diary.length = 0;
      write(node.name.split('@')[0]!, keys);
      await node.reloadKeys();
      await cluster.run(10_000);
      for (const each of nodes) {
        assert.deepEqual(troubles(each), [], `a link ended when host ${host} read its keys`);
      }
      for (const [from, to] of others) await redial(cluster, from, to);
      for (const each of nodes) each.diary.length = 0;
    }
  }
  assert.equal(new Set(nodes.flatMap(({ node }) => node.keyIds)).size, 1);
});

test('a step left out is an outage: who has the new key alone is refused', async () => {
  const cluster = new Cluster();
  const one = await member(cluster, 'one', 1);
  const two = await member(cluster, 'two', 2);
  await cluster.link(one, two);
  write('one', [NEW]);
  await one.node.reloadKeys();
  await cluster.run(10_000);
  assert.deepEqual([...troubles(one), ...troubles(two)], [], 'the link that is up stays up');
  await cluster.until(one.node.disconnect(two.node.name));
  one.node.connect({ name: two.node.name, addresses: ['10.1.0.2'] }).catch(() => {});
  await cluster.run(20);
  assert.deepEqual(words(one.diary, 'dialFailed'), ['dialFailed ERR_KEY_MISMATCH']);
});

test('a file that cannot be used leaves the keys as they are', async () => {
  const cluster = new Cluster();
  const one = await member(cluster, 'one', 1);
  const two = await member(cluster, 'two', 2);
  const before = one.node.keyIds;
  writeFileSync(fileOf('one'), 'no key at all\n');
  await assert.rejects(one.node.reloadKeys(), { code: 'ERR_KEY_FILE' });
  rmSync(fileOf('one'));
  await assert.rejects(one.node.reloadKeys(), { code: 'ERR_KEY_FILE' });
  assert.deepEqual(one.node.keyIds, before);
  await cluster.link(one, two);
});

test('keys that a program gave are exchanged by the program', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1, { key: OLD });
  const two = await cluster.start('two', 2, { key: NEW });
  await assert.rejects(one.node.reloadKeys(), { code: 'ERR_STATE' });
  assert.throws(() => one.node.useKeys([]), { code: 'ERR_ARGUMENT' });
  assert.throws(() => one.node.useKeys(Buffer.alloc(31)), { code: 'ERR_KEY_SHORT' });
  assert.notDeepEqual(one.node.keyIds, two.node.keyIds);
  one.node.useKeys([NEW, OLD]);
  await cluster.link(one, two);
});

test('an id tells keys apart, and not what they are', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1, { key: [OLD, NEW] });
  const [first, second, ...more] = one.node.keyIds;
  assert.match(first!, /^[0-9a-f]{16}$/);
  assert.notEqual(first, second);
  assert.deepEqual(more, []);
  assert.ok(!OLD.toString('hex').includes(first!));
});
