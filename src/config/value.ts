/**
 * Values as the tree, the store and the wire hold them: one CBOR item each. The keys of objects are
 * in order, so that values are equal where their bytes are; what has an order of its own (arrays,
 * Maps, Sets) keeps it.
 */
import { ConfigError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { decodeBody, encodeBody } from '../wire/payload.js';
import { scanBody } from '../wire/scan.js';

/** CBOR's head of an array with one item. */
const ARRAY_OF_ONE_BYTES = 1;

/**
 * Encodes a value: anything that `encodeBody` takes.
 * @returns Memory of its own.
 * @throws NodeError as `encodeBody`; ConfigError ERR_MESSAGE_TOO_LARGE: over
 *   limits.configValueBytes.
 */
export function encodeValue(value: unknown): Buffer {
  const bytes = encodeItem(value);
  // A circle was refused above, so that what is copied here has an end.
  const ordered = inOrder(value);
  const encoded = ordered === value ? bytes : encodeItem(ordered);
  if (encoded.length <= limits.configValueBytes) return Buffer.from(encoded);
  throw new ConfigError(
    'ERR_MESSAGE_TOO_LARGE',
    `a value has at most ${limits.configValueBytes} bytes when encoded`,
  );
}

/** Decodes a value that was checked; nothing of it shares memory with `bytes`. */
export function decodeValue(bytes: Buffer): unknown {
  return decodeBody('cbor', Buffer.from(bytes));
}

/**
 * Checks the bytes of a value that a peer sent.
 * @throws ProtocolError ERR_PROTOCOL: `decodeValue` could not read them, or too long.
 */
export function checkValueBytes(bytes: Buffer): void {
  if (bytes.length > limits.configValueBytes) {
    throw new ProtocolError('ERR_PROTOCOL', `a value of ${bytes.length} bytes`);
  }
  scanBody(bytes);
}

/** Bytes as a whole would go without CBOR, but not within an array. */
function encodeItem(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) return encodeBody(value).body;
  return encodeBody([value]).body.subarray(ARRAY_OF_ONE_BYTES);
}

/** The same value with the keys of all objects in order; itself where they are. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map(inOrder);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  if (value instanceof Map) {
    return new Map(Array.from(value, ([key, item]) => [key, inOrder(item)] as const));
  }
  if (value instanceof Set) return new Set(Array.from(value, inOrder));
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null
    ? objectInOrder(value as Record<string, unknown>)
    : value;
}

function objectInOrder(object: Record<string, unknown>): object {
  const keys = Object.keys(object);
  const sorted = keys.toSorted();
  const copy = Object.fromEntries(sorted.map((key) => [key, inOrder(object[key])] as const));
  const isSame = keys.every((key, index) => key === sorted[index] && copy[key] === object[key]);
  return isSame ? object : copy;
}
