import assert from 'node:assert/strict';
import { startTasks } from 'backplane/cluster';
import { createTestNetwork } from 'backplane/testing';

// Three nodes in this process; in your cluster `startNode` makes them, one in each process.
const network = createTestNetwork();
const shop = startTasks(await network.node('shop@h1'));
const [one, two] = [await network.node('one@h2'), await network.node('two@h3')];
await network.linked();

// Two workers serve a pool. What a task changes elsewhere bears its idempotency key.
const paid = new Map();
for (const node of [one, two]) {
  startTasks(node).serve(
    'payments',
    async ({ cents }, { idempotencyKey, progress, signal }) => {
      progress('asking the bank');
      await new Promise((resolve) => setTimeout(resolve, 5));
      signal.throwIfAborted();
      paid.set(idempotencyKey, cents);
      return `paid ${cents}`;
    },
    { concurrency: 4 },
  );
}

// Somebody submits tasks. He needs to know the name of the pool, and nothing else.
const order = shop.run('payments', { cents: 700 }, { idempotencyKey: 'order-1', deadlineMs: 5000 });
for await (const step of order.progress) console.log(step);
assert.equal(await order.result, 'paid 700');

// A worker dies with tasks in its hands: the other one does them.
const orders = Array.from({ length: 8 }, (_, index) =>
  shop.run('payments', { cents: index }, { idempotencyKey: `order-${index + 2}` }),
);
setImmediate(() => network.kill(one));
const results = await Promise.all(orders.map(({ result }) => result));
assert.deepEqual(results.at(-1), 'paid 7');
assert.equal(paid.size, 9);

// What must not run twice is done, or reported: `ran` tells what is known of it.
const letter = shop.run('letters', 'dear', { delivery: 'at-most-once', deadlineMs: 50 });
await assert.rejects(letter.result, { code: 'ERR_TIMEOUT', ran: 'no' });
await network.close();
