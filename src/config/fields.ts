/** Strict reading of what peers and disks give as CBOR: anything else is a ProtocolError. */
import { ProtocolError } from '../errors.js';
import { isFullName } from '../node/names.js';
import { HASH_DIGITS, ID_DIGITS } from './entry.js';

/** Something of the configuration's protocol that is not what it should be. */
export function malformed(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', `malformed configuration message: ${what}`);
}

/** An array of so many items. */
export function readList(value: unknown, least: number, most: number): readonly unknown[] {
  if (Array.isArray(value) && value.length >= least && value.length <= most) return value;
  throw malformed('a list');
}

/** A whole number that is not less than `least`. */
export function readNumber(value: unknown, least = 0): number {
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number;
  throw malformed('a number');
}

/** A byte string. */
export function readBytes(value: unknown, most: number): Buffer {
  if (Buffer.isBuffer(value) && value.length <= most) return value;
  throw malformed('a byte string');
}

/** A text of at most so many UTF-16 units. */
export function readText(value: unknown, most: number): string {
  if (typeof value === 'string' && value.length <= most) return value;
  throw malformed('a text');
}

export function readBoolean(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw malformed('a boolean');
}

/** The name of a node. */
export function readName(value: unknown): string {
  if (isFullName(value)) return value;
  throw malformed('a name');
}

/** An id, from bytes to hex. */
export function readId(value: unknown): string {
  return readHex(value, ID_DIGITS);
}

/** A hash, from bytes to hex. */
export function readHash(value: unknown): string {
  return readHex(value, HASH_DIGITS);
}

/** An id or a hash, from hex to bytes. */
export function hexBytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

function readHex(value: unknown, digits: number): string {
  if (Buffer.isBuffer(value) && value.length * 2 === digits) return value.toString('hex');
  throw malformed('an id or a hash');
}
