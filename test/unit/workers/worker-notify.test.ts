import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemRuntime, type Timers } from '../../../src/runtime/index.js';
import { keeperProgram } from '../../../src/workers/keeper-program.js';
import { workerNotify } from '../../../src/workers/worker-notify.js';
import { folderFor, HandKept } from './keepers.js';

const module = fileURLToPath(new URL('./fixtures/notifying.js', import.meta.url));

test('a worker of Node.js beats while its loop turns, and says that it stops', async (t) => {
  const kept = new HandKept(t);
  const env = { BACKPLANE_NOTIFY: join(kept.folder, 'notify.stream'), WATCHDOG_USEC: '300000' };
  const command = [process.execPath, module];
  await kept.start(await keeperProgram(), '', { command, env, ready: 'notify', beatMs: 300 });
  const { text } = await kept.until(({ isReady }) => isReady);
  assert.equal(text, 'up, with 0 variables');
  kept.send('signal 12');
  await kept.until(({ isStalled }) => isStalled);
  kept.send('signal 9');
  assert.equal(await kept.ended(), 'signal 9 -');

  const next = new HandKept(t);
  const ofNext = { ...env, BACKPLANE_NOTIFY: join(next.folder, 'notify.stream') };
  await next.start(await keeperProgram(), '', { command, env: ofNext, ready: 'notify' });
  await next.until(({ isReady }) => isReady);
  next.send('signal 15');
  await next.until(({ saysStopping }) => saysStopping);
  assert.equal(await next.ended(), 'code 0 -');
});

test('beats come three times as often as one must, and end with close', async (t) => {
  const path = join(folderFor(t), 's');
  const heard: string[] = [];
  let more = () => {};
  const server = createServer((socket) => {
    socket.on('data', (piece: Buffer) => {
      heard.push(...piece.toString().trim().split('\n'));
      more();
    });
  }).listen(path);
  t.after(() => server.close());
  // What was asked for, in milliseconds, and how it is called.
  const due: [number, () => void][] = [];
  const timers: Timers = {
    after: (delayMs, run) => {
      due.push([delayMs, run]);
      return { cancel() {} };
    },
    soon: queueMicrotask,
  };
  const env = { BACKPLANE_NOTIFY: path, WATCHDOG_USEC: '900000' };
  const notify = await workerNotify(env, { ...systemRuntime, timers });
  assert.deepEqual(env, {});
  notify?.ready();
  const until = async (count: number) => {
    while (heard.length < count) await new Promise<void>((resolve) => (more = resolve));
  };
  await until(2);
  for (let i = 0; i < 2; i++) {
    const [delayMs, run] = due.pop() ?? [];
    assert.equal(delayMs, 300);
    run?.();
  }
  await until(4);
  assert.deepEqual(heard, ['READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
  notify?.close();
  due.pop()?.[1]();
  assert.equal(due.length, 0);
});

test('without a keeper there is nobody to notify; one that is gone is an error', async (t) => {
  assert.equal(await workerNotify({}), null);
  const path = join(folderFor(t), 'nobody');
  await assert.rejects(workerNotify({ BACKPLANE_NOTIFY: path }), { code: 'ENOENT' });
});
