import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { systemRuntime } from '../../../src/runtime/index.js';

const { clock } = systemRuntime;

/** Lets time pass without giving the turn away. */
function compute(ms: number): void {
  const untilMs = clock.nowMs() + ms;
  while (clock.nowMs() < untilMs);
}

test('the time of a turn stands still in it, and is another one in the next', async () => {
  await nextTurn();
  const beforeMs = clock.nowMs();
  const firstMs = clock.turnMs();
  compute(5);
  assert.equal(clock.turnMs(), firstMs);
  await nextTurn();
  const secondMs = clock.turnMs();
  assert.ok(firstMs >= beforeMs);
  assert.ok(secondMs >= firstMs + 5);
});

test('a turn begins without the time of the last one, whoever asked in that', async () => {
  const asked = clock.turnMs();
  await new Promise<void>((resolve) => setImmediate(() => process.nextTick(resolve)));
  compute(1);
  await nextTurn();
  assert.ok(clock.turnMs() > asked);
});

test('each process, and each thread, counts from a moment of its own', async () => {
  const runtime = new URL('../../../src/runtime/index.js', import.meta.url).href;
  const program = `import { workerData, parentPort } from 'node:worker_threads';
    const { systemRuntime } = await import(workerData);
    parentPort.postMessage(systemRuntime.clock.nowMs() - Number(process.hrtime.bigint()) / 1e6);`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
  const origins = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const worker = new Worker(url, { workerData: runtime });
      const [originMs] = (await once(worker, 'message')) as [number];
      return Math.round(originMs);
    }),
  );
  assert.ok(new Set(origins).size > 1, `all count from ${origins[0]}`);
  assert.ok(origins.every((ms) => ms >= -1));
});
