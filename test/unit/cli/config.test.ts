import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { eventLines } from '../../../src/cli/config.js';
import { valueFrom } from '../../../src/cli/config-change.js';
import { decodeValue } from '../../../src/config/value.js';
import { cliCluster, NAMES } from './config-cluster.js';

const limit = { timeout: 120_000 };

async function booted(context: TestContext) {
  const cluster = await cliCluster(context);
  await cluster.until(() => cluster.configs[0]!.status.newcomers.length === 1);
  await cluster.configs[0]!.masters.bootstrap(NAMES.slice(0, 2));
  await cluster.until(() => cluster.configs.every(({ view }) => view !== null));
  return cluster;
}

test(
  'values are put and read, at any node, and each change is said before',
  limit,
  async (context) => {
    const { run, configs, until } = await booted(context);
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
  const { run, configs } = await booted(context);
  const { status, stderr, json } = await run(['config', 'put', 'cluster/a', '1', '--json']);
  assert.equal(status, 1);
  assert.match(stderr, /^\+ cluster\/a: 1\nbackplane: ERR_CANCELLED: nothing was done/);
  assert.deepEqual([json['ok'], json['code']], [false, 'ERR_CANCELLED']);
  assert.equal(configs[0]?.view?.revision, 1);
});

test('a file is compared, checked and applied', limit, async (context) => {
  const { run, folder, configs } = await booted(context);
  const file = join(folder, 'tree.yaml');
  writeFileSync(file, 'cluster/a: 1\ncluster/b: [x]\nhosts/h1/nodes/one/port: 7\n');
  const differs = await run(['config', 'diff', file, '--json']);
  assert.deepEqual([differs.status, differs.json['added']], [2, 3]);
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
  const { run, folder, configs } = await booted(context);
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

test(
  'a watch prints what there is and each change, until it is interrupted',
  limit,
  async (context) => {
    const { run, configs } = await booted(context);
    await configs[0]?.put('cluster/a', 1);
    let isPut = false;
    const { status, stdout } = await run(['config', 'watch', 'cluster', '--json'], {
      onOutput: (text, end) => {
        if (!isPut) void configs[2]?.put('cluster/b', 2);
        isPut = true;
        if (text.includes('cluster/b')) end();
      },
    });
    assert.equal(status, 0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ event, changes }) => [event, changes?.map((each: { key: string }) => each.key)]),
      [
        ['snapshot', ['cluster/a']],
        ['changes', ['cluster/b']],
        [undefined, undefined],
      ],
    );
    assert.deepEqual(eventLines({ type: 'compacted' }, true), ['{"event":"compacted"}']);
    assert.equal(eventLines({ type: 'compacted' }, false).length, 1);
  },
);

test('what holds for a node is shown with where it stands', limit, async (context) => {
  const { run, configs } = await booted(context);
  await configs[0]?.put('cluster/node-defaults/log', 'warn');
  await configs[0]?.put('hosts/h1/nodes/one/log', 'debug');
  const args = ['config', 'get', 'hosts/h1/nodes/one', '--effective'];
  const { json } = await run([...args, '--json']);
  assert.deepEqual(json['items'], [
    {
      key: 'log',
      value: 'debug',
      origin: 'hosts/h1/nodes/one/log',
      hides: ['cluster/node-defaults/log'],
    },
  ]);
  assert.match((await run(args)).stdout, /log +"debug" +hosts\/h1\/nodes\/one\/log/);
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

test('what cannot be asked is refused with its code', limit, async (context) => {
  const { run } = await booted(context);
  for (const [args, code] of [
    [['config', 'get', 'cluster/none'], 'ERR_ARGUMENT'],
    [['config', 'get', '/'], 'ERR_ARGUMENT'],
    [['config', 'get', '--revision', '9', '--json'], 'ERR_BEHIND'],
    [['config', 'history', 'cluster', '--json'], 'ERR_ARGUMENT'],
    [['config', 'put', 'cluster/a', '--yes', '--json'], 'ERR_ARGUMENT'],
    [['config', 'watch', '/', '--json'], 'ERR_ARGUMENT'],
  ] as const) {
    const { status, stderr } = await run(args);
    assert.equal(status, 1, args.join(' '));
    assert.match(stderr, new RegExp(`backplane: ${code}`), args.join(' '));
  }
});
