import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { Cluster, commanded, idOf, LOAD_MS, write } from './cluster.js';

const A = 'a@h1';
const B = 'b@h2';
const S = 's@h4';
const T = 't@h5';

const put = (key: string, value: unknown) => write({ write: [{ put: key, value }] });

test('a slave gets what is committed and nothing else, and shows it before its disk has it', () => {
  const cluster = new Cluster([A, B], [S]);
  cluster.bootstrap(A, B);
  cluster.start(S);
  cluster.wait(limits.configSlaveNoteMs);
  assert.equal(cluster.node(S).status.durable, 1);
  cluster.node(S).isSlow = true;
  cluster.node(B).isSlow = true;
  cluster.ask(A, put('cluster/x', 1));
  cluster.run();
  assert.equal(cluster.node(S).status.last.revision, 1);
  cluster.node(B).isSlow = false;
  cluster.run();
  assert.equal(cluster.node(S).value('cluster/x'), 1);
  assert.deepEqual(cluster.node(S).shown, [1, 2]);
  assert.equal(cluster.node(S).status.durable, 1);
});

test('a slave follows a master that becomes one while they meet', () => {
  const cluster = new Cluster([A], [S]);
  cluster.start(A, S);
  // It has heard that A is empty, and its answer is on its way.
  cluster.turn();
  const ids = { clusterId: idOf('cluster'), lineage: idOf('L1') };
  cluster.ask(A, commanded({ type: 'bootstrap', masters: [A], ...ids }));
  cluster.run();
  assert.equal(cluster.node(S).status.source, A);
  assert.deepEqual(cluster.node(S).shown, [1]);
});

test('when its master goes, a slave goes on with another where it was', () => {
  const cluster = new Cluster([A, B], [S, T]);
  cluster.bootstrap(A, B);
  cluster.start(S, T);
  cluster.put(A, 'cluster/x', 1);
  for (const slave of [S, T]) {
    const { source } = cluster.node(slave).status;
    assert.ok(source !== null);
    cluster.page();
    cluster.cut(slave, source);
    cluster.run();
    const other = source === A ? B : A;
    assert.equal(cluster.node(slave).status.source, other);
    assert.equal(cluster.node(slave).status.isDown, false);
    assert.ok(cluster.page().some((line) => / -> [ab] {2}follow from \d$/.test(line)));
    cluster.put(A, 'cluster/x', slave);
    assert.equal(cluster.node(slave).value('cluster/x'), slave);
    cluster.link(slave, source);
    cluster.run();
  }
  assert.deepEqual(cluster.node(S).shown, [2, 3, 4]);
});

test('when all masters are gone the cluster is DOWN, and what a slave has stays readable', () => {
  const cluster = new Cluster([A, B], [S]);
  cluster.bootstrap(A, B);
  cluster.start(S);
  cluster.put(A, 'cluster/x', 1);
  assert.equal(cluster.node(S).status.isDown, false);
  cluster.kill(A);
  assert.equal(cluster.node(S).status.isDown, false);
  cluster.kill(B);
  assert.equal(cluster.node(S).status.isDown, true);
  assert.equal(cluster.node(S).statuses.at(-1)?.isDown, true);
  assert.equal(cluster.node(S).value('cluster/x'), 1);
  cluster.wait(limits.configSlaveNoteMs);
  // Also after a start of its own, from its disk, when the load timeout is over.
  cluster.kill(S);
  cluster.start(S);
  cluster.wait(LOAD_MS - 1);
  assert.equal(cluster.node(S).status.isReadable, false);
  assert.equal(cluster.node(S).status.isDown, false);
  cluster.wait(1);
  assert.equal(cluster.node(S).value('cluster/x'), 1);
  assert.equal(cluster.node(S).status.isReadable, true);
  assert.equal(cluster.node(S).status.isDown, true);
  cluster.start(B);
  cluster.run();
  assert.equal(cluster.node(S).status.isDown, false);
});

test('a slave that was away for longer than the log is kept takes a snapshot in pieces', () => {
  const cluster = new Cluster([A], [S]);
  cluster.bootstrap(A);
  const { machine } = cluster.node(A);
  const value = 'v'.repeat(2000);
  let id = 1000;
  while (cluster.node(A).store.base.revision === 0) {
    for (let count = 0; count < 500; count++) {
      const request = put(`cluster/k${++id % 400}`, `${id} ${value}`);
      machine?.step(0, { type: 'request', id, request, deadlineMs: 1000 });
    }
    cluster.take(cluster.node(A));
    cluster.run();
    cluster.page();
  }
  cluster.start(S);
  cluster.run();
  const lines = cluster.page();
  assert.ok(lines.some((line) => line.startsWith('a -> s  snapshot')));
  assert.ok(lines.filter((line) => line.startsWith('a -> s  piece')).length > 2);
  assert.equal(cluster.node(S).value('cluster/k7'), cluster.node(A).value('cluster/k7'));
  assert.deepEqual(cluster.node(S).status.last, cluster.node(A).status.last);
  assert.ok(limits.configLogEntries > 0);
});

test('writes and fresh reads of a slave go to the sequencer', () => {
  const cluster = new Cluster([A, B], [S]);
  cluster.bootstrap(A, B);
  cluster.start(S);
  cluster.run();
  assert.equal(cluster.put(S, 'cluster/x', 1)?.type, 'committed');
  const read = { type: 'read', isFresh: true, seen: null } as const;
  assert.deepEqual(cluster.get(S, read), { type: 'read', lineage: idOf('L1'), revision: 2 });
  // Without a link to the sequencer, its own master passes them on.
  cluster.cut(S, A);
  cluster.run();
  assert.equal(cluster.node(S).status.source, B);
  assert.equal(cluster.put(S, 'cluster/x', 2)?.type, 'committed');
  assert.deepEqual(cluster.get(S, read), { type: 'read', lineage: idOf('L1'), revision: 3 });
  cluster.cut(S, B);
  const answer = cluster.put(S, 'cluster/x', 3);
  assert.ok(answer?.type === 'error' && answer.code === 'ERR_REPLICAS');
});

test('what a slave cannot do is refused', () => {
  const cluster = new Cluster([A], [S]);
  cluster.start(S);
  const ids = { clusterId: idOf('cluster'), lineage: idOf('L1') };
  const answer = cluster.command(S, { type: 'bootstrap', masters: [S], ...ids });
  assert.ok(answer?.type === 'error' && answer.code === 'ERR_STATE');
  const early = cluster.ask(S, { type: 'read', isFresh: false, seen: null }, 100);
  cluster.wait(100);
  const late = cluster.answer(S, early);
  assert.ok(late?.type === 'error' && late.code === 'ERR_NOT_READY');
});
