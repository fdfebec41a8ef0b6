/**
 * Values as JSON, without loss. What JSON has no word for stands as an object with one key:
 *
 * | value | as |
 * |---|---|
 * | undefined | `{ $undefined: true }` |
 * | NaN, Infinity, -Infinity, -0 | `{ $number: "NaN" }` |
 * | a BigInt | `{ $bigint: "123" }` |
 * | bytes | `{ $bytes: "<base64>" }` |
 * | a Date | `{ $date: "2026-01-31T12:00:00.000Z" }` |
 * | a Map | `{ $map: [[key, value], ...] }` |
 * | a Set | `{ $set: [value, ...] }` |
 * | other typed arrays, Errors | `{ $cbor: "<base64>" }` |
 * | an object that looks like one of these | `{ $object: { ... } }` |
 *
 * To every tool that reads JSON or YAML these are ordinary objects; tags of YAML would not be.
 */
import { types } from 'node:util';
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { checkValueBytes, decodeValue, encodeValue } from './value.js';

/** A value as JSON has it. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Enough for limits.bigIntBits; longer ones are refused before they are read. */
const BIGINT = /^-?[0-9]{1,400}$/;
const numbers: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  '-0': -0,
};

/** What is read from the content of each tag; undefined when it is not what it should be. */
const readers: Readonly<Record<string, (content: unknown) => { value: unknown } | undefined>> = {
  $undefined: (content) => (content === true ? { value: undefined } : undefined),
  $number: (content) =>
    typeof content === 'string' && Object.hasOwn(numbers, content)
      ? { value: numbers[content] }
      : undefined,
  $bigint: (content) =>
    typeof content === 'string' && BIGINT.test(content) ? { value: BigInt(content) } : undefined,
  $bytes: (content) => {
    const value = readBase64(content);
    return value === undefined ? undefined : { value };
  },
  $date: readDate,
  $map: (content) => (isPairs(content) ? { value: new Map(readPairs(content)) } : undefined),
  $set: (content) =>
    Array.isArray(content) ? { value: new Set(content.map(fromPlain)) } : undefined,
  $cbor: (content) => {
    const bytes = readBase64(content);
    if (bytes === undefined) return undefined;
    checkValueBytes(bytes);
    return { value: decodeValue(bytes) };
  },
  $object: (content) => {
    const isObject = typeof content === 'object' && content !== null && !Array.isArray(content);
    return isObject ? { value: readFields(content) } : undefined;
  },
};

/** A value of the tree as JSON. */
export function toPlain(value: unknown): Plain {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    const isJson = Number.isFinite(value) && !Object.is(value, -0);
    return isJson ? value : { $number: Object.is(value, -0) ? '-0' : String(value) };
  }
  if (value === undefined) return { $undefined: true };
  if (typeof value === 'bigint') return { $bigint: String(value) };
  if (Array.isArray(value)) return value.map(toPlain);
  if (Buffer.isBuffer(value)) return { $bytes: value.toString('base64') };
  if (types.isDate(value)) return { $date: value.toISOString() };
  if (types.isMap(value)) {
    return { $map: Array.from(value, ([key, item]) => [toPlain(key), toPlain(item)]) };
  }
  if (types.isSet(value)) return { $set: Array.from(value, toPlain) };
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    return { $cbor: encodeValue(value).toString('base64') };
  }
  const entries = Object.entries(value as object).map(
    ([key, item]) => [key, toPlain(item)] as const,
  );
  const object = Object.fromEntries(entries);
  return tagOf(object) === undefined ? object : { $object: object };
}

/**
 * A value that `toPlain` has made, or a person has written.
 * @throws ConfigError ERR_CONFIG: a tag with another content than it has.
 */
export function fromPlain(plain: unknown): unknown {
  if (typeof plain === 'bigint') {
    const number = Number(plain);
    const digits = String(plain);
    // Exactly this number, or the shortest way to write it, as JSON does.
    if (String(number) === digits) return number;
    if (Number.isFinite(number) && BigInt(number) === plain) return number;
    const shown = digits.slice(0, 40);
    throw unreadable(`no number is exactly ${shown}: write { $bigint: "${shown}" }`);
  }
  if (typeof plain !== 'object' || plain === null) return plain;
  if (Array.isArray(plain)) return plain.map(fromPlain);
  const tag = tagOf(plain);
  if (tag === undefined) return readFields(plain);
  const read = readers[tag]?.((plain as Record<string, unknown>)[tag]);
  if (read === undefined) throw unreadable(`${tag} has a content that it cannot have`);
  return read.value;
}

function unreadable(what: string): ConfigError {
  return new ConfigError('ERR_CONFIG', what);
}

/** The tag an object is, when it looks like one. */
function tagOf(object: object): string | undefined {
  const [first, ...others] = Object.keys(object);
  if (first === undefined || others.length > 0) return undefined;
  return Object.hasOwn(readers, first) ? first : undefined;
}

function readFields(object: object): unknown {
  return Object.fromEntries(
    Object.entries(object).map(([key, item]) => [key, fromPlain(item)] as const),
  );
}

function readBase64(content: unknown): Buffer | undefined {
  if (typeof content !== 'string' || content.length > 2 * limits.configValueBytes) return undefined;
  return BASE64.test(content) ? Buffer.from(content, 'base64') : undefined;
}

function readDate(content: unknown): { value: unknown } | undefined {
  if (typeof content !== 'string') return undefined;
  const value = new Date(content);
  if (Number.isNaN(value.getTime()) || value.toISOString() !== content) return undefined;
  return { value };
}

function isPairs(content: unknown): content is unknown[][] {
  return Array.isArray(content) && content.every((one) => Array.isArray(one) && one.length === 2);
}

function readPairs(pairs: readonly unknown[][]): [unknown, unknown][] {
  return pairs.map(([key, item]) => [fromPlain(key), fromPlain(item)]);
}
