import assert from 'node:assert/strict';
import test from 'node:test';
import { Cluster, idOf, write } from './cluster.js';

const A = 'a@h1';
const B = 'b@h2';
const C = 'c@h3';

test('two masters bootstrap and write', () => {
  const cluster = new Cluster([A, B]);
  cluster.start(A, B);
  cluster.run();
  cluster.page();
  const id = cluster.ask(A, {
    type: 'bootstrap',
    requestId: idOf('r'),
    by: 'me',
    atMs: 1,
    masters: [A, B],
    clusterId: idOf('c'),
    lineage: idOf('L1'),
  });
  cluster.run();
  console.log(cluster.page().join('\n'));
  assert.equal(cluster.answer(A, id)?.type, 'done');
  console.log(cluster.put(B, 'cluster/x', 1));
  console.log(cluster.page().join('\n'));
  assert.equal(cluster.node(A).value('cluster/x'), 1);
  cluster.wait(1000);
  console.log(cluster.page().join('\n'));
  assert.equal(cluster.node(B).value('cluster/x'), 1);
  void C;
  void write;
});
