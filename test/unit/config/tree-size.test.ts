/**
 * How long a tree of 100,000 keys takes for what it does, so that its comments can name it:
 *
 *     npm test -- unit/config/tree-size
 *
 * prints the figures. Bounds here are twenty times what was measured or more: they tell a tree that
 * is slow by its structure, not a machine that is busy.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { SortedKeys } from '../../../src/config/sorted-keys.js';
import { Tree } from '../../../src/config/tree.js';
import { encodeValue } from '../../../src/config/value.js';
import { SeededRandom } from '../../random.js';

const KEYS = 100_000;
const random = new SeededRandom(1);
const keys = Array.from(
  { length: KEYS },
  (_, i) => `hosts/h${i % 100}/nodes/n${(i * 7919) % 97}/data/${i}`,
);
for (let i = KEYS - 1; i > 0; i--) {
  const j = random.below(i + 1);
  [keys[i], keys[j]] = [keys[j] as string, keys[i] as string];
}

/** Microseconds of each of `count` things that `run` does. */
function measure(what: string, mostUs: number, count: number, run: () => void): void {
  const startNs = process.hrtime.bigint();
  run();
  const us = Number(process.hrtime.bigint() - startNs) / 1000 / count;
  console.log(`${what}: ${us.toFixed(2)} us`);
  assert.ok(us < mostUs, `${what} takes ${us} us`);
}

test('a key more or less in the middle of many', () => {
  const array = keys.toSorted();
  measure('one array, a key more', Number.POSITIVE_INFINITY, 100, () => {
    for (let i = 0; i < 100; i++) array.splice(KEYS / 2, 0, '');
  });
  measure('one array, a key less', Number.POSITIVE_INFINITY, 100, () => {
    for (let i = 0; i < 100; i++) array.splice(KEYS / 2, 1);
  });
  const sorted = new SortedKeys();
  measure('SortedKeys.add', 100, KEYS, () => {
    for (const key of keys) sorted.add(key);
  });
  assert.deepEqual([...sorted.between('', '~')], keys.toSorted());
  measure('SortedKeys.delete', 100, KEYS, () => {
    for (const key of keys) sorted.delete(key);
  });
  assert.deepEqual([...sorted.between('', '~')], []);
  assert.equal(sorted.size, 0);
});

test('a tree of 100,000 keys', () => {
  const tree = new Tree();
  const value = encodeValue({ size: 17, name: 'a value' });
  const operations = keys.map((key) => [{ type: 'put' as const, key, value }]);
  globalThis.gc?.();
  const before = process.memoryUsage();
  measure('apply, one put each', 200, KEYS, () => {
    for (const one of operations) tree.apply(tree.revision + 1, one);
  });
  const after = process.memoryUsage();
  const grownBytes = after.heapUsed - before.heapUsed + after.external - before.external;
  console.log(`memory: ${Math.round(grownBytes / KEYS)} bytes a key, with its history`);
  measure('get', 100, KEYS, () => {
    for (const key of keys) tree.get(key);
  });
  measure('get of the past', 100, KEYS, () => {
    for (const key of keys) tree.get(key, KEYS / 2);
  });
  measure('an item of a range', 100, KEYS, () => assert.equal(tree.range('hosts').length, KEYS));
  measure('the range of a node', 50_000, 1, () => {
    assert.ok(tree.range('hosts/h7/nodes/n3').length > 0);
  });
  measure('a revision compacted', 100, KEYS, () => tree.compact(tree.revision));
  const copy = new Tree(tree.revision);
  measure('an item of a snapshot, out and in', 300, KEYS, () => {
    for (const item of tree.range('hosts')) copy.load(item);
  });
  assert.equal(copy.liveKeys, KEYS);
});
