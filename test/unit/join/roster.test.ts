import assert from 'node:assert/strict';
import test from 'node:test';
import {
  encodeNodes,
  type HostNodes,
  isWhereabouts,
  peersOf,
  Roster,
  readNodes,
} from '../../../src/join/roster.js';
import { limits } from '../../../src/limits.js';

const where = (last: number, port = 5000) => {
  return { addresses: { a: `10.1.0.${last}`, b: `10.2.0.${last}` }, port };
};

test('a roster knows what is news', () => {
  const roster = new Roster('h1');
  assert.equal(roster.joined('x', where(1)), true);
  assert.equal(roster.joined('x', where(1)), false);
  assert.equal(roster.joined('x', where(1, 5001)), true);
  assert.deepEqual(roster.own, { host: 'h1', nodes: { x: where(1, 5001) } });
  const two: HostNodes = { host: 'h2', nodes: { y: where(2) } };
  assert.equal(roster.told(two), true);
  assert.equal(roster.told(structuredClone(two)), false);
  assert.deepEqual(
    roster.all(() => true).map(({ host }) => host),
    ['h1', 'h2'],
  );
  assert.equal(roster.left('x'), true);
  assert.equal(roster.left('x'), false);
  assert.deepEqual(
    roster.all(() => false),
    [{ host: 'h1', nodes: {} }],
  );
  assert.deepEqual(roster.all(() => true).length, 1, 'what is forgotten does not come back');
});

test('peers have the addresses that are on our planes', () => {
  const lists = [
    { host: 'h2', nodes: { y: where(2), x: where(2, 5001) } },
    { host: 'h1', nodes: { z: { addresses: { c: '10.3.0.1' }, port: 5002 } } },
  ];
  assert.deepEqual(peersOf(lists, ['b']), [
    { name: 'x@h2', addresses: { b: '10.2.0.2' }, port: 5001 },
    { name: 'y@h2', addresses: { b: '10.2.0.2' }, port: 5000 },
  ]);
});

test('of more workers than a node may be linked with, the first are taken', () => {
  const names = Array.from(
    { length: limits.peers },
    (_, index) => `w${String(index).padStart(4, '0')}`,
  );
  const nodes = Object.fromEntries(names.map((name) => [name, where(1)]));
  const lists = readNodes(encodeNodes([{ host: 'h1', nodes }]));
  const peers = peersOf(lists, ['a']);
  // One place is for the controller.
  assert.equal(peers.length, limits.peers - 1);
  assert.equal(peers.at(-1)?.name, `${names.at(-2)}@h1`);
  const tooMany = [
    { host: 'h1', nodes },
    { host: 'h2', nodes: { one: where(2) } },
  ];
  assert.throws(() => readNodes(encodeNodes(tooMany)), {
    code: 'ERR_ARGUMENT',
    message: /more than 1024/,
  });
});

test('what cannot be read is refused', () => {
  const bad: unknown[] = [
    null,
    {},
    [null],
    [{ host: 'h1' }],
    [{ host: 1, nodes: {} }],
    [{ host: 'h1', nodes: [] }],
    [{ host: 'h1', nodes: { 'a/b': where(1) } }],
    [{ host: 'h1', nodes: { a: { ...where(1), port: 0 } } }],
    [{ host: 'h1', nodes: { a: { port: 1 } } }],
  ];
  for (const each of bad) {
    assert.throws(() => readNodes(encodeNodes(each as HostNodes[])), { code: 'ERR_ARGUMENT' });
  }
  assert.throws(() => readNodes(Buffer.from('[')), { code: 'ERR_ARGUMENT' });
  assert.throws(() => readNodes('[]'), { code: 'ERR_ARGUMENT' });
  assert.deepEqual(readNodes(encodeNodes([])), []);
  const wheres = [null, 5, { addresses: { a: 'x' }, port: 1 }, { addresses: {}, port: 65_536 }];
  assert.ok(!wheres.some(isWhereabouts));
});
