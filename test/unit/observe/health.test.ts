import assert from 'node:assert/strict';
import test from 'node:test';
import { watchAlarms } from '../../../src/observe/alarm-watch.js';
import { nodeHealth } from '../../../src/observe/health.js';
import { Cluster } from '../node/cluster.js';

test('a node is ready while it listens and has the links it needs', async () => {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const { node } = one;
  const alarms = watchAlarms(node);
  const words = (minLinks: number) => {
    const { live, ready } = nodeHealth(node, { minLinks });
    return [live, ready];
  };
  assert.deepEqual(
    [words(0), words(1)],
    [
      [true, true],
      [true, false],
    ],
  );
  await cluster.link(one, two);
  assert.deepEqual(words(1), [true, true]);
  cluster.network.cut('10.1.0.2');
  const { incarnation } = node;
  assert.deepEqual(nodeHealth(node, { alarms }), {
    live: true,
    ready: true,
    state: 'listening',
    name: 'one@host1',
    incarnation,
    links: 1,
    stalled: [],
    notRedundant: ['two@host2'],
    alarms: { critical: 0, major: 1, minor: 0, warning: 0 },
    configuration: null,
  });
  const closed = node.close();
  assert.deepEqual(words(0), [true, false]);
  await cluster.until(closed);
  assert.deepEqual(words(0), [false, false]);
});

test('what a node needs to be ready is checked', async () => {
  const cluster = new Cluster();
  const { node } = await cluster.start('one', 1);
  for (const options of [null, 5, { minLink: 1 }, { minLinks: '1' }] as never[]) {
    assert.throws(() => nodeHealth(node, options), { code: 'ERR_ARGUMENT' });
  }
});
