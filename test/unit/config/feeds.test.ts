import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { limits } from '../../../src/limits.js';
import { type LimitValues, setLimits } from '../../sim/core/limits.js';
import { Cluster, commanded, idOf, put } from './cluster.js';

const A = 'a@h1';
const B = 'b@h2';
const S = 's@h4';

const force = (lineage: string) => ({ type: 'force', lineage: idOf(lineage) }) as const;

function limited(context: TestContext, values: LimitValues): void {
  context.after(setLimits(values));
}

/** A slave at revision 1, and A, alone by force, with one more that B never had. */
function forcedBehindSlave(): Cluster {
  const cluster = new Cluster([A, B], [S]);
  cluster.bootstrap(A, B);
  cluster.start(S);
  cluster.run();
  cluster.kill(S);
  cluster.node(B).isSlow = true;
  cluster.ask(A, put('cluster/x', 1));
  cluster.run();
  cluster.kill(B);
  assert.equal(cluster.command(A, force('L2'))?.type, 'done');
  cluster.page();
  return cluster;
}

test('what is committed by a force is told and shown with the forced entry', (context) => {
  limited(context, { configBatchEntries: 1 });
  const cluster = forcedBehindSlave();
  cluster.start(S);
  cluster.run();
  const lines = cluster.page();
  assert.ok(lines.includes('a -> s  entries 2, committed 0'), lines.join('\n'));
  assert.ok(lines.includes('a -> s  entries 3 (epoch 2: a), committed 3'));
  assert.deepEqual(cluster.node(S).shown, [3]);
});

test('nor does a disk hold it for committed before', (context) => {
  limited(context, { configBatchEntries: 1 });
  const cluster = forcedBehindSlave();
  cluster.node(S).isSlow = true;
  cluster.start(S);
  cluster.run();
  cluster.flush(S);
  cluster.kill(A);
  cluster.kill(S);
  const { log, committed } = cluster.node(S).store;
  assert.equal(log.length, 2);
  assert.equal(committed, 1);
});

test('a snapshot goes on where a window has no room beside its beginning', (context) => {
  limited(context, { configFeedBytes: 300, configLogBytes: 1000 });
  const cluster = new Cluster([A], [S]);
  cluster.start(A);
  cluster.run();
  const ids = { clusterId: idOf('cluster'), lineage: idOf('L1') };
  const bootstrap = { type: 'bootstrap', masters: [A], ...ids } as const;
  const by = 'a name that is rather long '.repeat(9);
  assert.equal(cluster.get(A, { ...commanded(bootstrap), by })?.type, 'done');
  for (let count = 0; cluster.node(A).store.base.revision === 0; count++) {
    cluster.put(A, `cluster/k${count}`, count);
  }
  cluster.start(S);
  cluster.run();
  assert.deepEqual(cluster.node(S).status.last, cluster.node(A).status.last);
  assert.equal(cluster.node(S).value('cluster/k0'), 0);
});

test('a snapshot arrives though more is written meanwhile than the log keeps', (context) => {
  limited(context, { configFeedBytes: 400, configLogBytes: 1500, configPieceItems: 1 });
  const cluster = new Cluster([A], [S]);
  cluster.bootstrap(A);
  let revision = 1;
  const write = () => cluster.put(A, `cluster/k${++revision % 60}`, revision);
  while (cluster.node(A).store.base.revision < 60) write();
  cluster.page();
  cluster.start(S);
  const { machine } = cluster.node(A);
  for (let turns = 0; cluster.node(S).status.record === null; turns++) {
    assert.ok(turns < 1000, 'it begins again for ever');
    const request = put(`cluster/k${++revision % 60}`, revision);
    machine?.step(0, { type: 'request', id: revision, request, deadlineMs: 1e9 });
    cluster.take(cluster.node(A));
    cluster.turn();
  }
  const lines = cluster.page().filter((line) => line.startsWith('a -> s  snapshot'));
  assert.equal(lines.length, 1);
});

test('a log is not held for ever for a follower that takes nothing', (context) => {
  limited(context, { configFeedBytes: 400, configLogBytes: 1500, configPieceItems: 1 });
  const cluster = new Cluster([A], [S]);
  cluster.bootstrap(A);
  cluster.start(S);
  cluster.run();
  cluster.node(S).isSlow = true;
  for (let count = 0; count < 200; count++) cluster.put(A, `cluster/k${count % 20}`, count);
  const { log } = cluster.node(A).store;
  const bytes = log.reduce((sum, entry) => sum + entry.length, 0);
  assert.ok(bytes > limits.configLogBytes, `${bytes}`);
  assert.ok(bytes <= (limits.configHeldLogs + 1) * limits.configLogBytes, `${bytes}`);
});

test('what changes between two hellos is told to those that have heard the first', () => {
  const cluster = new Cluster([A], [S]);
  cluster.start(A, S);
  // S has heard A and is heard, and has not yet said that it knows A.
  cluster.turn();
  const ids = { clusterId: idOf('cluster'), lineage: idOf('L1') };
  const id = cluster.ask(A, commanded({ type: 'bootstrap', masters: [A], ...ids }));
  cluster.run();
  assert.equal(cluster.answer(A, id)?.type, 'done');
  assert.equal(cluster.node(S).status.source, A);
  assert.deepEqual(cluster.node(S).status.newcomers, []);
  assert.deepEqual(cluster.node(S).statuses.at(-1)?.newcomers, []);
});
