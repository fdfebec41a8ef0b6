import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { asideText } from '../../../src/cli/masters.js';
import { encodeValue } from '../../../src/config/value.js';
import { cliCluster } from './config-cluster.js';

const limit = { timeout: 200_000 };

test(
  'an operator begins, forces, adds and removes, and is told what it means',
  limit,
  async (context) => {
    const { run, configs, until, kill, start } = await cliCluster(context);
    await until(() => configs[0]!.status.newcomers.length === 1);
    const empty = await run(['masters', 'list']);
    assert.match(empty.stdout, /^one@h1, newcomer, nothing to read yet/);
    const bootstrap = ['masters', 'bootstrap', 'one@h1', 'two@h2'];
    const shy = await run(bootstrap);
    assert.match(shy.stderr, /one@h1 is the sequencer, with two@h2\n.*\n.*ERR_CANCELLED/);
    const begun = await run([...bootstrap, '--yes', '--json']);
    assert.deepEqual([begun.status, begun.json['epoch']], [0, 1], begun.stderr);
    const again = await run([...bootstrap, '--yes', '--json']);
    assert.deepEqual([again.status, again.json['code']], [1, 'ERR_STATE']);
    assert.match(again.stderr, /it would be refused: there is a configuration already/);

    const list = await run(['masters', 'list', '--json']);
    assert.deepEqual(
      (list.json['masters'] as { name: string; isPresent: boolean }[]).map((master) => [
        master.name,
        master.isPresent,
      ]),
      [
        ['one@h1', true],
        ['two@h2', true],
      ],
    );
    assert.match((await run(['masters', 'list'])).stdout, /writes are taken/);

    await kill('two@h2');
    await until(() => configs[0]!.status.missing.length === 1);
    const forced = await run(['masters', 'force', '--yes', '--json']);
    assert.deepEqual([forced.status, forced.json['epoch']], [0, 2], forced.stderr);
    assert.match(forced.stderr, /^! .*lost sight of/m);
    assert.match((await run(['masters', 'list'])).stdout, /force by .* by backplane masters/);
    const none = await run(['masters', 'remove', 'two@h2', '--yes', '--json']);
    assert.deepEqual([none.status, none.json['ok']], [1, false]);

    const two = await start('two@h2');
    await until(() => two.status.role === 'slave');
    const added = await run(['masters', 'add', 'two@h2', '--yes', '--json']);
    assert.deepEqual([added.status, added.json['epoch']], [0, 3], added.stderr);
    const at = 'three@h3';
    const removed = await run(['masters', 'remove', 'one@h1', '--yes', '--json'], { at });
    assert.deepEqual([removed.status, removed.json['epoch']], [0, 4], removed.stderr);
    assert.match(removed.stderr, /^- two@h2 becomes the sequencer$/m);
    await until(() => two.status.role === 'sequencer');
    const aside = await run(['masters', 'aside'], { at: 'two@h2' });
    assert.equal(aside.stdout, 'nothing is set aside here\n');
    const asideJson = await run(['masters', 'aside', '--json'], { at: 'two@h2' });
    assert.deepEqual([asideJson.json['ok'], asideJson.json['sets']], [true, []]);
    const nothing = await run(['masters', 'forget', '--yes'], { at: 'two@h2' });
    assert.match(nothing.stderr, /^\? .*nothing is set aside$/m);
  },
);

test('what is set aside is shown as lines that people know from a history', () => {
  const value = encodeValue({ a: 1 }).toString('base64');
  const writes = [{ put: 'cluster/a', value }, { delete: 'cluster/b' }, { deletePrefix: 'hosts' }];
  const record = {
    clusterId: 'c',
    lineage: 'l',
    epoch: 2,
    masters: [{ name: 'one@h1', storeId: 's' }],
    parent: null,
    ancestors: [],
    cause: { kind: 'add', by: 'somebody', atMs: 0 },
  } as const;
  const entries = [
    { revision: 8, requestId: 'r', writes, record: null },
    { revision: 9, requestId: 's', writes: [], record },
  ];
  const text = asideText([{ lineage: 'l', after: 7, leftBy: 'm', entries }]);
  assert.deepEqual(text.trimEnd().split('\n'), [
    'after revision 7 of lineage l, which m went on without:',
    '8 + cluster/a: {"a":1}',
    '8 - cluster/b',
    '8 - hosts/...',
    '9 epoch 2 of one@h1, add',
    'nobody was told that this is written; `masters forget` drops it',
  ]);
});

test('a backup is a text of its own, and can be restored', limit, async (context) => {
  const { run, configs, until, folder } = await cliCluster(context);
  await until(() => configs[0]!.status.newcomers.length === 1);
  await configs[0]!.masters.bootstrap(['one@h1', 'two@h2']);
  const value = { when: new Date(0), bytes: Buffer.from([1, 2]) };
  await configs[0]!.put('cluster/a', value);
  const file = join(folder, 'backup.json');
  const written = await run(['masters', 'backup', file, '--json']);
  assert.deepEqual([written.json['keys'], written.json['revision']], [1, 2], written.stderr);
  const twice = await run(['masters', 'backup', file, '--json']);
  assert.deepEqual([twice.status, twice.json['code']], [1, 'ERR_CONFIG']);
  await configs[0]!.put('cluster/a', 'changed');
  await configs[0]!.put('cluster/b', 'new');
  const restored = await run(['masters', 'restore', file, '--yes', '--json']);
  assert.deepEqual([restored.json['changed'], restored.json['removed']], [1, 1], restored.stderr);
  assert.match(restored.stderr, /^- the configuration becomes what it was at revision 2/);
  assert.deepEqual(configs[0]!.view?.get('cluster/a')?.value, value);
  assert.equal(configs[0]!.view?.get('cluster/b'), null);
  writeFileSync(file, readFileSync(file, 'utf8').replace('cluster/a', 'cluster/c'));
  const changed = await run(['masters', 'restore', file, '--yes', '--json']);
  assert.equal(changed.json['code'], 'ERR_CONFIG');
});
