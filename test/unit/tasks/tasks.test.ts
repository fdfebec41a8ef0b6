import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { defineTopic } from '../../../src/node/topic.js';
import { type ServedPool, startTasks } from '../../../src/tasks/tasks.js';
import { errorOf, Gate, type Party, TaskNetwork } from './network.js';

async function trio() {
  const world = new TaskNetwork();
  const [one, two, three] = (await world.startAll('one', 'two', 'three')) as [Party, Party, Party];
  return { world, one, two, three };
}

test('a task is done wherever its pool is served, also at the node that submits it', async () => {
  const { world, one, two } = await trio();
  const sum = defineTopic<number[], number>('sum');
  two.tasks.serve(sum, (numbers) => numbers.reduce((a, b) => a + b, 0));
  await world.settle();
  assert.equal(await world.until(one.tasks.run(sum, [1, 2]).result), 3);
  assert.equal(await world.until(two.tasks.run(sum, [3, 4]).result), 7);
  await world.close();
});

test('a task that comes before its pool waits for it', async () => {
  const { world, one, two } = await trio();
  const { result } = one.tasks.run('later', 'x');
  await world.settle();
  assert.equal(one.tasks.submitted.length, 1);
  two.tasks.serve('later', (body) => `${body}!`);
  assert.equal(await world.until(result), 'x!');
  assert.deepEqual(one.tasks.submitted, []);
  await world.close();
});

test('what is given to the node itself is a copy', async () => {
  const { world, one } = await trio();
  const list = [1];
  one.tasks.serve('own', (body) => {
    (body as number[]).push(2);
    return list;
  });
  const result = await world.until(one.tasks.run('own', list).result);
  assert.deepEqual([list, result], [[1], [1]]);
  assert.notEqual(result, list);
  one.tasks.serve('bad', () => () => {});
  const error = await errorOf(world.until(one.tasks.run('bad', 1).result));
  assert.deepEqual([error['code'], error['remoteCode']], ['ERR_HANDLER', 'ERR_ARGUMENT']);
  await world.close();
});

test('no member runs more at once than it said, whoever submits', async () => {
  const { world, one, two, three } = await trio();
  let running = 0;
  let most = 0;
  const gates: Gate[] = [];
  three.tasks.serve(
    'slow',
    async () => {
      most = Math.max(most, ++running);
      const gate = new Gate();
      gates.push(gate);
      await gate.opened;
      running--;
    },
    { concurrency: 3, ahead: 1 },
  );
  const results = Array.from({ length: 20 }, (_, index) => {
    return (index % 2 === 0 ? one : two).tasks.run('slow', index).result;
  });
  const all = Promise.all(results);
  let isOver = false;
  void all.then(() => {
    isOver = true;
  });
  while (!isOver) {
    await world.settle();
    const { running: shown, waiting } = three.tasks.served[0]!;
    assert.ok(shown <= 3 && waiting <= 1);
    gates.shift()?.open();
  }
  assert.equal(most, 3);
  await world.close();
});

test('a handler that throws fails its task, with its code', async () => {
  const { world, one, two } = await trio();
  two.tasks.serve('bad', () => {
    throw Object.assign(new Error('no luck'), { code: 'E_LUCK' });
  });
  two.tasks.serve('odd', () => () => {});
  const error = await errorOf(world.until(one.tasks.run('bad', null).result));
  assert.equal(error['name'], 'TaskError');
  assert.deepEqual(
    [error['code'], error['ran'], error['remoteCode']],
    ['ERR_HANDLER', 'yes', 'E_LUCK'],
  );
  assert.match(String(error['message']), /task 1 of pool bad: no luck/);
  // A result that cannot be sent is the handler's failure, too.
  const odd = await errorOf(world.until(one.tasks.run('odd', null).result));
  assert.deepEqual([odd['code'], odd['remoteCode']], ['ERR_HANDLER', 'ERR_ARGUMENT']);
  await world.close();
});

test('a body that cannot be sent ends its task with the reason', async () => {
  const { world, one, two } = await trio();
  two.tasks.serve('p', () => null);
  const odd = await errorOf(world.until(one.tasks.run('p', () => {}).result));
  assert.equal(odd['code'], 'ERR_ARGUMENT');
  const large = one.tasks.run('p', Buffer.alloc(limits.cborBodyBytes)).result;
  assert.equal((await errorOf(world.until(large)))['code'], 'ERR_MESSAGE_TOO_LARGE');
  await world.close();
});

test('progress is told in order while the task goes on, and ends with it', async () => {
  const { world, one, two } = await trio();
  const gate = new Gate();
  const value = { step: 0 };
  const handler = async (_: unknown, { progress }: { progress(value: unknown): void }) => {
    for (value.step = 1; value.step <= 3; value.step++) progress(value);
    await gate.opened;
    assert.throws(() => progress(() => {}), { code: 'ERR_ARGUMENT' });
    return 'done';
  };
  for (const served of [two, one]) {
    served.tasks.serve(served.node.name, handler);
    const task = one.tasks.run(served.node.name, null);
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const step of task.progress) seen.push(step);
    })();
    await world.settle();
    assert.deepEqual(seen, [{ step: 1 }, { step: 2 }, { step: 3 }]);
    gate.open();
    assert.equal(await world.until(task.result), 'done');
    await world.until(reading);
  }
  await world.close();
});

test('what is told right before the result is heard before it, and nothing later', async () => {
  const { world, one, two } = await trio();
  let late: (value: unknown) => void = () => {};
  two.tasks.serve('p', (_, { progress }) => {
    for (let step = 1; step <= 3; step++) progress(step);
    late = progress;
  });
  const task = one.tasks.run('p', null);
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const step of task.progress) {
      seen.push(step);
      late('too late');
    }
  })();
  await world.until(task.result);
  await world.until(reading);
  assert.deepEqual(seen, [1, 2, 3]);
  await world.close();
});

test('of much progress the newest is told, and late or foreign progress is not', async () => {
  const { world, one, two } = await trio();
  const gate = new Gate();
  two.tasks.serve('p', async (_, { progress }) => {
    for (let step = 0; step <= limits.taskProgress + 9; step++) progress(step);
    await gate.opened;
  });
  const task = one.tasks.run('p', null);
  await world.settle();
  two.node.send(one.node.name, 'task:progress', [task.id, 7, 'of another attempt']);
  await world.network.advance(1000);
  gate.open();
  await world.until(task.result);
  const seen: unknown[] = [];
  for await (const step of task.progress) seen.push(step);
  assert.equal(seen.length, limits.taskProgress);
  assert.equal(seen.at(-1), limits.taskProgress + 9);
  await world.close();
});

test('a result for which there is no room is done again, or reported', async () => {
  const network = new TaskNetwork();
  const [one, two] = (await network.startAll('one@h1', 'two@h2')) as [Party, Party];
  one.node.handle('flood', () => {});
  const body = Buffer.alloc(limits.outboxHardBytes / 3 - 1000);
  const attempts: number[] = [];
  two.tasks.serve('pool', (_, { attempt }) => {
    attempts.push(attempt);
    if (attempt === 1) for (let i = 0; i < 3; i++) two.node.send('one@h1', 'flood', body);
    return 'x'.repeat(limits.cborBodyBytes / 2);
  });
  const { result } = one.tasks.run('pool', null);
  assert.equal(((await network.until(result)) as string).length, limits.cborBodyBytes / 2);
  assert.deepEqual(attempts, [1, 2]);
  const once = errorOf(one.tasks.run('pool', null, { delivery: 'at-most-once' }).result);
  const { code, ran } = await network.until(once);
  assert.deepEqual([code, ran, attempts], ['ERR_OUTCOME_UNKNOWN', 'perhaps', [1, 2, 1]]);
  await network.close();
});

test('a cancelled task is given up here, and its handler told there', async () => {
  const { world, one, two } = await trio();
  const told: unknown[] = [];
  two.tasks.serve('p', (_, { signal }) => {
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        told.push(signal.reason.code);
        resolve(null);
      });
    });
  });
  const controller = new AbortController();
  const first = one.tasks.run('p', 1, { signal: controller.signal });
  const second = one.tasks.run('p', 2);
  const third = one.tasks.run('p', 3);
  await world.settle();
  second.cancel();
  const waited = await errorOf(world.until(second.result));
  assert.deepEqual([waited['code'], waited['ran']], ['ERR_CANCELLED', 'no']);
  controller.abort('enough');
  const ran = await errorOf(world.until(first.result));
  assert.deepEqual([ran['code'], ran['ran'], ran['cause']], ['ERR_CANCELLED', 'perhaps', 'enough']);
  await world.settle();
  assert.deepEqual(told, ['ERR_CANCELLED']);
  // Its place is taken by the next.
  assert.equal(two.tasks.served[0]?.running, 1);
  third.cancel();
  await errorOf(world.until(third.result));
  const beforehand = one.tasks.run('p', 4, { signal: controller.signal });
  const never = await errorOf(world.until(beforehand.result));
  assert.deepEqual(
    [never['code'], never['ran'], never['cause']],
    ['ERR_CANCELLED', 'no', 'enough'],
  );
  await world.close();
});

test('a deadline ends a task that waits or runs', async () => {
  const { world, one, two } = await trio();
  let isAborted = false;
  two.tasks.serve('p', (_, { signal }) => {
    signal.addEventListener('abort', () => {
      isAborted = true;
    });
    return new Promise(() => {});
  });
  const first = one.tasks.run('p', 1, { deadlineMs: 100 });
  const second = one.tasks.run('p', 2, { deadlineMs: 50 });
  const waited = await errorOf(world.until(second.result));
  assert.deepEqual([waited['code'], waited['ran']], ['ERR_TIMEOUT', 'no']);
  const ran = await errorOf(world.until(first.result));
  assert.deepEqual([ran['code'], ran['ran']], ['ERR_TIMEOUT', 'perhaps']);
  await world.settle();
  assert.equal(isAborted, true);
  await world.close();
});

test('what a killed member had is done by another, or reported', async () => {
  const { world, one, two, three } = await trio();
  const began: string[] = [];
  const serve = ({ node, tasks }: Party, isDead: boolean) => {
    const handler = (body: unknown, { attempt }: { attempt: number }) => {
      began.push(`${node.name} ${body} ${attempt}`);
      return isDead ? new Promise(() => {}) : `${body} done`;
    };
    return tasks.serve('p', handler, { concurrency: 2 });
  };
  serve(two, true);
  await world.settle();
  const again = one.tasks.run('p', 'again');
  const once = one.tasks.run('p', 'once', { delivery: 'at-most-once' });
  const failed = errorOf(once.result);
  await world.settle();
  serve(three, false);
  world.network.kill(two.node);
  assert.equal(await world.until(again.result), 'again done');
  const error = await world.until(failed);
  assert.deepEqual([error['code'], error['ran']], ['ERR_OUTCOME_UNKNOWN', 'perhaps']);
  assert.deepEqual(began, ['two@test again 1', 'two@test once 1', 'three@test again 2']);
  await world.close();
});

test('a handler learns that its submitter is gone', async () => {
  const { world, one, two } = await trio();
  const codes: unknown[] = [];
  two.tasks.serve('p', (_, { signal }) => {
    signal.addEventListener('abort', () => codes.push(signal.reason.code));
    return new Promise(() => {});
  });
  one.tasks.run('p', null).result.catch(() => {});
  await world.settle();
  world.network.kill(one.node);
  await world.until(() => codes.length > 0);
  assert.deepEqual(codes, ['ERR_LINK_DOWN']);
  await world.close();
});

test('a drained pool gives back what waits, ends what runs, and may be served again', async () => {
  const { world, one, two, three } = await trio();
  const gate = new Gate();
  const done: string[] = [];
  const serve = ({ node, tasks }: Party): ServedPool =>
    tasks.serve(
      'p',
      async (body) => {
        await gate.opened;
        done.push(`${node.name} ${body}`);
      },
      { ahead: 2 },
    );
  const served = serve(two);
  await world.settle();
  const results = [1, 2, 3].map((body) => one.tasks.run('p', body).result);
  await world.settle();
  assert.deepEqual(
    two.tasks.served.map(({ running, waiting }) => [running, waiting]),
    [[1, 2]],
  );
  serve(three);
  const drained = served.drain();
  assert.throws(() => serve(two), { code: 'ERR_STATE' });
  assert.equal(two.tasks.served[0]?.isDraining, true);
  await world.network.advance(1000);
  gate.open();
  await world.until(Promise.all(results));
  await world.until(drained);
  assert.deepEqual([...done].sort(), ['three@test 2', 'three@test 3', 'two@test 1']);
  await served.drain();
  serve(two);
  await world.close();
});

test('a stalled member gets no more until it answers', async () => {
  const { world, one, two, three } = await trio();
  const names: string[] = [];
  const serve = ({ node, tasks }: Party) => {
    tasks.serve('p', () => void names.push(node.name), { concurrency: 9 });
  };
  serve(two);
  serve(three);
  await world.until(one.tasks.run('p', 0).result);
  world.network.stall(two.node);
  await world.network.advance(3000);
  names.length = 0;
  const results = [1, 2, 3, 4].map((body) => one.tasks.run('p', body).result);
  await world.until(Promise.all(results));
  assert.deepEqual(new Set(names), new Set(['three@test']));
  world.network.resume(two.node);
  await world.network.advance(3000);
  await world.until(Promise.all([1, 2, 3, 4].map((body) => one.tasks.run('p', body).result)));
  assert.ok(names.includes('two@test'));
  await world.close();
});

test('closed, tasks fail, pools end, and the node goes on', async () => {
  const { world, one, two } = await trio();
  two.tasks.serve('p', () => new Promise(() => {}));
  const ran = one.tasks.run('p', 1).result;
  const waited = one.tasks.run('nowhere', 1).result;
  await world.settle();
  const errors = Promise.all([errorOf(ran), errorOf(waited)]);
  await world.until(one.tasks.close());
  const codes = (await world.until(errors)).map(({ code, ran }) => [code, ran]);
  assert.deepEqual(codes, [
    ['ERR_CLOSED', 'perhaps'],
    ['ERR_CLOSED', 'no'],
  ]);
  assert.throws(() => one.tasks.run('p', 1), { code: 'ERR_CLOSED' });
  assert.throws(() => one.tasks.serve('p', () => 1), { code: 'ERR_CLOSED' });
  assert.equal(one.node.state, 'listening');
  // A node may have tasks anew.
  const again = startTasks(one.node);
  assert.throws(() => startTasks(one.node), { code: 'ERR_STATE' });
  const { result } = again.run('nowhere', 1);
  const closed = errorOf(result);
  await world.until(one.node.close());
  assert.equal((await closed)['code'], 'ERR_CLOSED');
  await world.close();
});

test('options, pools and their number are checked', async () => {
  const { world, one } = await trio();
  const { tasks } = one;
  const bad = { code: 'ERR_ARGUMENT' };
  const key = 'x'.repeat(limits.taskKeyBytes + 1);
  for (const options of [
    { delivery: 'twice' },
    { key },
    { key: 7 },
    { idempotencyKey: key },
    { idempotencyKey: 'k', delivery: 'at-most-once' },
    { priority: limits.taskPriorities },
    { priority: 0.5 },
    { deadlineMs: -1 },
    { signal: {} },
    { priorty: 1 },
  ]) {
    assert.throws(() => tasks.run('p', 1, options as never), bad, JSON.stringify(options));
  }
  for (const pool of ['', 'x'.repeat(limits.topicBytes), 7 as unknown as string]) {
    assert.throws(() => tasks.run(pool, 1), bad);
    assert.throws(() => tasks.serve(pool, () => 1), bad);
  }
  for (const options of [
    { concurrency: 0 },
    { concurrency: limits.poolConcurrency + 1 },
    { ahead: -1 },
    { ahed: 1 },
  ]) {
    assert.throws(() => tasks.serve('p', () => 1, options as never), bad, JSON.stringify(options));
  }
  assert.throws(() => tasks.serve('p', 7 as never), bad);
  tasks.serve('p', () => 1, { concurrency: limits.poolConcurrency });
  assert.throws(() => tasks.serve('p', () => 1), { code: 'ERR_STATE' });
  const waiting: Promise<unknown>[] = [];
  for (let pool = 0; pool < limits.taskPools; pool++) {
    waiting.push(errorOf(tasks.run(`${pool}`, 1).result));
  }
  assert.throws(() => tasks.run('one more', 1), { code: 'ERR_LIMIT' });
  await world.until(tasks.close());
  await world.until(Promise.all(waiting));
  await world.close();
});

test('tasks of one node are bounded', async () => {
  const { world, one } = await trio();
  const waiting: Promise<unknown>[] = [];
  for (let count = 0; count < limits.tasks; count++) {
    waiting.push(one.tasks.run('nowhere', count).result.catch(() => {}));
  }
  const error = await errorOf(world.until(one.tasks.run('nowhere', 1).result));
  assert.deepEqual([error['code'], error['ran']], ['ERR_QUEUE_FULL', 'no']);
  await world.until(one.tasks.close());
  await world.until(Promise.all(waiting));
  await world.close();
});

test('what is no task, greeting or progress is refused, and harms nobody', async () => {
  const { world, one, two } = await trio();
  two.tasks.serve('p', () => 'fine');
  await world.settle();
  const errors: unknown[] = [];
  two.node.on('handlerError', ({ error }) => errors.push((error as { code: unknown }).code));
  const bodies = [null, 7, [], ['p', 1, 1, 99, null, null, 1], ['p', -1, 1, 0, null, null, 1]];
  for (const body of bodies) {
    const error = await errorOf(world.until(one.node.call(two.node.name, 'task:run', body)));
    assert.deepEqual([error['code'], error['remoteCode']], ['ERR_HANDLER', 'ERR_ARGUMENT']);
  }
  await errorOf(world.until(one.node.call(two.node.name, 'task:hello', 7)));
  one.node.send(two.node.name, 'task:room', ['p', 1]);
  one.node.send(two.node.name, 'task:progress', 'x');
  await world.settle();
  assert.deepEqual(errors, ['ERR_ARGUMENT', 'ERR_ARGUMENT']);
  assert.equal(await world.until(one.tasks.run('p', 1).result), 'fine');
  await world.close();
});

test('a member that serves nothing, or answers with nonsense, is left out', async () => {
  const { world, one, two, three } = await trio();
  await world.until(two.tasks.close());
  two.node.handle('task:hello', () => ['nonsense']);
  two.node.join('pool:p');
  await world.until(three.tasks.close());
  three.node.join('pool:p');
  const { result } = one.tasks.run('p', 1);
  await world.network.advance(1000);
  assert.equal(one.tasks.submitted[0]?.member, null);
  startTasks(three.node).serve('p', () => 'at last');
  assert.equal(await world.until(result), 'at last');
  await world.close();
});
