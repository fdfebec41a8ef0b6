import assert from 'node:assert/strict';
import test from 'node:test';
import { Encoder } from 'cbor-x';
import fc from 'fast-check';
import { NodeError, ProtocolError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { decodeBody, encodeBody } from '../../../src/wire/payload.js';
import { scanBody } from '../../../src/wire/scan.js';

const SEED = 7;
const refused = (error: unknown) => error instanceof ProtocolError && error.code === 'ERR_PROTOCOL';
const code = (expected: string) => (error: unknown) =>
  error instanceof NodeError && error.code === expected;

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function roundTrip(value: unknown): unknown {
  const { encoding, body } = encodeBody(value);
  return decodeBody(encoding, Buffer.from(body));
}

test('a Buffer or Uint8Array as a whole goes as it is, without a copy', () => {
  const body = new Uint8Array([1, 2, 3]);
  const encoded = encodeBody(body);
  assert.equal(encoded.encoding, 'bytes');
  assert.equal(encoded.body, body);
  const data = Buffer.from('x');
  assert.equal(decodeBody('bytes', data), data);
});

test('plain data arrives equal', () => {
  const values: unknown[] = [
    null,
    undefined,
    true,
    0,
    -1,
    23,
    24,
    2 ** 32,
    -(2 ** 40),
    1.1,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    0n,
    -5n,
    2n ** 64n - 1n,
    -(2n ** 63n),
    '',
    'grüße \u{1F680}',
    'x'.repeat(100_000),
    [],
    {},
    [1, [2, [3, { deep: [null] }]]],
    { a: undefined, nested: { list: ['x', 'y'] }, '': 0, length: 3, toString: 'x' },
    { blob: Buffer.from('blob'), list: [Buffer.alloc(0)] },
  ];
  for (const value of values) assert.deepEqual(roundTrip(value), value);
});

test('any plain value arrives equal (seed 7)', () => {
  const plain = fc.object({
    key: fc
      .string({ unit: 'binary' })
      .filter((key) => !/^(__proto__|constructor|prototype)$/.test(key)),
    values: [
      fc.integer(),
      fc.double(),
      fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constantFrom(null, undefined),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    ],
    maxDepth: 5,
  });
  const property = fc.property(plain, (value) => assert.deepEqual(roundTrip(value), value));
  fc.assert(property, { seed: SEED, numRuns: 2000 });
});

test('what was decoded is not changed by what is decoded next', () => {
  const bodies = [
    { text: 'a'.repeat(60), list: ['b', 'c'.repeat(20)] },
    { text: 'd'.repeat(60), list: ['e', 'f'.repeat(20)] },
    { bytes: Buffer.from('g'.repeat(60)) },
    { bytes: Buffer.from('h'.repeat(60)) },
    { large: 'i'.repeat(5000) },
  ];
  const decoded = bodies.map((body) => decodeBody('cbor', Buffer.from(encodeBody(body).body)));
  assert.deepEqual(decoded, bodies);
});

test('an object without a prototype and a hole in an array arrive as plain ones', () => {
  const bare = Object.assign(Object.create(null), { a: 1 });
  assert.deepEqual(roundTrip(bare), { a: 1 });
  // biome-ignore lint/suspicious/noSparseArray: the hole is what is tried
  assert.deepEqual(roundTrip([1, , 3]), [1, undefined, 3]);
  assert.ok(Buffer.isBuffer((roundTrip({ x: new Uint8Array(2) }) as { x: unknown }).x));
});

class Point {
  x = 1;
}

const unsendable: readonly (readonly [string, unknown])[] = [
  ['an invalid Date', new Date(Number.NaN)],
  ['a Date too far away', new Date(1000 * limits.dateSeconds)],
  ['a Date of another class', new (class Own extends Date {})()],
  ['a Map with objects as keys', new Map([[{}, 1]])],
  ['a Map with bytes as keys', new Map([[Buffer.alloc(1), 1]])],
  ['a Map of another class', new (class Own extends Map {})()],
  ['a Set of another class', new (class Own extends Set {})()],
  ['what only looks like a Map', Object.create(Map.prototype)],
  ['a WeakMap', new WeakMap()],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['a regular expression', /x/],
  ['an instance of a class', new Point()],
  ['an array with a class', new (class Own extends Array {})()],
  ['a typed array of another class', new (class Own extends Float64Array {})(1)],
  ['a DataView', new DataView(new ArrayBuffer(1))],
  ['an ArrayBuffer', new ArrayBuffer(1)],
  ['a BigInt over the limit', 2n ** BigInt(limits.bigIntBits)],
  ['a negative BigInt over the limit', -(2n ** BigInt(limits.bigIntBits)) - 1n],
  ['an Error whose text is half a surrogate pair', new Error('\ud800')],
  ['half a surrogate pair', '\ud800'],
  ['half a surrogate pair in a key', { '\udc00': 1 }],
  ['__proto__ as a key', JSON.parse('{"__proto__": 1}')],
  ['constructor as a key', { constructor: 1 }],
  ['prototype as a key', { prototype: 1 }],
];

for (const [what, value] of unsendable) {
  test(`not sent, ERR_ARGUMENT: ${what}, also nested`, () => {
    assert.throws(() => encodeBody(value), code('ERR_ARGUMENT'));
    assert.throws(() => encodeBody({ list: [value] }), code('ERR_ARGUMENT'));
  });
}

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let i = 1; i < depth; i++) value = i % 2 ? { value } : [value];
  return value;
}

test('depth: the limit goes through, one more is refused at both ends, a circle too', () => {
  assert.deepEqual(roundTrip(nested(limits.bodyDepth)), nested(limits.bodyDepth));
  assert.throws(() => encodeBody(nested(limits.bodyDepth + 1)), code('ERR_ARGUMENT'));
  const circle: unknown[] = [];
  circle.push(circle);
  assert.throws(() => encodeBody(circle), code('ERR_ARGUMENT'));
  const deep = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x81), hex('00')]);
  scanBody(deep(limits.bodyDepth));
  assert.throws(() => decodeBody('cbor', deep(limits.bodyDepth + 1)), refused);
  assert.throws(() => decodeBody('cbor', deep(100_000)), refused);
});

test('items: at the limit it goes through, one more is refused at both ends', () => {
  const list = new Array(limits.bodyItems - 1).fill(0);
  assert.equal((roundTrip(list) as unknown[]).length, list.length);
  list.push(0);
  assert.throws(() => encodeBody(list), code('ERR_MESSAGE_TOO_LARGE'));
  const bytes = Buffer.concat([hex('9a'), Buffer.alloc(4), Buffer.alloc(limits.bodyItems)]);
  bytes.writeUInt32BE(limits.bodyItems, 1);
  assert.throws(() => decodeBody('cbor', bytes), refused);
});

const hostile: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['bytes after the end', '00 00'],
  ['a date of text (tag 0)', 'c0 74 323031332d30332d32315432303a30343a30305a'],
  ['a decimal fraction (tag 4)', 'c4 82 21 00'],
  ['tag 27, an object of a class', 'd8 1b 82 65 4572726f72 60'],
  ['tag 28, a shared value', 'd8 1c 80'],
  ['tag 29, a reference', 'd8 1d 00'],
  ['a packed table (tag 51)', 'd8 33 84 81 00 80 80 00'],
  ['a packed reference (tag 6)', 'c6 00'],
  ['a record of old (tag 105)', 'd8 69 83 19 e000 81 61 61 00'],
  ['the tag that says CBOR', 'd9 d9f7 00'],
  ['an inline record', 'd9 dfff 83 00 81 61 61 00'],
  ['a bundle of strings', 'd9 dff9 82 00 00'],
  ['a tag of 64 bits', 'db 0000000100000001 00'],
  ['an indefinite array', '9f ff'],
  ['an indefinite map', 'bf ff'],
  ['an indefinite byte string', '5f 41 00 ff'],
  ['an indefinite text', '7f 61 61 ff'],
  ['a break', 'ff'],
  ['a reserved length', '1c'],
  ['simple value 0', 'e0'],
  ['simple value 255', 'f8 ff'],
  ['a number as key', 'a1 00 00'],
  ['a byte string as key', 'a1 40 00'],
  ['an array as key', 'a1 80 00'],
  ['null as key', 'a1 f6 00'],
  ['__proto__ as key', 'a1 69 5f5f70726f746f5f5f 00'],
  ['__proto__ as key with a long length', 'a1 78 09 5f5f70726f746f5f5f 00'],
  ['constructor as key', 'a1 6b 636f6e7374727563746f72 00'],
  ['prototype as key, nested', '81 a1 69 70726f746f74797065 00'],
  ['text that is not UTF-8', '61 ff'],
  ['half a surrogate pair in UTF-8', '63 ed a0 80'],
  ['a text that ends early', '62 61'],
  ['a byte string of 2^53 bytes', '5b 0020000000000000'],
  ['an array of 2^32 - 1', '9a ffffffff'],
  ['a map of 2^62', 'bb 4000000000000000'],
  ['an array that ends early', '82 00'],
  ['a map without its last value', 'a1 61 61'],
  ['a number that ends early', '1a 0000'],
  ['a float that ends early', 'fb 00000000'],
];

for (const [what, bytes] of hostile) {
  test(`refused before it is decoded: ${what}`, () => {
    assert.throws(() => scanBody(hex(bytes)), refused);
    assert.throws(() => decodeBody('cbor', hex(bytes)), refused);
  });
}

test('what other CBOR writers produce is accepted: long lengths, short floats', () => {
  assert.deepEqual(decodeBody('cbor', hex('b9 0001 78 01 61 99 0001 18 05')), { a: [5] });
  assert.equal(decodeBody('cbor', hex('f9 3e00')), 1.5);
  assert.equal(decodeBody('cbor', hex('fa 3fc00000')), 1.5);
});

test('fuzz: any bytes are decoded or refused with a ProtocolError (seed 7)', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    try {
      decodeBody('cbor', Buffer.from(bytes));
    } catch (error) {
      assert.ok(refused(error), String(error));
    }
  });
  fc.assert(property, { seed: SEED, numRuns: 30_000 });
});

test('fuzz: what passes the scan is decoded, and can be sent again (seed 7)', () => {
  const writer = new Encoder({ useRecords: false, mapsAsObjects: false });
  const anything = fc.anything({ withMap: true, withDate: true, withBigInt: true, withSet: true });
  let passed = 0;
  const property = fc.property(anything, fc.nat(200), fc.nat(255), (value, at, byte) => {
    const bytes = Buffer.from(writer.encode(value));
    if (at < bytes.length) bytes[at] = byte;
    try {
      scanBody(bytes);
    } catch (error) {
      assert.ok(refused(error));
      return;
    }
    passed++;
    const decoded = decodeBody('cbor', bytes);
    encodeBody(decoded);
  });
  fc.assert(property, { seed: SEED, numRuns: 20_000 });
  assert.ok(passed > 1000, 'many pass');
});

test('what was decoded of a small body shares no memory with it', () => {
  const values = [
    { text: 'north', list: [1, 'two', null] },
    { bytes: Buffer.from('kept'), more: [Buffer.from('too')] },
    { bytes: Buffer.from('kept'), floats: Float64Array.of(1, 2) },
  ];
  for (const value of values) {
    const { encoding, body } = encodeBody(value);
    const received = Buffer.from(body);
    const decoded = decodeBody(encoding, received);
    received.fill(0xff);
    assert.deepEqual(decoded, value);
  }
});
