/**
 * The layout all frames share, and strict reading and writing of their fields. Big-endian.
 *
 * | bytes | field |
 * |---|---|
 * | 0-1 | magic 'BP' |
 * | 2 | layout of this header, 1 |
 * | 3 | type of the frame |
 * | 4-7 | length of the whole frame, header included |
 */
import { isUtf8 } from 'node:buffer';
import { ProtocolError } from '../errors.js';

export const HEADER_BYTES = 8;
const MAGIC_AND_LAYOUT = 0x425001;

/** Types of frames. The values are on the wire. */
export const FrameType = {
  hello: 1,
  challenge: 2,
  response: 3,
  welcome: 4,
  refuse: 5,
  bundle: 32,
  looseBundle: 33,
} as const;

/** A ProtocolError ERR_PROTOCOL, what every decoder here throws and nothing else. */
export function malformed(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', `malformed frame: ${what}`);
}

/** Checks the header and returns the frame's type, which may be one this version does not know. */
export function frameType(data: Buffer): number {
  if (data.length < HEADER_BYTES) throw malformed(`${data.length} bytes are less than a header`);
  if (data.readUIntBE(0, 3) !== MAGIC_AND_LAYOUT) throw malformed('not a frame of this protocol');
  if (data.readUInt32BE(4) !== data.length) throw malformed('its length is not what it says');
  return data[3] as number;
}

/** Writes the header of a frame that has `bytes` bytes with it. */
export function writeHeader(frame: Buffer, type: number, bytes: number): void {
  frame.writeUInt32BE(MAGIC_AND_LAYOUT * 256 + type, 0);
  frame.writeUInt32BE(bytes, 4);
}

/**
 * A frame of `bytes` bytes with its header written. The rest is not cleared: the caller fills all
 * of it.
 */
export function allocateFrame(type: number, bytes: number): Buffer {
  const frame = Buffer.allocUnsafe(bytes);
  writeHeader(frame, type, bytes);
  return frame;
}

/** Strict UTF-8 from `start` to `end`: anything else is a ProtocolError. */
export function readUtf8(data: Buffer, start: number, end: number): string {
  const text = data.toString('utf8', start, end);
  // Decoding replaces what is wrong by U+FFFD, so only texts that hold one need the second look.
  if (text.includes('\uFFFD') && !isUtf8(data.subarray(start, end))) {
    throw malformed('text that is not UTF-8');
  }
  return text;
}

/** Reads fields one after the other; reading past the end is a ProtocolError. */
export class FrameReader {
  readonly #data: Buffer;
  #at = HEADER_BYTES;

  constructor(data: Buffer) {
    this.#data = data;
  }

  uint8(): number {
    return this.#data.readUInt8(this.#take(1));
  }

  uint16(): number {
    return this.#data.readUInt16BE(this.#take(2));
  }

  uint32(): number {
    return this.#data.readUInt32BE(this.#take(4));
  }

  uint64(): bigint {
    return this.#data.readBigUInt64BE(this.#take(8));
  }

  /** A copy, so that nothing of the frame is kept alive. */
  bytes(count: number): Buffer {
    const start = this.#take(count);
    return Buffer.from(this.#data.subarray(start, start + count));
  }

  /** A text with its length in one byte before it: 1 to `greatestBytes` bytes of UTF-8. */
  text(greatestBytes: number): string {
    const length = this.uint8();
    if (length < 1 || length > greatestBytes) throw malformed(`a text of ${length} bytes`);
    const start = this.#take(length);
    return readUtf8(this.#data, start, start + length);
  }

  /** Every byte must have been read. */
  end(): void {
    if (this.#at !== this.#data.length) throw malformed('bytes after its last field');
  }

  #take(count: number): number {
    const start = this.#at;
    if (start + count > this.#data.length) throw malformed('it ends within a field');
    this.#at = start + count;
    return start;
  }
}

/** Writes fields one after the other into a frame that has exactly their size. */
export class FrameWriter {
  readonly frame: Buffer;
  #at = HEADER_BYTES;

  constructor(type: number, bytes: number) {
    this.frame = allocateFrame(type, bytes);
  }

  uint8(value: number): this {
    this.#at = this.frame.writeUInt8(value, this.#at);
    return this;
  }

  uint16(value: number): this {
    this.#at = this.frame.writeUInt16BE(value, this.#at);
    return this;
  }

  uint32(value: number): this {
    this.#at = this.frame.writeUInt32BE(value, this.#at);
    return this;
  }

  uint64(value: bigint): this {
    this.#at = this.frame.writeBigUInt64BE(value, this.#at);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.frame.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  text(value: Uint8Array): this {
    return this.uint8(value.length).bytes(value);
  }
}
