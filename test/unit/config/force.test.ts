import assert from 'node:assert/strict';
import test from 'node:test';
import { readEntry } from '../../../src/config/entry.js';
import type { Answer } from '../../../src/config/replica-io.js';
import { Cluster, commanded, idOf, LOAD_MS, put, short } from './cluster.js';

const A = 'a@h1';
const B = 'b@h2';
const C = 'c@h3';
const S = 's@h4';

const force = (lineage: string) => ({ type: 'force', lineage: idOf(lineage) }) as const;

function mastersOf(cluster: Cluster, name: string): string {
  const { record } = cluster.node(name).status;
  return `epoch ${record?.epoch}: ${record?.masters.map((master) => short(master.name)).join(' ')}`;
}

test('the masters at hand are frozen, the longest log is taken, the epoch is on disk first', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  // What B has and C has not: nobody was told that it is committed.
  cluster.cut(A, C);
  cluster.page();
  cluster.link(A, C);
  cluster.run();
  cluster.ask(A, put('cluster/x', 1));
  cluster.cut(A, C);
  cluster.run();
  cluster.kill(A);
  cluster.page();
  const answer = cluster.command(C, force('L2'));
  assert.deepEqual(cluster.page(), [
    'c -> b  freeze',
    'b -> c  follow from 2',
    'b -> c  taken 0, stored 2',
    'c -> b  follow from 1',
    'c -> b  taken 0, stored 1',
    'b -> c  entries 2, committed 1',
    'c -> b  unfollow',
    'c -> b  entries 3 (epoch 2: b c), committed 1',
    'c -> b  hello you: epoch 2, log to 3, committed 1',
    'c writes append 2, append 3, committed 1',
    'c flushed',
    // By the new record B is the sequencer: from here on it is a recovery as any other.
    'b -> c  hello you: epoch 2, log to 3, committed 1',
    'b -> c  unfollow',
    'b writes append 3',
    'c -> b  follow from 3',
    'c -> b  taken 0, stored 3',
    'b flushed',
    'b -> c  entries nothing new, committed 1',
    'b -> c  entries nothing new, committed 3',
    'b shows 3',
    'c answers done, epoch 2',
    'c shows 3',
  ]);
  assert.deepEqual(answer, { type: 'done', lineage: idOf('L2'), epoch: 2 });
});

test('an old master that comes back is a slave, and what only it had is set aside', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.put(A, 'cluster/x', 1);
  cluster.cut(A, B);
  // Taken just before the link was lost: in the log of A alone.
  cluster.link(A, B);
  cluster.run();
  const id = cluster.ask(A, put('cluster/x', 2));
  cluster.cut(A, B);
  cluster.run();
  assert.equal(cluster.node(A).status.last.revision, 3);
  assert.equal(cluster.command(B, force('L2'))?.type, 'done');
  assert.equal(mastersOf(cluster, B), 'epoch 2: b');
  assert.equal(cluster.put(B, 'cluster/x', 3)?.type, 'committed');
  cluster.page();
  cluster.link(A, B);
  cluster.run();
  assert.equal(mastersOf(cluster, A), 'epoch 2: b');
  assert.equal(cluster.node(A).status.role, 'slave');
  assert.equal(cluster.node(A).value('cluster/x'), 3);
  const [set] = cluster.node(A).store.setAside;
  assert.deepEqual(
    set?.entries.map((bytes) => readEntry(Buffer.from(bytes)).revision),
    [3],
  );
  assert.equal(set?.lineage, idOf('L1'));
  assert.equal(set?.leftBy, idOf('L2'));
  const lost = cluster.answer(A, id);
  assert.ok(lost?.type === 'error' && lost.code === 'ERR_OUTCOME_UNKNOWN');
  // A slave until it is added again; writes from there go to the master.
  assert.equal(cluster.put(A, 'cluster/x', 4)?.type, 'committed');
  assert.equal(cluster.command(B, { type: 'add', name: A })?.type, 'done');
  assert.equal(mastersOf(cluster, A), 'epoch 3: b a');
  assert.equal(cluster.node(A).status.role, 'master');
  assert.equal(cluster.command(A, { type: 'forget' })?.type, 'done');
  assert.equal(cluster.node(A).store.setAside.length, 0);
});

test('an old master without anything of its own goes on by entries', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.kill(A);
  cluster.command(B, force('L2'));
  cluster.put(B, 'cluster/x', 1);
  cluster.start(A);
  cluster.run();
  assert.equal(cluster.node(A).value('cluster/x'), 1);
  assert.equal(cluster.node(A).store.setAside.length, 0);
  assert.ok(!cluster.page().some((line) => line.includes('snapshot')));
  assert.equal(cluster.node(A).status.role, 'slave');
});

test('two sides forced apart exchange nothing, and a slave stays with what it holds', () => {
  const cluster = new Cluster([A, B], [S]);
  cluster.bootstrap(A, B);
  cluster.cut(A, B);
  cluster.command(A, force('L2'));
  cluster.command(B, force('L3'));
  cluster.put(A, 'cluster/x', 'a');
  cluster.put(B, 'cluster/x', 'b');
  cluster.page();
  cluster.link(A, B);
  cluster.run();
  assert.ok(!cluster.page().some((line) => /follow|entries|snapshot/.test(line)));
  assert.deepEqual(cluster.node(A).status.troubles, [{ name: B, code: 'ERR_LINEAGE' }]);
  assert.deepEqual(cluster.node(B).status.troubles, [{ name: A, code: 'ERR_LINEAGE' }]);
  // Each side goes on by itself.
  assert.equal(cluster.put(A, 'cluster/x', 'a2')?.type, 'committed');
  assert.equal(cluster.put(B, 'cluster/x', 'b2')?.type, 'committed');
  cluster.cut(A, B);
  cluster.kill(B);
  cluster.start(S);
  cluster.run();
  assert.equal(cluster.node(S).value('cluster/x'), 'a2');
  cluster.kill(A);
  cluster.run();
  assert.equal(cluster.node(S).status.isDown, true);
  cluster.start(B);
  cluster.run();
  assert.equal(cluster.node(S).value('cluster/x'), 'a2');
  assert.equal(cluster.node(S).status.source, null);
  assert.equal(cluster.node(S).status.isDown, true);
  assert.deepEqual(cluster.node(S).status.troubles, [{ name: B, code: 'ERR_LINEAGE' }]);
});

test('a force is refused where it must not be', () => {
  const cluster = new Cluster([A, B, C]);
  const refused = (name: string, text: RegExp) => {
    const answer = cluster.command(name, force('L2'));
    assert.ok(answer?.type === 'error' && answer.code === 'ERR_STATE');
    assert.match(answer.message, text);
  };
  cluster.bootstrap(A, B);
  refused(A, /no master is out of reach/);
  cluster.start(C);
  refused(C, /no master of this cluster/);
  cluster.kill(B);
  cluster.fail(A);
  refused(A, /store of this node has failed/);
});

test('a force that loses a master at hand changes nothing', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  cluster.kill(C);
  const lost = cluster.ask(B, commanded(force('L2')));
  cluster.cut(A, B);
  cluster.run();
  const answer = cluster.answer(B, lost);
  assert.ok(answer?.type === 'error' && answer.code === 'ERR_STATE');
  cluster.link(A, B);
  cluster.run();
  cluster.start(C);
  cluster.run();
  assert.equal(mastersOf(cluster, B), 'epoch 1: a b c');
  cluster.run();
  assert.equal(cluster.put(C, 'cluster/x', 1)?.type, 'committed');
});

test('of two forces at once, one goes on', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  cluster.kill(C);
  const one = cluster.ask(A, commanded(force('L2')));
  const two = cluster.ask(B, commanded(force('L3')));
  cluster.run();
  const refused = cluster.answer(B, two);
  assert.ok(refused?.type === 'error' && refused.code === 'ERR_STATE');
  assert.deepEqual(cluster.answer(A, one), { type: 'done', lineage: idOf('L2'), epoch: 2 });
  assert.equal(mastersOf(cluster, B), 'epoch 2: a b');
  assert.equal(cluster.put(B, 'cluster/x', 1)?.type, 'committed');
});

test('a force takes effect when it is on disk at all masters at hand, and not before', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  cluster.kill(C);
  cluster.node(B).isSlow = true;
  const id = cluster.ask(A, commanded(force('L2')));
  cluster.run();
  assert.equal(cluster.answer(A, id), undefined);
  assert.equal(cluster.node(A).status.isWritable, false);
  // A crash of both: one has the epoch on disk, and the other follows, forward.
  cluster.kill(A);
  cluster.kill(B);
  cluster.node(B).isSlow = false;
  cluster.start(A, B);
  cluster.run();
  assert.equal(mastersOf(cluster, B), 'epoch 2: a b');
  assert.equal(cluster.put(B, 'cluster/x', 1)?.type, 'committed');
});

test('a master alone goes on by force, with what was never committed before', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.node(A).isSlow = true;
  cluster.ask(A, put('cluster/x', 1));
  cluster.run();
  cluster.kill(A);
  cluster.kill(B);
  cluster.start(B);
  cluster.wait(LOAD_MS);
  assert.equal(cluster.node(B).value('cluster/x'), undefined);
  assert.equal(cluster.command(B, force('L2'))?.type, 'done');
  assert.equal(cluster.node(B).value('cluster/x'), 1);
});

test('a command that a force has committed is answered as part of the new lineage', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  // In the log of A alone.
  const id = cluster.ask(A, commanded({ type: 'remove', name: C }));
  cluster.cut(A, B);
  cluster.cut(A, C);
  cluster.run();
  assert.equal(cluster.answer(A, id), undefined);
  const forced = cluster.command(A, force('L2'));
  assert.deepEqual(forced, { type: 'done', lineage: idOf('L2'), epoch: 3 });
  assert.deepEqual(cluster.answer(A, id), { type: 'done', lineage: idOf('L2'), epoch: 2 });
});

test('before a force has taken effect, a master that it leaves behind gives up nothing', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  cluster.ask(A, put('cluster/x', 1));
  for (const other of [B, C]) cluster.cut(A, other);
  cluster.run();
  cluster.node(B).isSlow = true;
  const id = cluster.ask(C, commanded(force('L2')));
  cluster.run();
  cluster.link(A, C);
  cluster.run();
  assert.equal(cluster.node(A).status.source, C);
  assert.equal(cluster.node(A).status.last.revision, 2);
  assert.equal(cluster.node(A).store.log.length, 2);
  cluster.node(B).isSlow = false;
  cluster.run();
  assert.equal(cluster.answer(C, id)?.type, 'done');
  assert.equal(mastersOf(cluster, A), 'epoch 2: b c');
  assert.equal(cluster.node(A).store.setAside.length, 1);
  assert.equal(cluster.node(A).value('cluster/x'), undefined);
});

test('what was committed in a lineage before the force is in the one that comes of it', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  const committed: Answer[] = [];
  for (let count = 0; count < 5; count++) {
    const answer = cluster.put(A, `cluster/k${count}`, count);
    if (answer !== undefined) committed.push(answer);
  }
  cluster.kill(A);
  cluster.kill(C);
  assert.equal(cluster.command(B, force('L2'))?.type, 'done');
  for (let count = 0; count < 5; count++) {
    assert.equal(committed[count]?.type, 'committed');
    assert.equal(cluster.node(B).value(`cluster/k${count}`), count);
  }
});

test('a force that takes too long is given up, and the masters at hand are free again', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  cluster.kill(C);
  const id = cluster.ask(B, commanded(force('L2')), 100);
  cluster.nowMs += 100;
  cluster.page();
  cluster.step(B, { type: 'tick' });
  const answer = cluster.answer(B, id);
  assert.ok(answer?.type === 'error' && answer.code === 'ERR_TIMEOUT');
  assert.ok(cluster.page().includes('b -> a  thaw'));
  cluster.run();
  cluster.start(C);
  cluster.run();
  assert.equal(cluster.put(B, 'cluster/x', 1)?.type, 'committed');
});
