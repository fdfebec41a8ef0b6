import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { Monitors } from '../../../src/node/monitors.js';
import { linkedPair } from './cluster.js';
import { VirtualRuntime } from './virtual-runtime.js';

test('a monitor tells once that a node has gone, and before nodedown', async () => {
  const { cluster, one } = await linkedPair();
  const seen: string[] = [];
  one.node.on('nodedown', ({ reason }) => seen.push(`nodedown ${reason}`));
  one.node.monitor('two@host2', ({ name, reason }) => seen.push(`${name} ${reason}`));
  one.node.monitor('two@host2', ({ incarnation }) => seen.push(`${incarnation?.length}`));
  cluster.network.kill('10.1.0.2', 'lost');
  await cluster.run(10);
  const order = ['two@host2 lost', '16', 'nodedown lost'];
  assert.deepEqual(seen, order);
  await cluster.start('two', 2);
  await cluster.run(10_000);
  cluster.network.kill('10.1.0.2', 'lost');
  await cluster.run(10);
  assert.deepEqual(seen, [...order, 'nodedown lost']);
});

test('a node that is not there is absent, after the turn', async () => {
  const { cluster, one } = await linkedPair();
  const seen: unknown[] = [];
  one.node.monitor('three@host3', (event) => seen.push(event));
  const stop = one.node.monitor('four@host4', (event) => seen.push(event));
  stop();
  assert.deepEqual(seen, []);
  await cluster.run(0);
  const absent = { name: 'three@host3', incarnation: null, reason: 'absent', error: null };
  assert.deepEqual(seen, [absent]);
  assert.throws(() => one.node.monitor('no name', () => {}), { code: 'ERR_ARGUMENT' });
  assert.throws(() => one.node.monitor('a@b', null as never), { code: 'ERR_ARGUMENT' });
});

test('one that is taken away tells nothing, also by another that is told', async () => {
  const { cluster, one } = await linkedPair();
  const seen: string[] = [];
  const stops = [() => {}];
  one.node.monitor('two@host2', () => {
    seen.push('first');
    for (const stop of stops) stop();
  });
  stops.push(one.node.monitor('two@host2', () => seen.push('second')));
  one.node.monitor('two@host2', () => seen.push('third'));
  const parting = one.node.disconnect('two@host2', { deadlineMs: 0 });
  await cluster.until(parting);
  assert.deepEqual(seen, ['first', 'third']);
});

test('monitors are bounded', () => {
  const monitors = new Monitors(new VirtualRuntime().timers, () => true);
  const stops = Array.from({ length: limits.monitors }, () => monitors.add('a@b', () => {}));
  assert.throws(() => monitors.add('a@b', () => {}), { code: 'ERR_LIMIT' });
  stops[0]!();
  stops[0]!();
  monitors.add('a@b', () => {});
  assert.throws(() => monitors.add('a@b', () => {}), { code: 'ERR_LIMIT' });
});
