/**
 * Schemas say what values may be. They are values of the tree themselves, below `cluster/schemas`,
 * so that they are replicated, watched and changed as all else is:
 *
 *     cluster/schemas/<any name>: { path: 'hosts/*\/nodes/*\/workers', schema: { ... } }
 *
 * `path` is a prefix in which `*` stands for any one segment. Every value whose key it holds must
 * keep the schema, those of several prefixes all of them; so must the defaults that are inherited
 * there (effective.ts). Keys below `cluster/schemas` are held by none but the rules for schemas.
 * Under a schema a value must be JSON: for a Date or a BigInt JSON Schema has no word.
 *
 * A transaction is checked as it would leave the tree, so a schema and the values it asks for can
 * be written together; a schema that values contradict which are there already is refused. Deleting
 * is always allowed.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { inheritedAs } from './effective.js';
import { isUnder, prefixProblem } from './path.js';
import { Budget, Pattern } from './pattern.js';
import { type Weight, weighSchema } from './schema-rules.js';
import type { Operation } from './transaction.js';
import type { Tree } from './tree.js';
import { decodeValue } from './value.js';

/** Where schemas are. */
export const SCHEMAS_PREFIX = 'cluster/schemas';

/** To compile a part takes as long as to check so many: 0.1 ms. */
const COMPILE_UNITS = 2048;

const options = {
  strict: true,
  strictRequired: false,
  strictTuples: false,
  allowUnionTypes: true,
  // Every object has a toString, which no value of ours is.
  ownProperties: true,
  // To find them, it would try patterns with JavaScript's engine.
  allowMatchingProperties: true,
  logger: false,
  formats: { ipv4: isIPv4, ipv6: isIPv6, ip: (text: string) => isIPv4(text) || isIPv6(text) },
} as const;

/** Knows the form of schemas, and compiles none. */
const forms = new Ajv2020(options);

/** What is wrong with a value, and where in it: `/output/files`; empty: all of it. */
export interface SchemaProblem {
  readonly path: string;
  readonly reason: string;
}

/** A schema of our own, compiled: whoever gives it is trusted. Null: nothing is wrong. */
export function checkerOf(schema: object): (value: unknown) => SchemaProblem | null {
  const validate = new Ajv2020({ ...options, meta: false, validateSchema: false }).compile(schema);
  return (value) => {
    if (validate(value)) return null;
    const { instancePath = '', message = 'it does not fit', params } = validate.errors?.[0] ?? {};
    validate.errors = null;
    const extra: unknown = params?.['additionalProperty'];
    if (typeof extra === 'string') {
      return { path: `${instancePath}/${extra}`, reason: 'there is no such field' };
    }
    const allowed: unknown = params?.['allowedValues'];
    const reason = Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : message;
    return { path: instancePath, reason };
  };
}

interface Schema {
  readonly key: string;
  readonly segments: readonly string[];
  readonly weight: Weight;
  readonly validate: ValidateFunction;
}

/** The schemas of one tree, compiled. */
export class Schemas {
  /** By key; what a key was last. */
  readonly #compiled = new Map<string, { readonly value: Buffer; readonly schema: Schema }>();
  #budget = new Budget();

  /**
   * Why operations must not be committed on top of a tree's newest revision; null when nothing is
   * wrong. Asked before an entry is made of them.
   */
  refusal(tree: Tree, operations: readonly Operation[]): ConfigError | null {
    this.#budget = new Budget();
    const outcome = tree.outcomeOf(operations);
    if (Array.from(outcome.values()).every((value) => value === null)) return null;
    try {
      const schemas = this.#schemasIn(tree, outcome);
      for (const [key, value] of outcome) {
        if (value !== null) this.#check(key, value, schemas);
      }
      const changed = schemas.filter(({ key }) => outcome.has(key));
      if (changed.length > 0) {
        for (const { key, value } of tree.range('')) {
          if (!outcome.has(key)) this.#check(key, value, changed);
        }
      }
      return null;
    } catch (error) {
      if (error instanceof ConfigError) return error;
      throw error;
    }
  }

  /** All schemas there would be. */
  #schemasIn(tree: Tree, outcome: ReadonlyMap<string, Buffer | null>): Schema[] {
    const values = new Map(tree.range(SCHEMAS_PREFIX).map(({ key, value }) => [key, value]));
    for (const [key, value] of outcome) {
      if (!isUnder(SCHEMAS_PREFIX, key)) continue;
      if (value === null) values.delete(key);
      else values.set(key, value);
    }
    if (values.size > limits.configSchemas) {
      throw new ConfigError('ERR_LIMIT', `there are at most ${limits.configSchemas} schemas`);
    }
    for (const key of this.#compiled.keys()) if (!values.has(key)) this.#compiled.delete(key);
    // What is in the tree was paid for when it came there.
    const costOf = (key: string) => (outcome.has(key) ? COMPILE_UNITS : 0);
    return Array.from(values, ([key, value]) => this.#schemaOf(key, value, costOf(key)));
  }

  #schemaOf(key: string, value: Buffer, unitsEach: number): Schema {
    const known = this.#compiled.get(key);
    if (known?.value.equals(value) === true) return known.schema;
    try {
      const schema = this.#compile(key, value, unitsEach);
      this.#compiled.set(key, { value: Buffer.from(value), schema });
      return schema;
    } catch (cause) {
      throw new ConfigError('ERR_SCHEMA', `${key}: ${(cause as Error).message}`, { cause, key });
    }
  }

  #compile(key: string, value: Buffer, unitsEach: number): Schema {
    if (value.length > limits.configSchemaBytes) {
      throw new ConfigError(
        'ERR_SCHEMA',
        `a schema has at most ${limits.configSchemaBytes} bytes when encoded`,
      );
    }
    const { path, schema } = readRecord(decodeValue(value));
    const weight = weighSchema(schema);
    this.#budget.spend(unitsEach * (weight.once + weight.each));
    if (!forms.validateSchema(schema)) throw new ConfigError('ERR_SCHEMA', forms.errorsText());
    const patternOf = (text: string) => new Pattern(text, (units) => this.#budget.spend(units));
    // One of its own for each: a validator keeps all it has ever compiled.
    const ajv = new Ajv2020({
      ...options,
      meta: false,
      validateSchema: false,
      // Without its optimizer, which takes the square of the time for a long list.
      code: { optimize: false, regExp: Object.assign(patternOf, { code: 'Pattern' }) },
    });
    return { key, segments: path.split('/'), weight, validate: ajv.compile(schema) };
  }

  #check(key: string, bytes: Buffer, schemas: readonly Schema[]): void {
    if (isUnder(SCHEMAS_PREFIX, key)) return;
    const keys = [key, ...inheritedAs(key)].map((one) => one.split('/'));
    const held = schemas.filter(({ segments }) => keys.some((one) => holds(segments, one)));
    if (held.length === 0) return;
    const value = decodeValue(bytes);
    const parts = countParts(value, key, '');
    for (const schema of held) this.#validate(schema, key, value, parts);
  }

  #validate(
    { key: schemaKey, weight, validate }: Schema,
    key: string,
    value: unknown,
    parts: number,
  ) {
    this.#budget.spend(weight.once + (weight.each + 1) * parts);
    if (validate(value)) return;
    const { instancePath = '', message = 'it does not fit' } = validate.errors?.[0] ?? {};
    validate.errors = null;
    throw refused(key, instancePath, `${message} (${schemaKey})`);
  }
}

/** Whether a prefix with wildcards holds a key. */
function holds(segments: readonly string[], key: readonly string[]): boolean {
  if (segments.length > key.length) return false;
  return segments.every((segment, index) => segment === '*' || segment === key[index]);
}

function refused(key: string, at: string, reason: string): ConfigError {
  return new ConfigError('ERR_SCHEMA', `${key}: ${at || 'the value'}: ${reason}`, { key });
}

/** The value of a schema's key. */
function readRecord(value: unknown): { readonly path: string; readonly schema: object } {
  const record = (value ?? {}) as { readonly path?: unknown; readonly schema?: unknown };
  const { path, schema } = record;
  if (typeof value !== 'object' || Object.keys(record).sort().join() !== 'path,schema') {
    throw new ConfigError('ERR_SCHEMA', 'it must be { path, schema }');
  }
  const isPath = typeof path === 'string' && path !== '';
  if (!isPath || prefixProblem(path.replaceAll('*', 'x')) !== null || /[^/]\*|\*[^/]/.test(path)) {
    throw new ConfigError('ERR_SCHEMA', 'path must be a prefix, with * for any one segment');
  }
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw new ConfigError('ERR_SCHEMA', 'schema must be an object');
  }
  countParts(schema, 'it', '');
  return { path, schema };
}

/** How many values a JSON value consists of. */
function countParts(value: unknown, key: string, at: string): number {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return 1;
  if (typeof value === 'number' && Number.isFinite(value)) return 1;
  let parts = 1;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) parts += countParts(value[i], key, `${at}/${i}`);
    return parts;
  }
  const isPlain = typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain) throw refused(key, at, 'only JSON can be under a schema');
  for (const [name, item] of Object.entries(value as object)) {
    parts += countParts(item, key, `${at}/${name}`);
  }
  return parts;
}
