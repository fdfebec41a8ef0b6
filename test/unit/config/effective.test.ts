import assert from 'node:assert/strict';
import test from 'node:test';
import { effective } from '../../../src/config/effective.js';
import type { Tree } from '../../../src/config/tree.js';
import { decodeValue } from '../../../src/config/value.js';
import { ConfigError } from '../../../src/errors.js';
import { put, remove, treeOf } from './trees.js';

const keys = [
  'cluster/host-defaults/rack',
  'cluster/host-defaults/site',
  'cluster/node-defaults/log/level',
  'cluster/node-defaults/log/file',
  'cluster/node-defaults/port',
  'cluster/other',
  'cluster/host-defaults',
  'cluster/node-defaults',
  'cluster/host-defaults/nodes/n/x',
  'hosts/h/node-defaults/log/level',
  'hosts/h/node-defaults/heap',
  'hosts/h/node-defaults',
  'hosts/h/nodes/n/log/level',
  'hosts/h/nodes/n/own',
  'hosts/h/nodes/m/own',
  'hosts/h/rack',
  'hosts/h2/rack',
];

/** Each value is the key it stands at. */
const tree = treeOf(keys.map((key) => put(key, key)));

function view(of: Tree, prefix: string, revision?: number): Record<string, unknown> {
  const values = effective(of, prefix, revision);
  return Object.fromEntries(
    values.map(({ key, value, origin, hides }) => {
      assert.equal(decodeValue(value), origin);
      return [key, [origin, ...hides]];
    }),
  );
}

test('a node has its own values, then defaults of its host, then those of the cluster', () => {
  assert.deepEqual(view(tree, 'hosts/h/nodes/n'), {
    heap: ['hosts/h/node-defaults/heap'],
    'log/file': ['cluster/node-defaults/log/file'],
    'log/level': [
      'hosts/h/nodes/n/log/level',
      'hosts/h/node-defaults/log/level',
      'cluster/node-defaults/log/level',
    ],
    own: ['hosts/h/nodes/n/own'],
    port: ['cluster/node-defaults/port'],
  });
});

test('a node of which nothing is written inherits all the same', () => {
  const expected = ['log/file', 'log/level', 'port'];
  assert.deepEqual(Object.keys(view(tree, 'hosts/new/nodes/new')), expected);
});

test('a host has what is its own and not its nodes', () => {
  assert.deepEqual(view(tree, 'hosts/h'), {
    rack: ['hosts/h/rack', 'cluster/host-defaults/rack'],
    site: ['cluster/host-defaults/site'],
  });
});

test('it is the view of one revision', () => {
  const own = 'hosts/h/nodes/n/port';
  const both = treeOf(
    [put('cluster/node-defaults/port', 'cluster/node-defaults/port')],
    [put(own, own)],
    [remove(own)],
  );
  const origins = [1, 2, 3].map(
    (revision) => effective(both, 'hosts/h/nodes/n', revision)[0]?.origin,
  );
  assert.deepEqual(origins, ['cluster/node-defaults/port', own, 'cluster/node-defaults/port']);
});

test('only hosts and nodes have one', () => {
  for (const prefix of [
    '',
    'cluster',
    'hosts',
    'hosts/h/nodes',
    'hosts/h/x',
    'hosts/h/nodes/n/a',
  ]) {
    assert.throws(
      () => effective(tree, prefix),
      (error: unknown) => error instanceof ConfigError && error.code === 'ERR_ARGUMENT',
      prefix,
    );
  }
});
