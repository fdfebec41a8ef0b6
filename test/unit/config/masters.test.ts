import assert from 'node:assert/strict';
import test from 'node:test';
import { ConfigCluster, MASTERS } from './config-nodes.js';

const ALL = ['one@h1', 'two@h2', 'three@h3', 'four@h4'];

test('a force goes on without the sequencer, which returns stale and is added', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, two, three, four] = await cluster.boot(ALL);
  await cluster.until(three!.config.put('cluster/a', 1));
  const { lineage } = one!.config.status.readable!;
  // It appends one more, which nobody else hears of.
  for (const name of ALL.slice(1)) cluster.network.part('one@h1', name);
  one!.config.put('cluster/a', 'never acknowledged', { deadlineMs: 50 }).catch(() => {});
  await cluster.network.advance(100);
  cluster.kill('one@h1');
  await cluster.when(() => two!.config.status.missing.includes('one@h1'));
  const plan = two!.config.masters.plan({ type: 'force' });
  assert.deepEqual(plan.obstacles, []);
  assert.match(plan.does.join('\n'), /masters at hand: two@h2/);
  assert.match(plan.does.join('\n'), /one@h1 is a master no more/);
  assert.match(plan.warns.join('\n'), /lost sight of/);
  const forced = await cluster.until(two!.config.masters.force({ by: 'the operator' }));
  assert.deepEqual([forced.epoch, forced.lineage === lineage], [2, false]);
  assert.equal(two!.config.status.record?.cause.by, 'the operator');
  await cluster.when(() => four!.diary.includes('epoch 2 force'));
  await cluster.until(four!.config.put('cluster/a', 2));
  await cluster.when(() => three!.config.view?.get('cluster/a')?.value === 2);

  cluster.network.heal();
  const stale = await cluster.start('one@h1');
  await cluster.when(() => stale.config.view?.get('cluster/a')?.value === 2);
  const { role, setAside } = stale.config.status;
  assert.deepEqual([role, setAside], ['slave', 1]);
  const [aside] = stale.config.masters.setAside;
  assert.deepEqual([aside?.lineage, aside?.leftBy], [lineage, forced.lineage]);
  assert.deepEqual(
    aside?.entries.map(({ revision, writes }) => [revision - aside.after, writes]),
    [[1, [{ put: 'cluster/a', value: 'never acknowledged' }]]],
  );
  await cluster.until(stale.config.masters.forget());
  assert.equal(stale.config.status.setAside, 0);
  assert.deepEqual(stale.config.masters.setAside, []);

  assert.deepEqual(two!.config.masters.plan({ type: 'add', name: 'one@h1' }).obstacles, []);
  await cluster.until(four!.config.masters.add('one@h1'));
  await cluster.when(() => stale.config.status.role === 'master');
  assert.deepEqual(
    two!.config.masters.list.map(({ name, isSequencer, isPresent }) => {
      return [name, isSequencer, isPresent];
    }),
    [
      ['two@h2', true, true],
      ['one@h1', false, true],
    ],
  );
  await cluster.until(stale.config.put('cluster/a', 3));
  const item = await cluster.until(three!.config.session().get('cluster/a', { fresh: true }));
  assert.equal(item?.value, 3);
});

test('two sides forced apart refuse each other, and slaves stay with theirs', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, two, three, four] = await cluster.boot(ALL);
  await cluster.until(one!.config.put('cluster/a', 0));
  for (const here of ['one@h1', 'three@h3']) {
    for (const there of ['two@h2', 'four@h4']) cluster.network.part(here, there);
  }
  await cluster.when(() => one!.config.status.missing.length > 0);
  await cluster.when(() => two!.config.status.missing.length > 0);
  await cluster.until(one!.config.masters.force());
  await cluster.until(two!.config.masters.force());
  await cluster.until(three!.config.put('cluster/a', 'here'));
  await cluster.until(four!.config.put('cluster/a', 'there'));

  cluster.network.heal();
  await cluster.when(() => one!.diary.includes('trouble two@h2 ERR_LINEAGE'));
  await cluster.when(() => two!.diary.includes('trouble one@h1 ERR_LINEAGE'));
  await cluster.until(three!.config.put('cluster/b', 'here'));
  await cluster.until(four!.config.put('cluster/b', 'there'));
  await cluster.network.advance(5000);
  const values = [one, three, two, four].map((member) => {
    return member!.config.view?.range('cluster').map(({ value }) => value);
  });
  const [here, there] = [
    ['here', 'here'],
    ['there', 'there'],
  ];
  assert.deepEqual(values, [here, here, there, there]);
  // A session of one side has nothing to look for at the other.
  const { seen } = three!.config.view === null ? assert.fail() : { seen: three!.config.view };
  const read = four!.config.read({ seen, deadlineMs: 100 });
  await assert.rejects(cluster.until(read), { code: 'ERR_BEHIND' });
});

test('masters are added and removed while all is written', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, two, three] = await cluster.boot(ALL);
  const five = await cluster.start('five@h5', { canBeMaster: true });
  await cluster.when(() => one!.config.status.newcomers.includes('five@h5'));
  assert.equal(five.config.status.readable, null);
  const writes = Array.from({ length: 50 }, (_, at) => three!.config.put(`cluster/${at}`, at));
  await cluster.until(one!.config.masters.add('five@h5'));
  await cluster.until(Promise.all(writes));
  assert.equal(five.config.status.role, 'master');
  const plan = one!.config.masters.plan({ type: 'remove', name: 'one@h1' });
  assert.match(plan.does.join('\n'), /two@h2 becomes the sequencer/);
  await cluster.until(one!.config.masters.remove('one@h1'));
  await cluster.when(() => two!.config.status.role === 'sequencer');
  await cluster.until(three!.config.put('cluster/last', true));
  await cluster.when(() => one!.config.view?.get('cluster/last') != null);
  assert.equal(one!.config.status.role, 'slave');
  assert.equal(five.config.view?.range('cluster').length, 51);
});

test('what is no command, or not possible, is refused', async (context) => {
  const cluster = new ConfigCluster(context);
  const { config } = await cluster.start('one@h1');
  const { masters } = config;
  await assert.rejects(masters.bootstrap([]), { code: 'ERR_ARGUMENT' });
  await assert.rejects(masters.bootstrap(['one@h1', 'one@h1']), { code: 'ERR_ARGUMENT' });
  await assert.rejects(masters.add('nobody'), { code: 'ERR_ARGUMENT' });
  await assert.rejects(masters.run({ type: 'nothing' } as never), { code: 'ERR_ARGUMENT' });
  await assert.rejects(masters.force({ by: 'x'.repeat(300) }), { code: 'ERR_ARGUMENT' });
  assert.deepEqual(masters.list, []);
  assert.deepEqual(masters.plan({ type: 'force' }).obstacles, ['there is no configuration here']);
  assert.deepEqual(masters.plan({ type: 'add', name: 'two@h2' }).obstacles, [
    'there is no configuration here',
  ]);
  assert.deepEqual(masters.plan({ type: 'forget' }).obstacles, ['nothing is set aside']);
  await assert.rejects(cluster.until(masters.bootstrap(MASTERS)), { code: 'ERR_STATE' });
});
