import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { limits } from '../../../src/limits.js';
import { Fifo } from '../../../src/link/fifo.js';
import { BORROWED_BYTES } from '../../../src/link/outbox.js';
import { lifeOf, Spare } from '../../../src/link/spare.js';
import { Pair, say, send } from './pair.js';

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

test('memory that was given back serves for the next large message', () => {
  const sizes = [3, 4, 2, 8].map((pieces) => pieces * limits.fragmentBytes);
  const memories: ArrayBufferLike[] = [];
  let kept: Buffer | undefined;
  const pair = new Pair({
    handlers: {
      onMessage: ({ body, release }) => {
        memories.push(body.buffer);
        assert.equal(body.length, sizes[memories.length - 1]);
        assert.ok(body.every((byte) => byte === memories.length));
        kept ??= body;
        if (memories.length > 1) release?.();
        return undefined;
      },
    },
  }).connect();
  for (const [index, size] of sizes.entries()) {
    pair.a.link.send({ ...send(''), body: Buffer.alloc(size, index + 1) }, { orderKey: '' });
    pair.settle();
  }
  // The third has the memory of the second; the first was kept, and the last is larger than all.
  assert.deepEqual(
    memories.map((memory) => memories.indexOf(memory)),
    [0, 1, 1, 3],
  );
  assert.ok(kept?.every((byte) => byte === 1));
});

test('a small message takes no memory of a large one', () => {
  const spare = new Spare();
  const large = spare.take(1000);
  const inside = large.buffer.byteLength;
  const life = lifeOf(large);
  spare.give(large);
  assert.notEqual(lifeOf(large), life);
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

test('of what waits, small bodies are copies; who gives away another has not sent it', () => {
  const pair = new Pair().connect();
  const handled: string[] = [];
  const toSend = (name: string, bytes: number) => {
    // With memory of its own, which can be given away.
    const body = Buffer.from(new ArrayBuffer(bytes)).fill(name);
    pair.a.link.send({ ...send(''), body }, { orderKey: 'k' }, (outcome) => {
      const code = outcome.type === 'unsent' ? ` ${outcome.code}` : '';
      handled.push(`${name}: ${outcome.type}${code}`);
    });
    return body;
  };
  pair.a.carrier.hasRoom = false;
  // One leaves and takes the last room; beside the other nothing fits into the open bundle.
  for (let i = 0; i < 2; i++) say(pair.a, 'x'.repeat(limits.fragmentBytes), { orderKey: 'k' });
  const sizes = { a: BORROWED_BYTES, b: BORROWED_BYTES - 1, c: BORROWED_BYTES };
  const all = Object.entries(sizes).map(([name, bytes]) => toSend(name, bytes));
  for (const { buffer } of all.slice(0, 2))
    structuredClone(buffer, { transfer: [buffer as never] });
  pair.a.carrier.hasRoom = true;
  pair.a.carrier.handlers!.onDrain();
  pair.advance(1000);
  assert.deepEqual(handled, ['a: unsent ERR_ARGUMENT', 'b: delivered', 'c: delivered']);
  const [, , b, c] = pair.b.messages.map(({ body }) => body);
  assert.ok(Buffer.alloc(sizes.b, 'b').equals(b as Uint8Array));
  assert.ok(Buffer.alloc(sizes.c, 'c').equals(c as Uint8Array));
  assert.equal(pair.a.link.traffic.queuedBytes, 0);
});
