import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { watchAlarms } from '../../../src/observe/alarm-watch.js';
import { Cluster, KEY } from '../node/cluster.js';

async function watched() {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const alarms = watchAlarms(one.node, { wallMs: () => cluster.runtime.clock.nowMs() });
  const changes: string[] = [];
  for (const type of ['raise', 'clear'] as const) {
    alarms.on(type, ({ code, object, plane }) => {
      changes.push(`${type} ${code} ${object}${plane === null ? '' : ` ${plane}`}`);
    });
  }
  return { cluster, one, two, alarms, changes };
}

test('a cut plane is an alarm at once, and over when it is back', async () => {
  const { cluster, one, two, alarms, changes } = await watched();
  await cluster.link(one, two);
  cluster.network.cut('10.1.0.2');
  assert.deepEqual(changes, ['raise redundancy-lost two@host2 a']);
  cluster.network.heal('10.1.0.2');
  assert.deepEqual(changes.slice(1), ['clear redundancy-lost two@host2 a']);
  assert.deepEqual(alarms.active, []);
  assert.equal(alarms.history.length, 1);
});

test('a path that is never confirmed is told apart', async () => {
  const { cluster, one, two, changes } = await watched();
  // Its HEARTBEATs are never answered.
  one.node.on('nodeup', () => {
    for (const carrier of cluster.network.carriers) {
      const { setPath } = carrier;
      carrier.setPath = (address, state, change) => {
        if (change !== 'confirmed') setPath.call(carrier, address, state, change);
      };
    }
  });
  await cluster.link(one, two);
  await cluster.run(1000);
  assert.deepEqual(changes, ['raise path-never-confirmed two@host2 b']);
});

test('what a program raises by hand is checked', async () => {
  const { alarms } = await watched();
  const good = { code: 'path-gray', object: 'two@host2', plane: 'a', text: 'slow' } as const;
  const long = 'x'.repeat(limits.alarmTextBytes + 1);
  const bad: [object | null, RegExp][] = [
    [null, /^code of an alarm must be one of/],
    [{ ...good, code: 'nope' }, /not "nope"/],
    [{ ...good, code: 'toString' }, /not "toString"/],
    [{ ...good, object: undefined }, /^object /],
    [{ ...good, object: long }, /^object /],
    [{ ...good, plane: 5 }, /^plane /],
  ];
  for (const [signal, message] of bad) {
    assert.throws(() => alarms.raise(signal as never), { code: 'ERR_ARGUMENT', message });
    assert.throws(() => alarms.clear(signal as never), { code: 'ERR_ARGUMENT', message });
  }
  for (const text of [undefined, 5, long]) {
    const told = { code: 'ERR_ARGUMENT', message: /^text / };
    assert.throws(() => alarms.raise({ ...good, text } as never), told);
  }
  alarms.raise({ ...good, text: long.slice(1) });
  assert.equal(alarms.active.length, 1);
  alarms.clear({ code: 'path-gray', object: 'two@host2' });
  assert.deepEqual(alarms.active, []);
});

test('a node that is killed is lost until it is back', async () => {
  const { cluster, one, two, changes } = await watched();
  await cluster.link(one, two);
  cluster.network.kill('10.1.0.2', 'closed');
  await cluster.run(20_000);
  assert.deepEqual(changes, ['raise node-lost two@host2']);
  const again = await cluster.start('two', 2);
  await cluster.run(6000);
  assert.equal(again.node.nodes.length, 1);
  assert.deepEqual(changes.slice(1), ['clear node-lost two@host2']);
});

test('a node with another key raises an alarm at both ends', async () => {
  const { cluster, one, changes } = await watched();
  const stranger = await cluster.start('three', 3, { key: Buffer.alloc(32, 8) });
  assert.ok(!KEY.equals(Buffer.alloc(32, 8)));
  stranger.node
    .connect({ name: 'one@host1', addresses: ['10.1.0.1', '10.2.0.1'], port: 24100 })
    .catch(() => {});
  const theirs = watchAlarms(stranger.node);
  await cluster.run(1000);
  assert.deepEqual(changes, ['raise stranger-refused one@host1']);
  assert.deepEqual(
    theirs.active.map(({ code, object }) => `${code} ${object}`),
    ['key-mismatch one@host1'],
  );
  await cluster.until(stranger.node.close());
  assert.deepEqual([theirs.active.length, theirs.history.length], [0, 1]);
  await cluster.run(61_000);
  assert.deepEqual(changes.slice(1), ['clear stranger-refused one@host1']);
  assert.equal(one.node.state, 'listening');
});

test('a queue that stays full is noticed by looking at it', async () => {
  const { cluster, one, two, changes } = await watched();
  await cluster.link(one, two);
  await cluster.run(100);
  const carrier = [...cluster.network.carriers].find((c) => c.localAddresses[0] === '10.1.0.1')!;
  carrier.setRoom(false);
  one.node.send('two@host2', 't', 'fills it');
  await cluster.run(1);
  one.node.send('two@host2', 't', Buffer.alloc(limits.outboxHighWaterBytes + 1));
  await cluster.run(9000);
  assert.deepEqual(changes, []);
  await cluster.run(2 * limits.alarmSampleMs);
  assert.deepEqual(changes, ['raise back-pressure two@host2']);
  carrier.setRoom(true);
  await cluster.run(2 * limits.alarmSampleMs);
  assert.deepEqual(changes.slice(1), ['clear back-pressure two@host2']);
});

test('alarms of the program itself, and times of day', async () => {
  const { cluster, alarms } = await watched();
  const startedMs = cluster.runtime.clock.nowMs();
  await cluster.run(5000 - startedMs);
  alarms.raise({ code: 'path-gray', object: 'two@host2', plane: 'a', text: 'slow' });
  const [alarm] = alarms.active;
  assert.equal(alarm?.since, '1970-01-01T00:00:05.000Z');
  alarms.clear({ code: 'path-gray', object: 'two@host2' });
  assert.deepEqual([alarms.active.length, alarms.dropped], [0, 0]);
});

test('it ends with its node, or before, and leaves no timer', async () => {
  const { cluster, one, two, alarms, changes } = await watched();
  const early = watchAlarms(one.node);
  early.close();
  await cluster.link(one, two);
  cluster.network.kill('10.1.0.2', 'closed');
  await cluster.until(one.node.close());
  assert.deepEqual(changes, ['raise node-lost two@host2', 'clear node-lost two@host2']);
  await cluster.until(two.node.close());
  assert.deepEqual(early.history, []);
  assert.equal(cluster.runtime.waiting, 0);
  const late = watchAlarms(one.node);
  assert.equal(cluster.runtime.waiting, 0);
  assert.deepEqual([alarms.active, late.active], [[], []]);
});

test('a listener that throws loses no change', async () => {
  const { cluster, one, two, alarms, changes } = await watched();
  await cluster.link(one, two);
  const thrown: unknown[] = [];
  const original = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', (error) => thrown.push(error));
  alarms.prependListener('raise', () => {
    throw new Error('mine');
  });
  cluster.network.cut('10.1.0.2');
  await new Promise((resolve) => setImmediate(resolve));
  for (const listener of original) process.on('uncaughtException', listener);
  assert.match(String(thrown[0]), /mine/);
  cluster.network.heal('10.1.0.2');
  assert.deepEqual(changes, ['clear redundancy-lost two@host2 a']);
});
