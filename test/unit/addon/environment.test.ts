import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { descriptors, openPair, reading, send, settle, until } from './support.js';

const worker = new URL('./fixtures/environment.js', import.meta.url);
const throwing = fileURLToPath(new URL('./fixtures/throwing.js', import.meta.url));

async function start(what: string): Promise<Worker> {
  const started = new Worker(worker, { workerData: what });
  const [message] = await once(started, 'message');
  assert.equal(message, 'ready');
  return started;
}

test('a worker that is terminated leaves no descriptor behind', async () => {
  // The first one loads what stays loaded.
  await (await start('idle')).terminate();
  await settle();
  const before = descriptors();
  for (const what of ['idle', 'flood', 'idle', 'flood', 'flood']) {
    const started = await start(what);
    assert.ok(descriptors() > before + 20);
    await started.terminate();
    await settle();
    assert.equal(descriptors(), before, what);
  }
});

test('many workers and this thread use the addon side by side', async () => {
  const workers = await Promise.all(['flood', 'flood', 'idle', 'flood'].map(start));
  const [a, b] = openPair();
  const received = reading(b);
  for (let i = 0; i < 100; i++) send(a, String(i));
  await until(() => received.messages.length === 100);
  await Promise.all(workers.map((one) => one.terminate()));
  send(a, 'after');
  await until(() => received.messages.length === 101);
  a.close();
  b.close();
});

test('memory that a program gives away is not written to', async () => {
  const started = new Worker(worker, { workerData: 'transfer' });
  const messages: unknown[] = [];
  started.on('message', (message) => messages.push(message));
  while (messages.length < 2) await once(started, 'message');
  assert.deepEqual(messages, ['ready', 'EFAULT']);
  await started.terminate();
});

test('what a handler throws is an uncaught exception, and the next message arrives', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [throwing]);
  assert.deepEqual(JSON.parse(stdout), {
    caught: ['first', 'in drain', 'in drain'],
    messages: 3,
  });
});
