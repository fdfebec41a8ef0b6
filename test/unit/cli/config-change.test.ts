import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { valueFrom } from '../../../src/cli/config-change.js';
import { decodeValue } from '../../../src/config/value.js';
import { bootedCluster } from './config-cluster.js';

const limit = { timeout: 200_000 };

test(
  'values are put and read, at any node, and each change is said before',
  limit,
  async (context) => {
    const { run, configs, until } = await bootedCluster(context);
    const put = await run(['config', 'put', 'cluster/log', 'level: info', '--yes', '--json']);
    assert.equal(put.status, 0, put.stderr);
    assert.equal(put.stderr, '+ cluster/log: {"level":"info"}\n');
    const { command, ok, verb, added, revision } = put.json;
    assert.deepEqual([command, ok, verb, added, revision], ['config', true, 'put', 1, 2]);
    await until(() => configs[2]?.view?.revision === 2);
    const get = await run(['config', 'get', 'cluster'], { at: 'three@h3' });
    assert.equal(get.stdout, 'cluster/log:\n  level: info\n');
    const again = await run(['config', 'put', 'cluster/log', '{"level":"info"}', '--yes']);
    assert.equal(again.stdout, 'nothing is to be changed\n');
    const piped = await run(['config', 'put', 'cluster/log', '-', '--yes'], { input: '[1, 2]\n' });
    assert.equal(piped.stderr, '~ cluster/log: {"level":"info"} -> [1,2]\n');
    const gone = await run(['config', 'put', 'cluster/log', '--delete', '--yes']);
    assert.equal(gone.stderr, '- cluster/log: [1,2]\n');
    const history = await run(['config', 'history', 'cluster/log']);
    const lines = [
      '2 + cluster/log: {"level":"info"}',
      '3 + cluster/log: [1,2]',
      '4 - cluster/log',
    ];
    assert.equal(history.stdout, `${lines.join('\n')}\n`);
    const old = await run(['config', 'get', 'cluster/log', '--revision', '3', '--json']);
    const [item] = old.json['items'] as { value: unknown }[];
    assert.deepEqual(item?.value, [1, 2]);
  },
);

test('without --yes and nobody to ask, nothing is done', limit, async (context) => {
  const { run, configs } = await bootedCluster(context);
  const { status, stderr, json } = await run(['config', 'put', 'cluster/a', '1', '--json']);
  assert.equal(status, 1);
  assert.match(stderr, /^\+ cluster\/a: 1\nbackplane: ERR_CANCELLED: nothing was done/);
  assert.deepEqual([json['ok'], json['code']], [false, 'ERR_CANCELLED']);
  assert.equal(configs[0]?.view?.revision, 1);
});

test('a file is compared, checked and applied', limit, async (context) => {
  const { run, folder, configs } = await bootedCluster(context);
  const file = join(folder, 'tree.yaml');
  writeFileSync(file, 'cluster/a: 1\ncluster/b: [x]\nhosts/h1/nodes/one/port: 7\n');
  const differs = await run(['config', 'diff', file, '--json']);
  assert.deepEqual([differs.status, differs.json['added']], [3, 3]);
  const applied = await run(['config', 'apply', file, '--yes', '--json']);
  assert.equal(applied.json['revision'], 2, applied.stderr);
  assert.deepEqual((await run(['config', 'diff', file])).status, 0);
  writeFileSync(file, 'cluster/a: 2\n');
  const within = await run(['config', 'apply', file, '--prefix', 'cluster', '--yes']);
  assert.equal(within.stderr, '~ cluster/a: 1 -> 2\n- cluster/b: ["x"]\n');
  assert.deepEqual(
    configs[0]?.view?.range('').map(({ key, value }) => [key, value]),
    [
      ['cluster/a', 2],
      ['hosts/h1/nodes/one/port', 7],
    ],
  );
  const rule = { path: 'hosts/*/nodes/*/port', schema: { type: 'integer' } };
  await configs[0]?.put('cluster/schemas/port', rule);
  writeFileSync(file, 'hosts/h1/nodes/one/port: many\n');
  const wrong = await run(['config', 'check', file, '--prefix', 'hosts', '--json']);
  assert.deepEqual([wrong.status, wrong.json['code']], [1, 'ERR_SCHEMA']);
  assert.match(wrong.stderr, /hosts\/h1\/nodes\/one\/port/);
  const alone = await run(['config', 'check', file, '--alone']);
  assert.equal(alone.stdout, `${file}: 1 keys, all as they should be\n`);
  const refused = await run(['config', 'apply', file, '--prefix', 'hosts', '--yes', '--json']);
  assert.equal(refused.json['code'], 'ERR_SCHEMA');
  const broken = await run(['config', 'apply', folder, '--yes', '--json']);
  assert.deepEqual([broken.status, broken.json['code']], [1, 'ERR_CONFIG']);
});

test('an editor changes what a path holds', limit, async (context) => {
  const { run, folder, configs } = await bootedCluster(context);
  await configs[0]?.put('cluster/a', 1);
  await configs[0]?.put('hosts/h1/b', 2);
  const editor = join(folder, 'editor.sh');
  writeFileSync(editor, '#!/bin/sh\necho "cluster/new: true" >> "$1"\n', { mode: 0o755 });
  const env = { EDITOR: editor, VISUAL: editor };
  const { stderr, status } = await run(['config', 'edit', 'cluster', '--yes'], { env });
  assert.deepEqual([status, stderr], [0, '+ cluster/new: true\n']);
  assert.equal(configs[0]?.view?.get('cluster/new')?.value, true);
  writeFileSync(editor, '#!/bin/sh\necho ": nonsense [" > "$1"\n', { mode: 0o755 });
  const failed = await run(['config', 'edit', 'cluster', '--yes', '--json'], { env });
  assert.equal(failed.json['code'], 'ERR_CONFIG');
  const file = /what was edited is in (\S+)/.exec(failed.stderr)?.[1] as string;
  assert.equal(readFileSync(file, 'utf8'), ': nonsense [\n');
  const unsaved = await run(['config', 'edit', '--yes', '--json'], {
    env: { VISUAL: 'false', EDITOR: 'false' },
  });
  assert.equal(unsaved.json['code'], 'ERR_CANCELLED');
});

test('a value on the command line is YAML', () => {
  for (const [text, value] of [
    ['5', 5],
    ['true', true],
    ['some words', 'some words'],
    ['"5"', '5'],
    ['{a: [1]}', { a: [1] }],
    ['a: 1\nb:\n  - 2', { a: 1, b: [2] }],
  ] as const) {
    assert.deepEqual(decodeValue(valueFrom('cluster/a:b', text)), value);
  }
});
