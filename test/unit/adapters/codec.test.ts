import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { decodeMessage, encodeMessage } from '../../../src/adapters/socket.io/codec.js';

/** What arrives at the other end. */
const carry = (value: unknown) => decodeMessage(encodeMessage({ value }))?.['value'];

test('what JSON holds arrives as it is, whatever its properties are called', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepStrictEqual(carry(value), value);
    }),
  );
  const odd = JSON.parse('{"__proto__":{"a":1},"$":["Buffer",0,0],"b":{"$":{"$":1}}}') as object;
  assert.deepStrictEqual(carry(odd), odd);
  assert.deepEqual(Object.keys(carry(odd) as object), ['__proto__', '$', 'b']);
});

test('binary values of every kind arrive as that kind, with their bytes', () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
  const values = [
    Buffer.from(bytes),
    bytes,
    bytes.buffer,
    new DataView(bytes.buffer),
    new Int8Array(bytes.buffer),
    new Uint8ClampedArray(bytes.buffer),
    new Int16Array(bytes.buffer),
    new Uint16Array(bytes.buffer, 2, 3),
    new Int32Array(bytes.buffer),
    new Uint32Array(bytes.buffer),
    new Float32Array(bytes.buffer),
    new Float64Array(bytes.buffer),
    new BigInt64Array(bytes.buffer),
    new BigUint64Array(bytes.buffer),
    Buffer.alloc(0),
  ];
  assert.deepStrictEqual(carry(values), values);
});

test('what JSON loses keeps: undefined, dates, and numbers that it has no words for', () => {
  const values = [undefined, new Date(5), Number.NaN, -0, Infinity, -Infinity];
  assert.deepStrictEqual(carry(values), values);
  assert.equal((carry(new Date(Number.NaN)) as Date).getTime(), Number.NaN);
  assert.deepStrictEqual(carry({ a: undefined }), { a: undefined });
});

test('objects of a class go as JSON has them, functions not at all', () => {
  class Money {
    constructor(readonly cents: number) {}
    toJSON() {
      return `${this.cents} cents`;
    }
  }
  class Plain {
    readonly a = 1;
    f() {}
  }
  assert.deepStrictEqual(carry([new Money(5), new Plain()]), ['5 cents', { a: 1 }]);
  assert.deepStrictEqual(carry([() => {}, Symbol('s')]), [null, null]);
  assert.deepStrictEqual(carry({ f: () => {}, a: 1 }), { a: 1 });
});

test('what cannot be sent is refused here', () => {
  assert.throws(() => encodeMessage({ big: 1n }), TypeError);
  const loop: Record<string, unknown> = {};
  loop['loop'] = loop;
  assert.throws(() => encodeMessage(loop), RangeError);
});

test('what is no message is none', () => {
  const json = (text: string) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(text.length);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  const bad = [
    null,
    'text',
    Buffer.alloc(3),
    Buffer.from([255, 255, 255, 255, 0]),
    json('{'),
    json('5'),
    json('null'),
    json('{"a":{"$":1}}'),
    json('{"a":{"$":null}}'),
    json('{"a":{"$":["constructor",0,0]}}'),
    json('{"a":{"$":["Buffer",0,1]}}'),
    json('{"a":{"$":["Buffer",-1,0]}}'),
    json('{"a":{"$":["Buffer",0,null]}}'.replace('null', '"x"')),
    json('{"a":{"$":["Float64Array",0,0.5]}}'),
    json('{"a":{"$":["object",5]}}'.replace('5', 'null')),
    json(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
  ];
  for (const body of bad) assert.equal(decodeMessage(body), null, String(body).slice(0, 60));
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      decodeMessage(Buffer.from(bytes));
    }),
  );
});
