import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { HalfOpenTable } from '../../../src/link/half-open.js';

test('the ninth half-open link of one address pushes out the oldest of that address', () => {
  const table = new HalfOpenTable<string>();
  table.add('other', 'o1');
  for (let i = 1; i <= limits.halfOpenLinksPerAddress; i++)
    assert.equal(table.add('x', `x${i}`), null);
  assert.equal(table.add('x', 'x9'), 'x1');
  assert.equal(table.add('x', 'x10'), 'x2');
  assert.equal(table.size, 1 + limits.halfOpenLinksPerAddress);
});

test('a full table: the oldest of the fullest address goes, the newcomer stays', () => {
  const table = new HalfOpenTable<string>();
  for (let i = 0; i < 8; i++) table.add('flood', `flood ${i}`);
  for (let i = 0; i < limits.halfOpenLinks - 8; i++) table.add(`address ${i}`, `link ${i}`);
  assert.equal(table.size, limits.halfOpenLinks);
  assert.equal(table.add('new', 'newcomer'), 'flood 0');
  assert.equal(table.size, limits.halfOpenLinks);
  assert.equal(table.delete('newcomer'), true);
  assert.equal(table.delete('flood 0'), false);
});

test('of equally full addresses the one that has been here longest gives way', () => {
  const table = new HalfOpenTable<string>({ total: 3, perAddress: 2 });
  table.add('x', 'x1');
  table.add('y', 'y1');
  table.add('z', 'z1');
  assert.equal(table.add('w', 'w1'), 'x1');
  assert.equal(table.add('x', 'x2'), 'y1');
});

test('a link that is authenticated or over leaves its place free', () => {
  const table = new HalfOpenTable<object>({ total: 2, perAddress: 1 });
  const first = {};
  table.add('x', first);
  assert.equal(table.delete(first), true);
  assert.equal(table.add('x', {}), null);
  assert.equal(table.size, 1);
});
