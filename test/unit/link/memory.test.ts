import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { limits } from '../../../src/limits.js';
import { Fifo } from '../../../src/link/fifo.js';
import { Spare } from '../../../src/link/spare.js';
import { Pair, send } from './pair.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function isGone(reference: WeakRef<object>): Promise<boolean> {
  // What a WeakRef was made of or asked for lives to the end of the turn.
  await nextTurn();
  collectGarbage();
  return reference.deref() === undefined;
}

test('a large message that was handled is not kept', async () => {
  let memory: WeakRef<object> | undefined;
  const pair = new Pair({
    handlers: {
      onMessage: ({ body }) => {
        memory = new WeakRef(body.buffer);
        return undefined;
      },
    },
  }).connect();
  const body = Buffer.alloc(3 * limits.fragmentBytes);
  pair.a.link.send({ ...send(''), body }, { orderKey: '' });
  pair.settle();
  assert.ok(memory !== undefined);
  assert.ok(await isGone(memory));
  assert.equal(pair.b.link.state, 'up');
});

test('memory that was given back is empty there, and serves for the next large message', () => {
  const sizes = [3, 4, 2, 8].map((pieces) => pieces * limits.fragmentBytes);
  const bodies: Buffer[] = [];
  const pair = new Pair({
    handlers: {
      onMessage: ({ body, release }) => {
        assert.equal(body.length, sizes[bodies.length]);
        assert.ok(body.every((byte) => byte === bodies.length + 1));
        bodies.push(body);
        if (bodies.length !== 1) release?.();
        return undefined;
      },
    },
  }).connect();
  for (const [index, size] of sizes.entries()) {
    pair.a.link.send({ ...send(''), body: Buffer.alloc(size, index + 1) }, { orderKey: '' });
    pair.settle();
  }
  // The first was kept, and is whole; the third took the memory of the second, with room to spare.
  assert.deepEqual(
    bodies.map(({ length }) => length),
    [sizes[0], 0, 0, 0],
  );
  assert.ok(bodies[0]!.every((byte) => byte === 1));
});

test('a small message takes no memory of a large one', () => {
  const spare = new Spare();
  const large = spare.take(1000);
  const inside = large.buffer.byteLength;
  spare.give(large);
  assert.equal(large.length, 0);
  assert.equal(spare.take(inside / 2 - 1).buffer.byteLength, inside / 2 - 1);
  assert.equal(spare.take(inside + 1).buffer.byteLength, inside + 1);
  const again = spare.take(inside / 2);
  assert.equal(again.length, inside / 2);
  assert.equal(again.buffer.byteLength, inside);
  // Nobody has it twice.
  assert.notEqual(spare.take(inside / 2).buffer, again.buffer);
});

test('what has left a queue is not kept by those behind it', async () => {
  const queue = new Fifo<object>();
  queue.push(Buffer.alloc(1));
  queue.push(Buffer.alloc(2));
  const first = new WeakRef(queue.shift() as object);
  assert.ok(await isGone(first));
  assert.equal(queue.length, 1);
});
