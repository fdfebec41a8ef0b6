import assert from 'node:assert/strict';
import test from 'node:test';
import { isUnder } from '../../../src/config/path.js';
import type { ConfigItem } from '../../../src/config/view.js';
import {
  controllersIn,
  hostsIn,
  isDrained,
  type TreeReader,
  whenDown,
} from '../../../src/controller/tree-hosts.js';

function reader(values: Readonly<Record<string, unknown>>): TreeReader {
  const items = Object.entries(values)
    .map(([key, value]): ConfigItem => {
      return { key, value, createRevision: 1, modRevision: 1, version: 1 };
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  return {
    get: (key) => items.find((item) => item.key === key) ?? null,
    range: (prefix, { after = '', limit } = {}) =>
      items.filter(({ key }) => isUnder(prefix, key) && key > after).slice(0, limit),
  };
}

test('hosts are those with a key of their own', () => {
  assert.deepEqual(hostsIn(reader({})), []);
  const view = reader({
    'cluster/a': 1,
    'hosts/h1/addresses': {},
    'hosts/h1/nodes/n/a': 1,
    'hosts/h10/rack': 1,
    'hosts/h1.b/x': 1,
    'hosts/h2/nodes/n/a': 1,
  });
  assert.deepEqual(hostsIn(view).sort(), ['h1', 'h1.b', 'h10', 'h2']);
});

test('controllers have an address on a plane of ours', () => {
  const view = reader({
    'hosts/h1/addresses': { a: '10.1.0.1', c: '10.3.0.1' },
    'hosts/h2/addresses': { c: '10.3.0.2' },
    'hosts/h3/addresses': { a: '10.1.0.3' },
    'hosts/h3/port': 24_101,
    'hosts/h4/rack': 7,
  });
  const found = controllersIn(view, hostsIn(view), ['a', 'b'], () => assert.fail());
  assert.deepEqual(found, [
    { name: 'controller@h1', addresses: { a: '10.1.0.1' } },
    { name: 'controller@h3', addresses: { a: '10.1.0.3' }, port: 24_101 },
  ]);
});

test('what is no address costs its own host alone, and is told', () => {
  const bad: string[] = [];
  const view = reader({
    'hosts/h1/addresses': { a: 'h1.example.com' },
    'hosts/h2/addresses': { a: '10.1.0.2', b: '10.1.0.2' },
    'hosts/h3/addresses': ['10.1.0.3'],
    'hosts/h4/addresses': { a: '10.1.0.4' },
    'hosts/h4/port': 0,
    'hosts/h5/addresses': { a: '10.1.0.5' },
  });
  const found = controllersIn(view, hostsIn(view), ['a', 'b'], (key) => bad.push(key));
  assert.deepEqual(
    found.map(({ name }) => name),
    ['controller@h5'],
  );
  const keys = ['hosts/h1/addresses', 'hosts/h2/addresses', 'hosts/h3/addresses', 'hosts/h4/port'];
  assert.deepEqual(bad, keys);
});

test('hosts are drained, and workers stopped, only by the very word', () => {
  const view = reader({ 'hosts/h1/drained': true, 'hosts/h2/drained': 'yes' });
  assert.deepEqual([isDrained(view, 'h1'), isDrained(view, 'h2')], [true, false]);
  assert.equal(whenDown(view), 'keep');
  assert.equal(whenDown(reader({ 'cluster/policy/when-down': 'stop' })), 'stop');
});
