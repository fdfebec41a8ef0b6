import assert from 'node:assert/strict';
import test from 'node:test';
import type { ConfigError } from '../../../src/errors.js';
import { ConfigCluster } from './config-nodes.js';

const ALL = ['one@h1', 'two@h2', 'three@h3', 'four@h4'];

test('what is written at any node is read at all of them', async (context) => {
  const cluster = new ConfigCluster(context);
  const members = await cluster.boot(ALL);
  const revisions: number[] = [];
  for (const [index, { config }] of members.entries()) {
    const written = await cluster.until(config.put(`cluster/from-${index}`, { index }));
    assert.equal(written.succeeded, true);
    revisions.push(written.revision);
  }
  assert.deepEqual(revisions, [2, 3, 4, 5]);
  for (const { config } of members) {
    await cluster.when(() => config.view?.revision === 5);
    const items = await cluster.until(config.range('cluster'));
    assert.deepEqual(
      items.map(({ key, value, modRevision }) => [key, value, modRevision]),
      ALL.map((_, index) => [`cluster/from-${index}`, { index }, index + 2]),
    );
  }
  const roles = members.map(({ config }) => config.status.role);
  assert.deepEqual(roles, ['sequencer', 'master', 'slave', 'slave']);
});

test('a transaction whose condition does not hold changes nothing, says which', async (context) => {
  const cluster = new ConfigCluster(context);
  const [, , slave] = await cluster.boot(ALL);
  const { config } = slave!;
  const first = await cluster.until(config.put('cluster/a', 1, { ifRevision: 0 }));
  assert.equal(first.succeeded, true);
  const again = await cluster.until(config.put('cluster/a', 2, { ifRevision: 0 }));
  assert.deepEqual([again.succeeded, again.revision], [false, first.revision]);
  const both = await cluster.until(
    config.transaction({
      compare: [
        { key: 'cluster/a', revision: first.revision },
        { key: 'cluster/b', exists: true },
      ],
      write: [{ delete: 'cluster/a' }],
    }),
  );
  assert.deepEqual([both.succeeded, !both.succeeded && both.failed], [false, 1]);
  assert.equal((await cluster.until(config.get('cluster/a')))?.value, 1);
  await cluster.until(config.delete('cluster/a', { ifRevision: first.revision }));
  assert.equal(await cluster.until(config.session().get('cluster/a', { fresh: true })), null);
});

test('values that are larger than a message of a node get everywhere', async (context) => {
  const cluster = new ConfigCluster(context);
  const [, , three, four] = await cluster.boot(ALL);
  const value = Buffer.alloc(250_000, 7);
  const { revision } = await cluster.until(three!.config.put('cluster/large', value));
  await cluster.when(() => (four!.config.view?.revision ?? 0) >= revision);
  assert.deepEqual(four!.config.view?.get('cluster/large')?.value, value);
  // One that comes later takes a snapshot or the log, of more than one message either way.
  for (let at = 0; at < 8; at++) {
    await cluster.until(three!.config.put(`cluster/large-${at}`, value));
  }
  const five = await cluster.start('five@h5');
  await cluster.when(() => five.config.view?.get('cluster/large-7') != null);
});

test('a session sees what it wrote, and goes on at another node', async (context) => {
  const cluster = new ConfigCluster(context);
  const [, , three, four] = await cluster.boot(ALL);
  const session = three!.config.session();
  for (let value = 0; value < 5; value++) {
    await cluster.until(session.put('cluster/a', value));
    assert.equal((await cluster.until(session.get('cluster/a')))?.value, value);
  }
  const { seen } = session;
  const later = four!.config.session(seen);
  assert.equal((await cluster.until(later.get('cluster/a')))?.value, 4);
  assert.ok((later.seen?.revision ?? 0) >= (seen?.revision ?? 0));
  const ahead = { lineage: seen!.lineage, revision: seen!.revision + 1 };
  const waits = four!.config.read({ seen: ahead, deadlineMs: 50 });
  await assert.rejects(cluster.until(waits), { code: 'ERR_BEHIND' });
  const comes = four!.config.read({ seen: ahead });
  await cluster.until(three!.config.put('cluster/a', 5));
  assert.equal((await cluster.until(comes)).get('cluster/a')?.value, 5);
});

test('a view stays at its revision; older ones are read while they are kept', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one] = await cluster.boot(ALL);
  const { config } = one!;
  const { revision } = await cluster.until(config.put('cluster/a', 'old'));
  const { view } = config;
  await cluster.until(config.put('cluster/a', 'new'));
  assert.equal(view?.get('cluster/a')?.value, 'old');
  assert.equal(config.view?.get('cluster/a')?.value, 'new');
  const item = await cluster.until(config.get('cluster/a', { revision }));
  assert.equal(item?.value, 'old');
  await cluster.until(config.delete('cluster/a'));
  const history = config.view?.history('cluster/a').map((change) => {
    return change.type === 'put' ? change.value : null;
  });
  assert.deepEqual(history, ['old', 'new', null]);
  const ahead = config.get('cluster/a', { revision: revision + 3 });
  await assert.rejects(cluster.until(ahead), { code: 'ERR_BEHIND' });
});

test('with a master away nothing is written, and what there is can be read', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, , three] = await cluster.boot(ALL);
  await cluster.until(three!.config.put('cluster/a', 1));
  cluster.kill('two@h2');
  await cluster.when(() => one!.diary.includes('degraded two@h2'));
  for (const { config } of [one!, three!]) {
    await assert.rejects(cluster.until(config.put('cluster/a', 2)), { code: 'ERR_REPLICAS' });
    assert.equal((await cluster.until(config.get('cluster/a')))?.value, 1);
    const fresh = config.get('cluster/a', { fresh: true, deadlineMs: 1000 });
    await assert.rejects(cluster.until(fresh), { code: 'ERR_REPLICAS' });
  }
  const two = await cluster.start('two@h2');
  await cluster.when(() => one!.diary.at(-1) === 'writable');
  await cluster.until(three!.config.put('cluster/a', 3));
  const item = await cluster.until(two.config.session().get('cluster/a', { fresh: true }));
  assert.equal(item?.value, 3);
});

test('a write whose outcome is not known can be asked for again', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, , three] = await cluster.boot(ALL);
  await cluster.until(one!.config.put('cluster/a', 0));
  cluster.network.stall('two@h2');
  const asked = three!.config.put('cluster/a', 1, { deadlineMs: 20 });
  const error = await cluster.until(
    asked.then(
      () => assert.fail('nobody can have written that'),
      (failed: ConfigError) => failed,
    ),
  );
  assert.equal(error.code, 'ERR_OUTCOME_UNKNOWN');
  cluster.network.resume('two@h2');
  await cluster.when(() => one!.config.view?.get('cluster/a')?.value === 1);
  const revision = one!.config.view?.get('cluster/a')?.modRevision;
  const again = await cluster.until(three!.config.put('cluster/a', 1, { ...error.request! }));
  assert.deepEqual([again.succeeded, again.revision], [true, revision]);
  assert.equal(one!.config.view?.get('cluster/a')?.version, 2);
});

test('all hosts ended and started again are where they were', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one] = await cluster.boot(ALL);
  await cluster.until(one!.config.put('cluster/a', 1));
  const seen = { ...one!.config.status.readable! };
  await cluster.network.advance(1000);
  for (const name of ALL) cluster.kill(name);
  for (const name of ALL.toReversed()) await cluster.start(name);
  for (const { config } of cluster.members.values()) await cluster.when(() => config.view !== null);
  for (const { config } of cluster.members.values()) {
    assert.deepEqual(config.status.readable, seen);
    assert.equal((await cluster.until(config.get('cluster/a')))?.value, 1);
  }
  const four = cluster.members.get('four@h4')!;
  await cluster.when(() => cluster.members.get('one@h1')!.config.status.isWritable);
  await cluster.until(four.config.put('cluster/a', 2));
});

test('a master alone waits for the load timeout, then reads only', async (context) => {
  const cluster = new ConfigCluster(context);
  const [, two] = await cluster.boot(ALL);
  await cluster.until(two!.config.put('cluster/a', 1));
  await cluster.network.advance(1000);
  for (const name of ALL) cluster.kill(name);
  const { config, diary } = await cluster.start('two@h2', { loadMs: 3000 });
  const early = config.get('cluster/a', { deadlineMs: 2500 });
  await assert.rejects(cluster.until(early), { code: 'ERR_NOT_READY' });
  assert.equal((await cluster.until(config.get('cluster/a')))?.value, 1);
  assert.ok(diary.some((line) => line.startsWith('readable')));
  const write = config.put('cluster/a', 2);
  await assert.rejects(cluster.until(write), { code: 'ERR_REPLICAS' });
});

test('slaves say that the cluster is down, go on reading, say that it is up', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, , three, four] = await cluster.boot(ALL);
  await cluster.until(one!.config.put('cluster/a', 1));
  await cluster.when(() => four!.config.view?.revision === three!.config.view?.revision);
  const atMs = cluster.network.nowMs;
  cluster.network.powerOff('one@h1');
  cluster.network.powerOff('two@h2');
  for (const { diary, config } of [three!, four!]) {
    await cluster.when(() => diary.includes('down'));
    assert.equal(config.view?.get('cluster/a')?.value, 1);
    assert.equal(config.status.isDown, true);
    await assert.rejects(cluster.until(config.put('cluster/a', 2)), { code: 'ERR_REPLICAS' });
  }
  assert.ok(cluster.network.nowMs - atMs <= 2500, `${cluster.network.nowMs - atMs} ms`);
  await cluster.start('two@h2');
  await cluster.when(() => [three!, four!].every(({ diary }) => diary.at(-1) === 'up'));
});

test('a store that takes nothing more is a trouble, and nothing is written', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, two] = await cluster.boot(ALL);
  cluster.disks.failures.set('two@h2', 'ERR_STORE_FULL');
  const lost = one!.config.put('cluster/a', 1, { deadlineMs: 2000 });
  await assert.rejects(cluster.until(lost), { code: 'ERR_OUTCOME_UNKNOWN' });
  await cluster.when(() => two!.diary.includes('trouble two@h2 ERR_STORE_FULL'));
  await cluster.when(() => one!.diary.includes('trouble two@h2 ERR_STORE'));
  await assert.rejects(cluster.until(one!.config.put('cluster/a', 2)), { code: 'ERR_REPLICAS' });
  cluster.disks.failures.clear();
  cluster.kill('two@h2');
  await cluster.start('two@h2');
  await cluster.when(() => one!.config.status.isWritable);
  assert.equal(one!.config.view?.get('cluster/a')?.value, 1);
});

test('values that a schema does not hold are refused, and where', async (context) => {
  const cluster = new ConfigCluster(context);
  const [, , three] = await cluster.boot(ALL);
  const { config } = three!;
  const schema = { type: 'object', properties: { port: { type: 'integer' } } };
  const rule = { path: 'hosts/*/nodes/*/listen', schema };
  await cluster.until(config.put('cluster/schemas/listen', rule));
  const wrong = config.put('hosts/h1/nodes/one/listen', { port: 'many' });
  await assert.rejects(cluster.until(wrong), { code: 'ERR_SCHEMA', message: /port/ });
  await cluster.until(config.put('hosts/h1/nodes/one/listen', { port: 1 }));
  await cluster.until(config.put('cluster/node-defaults/listen', { port: 2 }));
  await cluster.until(config.put('cluster/node-defaults/log', 'warn'));
  const session = config.session();
  await cluster.until(session.read({ fresh: true }));
  assert.deepEqual((await cluster.until(session.read())).effective('hosts/h1/nodes/one'), [
    {
      key: 'listen',
      value: { port: 1 },
      origin: 'hosts/h1/nodes/one/listen',
      hides: ['cluster/node-defaults/listen'],
    },
    { key: 'log', value: 'warn', origin: 'cluster/node-defaults/log', hides: [] },
  ]);
});

test('after close nothing is answered, and the node can open it again', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, , three] = await cluster.boot(ALL);
  const { config, node } = three!;
  cluster.network.stall('two@h2');
  const write = config.put('cluster/a', 1);
  const watch = config.watch('cluster');
  const read = config.read({ fresh: true });
  await cluster.network.advance(5);
  const refused = Promise.all([
    assert.rejects(write, { code: 'ERR_OUTCOME_UNKNOWN' }),
    assert.rejects(read, { code: 'ERR_CLOSED' }),
  ]);
  await config.close();
  await refused;
  await config.close();
  await assert.rejects(config.get('cluster/a'), { code: 'ERR_CLOSED' });
  assert.throws(() => config.watch('cluster'), { code: 'ERR_CLOSED' });
  for await (const event of watch) assert.fail(event.type);
  cluster.network.resume('two@h2');
  const again = await cluster.open(node);
  await cluster.when(() => again.config.view?.get('cluster/a')?.value === 1);
  assert.equal(one!.config.status.isWritable, true);
});

test('what cannot be is refused before anything is opened', async (context) => {
  const cluster = new ConfigCluster(context);
  const { node } = await cluster.start('one@h1');
  for (const options of [
    { store: '' },
    { masters: 'one@h1' as never },
    { masters: ['not a name'] },
    { loadMs: -1 },
    { deadlineMs: Number.NaN },
    { canBeMaster: 1 as never },
  ]) {
    await assert.rejects(cluster.open(node, options), { code: 'ERR_ARGUMENT' });
  }
  await assert.rejects(cluster.open(node), { code: 'ERR_STATE' });
  const { config } = cluster.members.get('one@h1')!;
  await assert.rejects(config.put('elsewhere/a', 1), { code: 'ERR_ARGUMENT' });
  await assert.rejects(config.put('cluster/a', 1, { requestId: 'x' }), { code: 'ERR_ARGUMENT' });
  await assert.rejects(config.put('cluster/a', 1, { askedAt: -1 }), { code: 'ERR_ARGUMENT' });
  await assert.rejects(config.read({ deadlineMs: -1 }), { code: 'ERR_ARGUMENT' });
  await assert.rejects(config.read({ seen: {} as never }), { code: 'ERR_ARGUMENT' });
  assert.throws(() => config.watch('/'), { code: 'ERR_ARGUMENT' });
  assert.throws(() => config.watch('', { after: -1 }), { code: 'ERR_ARGUMENT' });
  assert.throws(() => config.watch('', { onEvent: 1 as never }), { code: 'ERR_ARGUMENT' });
});
