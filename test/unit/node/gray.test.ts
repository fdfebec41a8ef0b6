import assert from 'node:assert/strict';
import test from 'node:test';
import type { NodeOptions } from '../../../src/node/options.js';
import { sampleIntervalMs } from '../../../src/node/path-watch.js';
import { profiles } from '../../../src/timing/profiles.js';
import { Cluster, type Member } from './cluster.js';
import type { MemoryCarrier } from './memory-network.js';

interface PathPayload {
  readonly plane: string;
  readonly change: string;
  readonly primary: boolean;
  readonly figures?: { readonly reasons: readonly string[]; readonly lossShare: number };
}

const pathEvents = ({ diary }: Member) =>
  diary.filter(([event]) => event === 'path').map(([, payload]) => payload as PathPayload);

const words = (member: Member) =>
  pathEvents(member)
    .map(({ plane, change, figures }) => [plane, change, ...(figures?.reasons ?? [])].join(' '))
    .filter((text) => !text.includes('confirmed'));

async function linked(options: Partial<NodeOptions>) {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1, options);
  const two = await cluster.start('two', 2);
  await cluster.link(one, two);
  await cluster.run(2000);
  const isOurs = (each: MemoryCarrier) => each.localAddresses.includes('10.1.0.1');
  const carrier = [...cluster.network.carriers].find(isOurs)!;
  return { cluster, one, two, carrier };
}

/** For so long, plane a loses one chunk in ten. */
async function lose(cluster: Cluster, carrier: MemoryCarrier, durationMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 100) {
    carrier.counted.sentChunks += 10;
    const onA = carrier.paths.some(({ address, primary }) => primary && address === '10.1.0.2');
    if (onA) carrier.counted.retransmittedChunks += 1;
    await cluster.run(100);
  }
}

test('a lossy primary is reported within 3 s, and no more where no more is asked', async () => {
  const { cluster, one, two, carrier } = await linked({});
  await lose(cluster, carrier, 3000);
  assert.deepEqual(words(one), ['a gray lossy']);
  assert.deepEqual(words(two), []);
  const { figures, primary } = pathEvents(one).at(-1)!;
  assert.ok(figures!.lossShare > 0.05 && primary);
  assert.deepEqual(
    one.node.paths('two@host2').map(({ plane, gray }) => [plane, ...gray]),
    [['a', 'lossy'], ['b']],
  );
  await cluster.run(70_000);
  assert.deepEqual(words(one).slice(1), ['a clear']);
  assert.equal(one.node.paths('two@host2')[0]!.gray.length, 0);
});

test('with steering the primary moves, and returns when the path has long been good', async () => {
  const { cluster, one, carrier } = await linked({ steering: 'gray' });
  await lose(cluster, carrier, 3000);
  assert.deepEqual(words(one), ['a gray lossy', 'b made-primary']);
  assert.equal(one.node.paths('two@host2').find(({ primary }) => primary)?.plane, 'b');
  await cluster.run(200_000);
  assert.deepEqual(words(one).slice(2), ['a clear', 'a made-primary']);
});

test('with switchover stay it does not return', async () => {
  const { cluster, one, carrier } = await linked({ steering: 'gray', switchover: 'stay' });
  await lose(cluster, carrier, 3000);
  await cluster.run(600_000);
  assert.deepEqual(words(one), ['a gray lossy', 'b made-primary', 'a clear']);
});

test('a slow primary gives way too', async () => {
  const { cluster, one, carrier } = await linked({ steering: 'gray' });
  carrier.setRtt('10.1.0.2', 110);
  await cluster.run(3000);
  assert.deepEqual(words(one), ['a gray slow', 'b made-primary']);
});

test('a standby path that fails and comes back again and again is reported', async () => {
  const { cluster, one } = await linked({ steering: 'gray' });
  for (let i = 0; i < 5; i += 1) {
    cluster.network.cut('10.2.0.2');
    await cluster.run(300);
    cluster.network.heal('10.2.0.2');
    await cluster.run(300);
  }
  assert.equal(words(one).filter((word) => word === 'b gray lossy').length, 1);
  assert.equal(words(one).filter((word) => /made-primary/.test(word)).length, 0);
});

test('a path that goes as it is to become the primary leaves all as it is', async () => {
  const { cluster, one, carrier } = await linked({ steering: 'gray' });
  carrier.setPrimary = () => carrier.constructor.prototype.setPrimary.call(carrier, '10.9.9.9');
  await lose(cluster, carrier, 5000);
  assert.deepEqual(words(one), ['a gray lossy']);
  assert.equal(one.node.nodes.length, 1);
});

test('after its end a link is not looked at', async () => {
  const { cluster, one, carrier } = await linked({});
  carrier.end('lost', null);
  carrier.counted.retransmittedChunks = 1000;
  await one.node.disconnect('two@host2');
  await cluster.run(10_000);
  assert.deepEqual(words(one), []);
});

test('paths are looked at as often as the profile beats, and four times a second at most', () => {
  assert.equal(sampleIntervalMs(profiles.lan), 250);
  assert.equal(sampleIntervalMs(profiles.rfc), 2000);
});
