import assert from 'node:assert/strict';
import test from 'node:test';
import { readBackup, writeBackup } from '../../../src/config/backup.js';
import { ConfigCluster } from './config-nodes.js';

test('a backup says where it comes from', () => {
  const origin = {
    clusterId: 'a'.repeat(32),
    lineage: 'b'.repeat(32),
    revision: 7,
    node: 'one@h1',
    atMs: 1_700_000_000_000,
  };
  const text = writeBackup(origin, []);
  assert.deepEqual(readBackup(text), { origin, values: new Map() });
  for (const wrong of ['', '{}', text.replace('format 1', 'format 2'), `${text} `]) {
    assert.throws(() => readBackup(wrong), { code: 'ERR_CONFIG' });
  }
});

test('a new cluster takes a backup of a lost one', async (context) => {
  const old = new ConfigCluster(context);
  const [one] = await old.boot(['one@h1', 'two@h2']);
  const value = { when: new Date(0), big: 2n ** 70n, bytes: Buffer.from([1]) };
  await old.until(one!.config.put('cluster/a', value));
  await old.until(one!.config.put('hosts/h1/b', null));
  const text = await old.until(one!.config.backup());

  const cluster = new ConfigCluster(context, 2);
  const [, two] = await cluster.boot(['one@h1', 'two@h2']);
  await cluster.until(two!.config.put('cluster/rest', 1));
  const difference = await cluster.until(two!.config.diffBackup(text));
  const { added, changed, removed, transactions, lines } = difference;
  assert.deepEqual(
    [added, changed, removed, transactions],
    [['cluster/a', 'hosts/h1/b'], [], ['cluster/rest'], 1],
  );
  assert.equal(lines[2], '+ hosts/h1/b: null');
  const written = await cluster.until(two!.config.apply(difference));
  await cluster.when(() => two!.config.view?.revision === written?.revision);
  assert.deepEqual(
    two!.config.view?.range('').map((item) => [item.key, item.value]),
    [
      ['cluster/a', value],
      ['hosts/h1/b', null],
    ],
  );
});

test('a text is compared with a view, and applied while that still holds', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one] = await cluster.boot(['one@h1', 'two@h2']);
  const { config } = one!;
  await cluster.until(config.put('cluster/a', 1));
  await cluster.until(config.put('hosts/h1/b', 2));
  const view = config.view!;
  assert.equal(view.text('cluster'), 'cluster/a: 1\n');
  assert.deepEqual(JSON.parse(view.text('', 'json')), { 'cluster/a': 1, 'hosts/h1/b': 2 });
  assert.equal(view.diff(view.text()).transactions, 0);
  assert.equal(await cluster.until(config.apply(view.diff(view.text()))), null);
  const difference = view.diff('cluster/a: 3', 'cluster');
  await cluster.until(config.put('cluster/a', 2));
  const late = config.apply(difference);
  await assert.rejects(cluster.until(late), { code: 'ERR_STATE', key: 'cluster/a' });
  await cluster.until(config.apply(config.view!.diff('cluster/a: 3', 'cluster')));
  assert.equal(config.view?.get('cluster/a')?.value, 3);
  assert.throws(() => view.diff('hosts/h1/b: 3', 'cluster'), { code: 'ERR_CONFIG' });
});
