import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Operation } from '../../../src/config/transaction.js';
import { Tree } from '../../../src/config/tree.js';
import { decodeValue, encodeValue } from '../../../src/config/value.js';
import { ConfigError, type ErrorCode } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import {
  anyKey,
  anyOperations,
  anyPrefix,
  fullValue,
  ModelTree,
  put,
  readAll,
  remove,
  removePrefix,
  treeOf,
} from './trees.js';

const SEED = 11;
const code = (expected: ErrorCode) => (error: unknown) =>
  error instanceof ConfigError && error.code === expected;

test('revision, createRevision, modRevision and version of a key', () => {
  const tree = treeOf(
    [put('cluster/a', 1)],
    [],
    [put('cluster/a', 2), put('cluster/b', 1)],
    [remove('cluster/a')],
    [put('cluster/a', 3)],
  );
  assert.equal(tree.revision, 5);
  const versions = tree.history('cluster/a').map(({ value, ...rest }) => ({
    ...rest,
    value: value === null ? null : decodeValue(value),
  }));
  const key = 'cluster/a';
  assert.deepEqual(versions, [
    { key, value: 1, createRevision: 1, modRevision: 1, version: 1 },
    { key, value: 2, createRevision: 1, modRevision: 3, version: 2 },
    { key, value: null, createRevision: 0, modRevision: 4, version: 0 },
    { key, value: 3, createRevision: 5, modRevision: 5, version: 1 },
  ]);
  assert.equal(tree.history('cluster/a', 3).length, 2);
  assert.equal(tree.get('cluster/a', 4)?.value, null);
  assert.equal(tree.get('cluster/none'), undefined);
});

test('an entry changes each key once, in one revision, as its last word says', () => {
  const tree = treeOf([put('cluster/a', 1), put('cluster/b', 1), put('cluster/c/d', 1)]);
  const changes = tree.apply(2, [
    removePrefix('cluster'),
    put('cluster/b', 2),
    put('cluster/e', 1),
    remove('cluster/none'),
  ]);
  const told = changes.map(({ key, modRevision, version }) => [key, modRevision, version]);
  assert.deepEqual(told, [
    ['cluster/a', 2, 0],
    ['cluster/b', 2, 2],
    ['cluster/c/d', 2, 0],
    ['cluster/e', 2, 1],
  ]);
  assert.equal(tree.changesOf(2), changes);
  assert.deepEqual(
    readAll(tree, '', 1).map(([key]) => key),
    ['cluster/a', 'cluster/b', 'cluster/c/d'],
  );
});

test('a prefix ends at a slash', () => {
  const keys = ['cluster/a', 'cluster/a-b', 'cluster/a.b', 'cluster/a/b', 'cluster/a/b/c'];
  const tree = treeOf([...keys, 'cluster/ab'].map((key) => put(key, 0)));
  const under = (prefix: string) => tree.range(prefix).map(({ key }) => key);
  assert.deepEqual(under('cluster/a'), ['cluster/a', 'cluster/a/b', 'cluster/a/b/c']);
  assert.deepEqual(under('cluster/a-b'), ['cluster/a-b']);
  assert.deepEqual(under(''), [...keys, 'cluster/ab']);
  tree.apply(2, [removePrefix('cluster/a')]);
  assert.deepEqual(under(''), ['cluster/a-b', 'cluster/a.b', 'cluster/ab']);
});

test('entries come in order of their revisions', () => {
  const tree = treeOf([]);
  assert.throws(() => tree.apply(1, []), RangeError);
  assert.throws(() => tree.apply(3, []), RangeError);
  assert.throws(() => tree.compact(2), RangeError);
});

test('below compaction reads say ERR_COMPACTED, above the newest ERR_BEHIND', () => {
  const tree = treeOf([put('cluster/a', 1)], [put('cluster/a', 2)], [remove('cluster/a')], []);
  tree.compact(2);
  assert.equal(tree.compacted, 2);
  for (const read of [
    (revision: number) => tree.get('cluster/a', revision),
    (revision: number) => tree.range('', { revision }),
    (revision: number) => tree.history('cluster/a', revision),
    (revision: number) => tree.changesOf(revision + 1),
  ]) {
    assert.throws(() => read(1), code('ERR_COMPACTED'));
    read(2);
    assert.throws(() => read(5), code('ERR_BEHIND'));
  }
  tree.compact(1);
  assert.equal(tree.compacted, 2);
});

test('what follows a revision that can be read is known: a deletion, too', () => {
  const tree = treeOf([put('cluster/a', 1)], [remove('cluster/a')], [put('cluster/b', 1)]);
  tree.compact(1);
  assert.equal(tree.changesOf(2)[0]?.value, null);
  tree.compact(2);
  assert.throws(() => tree.changesOf(2), code('ERR_COMPACTED'));
  assert.equal(tree.get('cluster/a', 2), undefined);
  assert.deepEqual(tree.history('cluster/a'), []);
});

test('nothing shares memory with what was applied', () => {
  const operation = put('cluster/a', 'value');
  const tree = treeOf([operation]);
  if (operation.type === 'put') operation.value.fill(0);
  assert.deepEqual(tree.get('cluster/a')?.value, encodeValue('value'));
});

test('pages of a range are the range (seed 11)', () => {
  const entries = fc.array(anyOperations, { maxLength: 8 });
  const property = fc.property(entries, anyPrefix, fc.integer({ min: 1, max: 3 }), (...drawn) => {
    const [operations, prefix, limit] = drawn;
    const tree = treeOf(...operations);
    const paged: string[] = [];
    for (let after = ''; ; after = paged.at(-1) ?? '') {
      const page = tree.range(prefix, { after, limit });
      paged.push(...page.map(({ key }) => key));
      if (page.length < limit) break;
    }
    assert.deepEqual(
      paged,
      tree.range(prefix).map(({ key }) => key),
    );
  });
  fc.assert(property, { seed: SEED, numRuns: 1000 });
});

/** One step of a history: operations, or a part of what there is to compact. */
const anyStep = fc.oneof(
  { weight: 4, arbitrary: anyOperations.map((operations) => ({ operations, part: 0 })) },
  {
    weight: 1,
    arbitrary: fc.double({ min: 0, max: 1, noNaN: true }).map((part) => ({
      operations: [] as Operation[],
      part,
    })),
  },
);

test('every revision that is kept reads as a whole copy of it would (seed 11)', () => {
  const property = fc.property(fc.array(anyStep, { maxLength: 30 }), anyPrefix, (steps, prefix) => {
    const tree = new Tree();
    const model = new ModelTree();
    for (const { operations, part } of steps) {
      if (part > 0) tree.compact(Math.floor(tree.revision * part));
      else {
        tree.apply(tree.revision + 1, operations);
        model.apply(operations);
      }
    }
    for (let revision = tree.compacted; revision <= tree.revision; revision++) {
      assert.deepEqual(readAll(tree, '', revision), model.at(revision));
      assert.deepEqual(readAll(tree, prefix, revision), model.at(revision, prefix));
    }
    const live = model.at(tree.revision);
    assert.equal(tree.liveKeys, live.length);
    const bytes = live.map(([key, { value }]) => key.length + encodeValue(value).length);
    assert.equal(
      tree.liveBytes,
      bytes.reduce((sum, one) => sum + one, 0),
    );
  });
  fc.assert(property, { seed: SEED, numRuns: 500 });
});

test('changes take a state to the next one, whatever was compacted (seed 11)', () => {
  const property = fc.property(
    fc.array(anyOperations, { maxLength: 20 }),
    fc.nat(20),
    (...drawn) => {
      const [entries, compacted] = drawn;
      const tree = treeOf(...entries);
      tree.compact(Math.min(compacted, tree.revision));
      const state = new Map(
        readAll(tree, '', tree.compacted).map(([key, { value }]) => [key, value]),
      );
      for (let revision = tree.compacted + 1; revision <= tree.revision; revision++) {
        for (const { key, value } of tree.changesOf(revision)) {
          if (value === null) assert.ok(state.delete(key), `${key} was not there`);
          else state.set(key, decodeValue(value));
        }
        const read = readAll(tree, '', revision).map(([key, { value }]) => [key, value]);
        assert.deepEqual([...state].sort(), read.sort());
      }
    },
  );
  fc.assert(property, { seed: SEED, numRuns: 500 });
});

test('compaction leaves nothing of a key that is gone (seed 11)', () => {
  const property = fc.property(
    fc.array(anyOperations, { maxLength: 20 }),
    anyKey,
    (entries, key) => {
      const tree = treeOf(...entries);
      tree.compact(tree.revision);
      const now = tree.get(key);
      assert.deepEqual(tree.history(key), now === undefined ? [] : [now]);
      assert.notEqual(now?.value, null);
    },
  );
  fc.assert(property, { seed: SEED, numRuns: 500 });
});

test('one transaction changes at most limits.configChangedKeys', () => {
  const many = Array.from({ length: limits.configChangedKeys }, (_, i) => put(`cluster/a/${i}`, 0));
  const tree = treeOf(many);
  assert.equal(tree.refusal([removePrefix('cluster')]), null);
  tree.apply(2, [put('cluster/b', 0)]);
  const refused = tree.refusal([removePrefix('cluster')]);
  assert.equal(refused?.code, 'ERR_LIMIT');
  assert.match(refused?.message ?? '', /16384 keys in one transaction/);
  assert.equal(tree.refusal([removePrefix('cluster/a')]), null);
});

test('no more than limits.configKeys, but less may always become', () => {
  const tree = new Tree();
  const value = encodeValue(0);
  const numbers = { createRevision: 1, modRevision: 1, version: 1 };
  for (let i = 0; i < limits.configKeys; i++) {
    tree.load({ key: `cluster/${String(i).padStart(7, '0')}`, value, ...numbers });
  }
  assert.equal(tree.refusal([put('cluster/new', 0)])?.code, 'ERR_LIMIT');
  assert.equal(tree.refusal([put('cluster/0000000', 1)]), null);
  assert.equal(tree.refusal([remove('cluster/0000000'), put('cluster/new', 0)]), null);
  tree.load({ key: 'cluster/over', value, ...numbers });
  assert.equal(tree.refusal([put('cluster/0000000', 1), remove('cluster/0000001')]), null);
});

test('no more than limits.configBytes, but less may always become', () => {
  const tree = new Tree();
  const value = encodeValue(fullValue);
  const numbers = { createRevision: 1, modRevision: 1, version: 1 };
  for (let i = 0; tree.liveBytes + value.length + 10 <= limits.configBytes; i++) {
    tree.load({ key: `cluster/${i}`, value, ...numbers });
  }
  assert.equal(tree.refusal([put('cluster/new', fullValue)])?.code, 'ERR_LIMIT');
  assert.equal(tree.refusal([put('cluster/0', fullValue)]), null);
  assert.equal(tree.refusal([put('cluster/new', 1), remove('cluster/0')]), null);
});
