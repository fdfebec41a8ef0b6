import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { limits } from '../../../src/limits.js';
import { Fifo } from '../../../src/link/fifo.js';
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

test('what has left a queue is not kept by those behind it', async () => {
  const queue = new Fifo<object>();
  queue.push(Buffer.alloc(1));
  queue.push(Buffer.alloc(2));
  const first = new WeakRef(queue.shift() as object);
  assert.ok(await isGone(first));
  assert.equal(queue.length, 1);
});
