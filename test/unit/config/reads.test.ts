import assert from 'node:assert/strict';
import test from 'node:test';
import type { Answer } from '../../../src/config/replica-io.js';
import { Cluster, idOf, put } from './cluster.js';

const A = 'a@h1';
const B = 'b@h2';
const S = 's@h4';

const FRESH = { type: 'read', isFresh: true, seen: null } as const;

function code(answer: Answer | undefined): string | undefined {
  return answer?.type === 'error' ? answer.code : answer?.type;
}

test('a fresh read asks all masters', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.put(A, 'cluster/x', 1);
  cluster.page();
  const answer = cluster.get(B, FRESH);
  assert.deepEqual(cluster.page(), [
    'b -> a  request read',
    'a -> b  confirm',
    'b -> a  confirmed true',
    'a -> b  answer read 2',
    'b answers read 2',
  ]);
  assert.deepEqual(answer, { type: 'read', lineage: idOf('L1'), revision: 2 });
});

test('a fresh read waits here for what it has to see', () => {
  const cluster = new Cluster([A, B], [S]);
  cluster.bootstrap(A, B);
  cluster.start(S);
  cluster.run();
  const { source } = cluster.node(S).status;
  const [asked, fed] = source === A ? [B, A] : [A, B];
  cluster.cut(S, asked);
  cluster.put(A, 'cluster/x', 1);
  assert.deepEqual(cluster.get(S, FRESH), { type: 'read', lineage: idOf('L1'), revision: 2 });
  assert.equal(cluster.node(S).status.source, fed);
});

test('without all masters there is no fresh read', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  const id = cluster.ask(A, FRESH);
  cluster.cut(A, B);
  cluster.run();
  assert.equal(code(cluster.answer(A, id)), 'ERR_REPLICAS');
  assert.equal(code(cluster.get(A, FRESH)), 'ERR_REPLICAS');
  assert.equal(code(cluster.get(B, FRESH)), 'ERR_REPLICAS');
});

test('a session is not served what is older than it has seen', () => {
  const cluster = new Cluster([A, B], [S]);
  cluster.bootstrap(A, B);
  cluster.start(S);
  cluster.put(A, 'cluster/x', 1);
  const seen = (revision: number, lineage = 'L1') => {
    return { type: 'read', isFresh: false, seen: { lineage: idOf(lineage), revision } } as const;
  };
  assert.deepEqual(cluster.get(S, seen(2)), { type: 'read', lineage: idOf('L1'), revision: 2 });
  const behind = cluster.ask(S, seen(3), 100);
  cluster.wait(100);
  assert.equal(code(cluster.answer(S, behind)), 'ERR_BEHIND');
  const waits = cluster.ask(S, seen(3), 100);
  cluster.run();
  assert.equal(cluster.answer(S, waits), undefined);
  cluster.put(A, 'cluster/x', 2);
  assert.equal(code(cluster.answer(S, waits)), 'read');
  const stranger = cluster.ask(S, seen(1, 'L7'), 100);
  cluster.wait(100);
  assert.equal(code(cluster.answer(S, stranger)), 'ERR_BEHIND');
});

test('a fresh read is not older than its session either', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  const fresh = (revision: number, lineage = 'L1') => {
    return { ...FRESH, seen: { lineage: idOf(lineage), revision } } as const;
  };
  for (const name of [A, B]) {
    assert.equal(code(cluster.get(name, fresh(1))), 'read');
    const stranger = cluster.ask(name, fresh(1, 'L7'), 100);
    cluster.wait(100);
    assert.equal(code(cluster.answer(name, stranger)), 'ERR_BEHIND');
  }
  cluster.kill(A);
  cluster.command(B, { type: 'force', lineage: idOf('L2') });
  assert.equal(code(cluster.get(B, fresh(2))), 'ERR_LINEAGE');
});

test('a session of a lineage that was left behind reads on where that is the same', () => {
  const cluster = new Cluster([A, B]);
  cluster.bootstrap(A, B);
  cluster.put(A, 'cluster/x', 1);
  cluster.kill(A);
  cluster.command(B, { type: 'force', lineage: idOf('L2') });
  const seen = (revision: number) => {
    return { type: 'read', isFresh: false, seen: { lineage: idOf('L1'), revision } } as const;
  };
  assert.deepEqual(cluster.get(B, seen(2)), { type: 'read', lineage: idOf('L2'), revision: 3 });
  assert.equal(code(cluster.get(B, seen(3))), 'ERR_LINEAGE');
});

test('what one node shows never goes back', () => {
  const cluster = new Cluster([A, B], [S]);
  cluster.bootstrap(A, B);
  cluster.start(S);
  for (let count = 0; count < 20; count++) {
    cluster.ask(A, put('cluster/x', count));
    cluster.turn();
    const { source } = cluster.node(S).status;
    if (count % 3 === 0 && source !== null) {
      cluster.cut(S, source);
      cluster.link(S, source);
    }
  }
  cluster.run();
  const { shown } = cluster.node(S);
  assert.deepEqual(
    shown,
    [...shown].sort((one, two) => one - two),
  );
  assert.equal(new Set(shown).size, shown.length);
  assert.equal(shown.at(-1), 21);
});
