import assert from 'node:assert/strict';
import test from 'node:test';
import type { Answer } from '../../../src/config/replica-io.js';
import { limits } from '../../../src/limits.js';
import { Cluster, idOf, put, write } from './cluster.js';

const A = 'a@h1';
const B = 'b@h2';
const C = 'c@h3';

test('a bootstrap is an entry like any other: on all disks first', () => {
  const cluster = new Cluster([A, B]);
  cluster.start(A, B);
  cluster.run();
  cluster.page();
  cluster.command(A, {
    type: 'bootstrap',
    masters: [A, B],
    clusterId: idOf('cluster'),
    lineage: idOf('L1'),
  });
  assert.deepEqual(cluster.page(), [
    'a -> b  hello you: epoch 1, log to 1, committed 0',
    'a writes append 1',
    'b -> a  follow from 0',
    'a flushed',
    'a -> b  entries 1 (epoch 1: a b), committed 0',
    'b -> a  hello you: epoch 1, log to 1, committed 0',
    'b writes append 1',
    'b flushed',
    'b -> a  taken 1, stored 1',
    'a answers done, epoch 1',
    'a -> b  entries nothing new, committed 1',
    'a shows 1',
    'b shows 1',
  ]);
  assert.equal(cluster.node(A).status.role, 'sequencer');
  assert.equal(cluster.node(A).status.isWritable, true);
  assert.equal(cluster.node(B).status.role, 'master');
});

test('all masters write at the same time, and what all have flushed is committed', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  const answer = cluster.put(B, 'cluster/x', 1);
  assert.deepEqual(cluster.page(), [
    'b -> a  request write',
    'a -> b  entries 2, committed 1',
    'a writes append 2, committed 1',
    'b writes append 2, committed 1',
    'a flushed',
    'b flushed',
    'b -> a  taken 3, stored 2',
    'a -> b  answer committed 2',
    'a -> b  entries nothing new, committed 2',
    'a shows 2',
    'b answers committed 2',
    'b shows 2',
  ]);
  assert.deepEqual(answer, { type: 'committed', lineage: idOf('L1'), revision: 2 });
  assert.equal(cluster.node(A).value('cluster/x'), 1);
  assert.equal(cluster.node(B).value('cluster/x'), 1);
  // That it is committed is noted on disk when nothing follows that could carry the note.
  cluster.page();
  cluster.wait(limits.configNoteMs);
  assert.deepEqual(cluster.page(), [
    'a writes committed 2',
    'b writes committed 2',
    'a flushed',
    'b flushed',
  ]);
});

test('nothing is acknowledged, shown or counted before every master has flushed it', () => {
  const cluster = new Cluster([A, B, C]);
  cluster.bootstrap(A, B, C);
  for (const slow of [A, B, C]) {
    cluster.node(slow).isSlow = true;
    const id = cluster.ask(A, put('cluster/x', slow));
    cluster.run();
    assert.equal(cluster.answer(A, id), undefined, slow);
    for (const each of [A, B, C]) assert.notEqual(cluster.node(each).value('cluster/x'), slow);
    cluster.node(slow).isSlow = false;
    cluster.run();
    assert.equal(cluster.answer(A, id)?.type, 'committed');
    for (const each of [A, B, C]) assert.equal(cluster.node(each).value('cluster/x'), slow);
  }
});

test('writes that come together go together, and others follow before those are on disk', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  const { machine } = cluster.node(A);
  for (let id = 101; id <= 103; id++) {
    const request = put(`cluster/k${id}`, id);
    machine?.step(0, { type: 'request', id, request, deadlineMs: 1000 });
  }
  cluster.take(cluster.node(A));
  cluster.ask(A, put('cluster/k104', 104));
  assert.deepEqual(cluster.page(), [
    'a -> b  entries 2 3 4, committed 1',
    'a writes append 2, append 3, append 4, committed 1',
    'a -> b  entries 5, committed 1',
    'a writes append 5',
  ]);
  cluster.run();
  assert.equal(cluster.answer(A, 101)?.type, 'committed');
  assert.equal(cluster.node(B).value('cluster/k104'), 104);
  assert.deepEqual(cluster.node(B).shown, [1, 4, 5]);
});

test('with a master away, stalled or unable to store, a write is appended nowhere', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  const refused = () => {
    cluster.page();
    for (const name of [A, B]) {
      const answer = cluster.put(name, 'cluster/x', 1);
      assert.ok(answer?.type === 'error' && answer.code === 'ERR_REPLICAS');
    }
    assert.equal(cluster.node(A).status.last.revision, 1);
    assert.ok(!cluster.page().some((line) => line.includes('append')));
  };
  cluster.step(A, { type: 'stalled', name: B });
  assert.equal(cluster.node(A).status.isWritable, false);
  refused();
  cluster.step(A, { type: 'resumed', name: B });
  assert.equal(cluster.node(A).status.isWritable, true);
  cluster.cut(A, B);
  refused();
  cluster.link(A, B);
  cluster.run();
  assert.equal(cluster.put(A, 'cluster/x', 1)?.type, 'committed');
  cluster.fail(B);
  cluster.run();
  assert.deepEqual(cluster.node(A).status.troubles, [{ name: B, code: 'ERR_STORE' }]);
  const answer = cluster.put(A, 'cluster/x', 2);
  assert.ok(answer?.type === 'error' && answer.code === 'ERR_REPLICAS');
  assert.equal(cluster.node(B).status.storeFailure, 'ERR_STORE_FULL');
});

test('what was told to have failed is not committed by an attempt that comes late', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  const requestId = idOf('mine');
  const create = (again: { askedAt?: number }) => {
    const compare = [{ key: 'cluster/x', exists: false }];
    return write({ compare, write: [{ put: 'cluster/x', value: 2 }] }, { requestId, ...again });
  };
  cluster.put(A, 'cluster/x', 1);
  const again = cluster.ask(A, create({ askedAt: 1 }));
  cluster.run();
  assert.equal(cluster.answer(A, again)?.type, 'failed');
  cluster.get(A, write({ write: [{ delete: 'cluster/x' }] }));
  const first = cluster.ask(A, create({}));
  cluster.run();
  assert.deepEqual(cluster.answer(A, first), cluster.answer(A, again));
  assert.equal(cluster.node(A).value('cluster/x'), undefined);
});

test('once appended, a write is acknowledged or unknown; asked again it is the same one', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.node(B).isSlow = true;
  const requestId = idOf('mine');
  const id = cluster.ask(A, put('cluster/x', 1, { requestId }));
  cluster.run();
  cluster.kill(B);
  cluster.wait(1000);
  const code = (name: string, of: number) => {
    const answer = cluster.answer(name, of);
    return answer?.type === 'error' ? answer.code : answer?.type;
  };
  assert.equal(code(A, id), 'ERR_OUTCOME_UNKNOWN');
  // Nor does asking again make a refusal of it, while a master is away.
  const again = cluster.ask(A, put('cluster/x', 1, { requestId, askedAt: 1 }));
  const other = cluster.ask(A, put('cluster/x', 1, { requestId: idOf('other'), askedAt: 1 }));
  const fresh = cluster.ask(A, put('cluster/x', 2));
  cluster.wait(1000);
  assert.equal(code(A, again), 'ERR_OUTCOME_UNKNOWN');
  assert.equal(code(A, other), 'ERR_OUTCOME_UNKNOWN');
  assert.equal(code(A, fresh), 'ERR_REPLICAS');
  cluster.node(B).isSlow = false;
  cluster.start(B);
  cluster.run();
  const committed = { type: 'committed', lineage: idOf('L1'), revision: 2 } as const;
  const repeat = put('cluster/x', 1, { requestId, askedAt: 1 });
  assert.deepEqual(cluster.get(A, repeat), committed);
  assert.deepEqual(cluster.get(B, repeat), committed);
  assert.equal(cluster.node(A).status.last.revision, 2);
});

test('who forwards a write and loses the sequencer does not know what became of it', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  const id = cluster.ask(B, put('cluster/x', 1));
  cluster.cut(A, B);
  const answer = cluster.answer(B, id);
  assert.ok(answer?.type === 'error' && answer.code === 'ERR_OUTCOME_UNKNOWN');
});

test('a condition that does not hold is an answer, once what it was judged on is committed', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.node(B).isSlow = true;
  cluster.ask(A, put('cluster/x', 1));
  const compare = [{ key: 'cluster/x', exists: false }];
  const id = cluster.ask(A, write({ compare, write: [{ put: 'cluster/x', value: 2 }] }));
  cluster.run();
  assert.equal(cluster.answer(A, id), undefined);
  cluster.node(B).isSlow = false;
  cluster.run();
  assert.deepEqual(cluster.answer(A, id), {
    type: 'failed',
    failed: 0,
    lineage: idOf('L1'),
    revision: 2,
  });
  assert.equal(cluster.node(A).status.last.revision, 2);
});

test('the sequencer takes no more than its pipeline holds', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.node(B).isSlow = true;
  const { machine } = cluster.node(A);
  for (let id = 1001; id <= 1001 + limits.configPipelineEntries; id++) {
    machine?.step(0, { type: 'request', id, request: put('cluster/x', id), deadlineMs: 1000 });
  }
  cluster.take(cluster.node(A));
  const last = cluster.answer(A, 1001 + limits.configPipelineEntries);
  assert.ok(last?.type === 'error' && last.code === 'ERR_QUEUE_FULL');
  cluster.node(B).isSlow = false;
  cluster.run();
  assert.equal(cluster.node(B).value('cluster/x'), 1000 + limits.configPipelineEntries);
});

test('nor more bytes', () => {
  const cluster = new Cluster([A]);
  cluster.bootstrap(A);
  cluster.node(A).isSlow = true;
  const value = 'x'.repeat(200_000);
  let answer: Answer | undefined;
  let count = 0;
  for (; answer === undefined; count++) {
    answer = cluster.answer(A, cluster.ask(A, put('cluster/x', value)));
  }
  assert.ok(answer.type === 'error' && answer.code === 'ERR_QUEUE_FULL');
  assert.equal(count - 1, Math.ceil(limits.configPipelineBytes / (value.length + 100)));
  cluster.node(A).isSlow = false;
  cluster.run();
  assert.equal(cluster.node(A).status.committed, count);
});

test('too many requests without an answer are refused', () => {
  const cluster = new Cluster([A, B]);
  cluster.start(A);
  for (let count = 0; count < limits.configRequests; count++) {
    cluster.ask(A, { type: 'read', isFresh: false, seen: null });
  }
  const id = cluster.ask(A, { type: 'read', isFresh: false, seen: null });
  const answer = cluster.answer(A, id);
  assert.ok(answer?.type === 'error' && answer.code === 'ERR_QUEUE_FULL');
});
