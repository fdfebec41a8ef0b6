import assert from 'node:assert/strict';
import test from 'node:test';
import { partsOf } from '../../../src/config/parts.js';
import type { ClusterNode } from '../../../src/node/node.js';
import { encodeBody } from '../../../src/wire/payload.js';
import { ConfigCluster, MASTERS } from './config-nodes.js';

/** A node that says whatever it likes on the stream of the configuration. */
async function stranger(cluster: ConfigCluster, name: string) {
  const node = await cluster.network.node(name);
  const port = node.openConfiguration(() => {});
  await cluster.network.linked();
  const say = (to: string, value: unknown) => {
    for (const part of partsOf(encodeBody(value).body)) assert.ok(port.send(to, part));
  };
  return { node, port, say };
}

const reasons = (node: ClusterNode): string[] => {
  const found: string[] = [];
  node.on('nodedown', ({ reason, error }) => found.push(`${reason} ${error?.code}`));
  return found;
};

test('who says what no replica says is not listened to, and its link stays', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one] = await cluster.boot(['one@h1', 'two@h2']);
  const { say } = await stranger(cluster, 'odd@h9');
  const downs = reasons(one!.node);
  say('one@h1', [99]);
  await cluster.when(() => one!.diary.includes('trouble odd@h9 ERR_PROTOCOL'));
  say('one@h1', [99]);
  await cluster.network.advance(100);
  assert.deepEqual(downs, []);
  await cluster.until(one!.config.put('cluster/a', 1));
});

test('what is no message at all ends the link', async (context) => {
  for (const part of [
    Buffer.from([7]),
    Buffer.from([0, 0xff]),
    Buffer.concat([Buffer.from([0]), Buffer.from([0x9f, 1])]),
  ]) {
    const cluster = new ConfigCluster(context);
    const [one] = await cluster.boot(['one@h1', 'two@h2']);
    const { port } = await stranger(cluster, 'odd@h9');
    const downs = reasons(one!.node);
    port.send('one@h1', part);
    await cluster.when(() => downs.length > 0);
    assert.deepEqual(downs, ['refused ERR_PROTOCOL']);
    await cluster.until(one!.config.put('cluster/a', 1));
  }
});

test('a message cut off by the end of a link is no part of the next', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one] = await cluster.boot(['one@h1', 'two@h2']);
  const { node, port, say } = await stranger(cluster, 'odd@h9');
  const [first] = partsOf(Buffer.alloc(100_000));
  port.send('one@h1', first!);
  await cluster.network.advance(50);
  await cluster.until(node.disconnect('one@h1'));
  await cluster.until(node.connect(cluster.network.peer('one@h1')));
  say('one@h1', [99]);
  await cluster.when(() => one!.diary.includes('trouble odd@h9 ERR_PROTOCOL'));
});

test('replicas that begin on links which are there find each other', async (context) => {
  const cluster = new ConfigCluster(context);
  const names = ['one@h1', 'two@h2', 'three@h3'];
  const nodes: ClusterNode[] = [];
  for (const name of names) nodes.push(await cluster.network.node(name));
  await cluster.network.linked();
  // The slave first: nobody hears what it says.
  for (const node of nodes.toReversed()) {
    await cluster.open(node);
    await cluster.network.advance(100);
  }
  const { config } = cluster.members.get('one@h1')!;
  await cluster.until(config.masters.bootstrap(['one@h1', 'two@h2']));
  const slave = cluster.members.get('three@h3')!;
  await cluster.until(slave.config.put('cluster/a', 1));

  // A master's ends and begins anew, while its link to the slave stays.
  for (const { name } of nodes.slice(0, 2)) {
    const { node, config: ended } = cluster.members.get(name)!;
    await ended.close();
    await cluster.network.advance(100);
    const again = await cluster.open(node);
    await cluster.when(() => again.config.view !== null);
    await cluster.when(() => cluster.members.get('one@h1')!.config.status.isWritable);
    await cluster.when(() => slave.config.status.missing.length === 0);
    await cluster.until(slave.config.put('cluster/a', name));
    await cluster.when(() => slave.config.view?.get('cluster/a')?.value === name);
  }
});

test('a configuration that is closed is away for all, while the links stay', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, two, three] = await cluster.boot(['one@h1', 'two@h2', 'three@h3']);
  const nowMs = () => three!.node.runtime.clock.nowMs();
  const startMs = nowMs();
  await two!.config.close();
  await cluster.when(() => one!.config.status.missing.includes('two@h2'));
  await assert.rejects(cluster.until(one!.config.put('cluster/a', 1)), { code: 'ERR_REPLICAS' });
  await one!.config.close();
  await cluster.when(() => three!.diary.includes('down'));
  assert.ok(nowMs() - startMs < 100, `${nowMs() - startMs} ms`);
  assert.deepEqual(three!.node.nodes.map(({ name }) => name).sort(), ['one@h1', 'two@h2']);

  for (const { node } of [one!, two!]) await cluster.open(node);
  await cluster.when(() => three!.diary.includes('up'));
  await cluster.when(() => cluster.members.get('one@h1')!.config.status.isWritable);
  await cluster.until(three!.config.put('cluster/a', 2));
});

test('many writes of one turn are stored together, each with its own answer', async (context) => {
  const cluster = new ConfigCluster(context);
  const [, , three] = await cluster.boot(['one@h1', 'two@h2', 'three@h3']);
  const before = cluster.disks.batches.get('one@h1') ?? 0;
  const writes = Array.from({ length: 500 }, (_, at) => three!.config.put(`cluster/${at}`, at));
  const revisions = (await cluster.until(Promise.all(writes))).map(({ revision }) => revision);
  assert.deepEqual(
    revisions,
    Array.from({ length: 500 }, (_, at) => at + 2),
  );
  const batches = (cluster.disks.batches.get('one@h1') ?? 0) - before;
  assert.ok(batches <= 50, `${batches} batches`);
});

test('a slave that is closed has on its disk what it has shown', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, , slave] = await cluster.boot(['one@h1', 'two@h2', 'three@h3']);
  await cluster.until(one!.config.put('cluster/a', 1));
  await cluster.when(() => slave!.config.view?.get('cluster/a')?.value === 1);
  const { durable, committed } = slave!.config.status;
  assert.ok(durable < committed);
  await slave!.config.close();
  for (const name of MASTERS) cluster.kill(name);
  const again = await cluster.open(slave!.node);
  await cluster.when(() => again.config.view !== null);
  assert.equal(again.config.view?.get('cluster/a')?.value, 1);
});
