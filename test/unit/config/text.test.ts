import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  describeDiff,
  diff,
  readText,
  transactionsOf,
  writeText,
} from '../../../src/config/text.js';
import { encodeOperations, encodeTransaction, evaluate } from '../../../src/config/transaction.js';
import type { Tree } from '../../../src/config/tree.js';
import { decodeValue, encodeValue } from '../../../src/config/value.js';
import { ConfigError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { anyKey, anyValue, fullValue, put, readAll, remove, treeOf } from './trees.js';

const SEED = 23;
const unreadable = (reason: RegExp) => (error: unknown) =>
  error instanceof ConfigError && error.code === 'ERR_CONFIG' && reason.test(error.message);

const sample = treeOf([
  put('hosts/h1/nodes/web/workers/api', { restart: 'always', command: 'node', args: ['api.js'] }),
  put('cluster/node-defaults/log/level', 'info'),
  put('cluster/mode', 'no'),
  put('cluster/since', new Date(0)),
  put('cluster/motd', 'one\ntwo\n'),
  put('cluster/schemas/log', {
    path: 'hosts/*/log',
    schema: { $ref: '#/$defs/a', $defs: { a: {} } },
  }),
]);

const yaml = `cluster/mode: "no"
cluster/motd: |
  one
  two
cluster/node-defaults/log/level: info
cluster/schemas/log:
  path: hosts/*/log
  schema:
    $defs:
      a: {}
    $ref: "#/$defs/a"
cluster/since:
  $date: "1970-01-01T00:00:00.000Z"
hosts/h1/nodes/web/workers/api:
  args:
    - api.js
  command: node
  restart: always
`;

test('YAML, the way people keep it', () => {
  assert.equal(writeText(sample.range(''), 'yaml'), yaml);
  assert.deepEqual(
    [...readText(yaml)].sort(),
    sample.range('').map(({ key, value }) => [key, value]),
  );
  assert.equal(writeText([], 'yaml'), '{}\n');
});

test('JSON, and the same reader', () => {
  const json = writeText(sample.range('cluster/mode'), 'json');
  assert.equal(json, '{\n  "cluster/mode": "no"\n}\n');
  assert.deepEqual(readText(json), new Map([['cluster/mode', encodeValue('no')]]));
});

test('any values come back from both, from JSON with tabs or on one line too (seed 23)', () => {
  const entries = fc.uniqueArray(fc.tuple(anyKey, anyValue), {
    selector: ([key]) => key,
    maxLength: 5,
  });
  const property = fc.property(entries, (all) => {
    const tree = treeOf(all.map(([key, value]) => put(key, value)));
    const items = tree.range('');
    const expected = items.map(({ key, value }) => [key, value.toString('hex')]);
    const json = writeText(items, 'json');
    const whole: unknown = JSON.parse(json);
    const texts = [
      json,
      writeText(items, 'yaml'),
      JSON.stringify(whole),
      JSON.stringify(whole, null, '\t'),
    ];
    for (const text of texts) {
      const read = Array.from(readText(text), ([key, value]) => [key, value.toString('hex')]);
      assert.deepEqual(read, expected, text);
    }
  });
  fc.assert(property, { seed: SEED, numRuns: 500 });
});

test('what cannot be read is refused with the line, or the key, and the reason', () => {
  const cases: [string, RegExp][] = [
    ['', /map of keys to values/],
    ['[]', /map of keys to values/],
    ['cluster/a', /map of keys to values/],
    ['cluster/a: 1\ncluster/a: 2\n', /^the key cluster\/a comes twice, at line 2$/],
    ['cluster/a: [1\ncluster/b: 2', /at line 2/],
    ['cluster/a: &x 1\ncluster/b: *x\n', /^an alias .* at line 2$/],
    ['cluster/a: !!set {}', /^the tag .* at line 1$/],
    ['cluster/a: !!map {}', /^the tag .* at line 1$/],
    ['cluster/a:\n  b: 1\n  b: 2', /^the key b comes twice, at line 3$/],
    ['cluster/a: !foo 1', /[Tt]ag/],
    ['cluster/a: 1\n---\ncluster/b: 1\n', /documents/],
    ['1: 2', /^"1" is not a key/],
    ['cluster: 1', /^"cluster" is not a key: a key is below/],
    ['cluster/a:\n  b: { $date: x }', /^cluster\/a: \$date has a content/],
    ['cluster/a: 9007199254740993', /^cluster\/a: no number is exactly 9007199254740993/],
    ['cluster/a: { __proto__: 1 }', /^cluster\/a: a body cannot hold the key '__proto__'/],
    ['cluster/a: { $cbor: YWJj }', /^cluster\/a: a body that is not acceptable/],
    [`cluster/a: ${'['.repeat(20_000)}`, /./],
    [`cluster/a: ${'['.repeat(40)}${']'.repeat(40)}`, /deeper than/],
    [`{"cluster/a":"${'x'.repeat(limits.configTextCharacters)}"}`, /at most 67108864 characters/],
  ];
  for (const [text, reason] of cases) {
    assert.throws(() => readText(text), unreadable(reason), text.slice(0, 60));
  }
  assert.deepEqual(readText('{}'), new Map());
  assert.deepEqual(
    readText('# a comment\ncluster/a: 0x1f\n'),
    new Map([['cluster/a', encodeValue(31)]]),
  );
});

test('no text makes the reader fail in another way (seed 23)', () => {
  const line = fc.constantFrom(
    'cluster/a',
    ': ',
    '\n',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '|',
    '&a',
    '*a',
    '!',
    '#',
    '  ',
    '\t',
    '?',
    '%',
    '1',
    ',',
    '---',
  );
  const property = fc.property(fc.array(line, { maxLength: 12 }), (parts) => {
    try {
      readText(parts.join(''));
    } catch (error) {
      assert.ok(unreadable(/./)(error), String(error));
    }
  });
  fc.assert(property, { seed: SEED, numRuns: 2000 });
});

const tree = treeOf(
  [put('cluster/a', 1), put('cluster/b', { x: 1 }), put('hosts/h/a', 1)],
  [put('cluster/b', { x: 2 }), put('cluster/c', 3)],
);

test('a difference: added, changed with both values, removed', () => {
  const wanted = readText('cluster/a: 1\ncluster/b: { x: 3 }\ncluster/d: [4]\n');
  const found = diff(tree, wanted, 'cluster');
  assert.deepEqual(describeDiff(found), [
    '~ cluster/b: {"x":2} -> {"x":3}',
    '- cluster/c: 3',
    '+ cluster/d: [4]',
  ]);
  const [transaction, ...others] = transactionsOf(found);
  assert.deepEqual(others, []);
  assert.deepEqual(transaction, {
    conditions: [
      { type: 'revision', key: 'cluster/c', revision: 2 },
      { type: 'revision', key: 'cluster/b', revision: 2 },
      { type: 'revision', key: 'cluster/d', revision: 0 },
    ],
    operations: [remove('cluster/c'), put('cluster/b', { x: 3 }), put('cluster/d', [4])],
  });
  const nothing = { added: [], changed: [], removed: [] };
  assert.deepEqual(transactionsOf(nothing), []);
  assert.deepEqual(diff(tree, readText(writeText(tree.range(''), 'yaml'))), nothing);
});

test('a difference is to a prefix and a revision', () => {
  const whole = readText('cluster/a: 1\nhosts/h/a: 2\n');
  assert.deepEqual(describeDiff(diff(tree, whole)).length, 3);
  assert.throws(() => diff(tree, whole, 'cluster'), unreadable(/hosts\/h\/a is not below cluster/));
  assert.deepEqual(describeDiff(diff(tree, readText('cluster/a: 1'), 'cluster', 1)), [
    '- cluster/b: {"x":1}',
  ]);
});

/** Applies transactions as a sequencer would. */
function applyAll(to: Tree, transactions: ReturnType<typeof transactionsOf>): void {
  for (const transaction of transactions) {
    encodeTransaction(transaction);
    encodeOperations(transaction.operations);
    assert.deepEqual(evaluate(to, transaction.conditions), { succeeded: true });
    to.apply(to.revision + 1, transaction.operations);
  }
}

test('its transaction makes the tree what the text says, once only (seed 23)', () => {
  const entries = fc.uniqueArray(fc.tuple(anyKey, fc.nat(3)), {
    selector: ([key]) => key,
    maxLength: 9,
  });
  const property = fc.property(entries, entries, (before, after) => {
    const own = treeOf(before.map(([key, value]) => put(key, value)));
    const wanted = new Map(after.map(([key, value]) => [key, encodeValue(value)]));
    const transactions = transactionsOf(diff(own, wanted));
    assert.ok(transactions.length <= 1);
    applyAll(own, transactions);
    const read = readAll(own).map(([key, { value }]) => [key, value]);
    assert.deepEqual(read.sort(), [...after].sort());
    const [transaction] = transactions;
    if (transaction === undefined) return;
    assert.equal(evaluate(own, transaction.conditions).succeeded, false);
  });
  fc.assert(property, { seed: SEED, numRuns: 500 });
});

test('what does not fit into one transaction takes as few as it can', () => {
  const many = new Map(
    Array.from({ length: limits.configOperations + 1 }, (_, i) => [`cluster/${i}`, encodeValue(i)]),
  );
  const own = treeOf();
  const split = transactionsOf(diff(own, many));
  assert.deepEqual(
    split.map(({ operations }) => operations.length),
    [limits.configOperations, 1],
  );
  applyAll(own, split);
  const full = encodeValue(fullValue);
  const large = new Map(Array.from({ length: 5 }, (_, i) => [`cluster/${i}`, full]));
  const parts = transactionsOf(diff(own, large));
  assert.ok(parts.length >= 3);
  applyAll(own, parts);
  assert.deepEqual(own.range('').length, 5);
  const longKey = (i: number) => `cluster/${String(i).padStart(limits.configKeyBytes - 8, 'k')}`;
  const keys = new Map(Array.from({ length: 4000 }, (_, i) => [longKey(i), encodeValue(null)]));
  applyAll(treeOf(), transactionsOf(diff(treeOf(), keys)));
  assert.equal(decodeValue(full) instanceof Uint8Array, true);
});
