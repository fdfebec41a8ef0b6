/** Sockets that one iteration of the loop finds ready are told in one turn of JavaScript. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { associate, type Pair, until } from './support.js';

/** Two associations whose servers note in `order` what they are told, and the ticks after that. */
async function twoPairs(order: string[]): Promise<[Pair, Pair]> {
  const pairs: [Pair, Pair] = [
    await associate(4, ['127.0.0.1']),
    await associate(4, ['127.0.0.1']),
  ];
  for (const [i, pair] of pairs.entries()) {
    pair.fromClient.onReceive = () => {
      order.push(`message ${i}`);
      process.nextTick(() => order.push(`tick ${i}`));
      return false;
    };
  }
  return pairs;
}

/** Both are readable before the loop looks: what is sent over the loopback interface is there. */
function sendBoth(pairs: [Pair, Pair]): void {
  for (const { client } of pairs) {
    client.send(Buffer.from('a'), 0, 0, 0, 0);
    client.flush();
  }
}

function close(pairs: [Pair, Pair]): void {
  for (const pair of pairs) pair.close();
}

test('all that are ready are told before the ticks of any run', async () => {
  const order: string[] = [];
  const pairs = await twoPairs(order);
  sendBoth(pairs);
  await until(() => order.length === 4);
  const messages = order.slice(0, 2);
  assert.deepEqual([...messages].sort(), ['message 0', 'message 1']);
  assert.deepEqual(
    order.slice(2),
    messages.map((told) => told.replace('message', 'tick')),
  );
  close(pairs);
});

test('a handler that throws ends nothing but its own call', async () => {
  const order: string[] = [];
  const pairs = await twoPairs(order);
  const thrown: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error.message));
  try {
    pairs[0].fromClient.onReceive = () => {
      throw new Error('on purpose');
    };
    sendBoth(pairs);
    await until(() => thrown.length === 1 && order.length === 2);
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
  assert.deepEqual(thrown, ['on purpose']);
  assert.deepEqual(order, ['message 1', 'tick 1']);
  pairs[0].fromClient.onReceive = () => order.push('message 0') === 0;
  sendBoth(pairs);
  await until(() => order.includes('message 0'));
  close(pairs);
});

test('a socket that is closed in the turn is told no more', async () => {
  const order: string[] = [];
  const pairs = await twoPairs(order);
  for (const [i, pair] of pairs.entries()) {
    pair.fromClient.onReceive = () => {
      order.push(`message ${i}`);
      pairs[1 - i]!.server.abort();
      return false;
    };
  }
  sendBoth(pairs);
  await until(() => pairs.some((pair) => pair.fromServer.ends.length > 0));
  assert.equal(order.length, 1);
  close(pairs);
});

test('what a socket says last has its ticks before its end', async () => {
  const order: string[] = [];
  const pairs = await twoPairs(order);
  for (const [i, pair] of pairs.entries()) {
    pair.fromClient.onEnd = () => order.push(`end ${i}`);
  }
  sendBoth(pairs);
  for (const { client } of pairs) client.abort();
  await until(() => order.includes('end 0') && order.includes('end 1'));
  for (const i of [0, 1]) {
    const own = order.filter((told) => told.endsWith(`${i}`));
    assert.equal(own.at(-1), `end ${i}`);
    assert.equal(own.at(-2), `tick ${i}`);
  }
  close(pairs);
});
