/**
 * A cipher that hides nothing and checks everything: the tag is a hash of key, nonce, associated
 * data and text, and every key remembers the nonces it has sealed with. Real ciphers cannot tell
 * that a nonce was used twice; this one is a witness.
 */
import type { Aead, AeadKey } from '../../../src/runtime/crypto.js';

const TAG_BYTES = 16;

/** What both ends of one session share of one key. */
interface KeyRecord {
  readonly number: number;
  readonly sealed: Set<string>;
}

/** One for a world: both ends of a session derive the same keys, and meet here. */
export class WitnessAead implements Aead {
  readonly tagBytes = TAG_BYTES;
  readonly #records = new Map<string, KeyRecord>();
  readonly #violated: (what: string) => void;

  constructor(violated: (what: string) => void) {
    this.#violated = violated;
  }

  key(bytes: Uint8Array): AeadKey {
    const name = Buffer.from(bytes).toString('latin1');
    let record = this.#records.get(name);
    if (record === undefined) {
      record = { number: this.#records.size + 1, sealed: new Set() };
      this.#records.set(name, record);
    }
    return new WitnessKey(record, this.#violated);
  }
}

class WitnessKey implements AeadKey {
  readonly #record: KeyRecord;
  readonly #violated: (what: string) => void;

  constructor(record: KeyRecord, violated: (what: string) => void) {
    this.#record = record;
    this.#violated = violated;
  }

  seal(nonce: Uint8Array, frame: Buffer, start: number, end: number): void {
    const name = Buffer.from(nonce).toString('latin1');
    const { sealed, number } = this.#record;
    if (sealed.has(name)) this.#violated('a nonce was used twice under one key');
    sealed.add(name);
    writeTag(frame, end, tagOf(number, nonce, frame, start, end));
  }

  open(nonce: Uint8Array, frame: Buffer, start: number): Buffer | null {
    const end = frame.length - TAG_BYTES;
    if (end < start) return null;
    const { number, sealed } = this.#record;
    if (!sealed.has(Buffer.from(nonce).toString('latin1'))) return null;
    const [a, b] = tagOf(number, nonce, frame, start, end);
    const isWhole = frame.readUInt32BE(end) === a && frame.readUInt32BE(end + 4) === b;
    if (!isWhole || frame.readBigUInt64BE(end + 8) !== 0n) return null;
    return Buffer.from(frame.subarray(start, end));
  }
}

function writeTag(frame: Buffer, at: number, [a, b]: readonly [number, number]): void {
  frame.writeUInt32BE(a, at);
  frame.writeUInt32BE(b, at + 4);
  frame.fill(0, at + 8, at + TAG_BYTES);
}

/** Of a long text, every byte of the first kilobyte and a sample of the rest. */
const DENSE_BYTES = 1024;

function tagOf(
  key: number,
  nonce: Uint8Array,
  frame: Buffer,
  start: number,
  end: number,
): [number, number] {
  let a = 0x811c9dc5 ^ key;
  let b = end - start;
  for (let i = 0; i < nonce.length; i++) a = Math.imul(a ^ (nonce[i] as number), 0x01000193);
  b ^= start;
  const dense = Math.min(end, start + DENSE_BYTES);
  for (let i = 0; i < dense; i++) {
    a = Math.imul(a ^ (frame[i] as number), 0x01000193);
    b = Math.imul(b ^ a ^ (a >>> 13), 0x85ebca6b);
  }
  for (let i = dense; i < end; i += 61) {
    a = Math.imul(a ^ (frame[i] as number), 0x01000193);
    b = Math.imul(b ^ a ^ (a >>> 13), 0x85ebca6b);
  }
  return [a >>> 0, b >>> 0];
}
