import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { JoinedWorker } from '../../../src/join/joined-worker.js';
import { joined } from '../join/joining.js';
import { controlled } from './controlled.js';
import { backplane } from './support.js';

const limit = { timeout: 200_000 };

/** A controller with a control socket, and a worker of another host that serves a pool. */
async function served(context: TestContext) {
  const { controllers, workers } = await joined(context, 'w@h3');
  const [worker] = workers as [JoinedWorker];
  worker.tasks.serve('jobs', (body, { progress, key, signal }) => {
    if (body === 'hang') return new Promise((resolve) => signal.addEventListener('abort', resolve));
    if (body === null) return undefined;
    progress('half');
    return { body, key };
  });
  const [one] = controllers;
  const begin = await controlled(context, one);
  const run = (args: readonly string[], input = '') => {
    const { child, ended } = begin('task', ...args);
    child.stdin.end(input);
    return ended;
  };
  return { run };
}

test('a task is run, listed and cancelled', limit, async (context) => {
  const { run } = await served(context);
  const done = await run(['run', 'jobs', '{"a":1}', '--key', 'k']);
  assert.deepEqual([done.status, done.stdout], [0, '{"body":{"a":1},"key":"k"}\n'], done.stderr);
  assert.equal(done.stderr, '1@h1: "half"\n1@h1 is done by w@h3\n');
  const piped = await run(['run', 'jobs', '-', '--json'], '[2]\n');
  const { command, ok, verb, id, result, member, attempts } = JSON.parse(piped.stdout);
  assert.deepEqual([command, ok, verb, id], ['task', true, 'run', '2@h1']);
  assert.deepEqual([result, member, attempts], [{ body: [2], key: null }, 'w@h3', 1]);
  assert.equal((await run(['run', 'jobs'])).stdout, '', 'a handler that returns nothing');
  const detached = await run(['run', 'jobs', '"hang"', '--detach']);
  assert.equal(detached.stdout, '4@h1 is submitted; see backplane task list\n');
  const list = await run(['list']);
  assert.match(list.stdout, /^task +pool +state .*\n1@h1 +jobs +done +w@h3 /);
  assert.match(list.stdout, /\n4@h1 +jobs +(?:running|waiting) /);
  assert.equal((await run(['cancel', '4@h1'])).stdout, '4@h1 is given up\n');
  assert.equal((await run(['cancel', '4@h1'])).stdout, '4@h1 is over already\n');
  const { tasks, unreached } = JSON.parse((await run(['list', '--json'])).stdout);
  const states = tasks.map(({ state }: { readonly state: string }) => state);
  assert.deepEqual([states, unreached], [['done', 'done', 'done', 'failed'], []]);
});

test('what cannot be done has a code, and says what to do', limit, async (context) => {
  const { run } = await served(context);
  const refused = async (args: readonly string[], status: number, text: RegExp) => {
    const answer = await run(args);
    assert.equal(answer.status, status, answer.stderr);
    assert.match(answer.stderr, text);
  };
  await refused(['run', 'jobs', '{'], 1, /^backplane: ERR_ARGUMENT: the body is not JSON: .*"so"/);
  await refused(['run', ''], 1, /^backplane: ERR_ARGUMENT: a pool is /);
  await refused(['run', 'jobs', '--priority', '10'], 2, /not a whole number from 0 to 9/);
  const both = ['run', 'jobs', '--at-most-once', '--idempotency-key', 'k'];
  await refused(both, 1, /ERR_ARGUMENT: idempotencyKey goes with delivery 'at-least-once'/);
  const late = ['run', 'nobody', '--deadline-ms', '1500'];
  await refused(late, 1, /^\d@h1 waits: .*\nbackplane: ERR_TIMEOUT: .*\(it was not begun\)\n$/);
  await refused(['cancel', '9@h1'], 1, /ERR_ARGUMENT: there is no task 9@h1/);
  const json = await run(['cancel', 'x', '--json']);
  const { ok, code, command } = JSON.parse(json.stdout);
  assert.deepEqual([json.status, ok, code, command], [1, false, 'ERR_ARGUMENT', 'task']);
  const nowhere = backplane('task', 'list', '--control', '/nowhere');
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.stderr, /^backplane: ERR_CONTROL: /);
});
