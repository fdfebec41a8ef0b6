import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  boundsBelow,
  checkKey,
  checkPrefix,
  isUnder,
  keyProblem,
  nodePrefix,
  placeOf,
  prefixesOf,
} from '../../../src/config/path.js';
import { ConfigError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { anyKey, anyPrefix } from './trees.js';

const SEED = 5;
const bad = (error: unknown) => error instanceof ConfigError && error.code === 'ERR_ARGUMENT';

test('keys lie below cluster, a host or a node', () => {
  const keys = [
    'cluster/a',
    'cluster/log/level',
    'hosts/h1/a',
    'hosts/10.0.0.1:2/a@b/c',
    'hosts/h1/nodes/web/port',
    'hosts/h1/nodes/web/nodes/x',
  ];
  for (const key of keys) assert.equal(checkKey(key), key);
});

test('what is no key is refused with the reason', () => {
  const cases: [unknown, RegExp][] = [
    [1, /not a string/],
    ['', /segments/],
    ['cluster', /below cluster\//],
    ['hosts', /hosts\/<host>\/<key>/],
    ['hosts/h', /below hosts\/<host>\//],
    ['hosts/h@x/a', /hosts\/<host>\/<key>/],
    ['hosts/h/nodes', /<node>/],
    ['hosts/h/nodes/n', /<node>/],
    ['hosts/h/nodes/n:1/a', /<node>/],
    ['other/a', /neither/],
    ['/cluster/a', /segments/],
    ['cluster/a/', /segments/],
    ['cluster//a', /segments/],
    ['cluster/a b', /segments/],
    ['cluster/ä', /segments/],
    ['cluster/a\n', /segments/],
    ['cluster/../a', /\.\./],
    ['cluster/.', /no segment/],
    [`cluster/${'x'.repeat(limits.configKeyBytes - 7)}`, /bytes/],
  ];
  for (const [text, reason] of cases) {
    assert.match(keyProblem(text) ?? '', reason, String(text));
    assert.throws(() => checkKey(text), bad);
  }
  checkKey(`cluster/${'x'.repeat(limits.configKeyBytes - 8)}`);
});

test('a prefix is any path, or empty', () => {
  for (const prefix of ['', 'cluster', 'hosts/h', 'hosts/h/nodes']) checkPrefix(prefix);
  for (const prefix of ['/', 'cluster/', '..', null]) assert.throws(() => checkPrefix(prefix), bad);
});

test('three ways to say that a prefix holds a key agree (seed 5)', () => {
  const property = fc.property(fc.oneof(anyPrefix, fc.constant('')), anyKey, (prefix, key) => {
    const { from, to } = boundsBelow(prefix);
    const isHeld = isUnder(prefix, key);
    assert.equal(key === prefix || (from <= key && key < to), isHeld);
    assert.equal(prefixesOf(key).includes(prefix), isHeld);
  });
  fc.assert(property, { seed: SEED, numRuns: 5000 });
});

test('the place of a key', () => {
  assert.deepEqual(placeOf('cluster/a/b'), { level: 'cluster', key: 'a/b' });
  assert.deepEqual(placeOf('hosts/h/a/b'), { level: 'host', host: 'h', key: 'a/b' });
  const place = placeOf('hosts/h/nodes/n/a/b');
  assert.deepEqual(place, { level: 'node', host: 'h', node: 'n', key: 'a/b' });
  assert.equal(nodePrefix('n@h'), 'hosts/h/nodes/n');
});
