import assert from 'node:assert/strict';
import test from 'node:test';
import { Schemas } from '../../../src/config/schema.js';
import { Tree } from '../../../src/config/tree.js';
import { encodeValue } from '../../../src/config/value.js';
import { WorkerError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { keeperFile, keeperMemo, keeperState } from '../../../src/workers/keeper-text.js';
import { groupSchema, workerSchema } from '../../../src/workers/worker-schema.js';
import { groupSpec, readDesired, workerSpec } from '../../../src/workers/worker-spec.js';

const command = ['run'];

/** Where a description is refused. */
function refusedAt(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    assert.ok(error instanceof WorkerError);
    assert.equal(error.code, 'ERR_WORKER_SPEC');
    assert.ok(error.message.startsWith(`${error.worker}: `));
    return error.path ?? '';
  }
  return 'nowhere';
}

test('a description has all that was left out', () => {
  const { launch, ...spec } = workerSpec('a', { command });
  assert.deepEqual(spec, {
    name: 'a',
    group: 'default',
    order: 0,
    command,
    env: {},
    cwd: null,
    user: null,
    nice: null,
    limits: {},
    ready: 'started',
    beatMs: null,
    output: { maxBytes: 1024 * 1024, files: 4 },
    pool: null,
    restart: 'permanent',
    readyMs: 30_000,
    stopSignal: 'SIGTERM',
    stopMs: 10_000,
  });
  assert.equal(workerSpec('b', { args: [], command }).launch, launch);
});

test('a module is run by this Node.js', () => {
  const { command: made } = workerSpec('a', { module: '/m.mjs', args: ['x'] });
  assert.deepEqual(made, [process.execPath, '/m.mjs', 'x']);
});

test('what cannot be used is refused, with where and why', () => {
  const bad: [object | string, string][] = [
    ['text', ''],
    [{}, ''],
    [{ command, module: 'x' }, ''],
    [{ command: [] }, '/command'],
    [{ command: [''] }, '/command/0'],
    [{ command: ['a\0b'] }, '/command/0'],
    [{ command, args: [1] }, '/args/0'],
    [{ command, colour: 'red' }, '/colour'],
    [{ command, env: { 'A=B': 'c' } }, '/env'],
    [{ command, env: { A: 1 } }, '/env/A'],
    [{ command, cwd: 'here' }, '/cwd'],
    [{ command, user: 'a b' }, '/user'],
    [{ command, nice: 20 }, '/nice'],
    [{ command, limits: { files: -1 } }, '/limits/files'],
    [{ command, limits: { doors: 1 } }, '/limits/doors'],
    [{ command, restart: 'sometimes' }, '/restart'],
    [{ command, ready: true }, '/ready'],
    [{ command, readyMs: 0 }, '/readyMs'],
    [{ command, readyMs: limits.workerWaitMs + 1 }, '/readyMs'],
    [{ command, beatMs: 1.5 }, '/beatMs'],
    [{ command, stopSignal: 'SIGSTOP' }, '/stopSignal'],
    [{ command, output: { files: limits.workerOutputFiles + 1 } }, '/output/files'],
    [{ command, output: { maxBytes: limits.workerOutputBytes + 1 } }, '/output/maxBytes'],
    [{ command, group: '../x' }, '/group'],
    [{ command, args: Array(limits.workerArguments + 1).fill('x') }, '/args'],
    [{ command, args: ['x'.repeat(limits.workerLaunchBytes)] }, ''],
  ];
  for (const [value, path] of bad) {
    assert.equal(
      refusedAt(() => workerSpec('a', value)),
      path,
      JSON.stringify(value).slice(0, 80),
    );
  }
  for (const name of ['', '.', '-x', 'a/b', 'x'.repeat(limits.workerNameBytes + 1)]) {
    assert.equal(
      refusedAt(() => workerSpec(name, { command })),
      '',
      name,
    );
  }
  assert.equal(workerSpec('x'.repeat(limits.workerNameBytes), { command }).group, 'default');
});

test('a group has all that was left out, or is refused', () => {
  assert.deepEqual(groupSpec('g', {}), {
    name: 'g',
    strategy: 'one-for-one',
    intensity: 3,
    periodMs: 5000,
    backoff: { minMs: 100, maxMs: 10_000 },
  });
  assert.deepEqual(groupSpec('g', { backoff: { minMs: 20_000 } }).backoff.maxMs, 20_000);
  const bad: [object, string][] = [
    [{ strategy: 'none' }, '/strategy'],
    [{ intensity: limits.workerIntensity + 1 }, '/intensity'],
    [{ periodMs: limits.workerPeriodMs + 1 }, '/periodMs'],
    [{ backoff: { minMs: 2, maxMs: 1 } }, '/backoff/maxMs'],
  ];
  for (const [value, path] of bad)
    assert.equal(
      refusedAt(() => groupSpec('g', value)),
      path,
    );
});

test('what a host is to run is read from its values; bad ones leave the others alone', () => {
  const read = readDesired([
    { key: 'workers/a', value: { command } },
    { key: 'workers/b', value: {} },
    { key: 'workers/c/more', value: 1 },
    { key: 'groups/g', value: { intensity: 1 } },
    { key: 'groups/h', value: 'x' },
    { key: 'port', value: 7100 },
  ]);
  assert.deepEqual(
    read.workers.map(({ name }) => name),
    ['a'],
  );
  assert.deepEqual(
    read.groups.map(({ name }) => name),
    ['g'],
  );
  assert.deepEqual(read.refused, ['workers/b', 'groups/h']);
  assert.deepEqual(
    read.problems.map(({ code, worker }) => `${code} ${worker}`),
    ['ERR_WORKER_SPEC b', 'ERR_WORKER_SPEC h'],
  );
});

test('a host has at most limits.workers workers', () => {
  const values = Array.from({ length: limits.workers + 1 }, (_, i) => ({
    key: `workers/w${i}`,
    value: { command },
  }));
  const { workers, refused } = readDesired(values);
  assert.equal(workers.length, limits.workers);
  assert.deepEqual(refused, [`workers/w${limits.workers}`]);
});

test('the schemas can be kept in the tree, and refuse there what is refused here', () => {
  const put = (key: string, value: unknown) =>
    ({ type: 'put', key, value: encodeValue(value) }) as const;
  const rules = [
    put('cluster/schemas/workers', { path: 'hosts/*/workers/*', schema: workerSchema }),
    put('cluster/schemas/groups', { path: 'hosts/*/groups/*', schema: groupSchema }),
  ];
  const refusal = (key: string, value: unknown) =>
    new Schemas().refusal(new Tree(), [...rules, put(key, value)])?.message ?? null;
  assert.equal(refusal('hosts/h/workers/a', { command, env: { A: 'b' } }), null);
  assert.match(refusal('hosts/h/workers/a', { command, ready: 1 }) ?? '', /\/ready/);
  assert.match(refusal('cluster/host-defaults/workers/a', { order: 'x' }) ?? '', /\/order/);
  assert.match(refusal('hosts/h/groups/g', { intensity: -1 }) ?? '', /\/intensity/);
});

test('the words of a worker say nothing to a terminal', () => {
  const { text } = keeperState('pid=7 text=50%20%25%20\u00e9%1b[2J%07\u009b%7f');
  assert.equal(text, '50 % \u00e9 [2J   ');
});

test('the next controller reads what this one has written', () => {
  const spec = workerSpec('a', {
    command: ['run', 'ü'],
    env: { A: 'memo=x' },
    beatMs: 5,
    pool: 'p',
  });
  const text = keeperFile({ spec, env: spec.env, output: '/o', boot: 'b', cgroup: '/g' });
  assert.deepEqual(keeperMemo(text), { spec, boot: 'b' });
  assert.equal(keeperMemo('argument=x\0'), null);
  assert.equal(keeperMemo('memo={\0'), null);
});
