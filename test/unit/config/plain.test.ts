import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fromPlain, toPlain } from '../../../src/config/plain.js';
import { decodeValue, encodeValue } from '../../../src/config/value.js';
import { ConfigError } from '../../../src/errors.js';
import { anyValue } from './trees.js';

const SEED = 19;

test('what JSON has no word for has one key', () => {
  const cases: [unknown, unknown][] = [
    [undefined, { $undefined: true }],
    [Number.NaN, { $number: 'NaN' }],
    [Number.NEGATIVE_INFINITY, { $number: '-Infinity' }],
    [-0, { $number: '-0' }],
    [-12n, { $bigint: '-12' }],
    [Buffer.from('abc'), { $bytes: 'YWJj' }],
    [new Date(0), { $date: '1970-01-01T00:00:00.000Z' }],
    [
      new Map<unknown, unknown>([[1n, [undefined]]]),
      { $map: [[{ $bigint: '1' }, [{ $undefined: true }]]] },
    ],
    [new Set(['a', 1]), { $set: ['a', 1] }],
    [new Uint16Array([1]), { $cbor: '2EVCAQA=' }],
    [{ $date: 1 }, { $object: { $date: 1 } }],
    [{ $object: { $set: [] } }, { $object: { $object: { $object: { $set: [] } } } }],
  ];
  for (const [value, plain] of cases) {
    assert.deepEqual(toPlain(value), plain);
    assert.deepEqual(fromPlain(plain), value);
  }
});

test('everything else stands as it is, schemas too', () => {
  const schema = { $ref: '#/$defs/a', $defs: { a: { $comment: 'x' } } };
  for (const value of [
    null,
    true,
    1.5,
    '$date',
    [],
    {},
    schema,
    { $ref: 'x' },
    { $date: 1, x: 2 },
  ]) {
    assert.deepEqual(toPlain(value), value);
    assert.deepEqual(fromPlain(value), value);
  }
});

test('an Error keeps its name, its message and its code', () => {
  const error = Object.assign(new TypeError('bad'), { code: 'ERR_X' });
  const read = fromPlain(toPlain(decodeValue(encodeValue(error)))) as typeof error;
  assert.deepEqual([read.name, read.message, read.code], ['TypeError', 'bad', 'ERR_X']);
});

test('a tag with another content is refused', () => {
  const cases: unknown[] = [
    { $undefined: null },
    { $number: 1 },
    { $number: 'toString' },
    { $bigint: 12 },
    { $bigint: '1.5' },
    { $bigint: '9'.repeat(401) },
    { $bytes: 'YW' },
    { $bytes: 'a b=' },
    { $bytes: 7 },
    { $date: '2026-01-31' },
    { $date: '2026-02-30T00:00:00.000Z' },
    { $date: 1 },
    { $map: [[1]] },
    { $map: {} },
    { $set: {} },
    { $cbor: 1 },
    { $object: [] },
    { a: [{ $object: null }] },
  ];
  for (const plain of cases) {
    assert.throws(
      () => fromPlain(plain),
      (error: unknown) => error instanceof ConfigError && error.code === 'ERR_CONFIG',
      JSON.stringify(plain),
    );
  }
  assert.throws(() => fromPlain({ $cbor: 'YWJj' }), { code: 'ERR_PROTOCOL' });
  assert.throws(() => fromPlain([2n ** 53n + 1n]), /write \{ \$bigint: "9007199254740993" \}/);
  assert.throws(() => fromPlain(10n ** 400n), /no number is exactly/);
  assert.equal(fromPlain(-(2n ** 53n)), -(2 ** 53));
});

test('any value comes back, by way of JSON (seed 19)', () => {
  const property = fc.property(anyValue, (value) => {
    const bytes = encodeValue(value);
    const text = JSON.stringify(toPlain(decodeValue(bytes)));
    assert.deepEqual(encodeValue(fromPlain(JSON.parse(text))), bytes);
  });
  fc.assert(property, { seed: SEED, numRuns: 2000 });
});
