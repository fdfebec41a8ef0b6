import assert from 'node:assert/strict';
import test from 'node:test';
import { Gauge, Registry } from 'prom-client';
import type { PathView } from '../../../src/node/events.js';
import { watchAlarms } from '../../../src/observe/alarm-watch.js';
import { metricTable } from '../../../src/observe/metric-table.js';
import {
  bestByPlane,
  METRIC_PREFIX,
  metricsText,
  observeMetrics,
} from '../../../src/observe/metrics.js';
import { Cluster, target } from '../node/cluster.js';

/** All series: name with sorted labels, and value. */
function series(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^backplane_(\w+)\{(.*)\} (\S+)$/.exec(line);
    if (match === null) continue;
    const [, name, labels = '', value] = match;
    const told = labels.split(',').filter((label) => !label.startsWith('node='));
    found.set(`${name} ${told.sort().join(' ')}`.trim(), Number(value));
  }
  return found;
}

async function observed() {
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const registry = new Registry();
  const alarms = watchAlarms(one.node);
  const forget = observeMetrics(one.node, { registry, alarms });
  const read = async () => series(await registry.metrics());
  return { cluster, one, two, registry, forget, read };
}

test('what cannot be observed leaves nothing in the registry', async () => {
  const cluster = new Cluster();
  const { node } = await cluster.start('one', 1);
  const registry = new Registry();
  const bad: unknown[][] = [
    [undefined, { registry }],
    [{}, { registry }],
    [node, undefined],
    [node, {}],
    [node, { registry, alarm: null }],
  ];
  for (const given of bad) {
    const observe = () => (observeMetrics as (...args: unknown[]) => void)(...given);
    assert.throws(observe, { code: 'ERR_ARGUMENT' });
  }
  // The last of ours to be added has the name of one of theirs.
  const name = `${METRIC_PREFIX}${metricTable.at(-1)!.name}`;
  new Gauge({ name, help: 'theirs', registers: [registry] });
  assert.throws(() => observeMetrics(node, { registry }), /already been registered/);
  assert.deepEqual(
    registry.getMetricsAsArray().map((metric) => metric.name),
    [name],
  );
});

test('links, paths, traffic and outcomes are read off the node', async () => {
  const { cluster, one, two, read } = await observed();
  two.node.handle('t', () => {});
  await cluster.link(one, two);
  for (let i = 0; i < 3; i++) one.node.send('two@host2', 't', i);
  one.node.send('two@host2', 'nobody', 0);
  await cluster.run(10);
  const found = await read();
  const peer = 'peer="two@host2"';
  const expected: Record<string, number> = {
    links: 1,
    [`link_stalled ${peer}`]: 0,
    [`link_redundant ${peer}`]: 1,
    [`path_state ${peer} plane="a" state="active"`]: 1,
    [`path_state ${peer} plane="a" state="inactive"`]: 0,
    [`path_gray ${peer} plane="a"`]: 0,
    [`path_primary ${peer} plane="a"`]: 1,
    [`path_primary ${peer} plane="b"`]: 0,
    [`path_rtt_seconds ${peer} plane="b"`]: 0.001,
    [`path_rto_seconds ${peer} plane="b"`]: 0.05,
    [`path_cwnd_bytes ${peer} plane="b"`]: 4380,
    [`sent_messages_total ${peer}`]: 4,
    [`outcomes_total outcome="delivered" ${peer}`]: 3,
    [`outcomes_total outcome="refused" ${peer}`]: 1,
    [`outcomes_total outcome="unknown" ${peer}`]: 0,
    [`open_messages ${peer}`]: 0,
    [`queue_bytes ${peer}`]: 0,
    nodeup_total: 1,
    stalls_total: 0,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(found.get(name), value, name);
  assert.ok((found.get(`sent_bytes_total ${peer}`) ?? 0) > 0);
  const info = [...found.keys()].find((name) => name.startsWith('node_info'));
  assert.equal(info, `node_info engine="memory" incarnation="${one.node.incarnation}"`);
});

test('what happens is counted: ends by reason, lost planes, stalls, alarms', async () => {
  const { cluster, one, two, read } = await observed();
  await cluster.link(one, two);
  cluster.network.cut('10.2.0.2');
  let found = await read();
  const alarm = 'alarms code="redundancy-lost" severity="major"';
  assert.deepEqual([found.get('redundancy_lost_total plane="b"'), found.get(alarm)], [1, 1]);
  cluster.network.kill('10.1.0.2', 'lost');
  await cluster.run(300);
  found = await read();
  assert.equal(found.get('nodedown_total reason="lost"'), 1);
  assert.equal(found.get('alarms code="node-lost" severity="critical"'), 1);
  assert.equal(found.get(alarm), 0);
  assert.ok((found.get('dial_failures_total code="ERR_REFUSED"') ?? 0) > 0);
  // Counters of a peer that has gone go on, what it had does not.
  const names = [...found.keys()];
  assert.ok(names.includes('sent_messages_total peer="two@host2"'));
  assert.ok(!names.some((name) => /^(path_|link_|queue_|open_)/.test(name)));
});

test('strangers count with those of them that went unreported', async () => {
  const { cluster, one, read } = await observed();
  const stranger = await cluster.start('three', 3, { key: Buffer.alloc(32, 8) });
  stranger.node.connect(target(one)).catch(() => {});
  await cluster.run(20_000);
  const count = (await read()).get('refused_total code="ERR_KEY_MISMATCH"') ?? 0;
  const told = one.diary.filter(([event]) => event === 'refused').length;
  const tries = stranger.diary.filter(([event]) => event === 'dialFailed').length;
  assert.ok(count > told && count <= tries, `${told} < ${count} <= ${tries}`);
});

test('several nodes share a registry, and are taken away one by one', async () => {
  const { cluster, one, two, registry, forget } = await observed();
  await cluster.link(one, two);
  const forgetTwo = observeMetrics(two.node, { registry });
  const nodes = async () =>
    [...(await registry.metrics()).matchAll(/^backplane_links\{node="(.*?)"\}/gm)].map(
      ([, node]) => node,
    );
  assert.deepEqual(await nodes(), ['one@host1', 'two@host2']);
  forget();
  assert.deepEqual(await nodes(), ['two@host2']);
  forgetTwo();
  forgetTwo();
  assert.deepEqual(registry.getMetricsAsArray(), []);
  // And again.
  observeMetrics(one.node, { registry });
  assert.deepEqual(await nodes(), ['one@host1']);
});

test('the kernel is asked for paths once for each answer', async () => {
  const { cluster, one, two, read } = await observed();
  await cluster.link(one, two);
  let asked = 0;
  const { paths } = one.node;
  one.node.paths = (name) => {
    asked++;
    return paths.call(one.node, name);
  };
  await read();
  assert.equal(asked, 1);
  await read();
  assert.equal(asked, 2);
});

test('labels are those of the table, and bounded by it', async () => {
  const { cluster, one, two, registry } = await observed();
  await cluster.link(one, two);
  for (const { name, labels } of metricTable) {
    const metric = registry.getSingleMetric(`backplane_${name}`);
    const { values } = (await metric?.get()) ?? { values: [] };
    for (const value of values) {
      assert.deepEqual(Object.keys(value.labels).sort(), ['node', ...labels].sort(), name);
    }
  }
});

test('the text of one node needs no registry', async () => {
  const { one } = await observed();
  assert.equal(series(await metricsText(one.node)()).get('links'), 0);
});

test('of several paths on one plane the best stands for it', () => {
  const path = (plane: string, address: string, state: PathView['state'], primary = false) =>
    ({ plane, address, state, primary, rttMs: 0, rtoMs: 0, cwndBytes: 0, gray: [] }) as const;
  const best = bestByPlane([
    path('a', '1', 'inactive', true),
    path('a', '2', 'active'),
    path('b', '3', 'active'),
    path('b', '4', 'active', true),
    path('c', '5', 'inactive'),
    path('c', '6', 'unconfirmed'),
  ]);
  assert.deepEqual(
    best.map(({ address }) => address),
    ['2', '4', '6'],
  );
});
