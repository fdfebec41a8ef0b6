import assert from 'node:assert/strict';
import test from 'node:test';
import { Encoder } from 'cbor-x';
import fc from 'fast-check';
import { NodeError, ProtocolError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { decodeBody, encodeBody } from '../../../src/wire/payload.js';
import { scanBody } from '../../../src/wire/scan.js';

const SEED = 23;
const refused = (error: unknown) => error instanceof ProtocolError && error.code === 'ERR_PROTOCOL';
const code = (expected: string) => (error: unknown) =>
  error instanceof NodeError && error.code === expected;

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function roundTrip<T>(value: T): T {
  const { encoding, body } = encodeBody(value);
  return decodeBody(encoding, Buffer.from(body)) as T;
}

const BIGGEST = 2n ** BigInt(limits.bigIntBits) - 1n;
const LAST_MS = 1000 * limits.dateSeconds - 1;

const typedArrays = [
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
] as const;
const bigTypedArrays = [BigInt64Array, BigUint64Array] as const;

const survivors: Readonly<Record<string, readonly unknown[]>> = {
  'Dates, to the millisecond': [0, 1, -1, 1732370400123, LAST_MS, -LAST_MS].map((ms) => [
    new Date(ms),
  ]),
  BigInts: [0n, 2n ** 64n, -(2n ** 64n), -(2n ** 64n) - 1n, BIGGEST, -1n - BIGGEST],
  'numbers, -0 too': [-0, [-0, 0, 1, -5, 2 ** 53, 1e300], { x: -0, list: ['text'] }],
  Sets: [new Set(), new Set([1, '1', 1n, null, undefined, Number.NaN, new Set([[1]])])],
  'Maps with scalar keys': [
    new Map(),
    new Map<unknown, unknown>([
      [1, 'number'],
      ['1', 'text'],
      [1n, 'BigInt'],
      [-1n, 0],
      [2n ** 64n, 0],
      [-(2n ** 80n), 0],
      [true, false],
      [false, 0],
      [null, 0],
      [undefined, new Map([[0, { plain: new Map() }]])],
      [Number.NaN, 0],
      [1.5, 0],
      [-7, 0],
      ['__proto__', 'a key of a Map reaches nothing'],
      ['constructor', { key: new Map([['x', {}]]) }],
    ]),
  ],
  'typed arrays': [
    ...typedArrays.flatMap((Kind) => [new Kind(0), new Kind([0, 1, 2, 3, 250]), [new Kind(3)]]),
    ...bigTypedArrays.flatMap((Kind) => [new Kind(0), { x: new Kind([0n, 1n, 2n ** 62n]) }]),
    new Float64Array([1.5, -0, Number.NaN]),
    new Int16Array(new ArrayBuffer(10), 4, 2),
    { a: 'x', bytes: Buffer.from('odd'), numbers: new Uint32Array([7]) },
  ],
};

for (const [what, values] of Object.entries(survivors)) {
  test(`${what} arrive equal`, () => {
    for (const value of values) assert.deepEqual(roundTrip(value), value);
  });
}

test('any value of the list arrives equal (seed 23)', () => {
  const date = fc.date({ noInvalidDate: true, min: new Date(-LAST_MS), max: new Date(LAST_MS) });
  const bigInt = fc.bigInt({ min: -1n - BIGGEST, max: BIGGEST });
  const text = fc.string({ unit: 'binary' });
  const scalar = fc.oneof(
    fc.integer(),
    // A Map's own keys know no -0.
    fc.double().map((number) => (number === 0 ? 0 : number)),
    fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }),
    text,
    fc.boolean(),
    fc.constantFrom(null, undefined),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.oneof(scalar, fc.double(), bigInt, date),
      fc.oneof(
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        fc.uint16Array(),
        fc.float32Array(),
        fc.float64Array(),
        fc.bigInt64Array(),
      ),
      fc.array(tie('tree'), { maxLength: 5 }),
      fc.dictionary(text.filter(isKey), tie('tree'), { maxKeys: 20, noNullPrototype: true }),
      fc.array(tie('tree'), { maxLength: 5 }).map((items) => new Set(items)),
      fc.array(fc.tuple(scalar, tie('tree')), { maxLength: 20 }).map((pairs) => new Map(pairs)),
    ),
  }));
  const property = fc.property(tree, (value) => {
    assert.deepEqual(roundTrip({ value }), { value });
  });
  fc.assert(property, { seed: SEED, numRuns: 3000 });
});

function isKey(text: string): boolean {
  return !['__proto__', 'constructor', 'prototype'].includes(text);
}

test('a typed array has memory of its own, of its own size', () => {
  for (const Kind of typedArrays) {
    const { x } = roundTrip({ x: new Kind(2), beside: Buffer.alloc(100) });
    assert.equal(x.byteOffset, 0);
    assert.equal(x.buffer.byteLength, x.byteLength);
  }
});

test('a typed array whose memory was given away arrives empty', () => {
  const given = new Uint32Array(4);
  structuredClone(given, { transfer: [given.buffer] });
  assert.deepEqual(roundTrip([given]), [new Uint32Array(0)]);
});

test('typed arrays of machines with the other order are read', () => {
  assert.deepEqual(decodeBody('cbor', hex('d8 41 44 0001 0200')), new Uint16Array([1, 512]));
  assert.deepEqual(decodeBody('cbor', hex('d8 52 48 3ff8000000000000')), new Float64Array([1.5]));
});

test('an Error arrives as an Error with its name, message and code, without its stack', () => {
  class Special extends TypeError {
    override name = 'Special';
    readonly code = 'ERR_SPECIAL';
    readonly secret = 'stays here';
  }
  const list = [
    new Error('plain'),
    new RangeError('range'),
    new SyntaxError(''),
    new AggregateError([new Error('inner')], 'many'),
    new Special('special', { cause: 'x' }),
    new NodeError('ERR_ARGUMENT', 'ours'),
    Object.assign(new Error('number'), { code: 7 }),
    new DOMException('aborted', 'AbortError'),
  ];
  for (const error of list) {
    const arrived = roundTrip({ deep: [new Set([error])] });
    const [copy] = arrived.deep[0] as Set<Error>;
    assert.ok(copy instanceof Error && Object.getPrototypeOf(copy) === Error.prototype);
    assert.equal(copy.name, error.name);
    assert.equal(copy.message, error.message);
    assert.equal((copy as { code?: unknown }).code, (error as { code?: unknown }).code);
    assert.equal(copy.stack, `${error.name}: ${error.message}`.replace(/: $/, ''));
    const own = Object.keys(copy);
    assert.deepEqual(own, 'code' in error ? ['code'] : []);
  }
  assert.ok(new Error('here').stack?.includes('body-types'), 'stacks are taken again');
});

test('an Error with odd fields arrives with what can be said of it', () => {
  const odd = Object.assign(new Error('x'), { name: 7, message: {}, code: () => 1 });
  const copy = roundTrip(odd) as unknown as Record<string, unknown>;
  assert.equal(copy['name'], 'Error');
  assert.equal(copy['message'], '');
  assert.equal('code' in copy, false);
});

test('no name makes another class of an Error', () => {
  for (const name of ['RegExp', 'constructor', '__proto__', 'TypeError', '']) {
    const error = new Error('x');
    error.name = name;
    const copy = roundTrip(error);
    assert.equal(Object.getPrototypeOf(copy), Error.prototype);
    assert.equal(copy.name, name);
  }
});

test('what is sent is not changed', () => {
  const body = { list: [new Error('x'), new Set([1])], map: new Map([[1, new Date(5)]]) };
  const { list, map } = body;
  const [error, set] = list;
  encodeBody(body);
  assert.ok(body.list === list && list[0] === error && list[1] === set && body.map === map);
  assert.deepEqual(map, new Map([[1, new Date(5)]]));
});

const texts = (count: number, text: (i: number) => string) =>
  Buffer.concat([
    hex('ba'),
    Buffer.from([count >> 24, count >> 16, count >> 8, count]),
    ...Array.from({ length: count }, (_, i) => {
      const key = Buffer.from(text(i));
      return Buffer.concat([hex('78'), Buffer.from([key.length]), key, hex('00')]);
    }),
  ]);

test('a key that comes twice is refused, in small maps and large ones, also nested', () => {
  for (const count of [2, 3, 12, 13, 100]) {
    const last = (i: number) => (i === count - 1 ? 'key0' : `key${i}`);
    assert.throws(() => scanBody(texts(count, last)), refused, `${count} keys`);
    const nested = Buffer.concat([hex('a1 61 78'), texts(count, last)]);
    assert.throws(() => scanBody(nested), refused);
    scanBody(texts(count, (i) => `key${i}`));
  }
  scanBody(hex('a2 61 61 a1 61 61 00 61 62 a1 61 61 00'));
  assert.throws(() => scanBody(hex('a2 61 61 a1 61 62 00 78 01 61 00')), refused, 'other length');
});

const hostile: readonly (readonly [string, string])[] = [
  ['a Date of text', 'c1 61 30'],
  ['a Date that is NaN', 'c1 f9 7e00'],
  ['a Date that is infinite', 'c1 fa 7f800000'],
  ['a Date too far away', 'c1 fb 4290000000000000'],
  ['a Date of 64 bits', 'c1 1b 0000000000000001'],
  ['a Date that is null', 'c1 f6'],
  ['a Date within a Date', 'c1 c1 00'],
  ['a Date that ends early', 'c1'],
  ['a BigInt of text', 'c2 61 31'],
  ['a BigInt of a number', 'c3 01'],
  ['a BigInt over the limit', `c2 58 81 ${'01'.repeat(129)}`],
  ['a typed array of numbers', 'd8 45 82 00 01'],
  ['a typed array with part of an element', 'd8 45 43 000102'],
  ['half floats (tag 84)', 'd8 54 42 3c00'],
  ['a Uint8Array with a tag', 'd8 40 41 00'],
  ['a Set that is a map', 'd9 0102 a0'],
  ['a Set of indefinite length', 'd9 0102 9f ff'],
  ['a Map that is an array', 'd9 0103 80'],
  ['a Map of indefinite length', 'd9 0103 bf ff'],
  ['a Map with an array as key', 'd9 0103 a1 80 00'],
  ['a Map with bytes as key', 'd9 0103 a1 41 00 00'],
  ['a Map with a Date as key', 'd9 0103 a1 c1 00 00'],
  ['a Map with a simple value as key', 'd9 0103 a1 e0 00'],
  ['a Map that ends early', 'd9 0103 a1 00'],
  ['an Error of two parts', 'da 42504552 82 60 60'],
  ['an Error with bytes as message', 'da 42504552 83 60 40 f6'],
  ['an Error with null as name', 'da 42504552 83 f6 60 f6'],
  ['an Error with a list as code', 'da 42504552 83 60 60 80'],
  ['an Error with true as code', 'da 42504552 83 60 60 f5'],
  ['an Error that is a map', 'da 42504552 a0'],
];

for (const [what, bytes] of hostile) {
  test(`refused before it is decoded: ${what}`, () => {
    assert.throws(() => decodeBody('cbor', hex(bytes)), refused);
    assert.throws(() => decodeBody('cbor', Buffer.concat([hex('81'), hex(bytes)])), refused);
  });
}

const twins: readonly (readonly [string, string, string])[] = [
  ['number', '01', '18 01'],
  ['integer and float', '01', 'f9 3c00'],
  ['float of other size', 'fa 3fc00000', 'fb 3ff8000000000000'],
  ['0 and -0', '00', 'f9 8000'],
  ['small float', 'f9 0001', 'fa 33800000'],
  ['NaN', 'f9 7e00', 'fb 7ff8000000000001'],
  ['negative', '20', '38 00'],
  ['BigInt', '1b 0000000000000001', 'c2 41 01'],
  ['negative BigInt', '3b 0000000000000001', 'c3 42 0001'],
  ['text', '61 61', '78 01 61'],
  ['null', 'f6', 'f6'],
  ['undefined', 'f7', 'f7'],
  ['true', 'f5', 'f5'],
];

test('two keys of a Map that are one when decoded are refused', () => {
  for (const [what, one, other] of twins) {
    const both = hex(`d9 0103 a2 ${one} 00 ${other} 00`);
    assert.throws(() => scanBody(both), refused, what);
    for (const key of [one, other]) {
      const map = decodeBody('cbor', hex(`d9 0103 a1 ${key} 00`)) as Map<unknown, unknown>;
      assert.equal(map.size, 1, what);
    }
  }
  const values = 'f4 f5 f6 f7 00 20 1b0000000000000000 60 f93e00'.split(' ');
  const all = hex(`d9 0103 a9 ${values.map((value) => `${value}00`).join('')}`);
  assert.equal((decodeBody('cbor', all) as Map<unknown, unknown>).size, values.length);
});

test('Map and Set count as levels, at both ends', () => {
  let value: unknown = new Map();
  for (let depth = 1; depth < limits.bodyDepth; depth++) {
    value = depth % 2 ? new Set([value]) : new Map([[0, value]]);
  }
  assert.deepEqual(roundTrip(value), value);
  assert.throws(() => encodeBody([value]), code('ERR_ARGUMENT'));
  const { body } = encodeBody(value);
  assert.throws(() => scanBody(Buffer.concat([hex('d9 0102 81'), body])), refused);
});

test('numbers in Maps and Sets: at the limit they go through, one more is refused', () => {
  const half = limits.bodyNumberKeys / 2;
  const numbers = new Set(Array.from({ length: half }, (_, i) => (i % 2 ? i : BigInt(i) << 70n)));
  const map = new Map(Array.from({ length: half }, (_, i) => [-i - 0.5, 0] as const));
  const fits = [numbers, map, new Set(Array.from({ length: 5000 }, (_, i) => `${i}`))];
  assert.deepEqual(roundTrip(fits), fits);
  for (const more of [1, 1.5, 2n, 2n ** 64n]) {
    assert.throws(() => encodeBody([fits, new Set([more])]), code('ERR_MESSAGE_TOO_LARGE'));
    assert.throws(() => encodeBody([fits, new Map([[more, 0]])]), code('ERR_MESSAGE_TOO_LARGE'));
    const { body } = encodeBody(fits);
    for (const last of [new Set([more]), new Map([[more, 0]])]) {
      const over = Buffer.concat([hex('82'), body, encodeBody(last).body]);
      assert.throws(() => scanBody(over), refused);
    }
  }
});

test('bytes: a body at the limit goes through, a byte more is refused at both ends', () => {
  const fits = 'x'.repeat(limits.cborBodyBytes - 5);
  assert.equal(roundTrip(fits), fits);
  assert.throws(() => encodeBody(`${fits}x`), code('ERR_MESSAGE_TOO_LARGE'));
  assert.throws(() => encodeBody({ list: [fits, fits] }), code('ERR_MESSAGE_TOO_LARGE'));
  const many = new Array(1000).fill(Buffer.alloc(2000));
  assert.throws(() => encodeBody(many), code('ERR_MESSAGE_TOO_LARGE'));
  const wide = [new Float64Array(limits.cborBodyBytes / 8)];
  assert.throws(() => encodeBody(wide), code('ERR_MESSAGE_TOO_LARGE'));
  const over = Buffer.concat([hex('5a'), Buffer.alloc(4), Buffer.alloc(limits.cborBodyBytes - 4)]);
  over.writeUInt32BE(limits.cborBodyBytes - 4, 1);
  assert.throws(() => scanBody(over), refused);
});

const repeat = (head: string, count: number, item: string): Buffer =>
  Buffer.concat([
    hex(head),
    Buffer.alloc(4),
    Buffer.from(hex(item).toString('hex').repeat(count), 'hex'),
  ]).fill(
    Buffer.from([count >> 24, count >> 16, count >> 8, count]),
    hex(head).length,
    hex(head).length + 4,
  );

/** Whole numbers that a Map or a Set of V8 puts into one bucket, as they are hashed there. */
function colliding(count: number): number[] {
  const found: number[] = [];
  for (let key = 0; found.length < count; key++) {
    let hash = (~key + (key << 15)) | 0;
    hash ^= hash >>> 12;
    hash = (hash + (hash << 2)) | 0;
    hash ^= hash >>> 4;
    hash = Math.imul(hash, 2057);
    hash ^= hash >>> 16;
    if ((hash & 0x7ff) === 0) found.push(key);
  }
  return found;
}

function collisions(): Buffer {
  const keys = colliding(limits.bodyNumberKeys);
  return Buffer.from(encodeBody(new Map(keys.map((key) => [key, 0]))).body);
}

/** The lower 64 bits are all that a BigInt is hashed by. */
function bigCollisions(): Buffer {
  const keys = Array.from({ length: limits.bodyNumberKeys }, (_, i) => BigInt(i) << 64n);
  return Buffer.from(encodeBody(new Map(keys.map((key) => [key, 0]))).body);
}

/** Inputs that cost a decoder dearly when it is not told what to expect. */
const nasty: readonly (readonly [string, Buffer])[] = [
  ['64 KiB of a BigInt', Buffer.concat([hex('c2 59 ffff'), Buffer.alloc(65_535, 0xff)])],
  ['64 KiB of BigInts at the limit', repeat('9a', 500, `c2 58 80 ${'ff'.repeat(128)}`)],
  ['2,300 levels', Buffer.concat([Buffer.alloc(2300, 0x81), hex('00')])],
  ['100,000 tags', Buffer.alloc(100_000, 0xc1)],
  ['Errors', repeat('9a', 7000, 'da 42504552 83 60 60 f6')],
  ['objects', repeat('9a', 65_536, 'a0')],
  ['Sets', repeat('9a', 16_384, 'd9 0102 80')],
  ['Dates', repeat('9a', 32_768, 'c1 00')],
  ['typed arrays', repeat('9a', 20_000, 'd8 48 40')],
  ['inline records', repeat('9a', 6000, 'd9 dfff 83 19 e000 81 61 61 00')],
  ['a map of 8,000 keys', texts(8000, (i) => `k${i}`)],
  ['a Map of numbers with one hash', collisions()],
  ['a Map of BigInts with one hash', bigCollisions()],
];

/** Loose, as the machine may be busy: on a quiet one the last takes 160 ms, most under 10. */
const BOUNDED_MS = 1000;

for (const [what, bytes] of nasty) {
  test(`decoded or refused in bounded time: ${what}`, () => {
    let bestMs = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 5; run++) {
      const startMs = performance.now();
      try {
        decodeBody('cbor', bytes);
      } catch (error) {
        assert.ok(refused(error), String(error));
      }
      bestMs = Math.min(bestMs, performance.now() - startMs);
    }
    assert.ok(bestMs < BOUNDED_MS, `${bestMs} ms`);
  });
}

test('other tags that the decoder knows are not reached', () => {
  const writer = new Encoder({ useRecords: true, structuredClone: true, bundleStrings: true });
  const circle: { self?: unknown } = {};
  circle.self = circle;
  for (const value of [/x/, new Error('x'), circle, ['bundled', 'strings'], [{ a: 1 }, { a: 1 }]]) {
    const bytes = Buffer.from(writer.encode(value));
    assert.throws(() => scanBody(bytes), refused);
  }
});
