import assert from 'node:assert/strict';
import test from 'node:test';
import { Schemas } from '../../../src/config/schema.js';
import type { Operation } from '../../../src/config/transaction.js';
import { Tree } from '../../../src/config/tree.js';
import { limits } from '../../../src/limits.js';
import { put, remove, removePrefix, treeOf } from './trees.js';

const rule = (path: string, schema: unknown, name = 'x') =>
  put(`cluster/schemas/${name}`, { path, schema });

/** Why operations are refused on a tree; null when they are not. */
function refusal(operations: readonly Operation[], tree = new Tree()): string | null {
  const error = new Schemas().refusal(tree, operations);
  return error === null ? null : `${error.code} ${error.message}`;
}

/** Why a schema refuses a value, or is refused. */
function judge(schema: unknown, value: unknown): string | null {
  return refusal([rule('cluster/a', schema), put('cluster/a/b', value)]);
}

const worker = {
  type: 'object',
  properties: {
    command: { type: 'string', minLength: 1 },
    args: { type: 'array', items: { type: 'string' } },
    address: { type: 'string', format: 'ip' },
  },
  required: ['command'],
  additionalProperties: false,
};

test('a value is refused with its key, the place in it, the reason and the schema', () => {
  const tree = treeOf([rule('hosts/*/nodes/*/workers', worker, 'workers')]);
  const key = 'hosts/h/nodes/n/workers/w';
  assert.equal(refusal([put(key, { command: 'x', args: ['1'] })], tree), null);
  assert.equal(
    refusal([put(key, { command: 'x', args: ['1', 2] })], tree),
    `ERR_SCHEMA ${key}: /args/1: must be string (cluster/schemas/workers)`,
  );
  assert.match(refusal([put(key, {})], tree) ?? '', /the value: must have required property/);
  const error = new Schemas().refusal(tree, [put('cluster/a', 1), put(key, 1)]);
  assert.equal(error?.key, key);
});

test('a path holds its key and all below, with * for one segment; the others are free', () => {
  const tree = treeOf([rule('hosts/*/nodes/*/log', { type: 'string' })]);
  const held = ['hosts/h/nodes/n/log', 'hosts/h/nodes/n/log/level', 'hosts/g/nodes/m/log/a/b'];
  const free = ['hosts/h/nodes/n/logs', 'hosts/h/log', 'cluster/log', 'hosts/h/nodes/n/x/log'];
  for (const key of held) assert.match(refusal([put(key, 1)], tree) ?? '', /must be string/, key);
  for (const key of free) assert.equal(refusal([put(key, 1)], tree), null, key);
});

test('all schemas that hold a key count', () => {
  const tree = treeOf([
    rule('cluster', { type: 'number' }, 'all'),
    rule('cluster/a', { maximum: 3, type: 'number' }, 'some'),
  ]);
  assert.equal(refusal([put('cluster/b', 9)], tree), null);
  assert.match(
    refusal([put('cluster/a', 9)], tree) ?? '',
    /must be <= 3 \(cluster\/schemas\/some\)/,
  );
  assert.match(refusal([put('cluster/a', 'x')], tree) ?? '', /must be number/);
  // Schemas themselves are held by none.
  assert.equal(refusal([rule('hosts', { type: 'null' }, 'more')], tree), null);
});

test('defaults keep the schemas of those who inherit them', () => {
  const tree = treeOf([
    rule('hosts/*/nodes/*/port', { type: 'integer' }, 'port'),
    rule('hosts/*/rack', { type: 'string' }, 'rack'),
    rule('hosts/h1/nodes/*/port', { type: 'integer', minimum: 9 }, 'h1'),
  ]);
  const bad = (operation: Operation) => refusal([operation], tree) !== null;
  assert.ok(bad(put('cluster/node-defaults/port', 'x')));
  assert.ok(bad(put('hosts/h2/node-defaults/port', 'x')));
  assert.ok(bad(put('cluster/host-defaults/rack', 1)));
  assert.ok(bad(put('hosts/h1/node-defaults/port', 8)));
  assert.ok(!bad(put('hosts/h2/node-defaults/port', 8)));
  assert.ok(!bad(put('cluster/node-defaults/port', 8)));
  assert.ok(!bad(put('cluster/host-defaults/port', 'x')));
});

test('a transaction is judged as it would leave the tree', () => {
  const tree = treeOf([put('cluster/a/x', 'old'), put('cluster/a/y', 1)]);
  const numbers = rule('cluster/a', { type: 'number' });
  assert.match(refusal([numbers], tree) ?? '', /^ERR_SCHEMA cluster\/a\/x: the value: must be/);
  assert.equal(refusal([numbers, put('cluster/a/x', 2)], tree), null);
  assert.equal(refusal([put('cluster/a/x', 2), numbers], tree), null);
  assert.equal(refusal([numbers, remove('cluster/a/x')], tree), null);
  assert.equal(refusal([removePrefix('cluster'), numbers], tree), null);
  tree.apply(2, [numbers, remove('cluster/a/x')]);
  const texts = rule('cluster/a', { type: 'string' });
  assert.match(refusal([texts], tree) ?? '', /cluster\/a\/y/);
  assert.equal(refusal([texts, put('cluster/a/y', 'one')], tree), null);
  assert.equal(refusal([remove('cluster/schemas/x'), put('cluster/a/y', 'one')], tree), null);
});

test('what a schema cannot be', () => {
  const cases: [unknown, RegExp][] = [
    [1, /must be \{ path, schema \}/],
    [null, /must be \{ path, schema \}/],
    [{ path: 'cluster' }, /must be \{ path, schema \}/],
    [{ path: 'cluster', schema: {}, more: 1 }, /must be \{ path, schema \}/],
    [{ path: '', schema: {} }, /path must be/],
    [{ path: 'cluster/', schema: {} }, /path must be/],
    [{ path: 'cluster/a*', schema: {} }, /path must be/],
    [{ path: '**', schema: {} }, /path must be/],
    [{ path: 7, schema: {} }, /path must be/],
    [{ path: 'cluster', schema: true }, /schema must be an object/],
    [{ path: 'cluster', schema: [] }, /schema must be an object/],
    [{ path: 'cluster', schema: { const: new Date(0) } }, /only JSON/],
  ];
  for (const [value, reason] of cases) {
    assert.match(
      refusal([put('cluster/schemas/x', value)]) ?? '',
      /^ERR_SCHEMA cluster\/schemas\/x/,
    );
    assert.match(refusal([put('cluster/schemas/x', value)]) ?? '', reason);
  }
  const schemas: [unknown, RegExp][] = [
    [{ type: 'nmber' }, /data\/type must be/],
    [{ type: 'number', minimum: 'x' }, /data\/minimum must be number/],
    [{ minimum: 1 }, /strict mode/],
    [{ foo: 1 }, /at \/: foo is not supported/],
    [{ not: { $id: 'x' } }, /at \/not: \$id is not supported/],
    [{ $ref: 'http://example.org/x' }, /at \/\$ref: a reference is #\/\$defs\/<name>/],
    [{ $ref: '#' }, /a reference is/],
    [{ $ref: '#/$defs/toString' }, /a reference is/],
    [{ $ref: '#/$defs/a/b', $defs: { 'a/b': {} } }, /no name of a definition/],
    [{ $defs: { a: { not: { $ref: '#/$defs/a' } } } }, /a refers to itself/],
    [{ not: { $defs: {} } }, /stand at the top only/],
    [{ type: 'string', format: 'date' }, /the formats are ipv4, ipv6, ip/],
    [{ type: 'string', pattern: '(?=a)' }, /at \/pattern: error parsing regexp/],
    [{ type: 'string', pattern: 1 }, /a pattern must be a string/],
    [{ type: 'object', patternProperties: { '(': {} } }, /error parsing regexp/],
    [{ type: 'array', uniqueItems: true }, /uniqueItems needs items whose type is scalar/],
    [{ type: 'array', uniqueItems: true, items: { type: 'object' } }, /uniqueItems needs/],
    [{ allOf: {} }, /must be an array of schemas/],
    [{ items: [] }, /must be an object/],
    [{ $schema: 'http://json-schema.org/draft-07/schema#' }, /no schema with key/],
  ];
  for (const [schema, reason] of schemas) assert.match(judge(schema, 0) ?? '', reason);
});

test('what a schema can be', () => {
  const cases: [unknown, unknown[], unknown[]][] = [
    [{}, [1, 'x', null, [{}]], []],
    [{ type: ['string', 'null'] }, ['x', null], [1]],
    [{ enum: [1, { a: [1] }] }, [1, { a: [1] }], [2, { a: [2] }]],
    [{ $ref: '#/$defs/p', $defs: { p: { type: 'integer' } } }, [1], [1.5]],
    [{ type: 'array', uniqueItems: true, items: { type: 'string' } }, [['a']], [['a', 'a']]],
    [{ type: 'string', pattern: '^\\p{Lu}[a-z]*$' }, ['Über', 'A'], ['a']],
    [{ type: 'string', format: 'ip' }, ['10.0.0.1', '::1'], ['10.0.0', 'x']],
    [{ if: { type: 'number' }, else: { minLength: 3, type: 'string' } }, [3, 'xyz'], ['x']],
    [{ type: 'object', patternProperties: { '^x': { type: 'number' } } }, [{ x: 1 }], [{ xy: '' }]],
    [{ type: 'object', propertyNames: { maxLength: 1, type: 'string' } }, [{ x: 1 }], [{ xy: 1 }]],
    // What every object has is not its value.
    [{ type: 'object', properties: { toString: { type: 'number' } } }, [{}], [{ toString: 'x' }]],
    [{ type: 'object', required: ['valueOf'] }, [{ valueOf: 1 }], [{}]],
  ];
  for (const [schema, good, bad] of cases) {
    for (const value of good) assert.equal(judge(schema, value), null, JSON.stringify(schema));
    for (const value of bad) assert.match(judge(schema, value) ?? '', /^ERR_SCHEMA cluster\/a\/b/);
  }
});

test('every keyword there is', () => {
  const schema = {
    ...{ $comment: 'c', title: 't', description: 'd', default: {}, examples: [{}] },
    ...{ $schema: 'https://json-schema.org/draft/2020-12/schema', deprecated: true },
    type: 'object',
    properties: {
      number: { type: 'number', minimum: 0, maximum: 9, multipleOf: 1 },
      other: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 9 },
      text: { type: 'string', minLength: 1, maxLength: 9 },
      list: {
        ...{ type: 'array', minItems: 1, maxItems: 9, prefixItems: [{ type: 'number' }] },
        ...{ items: { type: 'string' }, contains: { const: 'x' }, minContains: 1, maxContains: 2 },
      },
      any: { anyOf: [{ enum: [1] }, false], oneOf: [true], allOf: [{}], not: { type: 'null' } },
    },
    ...{ required: ['number'], minProperties: 1, maxProperties: 9 },
    ...{ dependentRequired: { number: ['text'] }, additionalProperties: false },
  };
  const value = { number: 1, other: 2.5, text: 'x', list: [1, 'x'], any: 1 };
  assert.equal(judge(schema, value), null);
  for (const bad of [{ other: 9 }, { list: [1] }, { any: 2 }, { text: undefined }, { more: 1 }]) {
    assert.match(judge(schema, { ...value, ...bad }) ?? '', /^ERR_SCHEMA cluster\/a\/b/);
  }
});

test('under a schema only JSON can be', () => {
  const values = [undefined, 1n, Number.NaN, new Date(0), Buffer.alloc(1), new Map(), new Set()];
  for (const value of values) {
    assert.match(judge({}, { a: [value] }) ?? '', /^ERR_SCHEMA cluster\/a\/b: \/a\/0: only JSON/);
  }
});

test('names in a schema are no code', () => {
  const name = "a'];process.exit(1);//";
  const schema = { type: 'object', required: [name], properties: { '`${process.exit(1)}': {} } };
  assert.match(judge(schema, {}) ?? '', /must have required property/);
  assert.equal(judge(schema, { [name]: 1 }), null);
});

test('hostile schemas take no longer than others', () => {
  const defs: Record<string, unknown> = { d0: { type: 'string' } };
  for (let i = 1; i < 40; i++) {
    const $ref = `#/$defs/d${i - 1}`;
    defs[`d${i}`] = { anyOf: [{ $ref }, { $ref }] };
  }
  assert.match(
    judge({ $ref: '#/$defs/d39', $defs: defs }, 1) ?? '',
    /references counted each time/,
  );
  assert.match(
    judge({ type: 'string', pattern: '^(a+)+$' }, `${'a'.repeat(50_000)}b`) ?? '',
    /must match pattern/,
  );
  const property = 'a'.repeat(60);
  const matching = { properties: { [`${property}b`]: {} }, patternProperties: { '^(a+)+$': {} } };
  assert.equal(judge({ type: 'object', ...matching }, { [`${property}b`]: 1 }), null);
});

test('a schema has bounds', () => {
  const enumOf = (parts: number) => ({ enum: Array.from({ length: parts - 2 }, (_, i) => i) });
  assert.equal(judge(enumOf(limits.configSchemaParts), 1), null);
  assert.match(judge(enumOf(limits.configSchemaParts + 1), 1) ?? '', /more than 1024 parts/);
  const overhead = 30;
  const titled = (length: number) => ({ title: 'x'.repeat(length) });
  assert.equal(judge(titled(limits.configSchemaBytes - 2 * overhead), 1), null);
  assert.match(judge(titled(limits.configSchemaBytes), 1) ?? '', /at most 16384 bytes/);
  const matching = (pattern: string) => judge({ type: 'string', pattern }, 'x');
  assert.equal(matching('x'.repeat(1) + 'y?'.repeat(127)), null);
  assert.match(matching('x'.repeat(257)) ?? '', /at most 256 characters/);
  assert.equal(matching('x|.{500}'), null);
  assert.match(matching('x|.{1000}.{100}') ?? '', /repeats too much/);
});

test('there are at most limits.configSchemas schemas', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => rule('cluster/a', {}, String(i)));
  assert.equal(refusal(many(limits.configSchemas)), null);
  assert.match(refusal(many(limits.configSchemas + 1)) ?? '', /^ERR_LIMIT there are at most 256/);
});

test('checking one transaction has an end', () => {
  const items = { type: 'array', items: { allOf: new Array(100).fill({ type: 'string' }) } };
  const value = (count: number) => new Array(count).fill('x');
  assert.equal(judge(items, value(20_000)), null);
  assert.match(judge(items, value(100_000)) ?? '', /too much to check in one transaction/);
  const texts = { type: 'array', items: { type: 'string', pattern: '.{500}$' } };
  const long = (count: number) => new Array(count).fill('x'.repeat(4000));
  assert.equal(judge(texts, long(2)), null);
  assert.match(judge(texts, long(4)) ?? '', /too much to check in one transaction/);
  const large = { enum: Array.from({ length: limits.configSchemaParts - 2 }, (_, i) => i) };
  const compile = (count: number) =>
    refusal(Array.from({ length: count }, (_, i) => rule('hosts', large, String(i))));
  assert.equal(compile(8), null);
  assert.match(compile(9) ?? '', /too much to check in one transaction/);
  // The next transaction has all of it again.
  const schemas = new Schemas();
  const tree = treeOf([rule('cluster/a', texts)]);
  for (let i = 0; i < 3; i++) {
    assert.equal(schemas.refusal(tree, [put('cluster/a/b', long(2))]), null);
  }
});

test('a schema that came here and cannot be read stops what is put, not what is deleted', () => {
  const tree = treeOf([put('cluster/schemas/bad', { path: 'cluster/a', schema: { foo: 1 } })]);
  assert.match(refusal([put('cluster/b', 1)], tree) ?? '', /^ERR_SCHEMA cluster\/schemas\/bad: /);
  assert.equal(refusal([remove('cluster/schemas/bad'), put('cluster/b', 1)], tree), null);
  assert.equal(refusal([remove('cluster/b')], tree), null);
});

test('a schema is compiled once, until it changes', () => {
  const tree = treeOf([rule('cluster/a', { type: 'number' })]);
  const schemas = new Schemas();
  const { Function: original } = globalThis;
  let compiled = 0;
  globalThis.Function = new Proxy(original, {
    construct(target, args) {
      compiled++;
      return Reflect.construct(target, args);
    },
  });
  try {
    const counts = [];
    for (let i = 0; i < 3; i++) {
      assert.equal(schemas.refusal(tree, [put('cluster/a', i)]), null);
      counts.push(compiled);
    }
    assert.ok((counts[0] ?? 0) > 0);
    assert.deepEqual(new Set(counts), new Set([counts[0]]));
    tree.apply(2, [rule('cluster/a', { type: 'string' })]);
    assert.notEqual(schemas.refusal(tree, [put('cluster/a', 1)]), null);
    assert.ok(compiled > (counts[0] ?? 0));
  } finally {
    globalThis.Function = original;
  }
});
