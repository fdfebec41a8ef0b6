import assert from 'node:assert/strict';
import test from 'node:test';
import type { AlarmCode } from '../../../src/observe/alarm-codes.js';
import { watchAlarms } from '../../../src/observe/alarm-watch.js';
import { nodeHealth } from '../../../src/observe/health.js';
import { metricsText } from '../../../src/observe/metrics.js';
import type { ObservedStatus } from '../../../src/observe/observed-config.js';
import { ConfigCluster, MASTERS } from '../config/config-nodes.js';
import { Bench } from './alarm-bench.js';

const HERE = 'one@host1';

const fine: ObservedStatus = {
  role: 'sequencer',
  record: { epoch: 1 },
  readable: { revision: 4 },
  last: { revision: 5 },
  committed: 4,
  isWritable: true,
  missing: [],
  troubles: [],
  storeFailure: null,
  isDown: false,
  setAside: 0,
  slaves: [],
  clients: [],
};

/** Shows a machine of alarms what is seen of a configuration. */
function look(bench: Bench, status: Partial<ObservedStatus> | null): void {
  const seen = status === null ? null : { ...fine, ...status };
  bench.alarms.step(bench.nowMs, { type: 'configuration', wallMs: bench.wallMs, status: seen });
  bench.poll();
}

test('each fault of a configuration is an alarm, and over when it is', () => {
  const faults: [Partial<ObservedStatus>, AlarmCode, string][] = [
    [{ troubles: [{ name: 'b@h2', code: 'ERR_DIVERGED' }] }, 'config-diverged', 'b@h2'],
    [{ troubles: [{ name: 'b@h2', code: 'ERR_LINEAGE' }] }, 'config-lineage', 'b@h2'],
    [{ troubles: [{ name: 'b@h2', code: 'ERR_STORE' }] }, 'config-store-failed', 'b@h2'],
    [{ storeFailure: 'ERR_STORE_READ_ONLY' }, 'config-store-failed', HERE],
    [{ storeFailure: 'ERR_STORE_FULL' }, 'config-store-full', HERE],
    [{ role: 'slave', isDown: true }, 'config-down', HERE],
    [{ role: 'client', isDown: true }, 'config-down', HERE],
    [{ setAside: 2 }, 'config-set-aside', HERE],
  ];
  for (const [fault, code, object] of faults) {
    const bench = new Bench();
    look(bench, {});
    look(bench, fault);
    look(bench, fault);
    assert.deepEqual(bench.changes, [`raise ${code} ${object}`]);
    assert.equal(bench.alarms.active[0]?.count, 2);
    look(bench, {});
    assert.deepEqual(bench.changes.slice(1), [`clear ${code} ${object}`]);
  }
});

test('writes that are refused are an alarm after a while, at masters', () => {
  const wrong: Partial<ObservedStatus>[] = [
    { isWritable: false, missing: ['b@h2'] },
    { isWritable: false },
    { role: 'master', isWritable: false, missing: ['b@h2'] },
  ];
  for (const status of wrong) {
    const bench = new Bench();
    look(bench, status);
    bench.pass(4999);
    assert.deepEqual(bench.changes, []);
    bench.pass(1);
    assert.deepEqual(bench.changes, ['raise config-degraded cluster']);
    look(bench, {});
    assert.deepEqual(bench.changes.slice(1), ['clear config-degraded cluster']);
  }
  // What does not last, and what a slave does not see, is none.
  const bench = new Bench();
  look(bench, { isWritable: false });
  look(bench, {});
  look(bench, { role: 'slave', isWritable: false, missing: ['b@h2'] });
  bench.pass(60_000);
  assert.deepEqual(bench.changes, []);
});

test('peers are told apart, and all is over when nobody looks any more', () => {
  const bench = new Bench();
  const both = ['b@h2', 'c@h3'].map((name) => ({ name, code: 'ERR_LINEAGE' }));
  look(bench, { troubles: both, storeFailure: 'ERR_STORE' });
  look(bench, { troubles: both.slice(1), storeFailure: 'ERR_STORE' });
  assert.deepEqual(bench.changes.slice(3), ['clear config-lineage b@h2']);
  look(bench, null);
  assert.deepEqual(bench.changes.slice(4).sort(), [
    'clear config-lineage c@h3',
    `clear config-store-failed ${HERE}`,
  ]);
});

test('a configuration is seen in alarms, metrics and health of its node', async (context) => {
  const cluster = new ConfigCluster(context);
  const [one, two] = await cluster.boot([...MASTERS, 'three@h3']);
  const { node, config } = one!;
  const worker = await cluster.start('worker@h1', { store: null, masters: ['one@h1'] });
  await cluster.when(() => worker.config.view !== null);
  config.watch('cluster');
  const alarms = watchAlarms(node);
  const stop = alarms.watchConfiguration(config);
  const codes = () => alarms.active.map(({ code }) => code).filter((it) => it.startsWith('config'));
  const text = metricsText(node, alarms, config);
  const figures = async () => {
    const found = [...(await text()).matchAll(/^backplane_config_(\w+)\{node="one@h1"\} (\S+)$/gm)];
    return Object.fromEntries(found.map(([, name, value]) => [name, Number(value)]));
  };
  const { flushes_total: flushes, flush_seconds_total: seconds, ...others } = await figures();
  assert.deepEqual(others, {
    revision: 1,
    epoch: 1,
    uncommitted_entries: 0,
    writable: 1,
    down: 0,
    missing_masters: 0,
    slaves: 1,
    clients: 1,
    watches: 1,
  });
  assert.ok(flushes! > 0 && seconds! > 0, `${flushes} in ${seconds} s`);
  assert.deepEqual(codes(), []);
  const health = () => nodeHealth(node, { configuration: config }).configuration;
  const healthy = { role: 'sequencer', revision: 1, isWritable: true };
  const rest = { isDown: false, missing: [], storeFailure: null };
  assert.deepEqual(health(), { ...healthy, ...rest });
  assert.equal(
    nodeHealth(two!.node, { configuration: two!.config }).configuration?.isWritable,
    null,
  );
  cluster.kill('two@h2');
  await cluster.when(() => codes().includes('config-degraded'));
  assert.deepEqual(health(), { ...healthy, ...rest, isWritable: false, missing: ['two@h2'] });
  assert.equal((await figures())['writable'], 0);
  assert.equal(nodeHealth(node, { configuration: config }).ready, true);
  stop();
  assert.deepEqual(codes(), []);
  assert.equal((await metricsText(node)()).includes('config_revision{'), false);
});
