import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  checkTransaction,
  decodeOperations,
  decodeTransaction,
  encodeOperations,
  encodeTransaction,
  evaluate,
} from '../../../src/config/transaction.js';
import { encodeValue } from '../../../src/config/value.js';
import { ConfigError, type ErrorCode, ProtocolError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { encodeBody } from '../../../src/wire/payload.js';
import { anyKey, anyOperations, fullValue, put, remove, treeOf } from './trees.js';

const SEED = 3;
const refused = (code: ErrorCode, reason: RegExp) => (error: unknown) =>
  error instanceof ConfigError && error.code === code && reason.test(error.message);
const malformed = (code: ErrorCode) => (error: unknown) =>
  error instanceof ProtocolError && error.code === code;

test('a transaction as a program gives it', () => {
  const checked = checkTransaction({
    compare: [
      { key: 'cluster/a', exists: false },
      { key: 'cluster/b', revision: 7 },
      { key: 'cluster/c', value: { x: 1 } },
    ],
    write: [
      { deletePrefix: 'cluster' },
      { put: 'cluster/a', value: undefined },
      { delete: 'hosts/h/a' },
    ],
  });
  assert.deepEqual(checked, {
    conditions: [
      { type: 'exists', key: 'cluster/a', exists: false },
      { type: 'revision', key: 'cluster/b', revision: 7 },
      { type: 'value', key: 'cluster/c', value: encodeValue({ x: 1 }) },
    ],
    operations: [
      { type: 'deletePrefix', prefix: 'cluster' },
      { type: 'put', key: 'cluster/a', value: encodeValue(undefined) },
      { type: 'delete', key: 'hosts/h/a' },
    ],
  });
  assert.deepEqual(decodeTransaction(encodeTransaction(checked)), checked);
  assert.deepEqual(checkTransaction({ write: [] }), { conditions: [], operations: [] });
});

const key = 'cluster/a';
const wrong: readonly (readonly [unknown, RegExp])[] = [
  [null, /^a transaction must be an object$/],
  [[], /must be an object/],
  [{}, /^write must be an array$/],
  [{ write: [], else: [] }, /unknown field "else"/],
  [{ compare: null, write: [] }, /^compare must be an array$/],
  [{ compare: [1], write: [] }, /^compare\[0\] must be an object$/],
  [{ compare: [{ key }], write: [] }, /^compare\[0\] has one of exists, revision and value$/],
  [{ compare: [{ key, exists: true, revision: 1 }], write: [] }, /has one of/],
  [{ compare: [{ key, exists: 1 }], write: [] }, /^compare\[0\]\.exists must be a boolean$/],
  [{ compare: [{ key, revision: -1 }], write: [] }, /^compare\[0\]\.revision must be/],
  [{ compare: [{ key, revision: 2 ** 53 }], write: [] }, /revision must be/],
  [{ compare: [{ key, value: () => 1 }], write: [] }, /^compare\[0\]\.value: .*function/],
  [{ compare: [{ key: 'a', exists: true }], write: [] }, /^compare\[0\]\.key is "a": it begins/],
  [{ write: [{ put: key, value: 1 }, { put: 'cluster' }] }, /^write\[1\] is \{ put, value \}/],
  [{ write: [{ put: 'cluster', value: 1 }] }, /^write\[0\]\.put is "cluster": a key is below/],
  [{ write: [{ put: key, value: Symbol('s') }] }, /^write\[0\]\.value: .*symbol/],
  [{ write: [{ delete: key, deletePrefix: key }] }, /^write\[0\] is/],
  [{ write: [{ delete: 'hosts/h' }] }, /^write\[0\]\.delete is "hosts\/h"/],
  [{ write: [{ deletePrefix: '' }] }, /^write\[0\]\.deletePrefix is "": it is empty$/],
  [{ write: [{ deletePrefix: 'a/' }] }, /^write\[0\]\.deletePrefix is "a\/": segments/],
  [{ write: [{ delete: key }, { put: key, value: 1 }] }, /^write\[0\]: cluster\/a is named again/],
  [
    { write: [{ put: key, value: 1 }, { deletePrefix: 'cluster' }] },
    /^write\[0\]: a later deletePrefix deletes cluster\/a again$/,
  ],
];

test('what is wrong is refused with its place and the reason', () => {
  for (const [transaction, reason] of wrong) {
    assert.throws(() => checkTransaction(transaction), refused('ERR_ARGUMENT', reason));
  }
});

test('a transaction has bounds', () => {
  const many = <T>(count: number, of: (index: number) => T) =>
    Array.from({ length: count }, (_, index) => of(index));
  const compare = (count: number) => many(count, () => ({ key, exists: true }));
  checkTransaction({ compare: compare(limits.configConditions), write: [] });
  const conditions = { compare: compare(limits.configConditions + 1), write: [] };
  assert.throws(
    () => checkTransaction(conditions),
    refused('ERR_ARGUMENT', /^compare has at most/),
  );
  const write = (count: number) => many(count, (index) => ({ delete: `cluster/${index}` }));
  const most = checkTransaction({ write: write(limits.configOperations) });
  assert.deepEqual(decodeTransaction(encodeTransaction(most)), most);
  const operations = { write: write(limits.configOperations + 1) };
  assert.throws(() => checkTransaction(operations), refused('ERR_ARGUMENT', /^write has at most/));
});

test('values and whole transactions have a greatest size', () => {
  const values = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ put: `cluster/${i}`, value: fullValue }));
  const fits = checkTransaction({ write: values(2) });
  assert.deepEqual(decodeOperations(encodeOperations(fits.operations)), fits.operations);
  const whole = checkTransaction({ write: values(3) });
  const tooLarge = (reason: RegExp) => refused('ERR_MESSAGE_TOO_LARGE', reason);
  assert.throws(() => encodeTransaction(whole), tooLarge(/a transaction has at most/));
  const over = { write: [{ put: key, value: Buffer.alloc(fullValue.length + 1) }] };
  assert.throws(() => checkTransaction(over), tooLarge(/^write\[0\]\.value: a value has at most/));
});

test('an object is the same value in any order of its keys, in arrays, Maps and Sets too', () => {
  const one = { b: [{ d: 1, c: 2 }], a: new Map([['m', new Set([{ y: 1, x: 2 }])]]) };
  const other = { a: new Map([['m', new Set([{ x: 2, y: 1 }])]]), b: [{ c: 2, d: 1 }] };
  assert.deepEqual(encodeValue(one), encodeValue(other));
  assert.notDeepEqual(encodeValue([1, 2]), encodeValue([2, 1]));
  assert.notDeepEqual(encodeValue(0), encodeValue(-0));
});

test('conditions are judged in order, and the first that does not hold is named', () => {
  const tree = treeOf(
    [put('cluster/a', { x: 1, y: 2 })],
    [put('cluster/b', 1)],
    [remove('cluster/b')],
  );
  const verdict = (...compare: unknown[]) =>
    evaluate(tree, checkTransaction({ compare, write: [] }).conditions);
  const holds = { succeeded: true };
  const fails = (failed: number) => ({ succeeded: false, failed });
  assert.deepEqual(verdict(), holds);
  assert.deepEqual(
    verdict(
      { key: 'cluster/a', exists: true },
      { key: 'cluster/a', revision: 1 },
      { key: 'cluster/a', value: { y: 2, x: 1 } },
      { key: 'cluster/b', exists: false },
      { key: 'cluster/b', revision: 0 },
      { key: 'cluster/c', revision: 0 },
    ),
    holds,
  );
  assert.deepEqual(verdict({ key: 'cluster/a', exists: false }), fails(0));
  assert.deepEqual(
    verdict({ key: 'cluster/a', exists: true }, { key: 'cluster/b', revision: 3 }),
    fails(1),
  );
  assert.deepEqual(verdict({ key: 'cluster/b', value: 1 }), fails(0));
  assert.deepEqual(verdict({ key: 'cluster/c', exists: true }), fails(0));
  assert.deepEqual(verdict({ key: 'cluster/a', revision: 0 }), fails(0));
});

test('any transaction is read as it was written (seed 3)', () => {
  const condition = fc.oneof(
    fc
      .tuple(anyKey, fc.boolean())
      .map(([key, exists]) => ({ type: 'exists' as const, key, exists })),
    fc.tuple(anyKey, fc.maxSafeNat()).map(([key, revision]) => ({
      type: 'revision' as const,
      key,
      revision,
    })),
    fc.tuple(anyKey, fc.jsonValue()).map(([key, json]) => ({
      type: 'value' as const,
      key,
      value: encodeValue(json),
    })),
  );
  const property = fc.property(fc.array(condition), anyOperations, (conditions, operations) => {
    const transaction = { conditions, operations };
    assert.deepEqual(decodeTransaction(encodeTransaction(transaction)), transaction);
    assert.deepEqual(decodeOperations(encodeOperations(operations)), operations);
  });
  fc.assert(property, { seed: SEED, numRuns: 500 });
});

const cbor = (value: unknown) => Buffer.from(encodeBody(value).body);
const value = encodeValue(1);

test('what a peer sends is a transaction, or a ProtocolError', () => {
  const cases: unknown[] = [
    1,
    [],
    [1],
    [1, []],
    [1, [], [], []],
    ['1', [], []],
    [1, {}, []],
    [1, [1], []],
    [1, [[0, key]], []],
    [1, [[0, key, 1]], []],
    [1, [[0, 'a', true]], []],
    [1, [[1, key, -1]], []],
    [1, [[1, key, 1.5]], []],
    [1, [[2, key, 1]], []],
    [1, [[2, key, Buffer.from('ff', 'hex')]], []],
    [1, [[3, key, true]], []],
    [1, [], [[0, key]]],
    [1, [], [[0, key, 1]]],
    [1, [], [[0, key, Buffer.alloc(0)]]],
    [1, [], [[0, key, Buffer.concat([value, value])]]],
    [1, [], [[0, key, value, value]]],
    [1, [], [[0, 'cluster', value]]],
    [1, [], [[1, key, value]]],
    [1, [], [[1, 7]]],
    [1, [], [[2, '']]],
    [1, [], [[3, key]]],
    [
      1,
      [],
      [
        [1, key],
        [1, key],
      ],
    ],
    [
      1,
      [],
      [
        [0, key, value],
        [2, 'cluster'],
      ],
    ],
    [1, new Array(limits.configConditions + 1).fill([0, key, true]), []],
  ];
  for (const one of cases) {
    assert.throws(() => decodeTransaction(cbor(one)), malformed('ERR_PROTOCOL'), String(one));
  }
  assert.throws(() => decodeTransaction(cbor([2, [], []])), malformed('ERR_VERSION'));
  assert.throws(() => decodeOperations(cbor([2, []])), malformed('ERR_VERSION'));
  assert.throws(() => decodeOperations(cbor([1, [], []])), malformed('ERR_PROTOCOL'));
  const long = [1, [], [0, 1, 2].map((i) => [0, `cluster/${i}`, encodeValue(fullValue)])];
  assert.throws(() => decodeTransaction(cbor(long)), malformed('ERR_PROTOCOL'));
  const big = cbor(Buffer.alloc(0));
  assert.throws(() => decodeTransaction(big), malformed('ERR_PROTOCOL'));
  const tooLong = Buffer.concat([Buffer.from('5a00040000', 'hex'), Buffer.alloc(2 ** 18)]);
  const one = [1, [], [[0, key, tooLong]]];
  assert.throws(() => decodeTransaction(cbor(one)), malformed('ERR_PROTOCOL'));
});

test('a transaction with one byte changed is one, or a ProtocolError (seed 3)', () => {
  const transaction = encodeTransaction(
    checkTransaction({
      compare: [{ key, value: ['x', 1.5] }],
      write: [{ deletePrefix: 'cluster' }, { put: key, value: { a: 1n } }],
    }),
  );
  const place = fc.nat(transaction.length - 1);
  const property = fc.property(place, fc.integer({ min: 0, max: 255 }), (at, byte) => {
    const bytes = Buffer.from(transaction);
    bytes[at] = byte;
    try {
      decodeTransaction(bytes);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  });
  fc.assert(property, { seed: SEED, numRuns: 3000 });
});
