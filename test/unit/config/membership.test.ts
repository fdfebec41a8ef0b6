import assert from 'node:assert/strict';
import test from 'node:test';
import { planOf } from '../../../src/config/plan.js';
import type { Answer } from '../../../src/config/replica-io.js';
import { limits } from '../../../src/limits.js';
import { Cluster, commanded, idOf, put, short } from './cluster.js';
import { MemoryStore } from './memory-store.js';

const A = 'a@h1';
const B = 'b@h2';
const C = 'c@h3';
const S = 's@h4';

function mastersOf(cluster: Cluster, name: string): string {
  const { record } = cluster.node(name).status;
  return `epoch ${record?.epoch}: ${record?.masters.map((master) => short(master.name)).join(' ')}`;
}

function refused(answer: Answer | undefined, text: RegExp): void {
  assert.ok(answer?.type === 'error' && answer.code === 'ERR_STATE', JSON.stringify(answer));
  assert.match(answer.message, text);
}

test('a new master first catches up; its epoch is on the disks of all before it first', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B);
  cluster.put(A, 'cluster/x', 1);
  cluster.start(C);
  cluster.run();
  cluster.page();
  const answer = cluster.command(B, { type: 'add', name: C });
  assert.deepEqual(answer, { type: 'done', lineage: idOf('L1'), epoch: 2 });
  assert.deepEqual(cluster.page(), [
    'b -> a  request add',
    'a -> c  invite',
    'c -> a  follow from 0',
    'a -> c  entries 1 (epoch 1: a b) 2, committed 2',
    'c -> a  hello you: epoch 1, log to 2, committed 2',
    'c -> b  hello you: epoch 1, log to 2, committed 2',
    'c shows 2',
    'c writes append 1, append 2, committed 2',
    'c flushed',
    'c -> a  taken 1, stored 2',
    // It has all that is committed on its disk: it may become a master.
    'a -> b  entries 3 (epoch 2: a b c), committed 2',
    'a writes append 3, committed 2',
    'a flushed',
    'a -> b  hello you: epoch 2, log to 3, committed 2',
    'a -> c  hello you: epoch 2, log to 3, committed 2',
    'b -> a  hello you: epoch 2, log to 3, committed 2',
    'b -> c  hello you: epoch 2, log to 3, committed 2',
    'b writes append 3, committed 2',
    'b flushed',
    'b -> a  taken 5, stored 3',
    // Those before it have the entry on their disks: now it gets it, too.
    'a -> c  entries 3 (epoch 2: a b c), committed 2',
    'c -> a  hello you: epoch 2, log to 3, committed 2',
    'c -> b  hello you: epoch 2, log to 3, committed 2',
    'c writes append 3',
    'c flushed',
    'c -> a  taken 2, stored 3',
    'a -> b  answer done, epoch 2',
    'a -> b  entries nothing new, committed 3',
    'a -> c  entries nothing new, committed 3',
    'a shows 3',
    'c shows 3',
    'b answers done, epoch 2',
    'b shows 3',
  ]);
});

test('the last writes before a master is added are asked of it, too', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B);
  cluster.start(C);
  cluster.run();
  assert.equal(cluster.command(A, { type: 'add', name: C })?.type, 'done');
  cluster.node(C).isSlow = true;
  const id = cluster.ask(A, put('cluster/x', 1));
  cluster.run();
  assert.equal(cluster.answer(A, id), undefined);
  cluster.node(C).isSlow = false;
  cluster.run();
  assert.equal(cluster.answer(A, id)?.type, 'committed');
});

test('a new master whose epoch no other had on disk before a crash is no master', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B);
  cluster.start(C);
  cluster.run();
  cluster.node(A).isSlow = true;
  cluster.node(B).isSlow = true;
  cluster.ask(A, commanded({ type: 'add', name: C }));
  cluster.run();
  assert.equal(mastersOf(cluster, A), 'epoch 2: a b c');
  assert.equal(mastersOf(cluster, C), 'epoch 1: a b');
  for (const name of [A, B]) cluster.kill(name);
  cluster.node(A).isSlow = false;
  cluster.node(B).isSlow = false;
  cluster.start(A, B);
  cluster.run();
  assert.equal(mastersOf(cluster, A), 'epoch 1: a b');
  assert.equal(cluster.put(A, 'cluster/x', 1)?.type, 'committed');
  assert.equal(cluster.node(C).value('cluster/x'), 1);
  assert.equal(cluster.node(C).status.role, 'slave');
});

test('a master is removed when all have it on disk, the removed one among them', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  cluster.node(C).isSlow = true;
  const id = cluster.ask(B, commanded({ type: 'remove', name: C }));
  cluster.run();
  assert.equal(cluster.answer(B, id), undefined);
  cluster.node(C).isSlow = false;
  cluster.run();
  assert.deepEqual(cluster.answer(B, id), { type: 'done', lineage: idOf('L1'), epoch: 2 });
  assert.equal(cluster.node(C).status.role, 'slave');
  cluster.kill(C);
  assert.equal(cluster.put(A, 'cluster/x', 1)?.type, 'committed');
  cluster.start(C);
  cluster.run();
  assert.equal(cluster.node(C).value('cluster/x'), 1);
});

test('the sequencer can be removed, and the next master leads', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  const written = cluster.ask(A, put('cluster/x', 1));
  const removed = cluster.ask(A, commanded({ type: 'remove', name: A }));
  cluster.run();
  assert.equal(cluster.answer(A, written)?.type, 'committed');
  assert.deepEqual(cluster.answer(A, removed), { type: 'done', lineage: idOf('L1'), epoch: 2 });
  assert.equal(cluster.node(B).status.role, 'sequencer');
  assert.equal(cluster.put(A, 'cluster/x', 2)?.type, 'committed');
  assert.equal(cluster.node(C).value('cluster/x'), 2);
  assert.equal(cluster.node(A).value('cluster/x'), 2);
});

test('the one that leaves is the last to store the entry that says so', () => {
  for (const leaving of [A, C]) {
    const cluster = new Cluster([A, B, C]);
    cluster.bootstrap(A, B, C);
    cluster.node(B).isSlow = true;
    const id = cluster.ask(A, commanded({ type: 'remove', name: leaving }));
    cluster.run();
    const { store } = cluster.node(leaving);
    assert.equal(store.log.length + store.waiting.length, 1);
    assert.equal(cluster.answer(A, id), undefined);
    cluster.node(B).isSlow = false;
    cluster.run();
    assert.equal(store.log.length, 2);
    assert.equal(cluster.answer(A, id)?.type, 'done');
  }
});

test('a sequencer that is to leave nobody behind who can go on goes on itself, by force', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.node(B).isSlow = true;
  const id = cluster.ask(A, commanded({ type: 'remove', name: A }));
  cluster.run();
  const force = { type: 'force', lineage: idOf('L2') } as const;
  refused(cluster.command(A, force), /no master of this cluster/);
  assert.equal(cluster.node(A).status.role, 'master');
  // The disk of the other is lost, before or after a restart of this one.
  cluster.kill(B);
  cluster.node(B).store = new MemoryStore(idOf('new disk'));
  const { status } = cluster.node(A);
  const here = { name: A, storeId: '', readable: null, storeMessage: null };
  const plan = planOf({ type: 'force' }, { ...status, ...here });
  assert.deepEqual(plan.obstacles, []);
  assert.match(plan.does.join('\n'), /at hand: a@h1\n.*\nentries.*\nb@h2 is a master no more/);
  assert.deepEqual([status.role, status.isDown], ['master', false]);
  assert.equal(cluster.command(A, force)?.type, 'done');
  const removed = cluster.answer(A, id);
  assert.ok(removed?.type === 'done' || removed?.type === 'error', JSON.stringify(removed));
  assert.equal(mastersOf(cluster, A), 'epoch 3: a');
  assert.equal(cluster.put(A, 'cluster/x', 1)?.type, 'committed');
  cluster.kill(A);
  cluster.start(A);
  cluster.run();
  assert.equal(cluster.node(A).value('cluster/x'), 1);
});

test('a sequencer that restarts before the others have its leaving on disk stays', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.node(B).isSlow = true;
  cluster.ask(A, commanded({ type: 'remove', name: A }));
  cluster.run();
  for (const name of [A, B]) cluster.kill(name);
  cluster.start(A);
  cluster.run();
  assert.equal(mastersOf(cluster, A), 'epoch 1: a b');
  assert.equal(cluster.command(A, { type: 'force', lineage: idOf('L2') })?.type, 'done');
});

test('a removal that not all had on disk before a crash goes forward when they are back', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  cluster.node(A).isSlow = true;
  cluster.node(C).isSlow = true;
  cluster.ask(A, commanded({ type: 'remove', name: A }));
  cluster.run();
  for (const name of [A, B, C]) cluster.kill(name);
  for (const name of [A, B, C]) cluster.node(name).isSlow = false;
  cluster.start(B, C);
  cluster.run();
  // By what B has on disk, A is a master no more; but A may not know, so nothing goes on yet.
  assert.equal(cluster.node(B).status.isWritable, false);
  cluster.start(A);
  cluster.run();
  for (const name of [A, B, C]) assert.equal(mastersOf(cluster, name), 'epoch 2: b c');
  assert.equal(cluster.put(B, 'cluster/x', 1)?.type, 'committed');
  assert.equal(cluster.node(A).value('cluster/x'), 1);
});

test('a dead master is removed by force, and its name is added again with an empty store', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.put(A, 'cluster/x', 1);
  cluster.kill(B);
  cluster.node(B).store = new MemoryStore(idOf('new disk'));
  cluster.start(B);
  cluster.run();
  const force = { type: 'force', lineage: idOf('L2') } as const;
  assert.equal(cluster.command(A, force)?.type, 'done');
  assert.equal(mastersOf(cluster, A), 'epoch 2: a');
  assert.equal(cluster.command(A, { type: 'add', name: B })?.type, 'done');
  assert.equal(cluster.node(B).value('cluster/x'), 1);
  assert.equal(mastersOf(cluster, B), 'epoch 3: a b');
});

test('only masters that are all here and empty can be bootstrapped', () => {
  const cluster = new Cluster([A, B, C], [S]);
  const bootstrap = (...masters: string[]) => {
    const ids = { clusterId: idOf('cluster'), lineage: idOf('L1') };
    return cluster.command(A, { type: 'bootstrap', masters, ...ids });
  };
  cluster.start(A, S);
  cluster.run();
  refused(bootstrap(A, B), /b@h2 is not in touch/);
  refused(bootstrap(B), /this node is to be one of the masters/);
  refused(bootstrap(A, A), /named once/);
  refused(bootstrap(A, S), /started as a slave/);
  assert.equal(bootstrap(A)?.type, 'done');
  refused(bootstrap(A), /not empty/);
  const other = new Cluster([A, B]);
  other.bootstrap(B);
  cluster.node(B).store = other.node(B).store;
  cluster.start(B, C);
  cluster.run();
  const ids = { clusterId: idOf('cluster 2'), lineage: idOf('L9') };
  const masters = [C, B];
  refused(cluster.command(C, { type: 'bootstrap', masters, ...ids }), /b@h2 is not empty/);
});

test('a change of the masters that cannot be is refused, and changes nothing', () => {
  const cluster = new Cluster([A, B, C], [S]);
  cluster.bootstrap(A);
  refused(cluster.command(A, { type: 'remove', name: A }), /the only master/);
  refused(cluster.command(A, { type: 'remove', name: B }), /not a master/);
  refused(cluster.command(A, { type: 'add', name: A }), /is a master/);
  refused(cluster.command(A, { type: 'add', name: B }), /not in touch/);
  cluster.start(S, B);
  cluster.run();
  refused(cluster.command(A, { type: 'add', name: S }), /slave; start it again with canBeMaster/);
  cluster.node(B).isSlow = true;
  const first = cluster.ask(A, commanded({ type: 'add', name: B }));
  refused(cluster.command(A, { type: 'add', name: B }), /another change/);
  cluster.kill(B);
  const lost = cluster.answer(A, first);
  assert.ok(lost?.type === 'error' && lost.code === 'ERR_REPLICAS');
  assert.equal(cluster.node(A).status.last.revision, 1);
});

test('there are so many masters and no more', () => {
  const names = Array.from({ length: limits.configMasters + 1 }, (_, at) => `m${at}@h${at}`);
  const cluster = new Cluster(names);
  cluster.start(...names);
  cluster.run();
  const masters = names.slice(0, -1);
  const ids = { clusterId: idOf('cluster'), lineage: idOf('L1') };
  const first = names[0] as string;
  assert.equal(cluster.command(first, { type: 'bootstrap', masters, ...ids })?.type, 'done');
  refused(cluster.command(first, { type: 'add', name: names.at(-1) as string }), /at most/);
});

test('a command that is given again is carried out once', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B);
  cluster.start(C);
  cluster.run();
  const requestId = idOf('once');
  const answer = cluster.command(B, { type: 'add', name: C, requestId });
  assert.deepEqual(cluster.command(B, { type: 'add', name: C, requestId }), answer);
  assert.equal(mastersOf(cluster, A), 'epoch 2: a b c');
  // Also when its entry has left the log.
  const { machine, store } = cluster.node(A);
  const value = 'x'.repeat(200_000);
  for (let id = 1001; store.base.revision < 3; id++) {
    const request = put('cluster/x', value);
    machine?.step(0, { type: 'request', id, request, deadlineMs: 1000 });
    cluster.take(cluster.node(A));
    cluster.run();
    cluster.page();
  }
  assert.deepEqual(cluster.command(B, { type: 'add', name: C, requestId }), answer);
});
