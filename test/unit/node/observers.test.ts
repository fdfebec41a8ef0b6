import assert from 'node:assert/strict';
import test from 'node:test';
import { Observers } from '../../../src/node/observers.js';
import { Cluster } from './cluster.js';

test('an observer is told everything, before the listeners, until it is taken away', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const told: string[] = [];
  const forget = one.node.observe((event) => told.push(event));
  one.node.on('nodeup', () => told.push('listener of nodeup'));
  await cluster.link(one, two);
  assert.deepEqual(told, ['nodeup', 'listener of nodeup', 'path']);
  await cluster.until(one.node.disconnect('two@host2'));
  assert.deepEqual(told.slice(3), ['nodedown', 'disconnected']);
  forget();
  await cluster.until(one.node.close());
  assert.equal(told.length, 5);
});

test('one that throws keeps nothing from the others', () => {
  const threw: unknown[] = [];
  const observers = new Observers((error) => threw.push(error));
  const error = new Error('mine');
  observers.add(() => {
    throw error;
  });
  const told: string[] = [];
  const observer = (event: string) => void told.push(event);
  observers.add(observer);
  const forget = observers.add(observer);
  observers.tell('stalled', { name: 'a@b' });
  forget();
  observers.tell('resumed', { name: 'a@b' });
  assert.deepEqual(told, ['stalled', 'stalled', 'resumed']);
  assert.deepEqual(threw, [error, error]);
});

test('a failure that only observers see is still a warning, unless there is a log', async () => {
  const quiet = () => {};
  const logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet };
  const warnings: string[] = [];
  const warned = ({ message }: Error) => void warnings.push(message);
  process.on('warning', warned);
  for (const options of [{}, { logger }]) {
    const cluster = new Cluster();
    const one = await cluster.start('one', 1, options);
    const two = await cluster.start('two', 2);
    // The diary listens, too.
    one.node.removeAllListeners('handlerError');
    const told: string[] = [];
    one.node.observe((event) => told.push(event));
    one.node.handle('t', () => {
      throw new Error('mine');
    });
    await cluster.link(two, one);
    two.node.send('one@host1', 't', 1);
    await cluster.run(10);
    assert.equal(told.filter((event) => event === 'handlerError').length, 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  process.off('warning', warned);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^handler of t, message from two@host2: Error: mine/);
});

test('the state of a node is told', async () => {
  const cluster = new Cluster();
  const { node } = await cluster.start('one', 1);
  assert.equal(node.state, 'listening');
  const closed = node.close();
  assert.equal(node.state, 'closing');
  await cluster.until(closed);
  assert.equal(node.state, 'closed');
});
