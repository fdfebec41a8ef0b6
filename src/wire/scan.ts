/**
 * A look at a CBOR body (RFC 8949) before it is decoded, because the decoder is not made for
 * hostile input: 64 KiB of tagged big numbers cost it half a second, tags 27 to 29 build objects,
 * records can be defined inline, and some 2,300 levels overflow its stack. What passes here is
 * plain data: integers, floats, booleans, null, undefined, byte strings, UTF-8 texts, arrays, and
 * maps with text keys.
 */
import { isUtf8 } from 'node:buffer';
import { ProtocolError } from '../errors.js';
import { limits } from '../limits.js';

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Keys that no object of a body may have: they reach an object's prototype. */
export function isForbiddenKey(key: string): boolean {
  return FORBIDDEN_KEYS.has(key);
}

function refused(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', `a body that is not acceptable CBOR: ${what}`);
}

/**
 * Items still to come at each level; a map counts twice its pairs, so that an even rest is a key.
 * Reused: a scan is one turn.
 */
const remaining = new Float64Array(limits.bodyDepth + 1);
const isMap = new Uint8Array(limits.bodyDepth + 1);

/**
 * Passes exactly one acceptable item that fills all of `data`. Does not recurse and allocates
 * nothing per item.
 *
 * @throws ProtocolError ERR_PROTOCOL: a tag, an indefinite length, a reserved or simple value, a
 *   key that is not text or is forbidden, text that is not UTF-8, deeper than `limits.bodyDepth`,
 *   more items than `limits.bodyItems`, truncated, or bytes left over.
 */
export function scanBody(data: Uint8Array): void {
  const end = data.length;
  let at = 0;
  let depth = 0;
  let items = 0;
  remaining[0] = 1;
  isMap[0] = 0;
  for (;;) {
    while (remaining[depth] === 0) {
      if (depth === 0) {
        if (at !== end) throw refused('bytes after its end');
        return;
      }
      depth--;
    }
    if (at >= end) throw refused('it ends early');
    if (++items > limits.bodyItems) throw refused(`more than ${limits.bodyItems} items`);
    const isKey = isMap[depth] === 1 && (remaining[depth] as number) % 2 === 0;
    remaining[depth] = (remaining[depth] as number) - 1;

    const initial = data[at] as number;
    const major = initial >> 5;
    const info = initial & 31;
    if (isKey && major !== 3) throw refused('a key that is not text');
    if (major === 7) {
      at = afterSimple(info, at + 1);
      if (at > end) throw refused('it ends early');
      continue;
    }
    if (info > 27) throw refused('an indefinite or reserved length');
    const widthBytes = info < 24 ? 0 : 1 << (info - 24);
    const argumentAt = at + 1;
    at = argumentAt + widthBytes;
    if (at > end) throw refused('it ends early');
    if (major < 2) continue;
    if (major === 6) throw refused('a tag');
    const count = widthBytes === 0 ? info : readArgument(data, argumentAt, widthBytes);
    if (major < 4) {
      if (count > end - at) throw refused('it ends early');
      if (major === 3) checkText(data, at, at + count, isKey);
      at += count;
      continue;
    }
    // Every item takes a byte at least: a count beyond that is a lie, and is refused before
    // anything is made of it.
    const inside = major === 5 ? 2 * count : count;
    if (inside > end - at) throw refused('it ends early');
    if (++depth > limits.bodyDepth) throw refused(`deeper than ${limits.bodyDepth} levels`);
    remaining[depth] = inside;
    isMap[depth] = major === 5 ? 1 : 0;
  }
}

/** Where a float, boolean, null or undefined ends. */
function afterSimple(info: number, at: number): number {
  if (info >= 20 && info <= 23) return at;
  if (info >= 25 && info <= 27) return at + (1 << (info - 24));
  throw refused('a simple value with no meaning here');
}

/** Exact up to 2^53; beyond that it is larger than any body, which is all that matters. */
function readArgument(data: Uint8Array, at: number, widthBytes: number): number {
  let value = 0;
  for (let i = at; i < at + widthBytes; i++) value = value * 256 + (data[i] as number);
  return value;
}

function checkText(data: Uint8Array, start: number, end: number, isKey: boolean): void {
  for (let i = start; i < end; i++) {
    if ((data[i] as number) < 0x80) continue;
    if (!isUtf8(data.subarray(i, end))) throw refused('text that is not UTF-8');
    break;
  }
  // The forbidden keys are ASCII of 9 and 11 bytes.
  const bytes = end - start;
  if (isKey && (bytes === 9 || bytes === 11)) {
    if (isForbiddenKey(String.fromCharCode(...data.subarray(start, end)))) {
      throw refused('a key that reaches the prototype');
    }
  }
}
