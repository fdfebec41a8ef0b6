import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { Cluster, idOf, LOAD_MS, put } from './cluster.js';
import { MemoryStore } from './memory-store.js';

const A = 'a@h1';
const B = 'b@h2';
const C = 'c@h3';

test('the longest log is copied and committed, though the sequencer had lost it', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.node(A).isSlow = true;
  cluster.ask(A, put('cluster/x', 1));
  cluster.run();
  // The other master has it on disk, the sequencer has not.
  cluster.kill(A);
  cluster.kill(B);
  cluster.node(A).isSlow = false;
  cluster.page();
  cluster.start(A, B);
  cluster.run();
  assert.deepEqual(cluster.page(), [
    'b -> a  hello: epoch 1, log to 2, committed 1',
    'a -> b  hello: epoch 1, log to 1, committed 0',
    'a -> b  hello you: epoch 1, log to 1, committed 0',
    'b -> a  hello you: epoch 1, log to 2, committed 1',
    'b -> a  follow from 2',
    'b -> a  taken 0, stored 2',
    'a -> b  follow from 1',
    'a -> b  taken 0, stored 1',
    'b -> a  entries 2, committed 1',
    'a -> b  unfollow',
    'a -> b  entries nothing new, committed 1',
    'a writes append 2, committed 1',
    'b shows 1',
    'a flushed',
    'a -> b  entries nothing new, committed 2',
    'a shows 2',
    'b shows 2',
  ]);
  assert.equal(cluster.node(A).value('cluster/x'), 1);
  assert.equal(cluster.node(B).value('cluster/x'), 1);
  assert.equal(cluster.put(A, 'cluster/x', 2)?.type, 'committed');
});

test('the last master that follows makes the sequencer writable at once', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  assert.equal(cluster.put(A, 'cluster/x', 1)?.type, 'committed');
  for (const name of [A, B, C]) cluster.kill(name);
  cluster.isTogether = true;
  cluster.start(A, B, C);
  cluster.run();
  assert.equal(cluster.node(A).status.isWritable, true);
});

test('a master that was away gets what it has not', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  cluster.node(C).isSlow = true;
  cluster.ask(A, put('cluster/x', 1));
  cluster.run();
  cluster.kill(C);
  cluster.node(C).isSlow = false;
  cluster.start(C);
  cluster.run();
  for (const name of [A, B, C]) {
    assert.equal(cluster.node(name).value('cluster/x'), 1);
    assert.equal(cluster.node(name).status.durable, 2);
  }
});

test('a master alone waits for the load timeout, and then serves what is durably committed', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.put(A, 'cluster/x', 1);
  cluster.wait(limits.configNoteMs);
  cluster.node(B).isSlow = true;
  cluster.ask(A, put('cluster/x', 2));
  cluster.run();
  cluster.kill(A);
  cluster.kill(B);
  cluster.start(A);
  cluster.wait(LOAD_MS - 1);
  assert.equal(cluster.node(A).status.isReadable, false);
  const early = cluster.ask(A, { type: 'read', isFresh: false, seen: null });
  assert.equal(cluster.answer(A, early), undefined);
  cluster.wait(1);
  assert.deepEqual(cluster.node(A).shown, [2]);
  assert.equal(cluster.node(A).value('cluster/x'), 1);
  assert.deepEqual(cluster.answer(A, early), { type: 'read', lineage: idOf('L1'), revision: 2 });
  const refused = cluster.put(A, 'cluster/x', 3);
  assert.ok(refused?.type === 'error' && refused.code === 'ERR_REPLICAS');
  assert.deepEqual(cluster.node(A).status.missing, [B]);
  cluster.node(B).isSlow = false;
  cluster.start(B);
  cluster.run();
  assert.equal(cluster.node(B).value('cluster/x'), 2);
  assert.equal(cluster.node(A).status.isWritable, true);
});

test('an empty store under the name of a master is a newcomer: it counts as nothing', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.put(A, 'cluster/x', 1);
  cluster.kill(B);
  cluster.node(B).store = new MemoryStore(idOf('another store'));
  cluster.start(B);
  cluster.run();
  assert.equal(cluster.node(A).status.isWritable, false);
  assert.deepEqual(cluster.node(A).status.missing, [B]);
  assert.deepEqual(cluster.node(A).status.newcomers, [B]);
  assert.equal(cluster.node(B).status.role, 'newcomer');
  assert.equal(cluster.node(B).status.source, null);
  cluster.wait(LOAD_MS);
  assert.equal(cluster.node(B).status.isReadable, false);
  const answer = cluster.put(B, 'cluster/x', 2);
  assert.ok(answer?.type === 'error' && answer.code === 'ERR_REPLICAS');
});

test('two logs of one lineage that are not parts of one another: read-only, and said', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  // A disk of another history under the same id, as after a bad restore.
  const strange = new Cluster([A, B]);
  strange.bootstrap(A, B);
  cluster.put(A, 'cluster/x', 1);
  strange.put(A, 'cluster/y', 1);
  cluster.kill(A);
  cluster.node(A).store = strange.node(A).store;
  cluster.start(A);
  cluster.run();
  const trouble = (name: string, other: string) => {
    assert.deepEqual(cluster.node(name).status.troubles, [{ name: other, code: 'ERR_DIVERGED' }]);
  };
  trouble(A, B);
  trouble(B, A);
  const answer = cluster.put(A, 'cluster/z', 1);
  assert.ok(answer?.type === 'error' && answer.code === 'ERR_REPLICAS');
  assert.equal(cluster.node(B).value('cluster/x'), 1);
});

test('a master that was set back passes no epoch of its own alone', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  const old = new MemoryStore(cluster.node(B).store.storeId);
  old.log = [...cluster.node(B).store.log];
  old.committed = cluster.node(B).store.committed;
  cluster.kill(A);
  assert.equal(cluster.command(B, { type: 'force', lineage: idOf('L2') })?.type, 'done');
  cluster.put(B, 'cluster/x', 1);
  cluster.start(A);
  cluster.run();
  assert.equal(cluster.command(B, { type: 'add', name: A })?.type, 'done');
  const at = cluster.node(A).status.committed;
  cluster.kill(B);
  cluster.node(B).store = old;
  cluster.page();
  cluster.start(B);
  cluster.run();
  // Entry by entry, it would be the only master for a while, and stay so if it were killed then.
  assert.ok(cluster.page().includes(`a -> b  snapshot at ${at}`));
  assert.equal(cluster.node(B).value('cluster/x'), 1);
  assert.equal(cluster.node(B).store.setAside.length, 0);
  assert.equal(cluster.put(B, 'cluster/x', 2)?.type, 'committed');
});

test('a master that was away for longer than the log is kept takes a snapshot', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  // As a store that was restored from an old backup.
  const old = new MemoryStore(cluster.node(B).store.storeId);
  old.base = cluster.node(B).store.base;
  old.log = [...cluster.node(B).store.log];
  old.committed = cluster.node(B).store.committed;
  const { machine } = cluster.node(A);
  const count = limits.configLogEntries + 1000;
  for (let id = 1; id <= count; id++) {
    const request = put(`cluster/k${id % 100}`, id);
    machine?.step(0, { type: 'request', id: 1000 + id, request, deadlineMs: 1000 });
    if (id % 1000 !== 0) continue;
    cluster.take(cluster.node(A));
    cluster.run();
    cluster.page();
  }
  cluster.take(cluster.node(A));
  cluster.run();
  assert.equal(cluster.node(A).status.committed, count + 1);
  assert.ok(cluster.node(A).store.base.revision > 0);
  cluster.kill(B);
  cluster.node(B).store = old;
  cluster.page();
  cluster.start(B);
  cluster.run();
  assert.ok(cluster.page().includes(`a -> b  snapshot at ${count + 1}`));
  assert.deepEqual(cluster.node(B).shown, [-1, count + 1]);
  assert.equal(cluster.node(B).value('cluster/k1'), count - ((count - 1) % 100));
  assert.equal(cluster.node(B).store.setAside.length, 0);
  assert.equal(cluster.put(B, 'cluster/x', 1)?.type, 'committed');
  // And what it has on disk is what a start finds.
  cluster.kill(B);
  cluster.start(B);
  cluster.run();
  assert.equal(cluster.node(B).value('cluster/x'), 1);
});
