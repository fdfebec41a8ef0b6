/**
 * What a schema may be: JSON Schema (2020-12) without all that can make it cost more than its size.
 * The validator takes schemas to be as trustworthy as its own code; these are not.
 *
 * - References go to the schema's own `$defs` only, and in no circle.
 * - What it weighs is bounded, references counted each time. A value is checked against each part
 *   at most once, and against those below `items`, `additionalProperties` and their like at most
 *   once for each of its own parts, so both together bound the time.
 * - Items can be unique only where they are scalars: others would be compared each with each.
 * - Patterns are matched in a time that is linear (see pattern.ts).
 */
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { stepsOf } from './pattern.js';

/** How much there is to check. */
export interface Weight {
  /** Parts of the schema that are checked once in a value, */
  once: number;
  /** and those that may be checked for each part of it. */
  each: number;
}

type Reader = (rules: Rules, value: unknown, at: string, repeats: boolean) => void;

const SCALARS = ['string', 'number', 'integer', 'boolean', 'null'];
/** The formats there are; `ip` is any of the two. */
export const formats = ['ipv4', 'ipv6', 'ip'] as const;
const DEFS = '#/$defs/';
/** Of a pattern, so many steps count as a part of the schema. */
const STEPS_PER_PART = 4;

/** A keyword whose content is no schema: the validator itself checks its form. */
const plain: Reader = () => {};
const one: Reader = (rules, value, at, repeats) => rules.schema(value, at, repeats);
const list: Reader = (rules, value, at, repeats) => {
  if (!Array.isArray(value)) throw refusedAt(at, 'it must be an array of schemas');
  for (const [index, item] of value.entries()) rules.schema(item, `${at}/${index}`, repeats);
};
const named: Reader = (rules, value, at, repeats) => {
  for (const [name, item] of Object.entries(objectAt(value, at))) {
    rules.schema(item, `${at}/${name}`, repeats);
  }
};
const pattern: Reader = (rules, value, at, repeats) => rules.pattern(value, at, repeats);
/** Whatever its content is, it is checked for many parts of a value. */
const each =
  (reader: Reader): Reader =>
  (rules, value, at) =>
    reader(rules, value, at, true);

const keywords = new Map<string, Reader>([
  ...[
    ...['$schema', '$comment', 'title', 'description', 'default', 'examples', 'deprecated'],
    ...['type', 'enum', 'const', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
    ...['multipleOf', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minContains'],
    ...['maxContains', 'required', 'minProperties', 'maxProperties', 'dependentRequired'],
  ].map((name) => [name, plain] as const),
  ...['not', 'if', 'then', 'else'].map((name) => [name, one] as const),
  ...['allOf', 'anyOf', 'oneOf', 'prefixItems'].map((name) => [name, list] as const),
  ...['items', 'contains', 'additionalProperties', 'propertyNames'].map(
    (name) => [name, each(one)] as const,
  ),
  ['properties', named],
  [
    'patternProperties',
    (rules, value, at) => {
      for (const name of Object.keys(objectAt(value, at))) rules.pattern(name, at, true);
      named(rules, value, at, true);
    },
  ],
  ['pattern', pattern],
  [
    'format',
    (_rules, value, at) => {
      if ((formats as readonly unknown[]).includes(value)) return;
      throw refusedAt(at, `the formats are ${formats.join(', ')}`);
    },
  ],
  ['$defs', (rules, value, at) => rules.definitions(value, at)],
  ['$ref', (rules, value, at, repeats) => rules.reference(value, at, repeats)],
  ['uniqueItems', plain],
]);

/**
 * Checks a schema, and weighs it.
 * @throws ConfigError ERR_SCHEMA: the message names the place and the reason.
 */
export function weighSchema(schema: unknown): Weight {
  const rules = new Rules(schema);
  rules.schema(schema, '', false);
  return rules.weight;
}

/** An ERR_SCHEMA about a place in a schema. */
export function refusedAt(at: string, reason: string): ConfigError {
  return new ConfigError('ERR_SCHEMA', `the schema is refused at ${at || '/'}: ${reason}`);
}

function objectAt(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw refusedAt(at, 'it must be an object');
}

class Rules {
  readonly weight: Weight = { once: 0, each: 0 };
  readonly #definitions: Readonly<Record<string, unknown>>;
  /** Definitions that are being looked at. */
  readonly #open = new Set<string>();

  constructor(root: unknown) {
    const definitions = (root as { $defs?: unknown } | null)?.$defs;
    this.#definitions = definitions === undefined ? {} : objectAt(definitions, '/$defs');
  }

  schema(schema: unknown, at: string, repeats: boolean): void {
    this.#weigh(1, at, repeats);
    if (typeof schema === 'boolean') return;
    const object = objectAt(schema, at);
    for (const [name, value] of Object.entries(object)) {
      const reader = keywords.get(name);
      if (reader === undefined) throw refusedAt(at, `${name} is not supported`);
      this.#weigh(reader === plain ? partsOf(value) : 1, at, repeats);
      reader(this, value, `${at}/${name}`, repeats);
    }
    if (object['uniqueItems'] === true) checkUniqueItems(object['items'], at);
  }

  pattern(text: unknown, at: string, repeats: boolean): void {
    const steps = stepsOf(text);
    if (typeof steps === 'string') throw refusedAt(at, steps);
    this.#weigh(Math.ceil(steps / STEPS_PER_PART), at, repeats);
  }

  definitions(value: unknown, at: string): void {
    if (at !== '/$defs') throw refusedAt(at, '$defs stand at the top only');
    for (const name of Object.keys(objectAt(value, at))) this.#define(name, at, false);
  }

  reference(value: unknown, at: string, repeats: boolean): void {
    const name =
      typeof value === 'string' && value.startsWith(DEFS) ? value.slice(DEFS.length) : '';
    if (!Object.hasOwn(this.#definitions, name)) {
      throw refusedAt(at, `a reference is ${DEFS}<name>, to a schema that is there`);
    }
    this.#define(name, at, repeats);
  }

  #define(name: string, at: string, repeats: boolean): void {
    if (!/^[A-Za-z0-9._-]+$/.test(name)) throw refusedAt(at, `${name} is no name of a definition`);
    if (this.#open.has(name)) throw refusedAt(at, `${name} refers to itself`);
    this.#open.add(name);
    this.schema(this.#definitions[name], `/$defs/${name}`, repeats);
    this.#open.delete(name);
  }

  #weigh(parts: number, at: string, repeats: boolean): void {
    this.weight[repeats ? 'each' : 'once'] += parts;
    if (this.weight.once + this.weight.each <= limits.configSchemaParts) return;
    const most = `${limits.configSchemaParts} parts, references counted each time`;
    throw refusedAt(at, `it has more than ${most}`);
  }
}

function checkUniqueItems(items: unknown, at: string): void {
  const type = (items as { type?: unknown } | undefined)?.type;
  const types: unknown[] = Array.isArray(type) ? type : [type];
  if (types.every((one) => SCALARS.includes(one as string))) return;
  throw refusedAt(at, 'uniqueItems needs items whose type is scalar');
}

/** How many values a value consists of, keys aside. */
function partsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, item) => sum + partsOf(item), 1);
}
