import assert from 'node:assert/strict';
import test from 'node:test';
import { eventLines } from '../../../src/cli/config.js';
import { bootedCluster } from './config-cluster.js';

const limit = { timeout: 200_000 };

test(
  'a watch prints what there is and each change, until it is interrupted',
  limit,
  async (context) => {
    const { run, configs } = await bootedCluster(context);
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
  const { run, configs } = await bootedCluster(context);
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

test('what cannot be asked is refused with its code', limit, async (context) => {
  const { run } = await bootedCluster(context);
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
