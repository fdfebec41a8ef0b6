import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { controllerControl } from '../../../src/controller/control.js';
import type { Controller } from '../../../src/controller/controller.js';
import { TASKS_TOPIC } from '../../../src/controller/names.js';
import type { TaskLine } from '../../../src/controller/operator-tasks.js';
import {
  encodeTasks,
  type HostTasks,
  readTasks,
  type TaskStatus,
} from '../../../src/controller/task-status.js';
import type { JoinedWorker } from '../../../src/join/joined-worker.js';
import { limits } from '../../../src/limits.js';
import { joined } from '../join/joining.js';

const NEVER = new AbortController().signal;

/** What is asked through the control socket of a controller. */
function asking(controller: Controller) {
  const answer = controllerControl(controller);
  return (asked: object, signal = NEVER) => answer(asked, signal);
}

/** All that is told of a task, until it is over. */
async function linesOf(answer: unknown, heard = (_: TaskLine) => {}): Promise<TaskLine[]> {
  const lines: TaskLine[] = [];
  for await (const line of answer as AsyncIterable<TaskLine>) {
    lines.push(line);
    heard(line);
  }
  return lines;
}

/** A worker at the third host that serves the pool `jobs`. */
async function served(context: TestContext) {
  const cluster = await joined(context, 'w@h3');
  const [worker] = cluster.workers as [JoinedWorker];
  const aborted: unknown[] = [];
  let goOn = () => {};
  const mayEnd = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  worker.tasks.serve(
    'jobs',
    async (body, { progress, signal, key, priority }) => {
      if (body === 'fail') throw Object.assign(new Error('no'), { code: 'E_NO' });
      if (body === 'hang') {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        aborted.push(signal.reason);
      }
      progress({ half: body });
      // What is still on its way when the result comes is not told.
      if (Buffer.isBuffer(body)) await mayEnd;
      return { body, key, priority };
    },
    { concurrency: 8 },
  );
  const [one, two] = cluster.controllers;
  const until = <T>(what: PromiseLike<T> | (() => boolean)) => cluster.network.until(what);
  const listed = async (controller: Controller): Promise<TaskStatus[]> => {
    const { hosts } = (await until(asking(controller)({ ask: 'tasks' }) as Promise<unknown>)) as {
      hosts: HostTasks[];
    };
    return hosts.flatMap(({ tasks }) => tasks ?? []);
  };
  return { ...cluster, one, two, until, listed, aborted, goOn };
}

test('an operator has a task done at whichever host its pool is served', async (context) => {
  const { one, two, until, listed, goOn } = await served(context);
  const options = { key: 'k', priority: 3, deadlineMs: 30_000 };
  const body = { $bytes: 'aGk=' };
  const answer = asking(one)({ ask: 'task', pool: 'jobs', body, options });
  const lines = await until(linesOf(answer, (line) => 'progress' in line && goOn()));
  assert.deepEqual(lines, [
    { id: '1@h1' },
    { progress: { half: body } },
    { result: { body, key: 'k', priority: 3 }, member: 'w@h3', attempts: 1 },
  ]);
  const [task] = await listed(two);
  const { id, pool, state, member, attempts, result, code } = task as TaskStatus;
  assert.deepEqual([id, pool, state, member, attempts], ['1@h1', 'jobs', 'done', 'w@h3', 1]);
  assert.deepEqual([result, code], [{ body, key: 'k', priority: 3 }, null]);
  assert.ok(Date.parse(task?.ended ?? '') >= Date.parse(task?.since ?? ''));
});

test('what nobody waits for goes on, and is given up from any host', async (context) => {
  const { one, two, until, listed, aborted } = await served(context);
  const gone = new AbortController();
  const asked = { ask: 'task', pool: 'jobs', body: 'hang', isDetached: true };
  assert.deepEqual(await until(linesOf(asking(one)(asked, gone.signal))), [{ id: '1@h1' }]);
  gone.abort();
  await until(() => one.tasks.statuses[0]?.state === 'running');
  const cancel = () => until(asking(two)({ ask: 'cancel', task: '1@h1' }) as Promise<unknown>);
  assert.deepEqual(await cancel(), { isCancelled: true });
  await until(() => aborted.length === 1);
  assert.deepEqual(await cancel(), { isCancelled: false });
  const [task] = await listed(two);
  assert.deepEqual([task?.state, task?.code], ['failed', 'ERR_CANCELLED']);
  assert.match(task?.message ?? '', /it may have run/);
});

test('what is waited for is given up when whoever waits has gone', async (context) => {
  const { one, until, aborted } = await served(context);
  const gone = new AbortController();
  const asked = { ask: 'task', pool: 'jobs', body: 'hang' };
  const lines = linesOf(asking(one)(asked, gone.signal));
  await until(() => one.tasks.statuses[0]?.state === 'running');
  gone.abort();
  await assert.rejects(until(lines), { code: 'ERR_CANCELLED' });
  await until(() => aborted.length === 1);
});

test('it is said that nobody has taken a task, and why one has failed', async (context) => {
  const { one, two, until, network } = await served(context);
  const none = { ask: 'task', pool: 'nobody', options: { deadlineMs: 1500 } };
  const told: TaskLine[] = [];
  const late = (async () => {
    for await (const line of asking(one)(none) as AsyncIterable<TaskLine>) told.push(line);
  })();
  await assert.rejects(until(late), { code: 'ERR_TIMEOUT', message: /\(it was not begun\)$/ });
  assert.deepEqual(told, [{ id: '1@h1' }, { isWaiting: true }]);
  const failed = linesOf(asking(one)({ ask: 'task', pool: 'jobs', body: 'fail' }));
  const message = /: no \(its handler failed with E_NO\)$/;
  await assert.rejects(until(failed), { code: 'ERR_HANDLER', message });
  const bad = async (asked: object, code: string) => {
    await assert.rejects(until(linesOf(asking(one)({ ask: 'task', ...asked }))), { code });
  };
  await bad({}, 'ERR_ARGUMENT');
  await bad({ pool: 'jobs', options: { priority: 10 } }, 'ERR_ARGUMENT');
  await bad({ pool: 'jobs', body: { $date: 'never' } }, 'ERR_CONFIG');
  for (const task of ['9@h1', '9@h2', '9@nowhere', '9']) {
    const refused = asking(one)({ ask: 'cancel', task }) as Promise<unknown>;
    await assert.rejects(until(refused), { code: 'ERR_ARGUMENT', message: /there is no task 9/ });
  }
  const unknown = asking(one)({ ask: 'cancel' }) as Promise<unknown>;
  await assert.rejects(until(unknown), { code: 'ERR_ARGUMENT' });
  const call = (body: unknown) => until(two.node.call('controller@h1', TASKS_TOPIC, body));
  await assert.rejects(call({ ask: 'what' }), { code: 'ERR_HANDLER', remoteCode: 'ERR_ARGUMENT' });
  network.kill(two.node);
  await until(() => one.view.condition === 'degraded');
  const answer = await until(asking(one)({ ask: 'tasks' }) as Promise<{ hosts: HostTasks[] }>);
  assert.deepEqual(
    answer.hosts.map(({ host, tasks }) => [host, tasks?.length]),
    [
      ['h1', 2],
      ['h2', undefined],
      ['h3', 0],
    ],
  );
});

test('the last tasks that are over are kept, and results that can be shown', async (context) => {
  const { one, until, workers } = await served(context);
  const [worker] = workers as [JoinedWorker];
  worker.tasks.serve('large', (length) => 'x'.repeat(length as number));
  const most = limits.operatorResultCharacters - 2;
  for (const body of [most, most + 1]) {
    await until(linesOf(asking(one)({ ask: 'task', pool: 'large', body })));
  }
  const results = one.tasks.statuses.map(({ result }) => (result as string | null)?.length);
  assert.deepEqual(results, [most, undefined]);
  const detached = { ask: 'task', pool: 'jobs', isDetached: true };
  for (let i = 0; i < limits.operatorTasks; i++) await linesOf(asking(one)(detached));
  await until(() => one.tasks.statuses.every(({ state }) => state === 'done'));
  const ids = one.tasks.statuses.map(({ id }) => id);
  assert.deepEqual([ids.length, ids[0]], [limits.operatorTasks, '3@h1']);
});

test('what is no list of tasks is not taken for one', () => {
  assert.deepEqual(readTasks(encodeTasks([])), []);
  assert.equal(readTasks(encodeTasks([{ id: '1@h1' } as TaskStatus])), null);
  assert.equal(readTasks(Buffer.from('[')), null);
  assert.equal(readTasks('[]'), null);
});
