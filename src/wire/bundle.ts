/**
 * What every SCTP message of a link that is up is: a bundle of records, sealed as a whole. After
 * the header that all frames have:
 *
 * | bytes | field |
 * |---|---|
 * | 4 | generation of the key |
 * | 8 | sequence: 0, 1, 2 ... per direction and stream |
 * | the rest | records, encrypted, and the tag; or as they are, where both ends asked for it |
 *
 * The 20 bytes before the records are authenticated with them; the stream and the direction are,
 * because each has keys of its own.
 */
import { limits } from '../limits.js';
import { FrameType, frameType, HEADER_BYTES, malformed, writeHeader } from './frame.js';

/** Bytes before the records. */
export const BUNDLE_HEADER_BYTES = HEADER_BYTES + 12;

const TWO_TO_32 = 2 ** 32;

/** What a bundle's header says. */
export interface BundleHeader {
  /** Whether it may come out of order, or not at all. */
  readonly loose: boolean;
  readonly generation: number;
  readonly sequence: number;
}

/** Writes the header of a bundle that has `bytes` bytes with it. */
export function writeBundleHeader(frame: Buffer, bytes: number, header: BundleHeader): void {
  writeHeader(frame, header.loose ? FrameType.looseBundle : FrameType.bundle, bytes);
  frame.writeUInt32BE(header.generation, 8);
  frame.writeUInt32BE(Math.floor(header.sequence / TWO_TO_32), 12);
  frame.writeUInt32BE(header.sequence % TWO_TO_32, 16);
}

/** @throws ProtocolError ERR_PROTOCOL, and nothing else. */
export function readBundleHeader(frame: Buffer): BundleHeader {
  const type = frameType(frame);
  const loose = type === FrameType.looseBundle;
  if (!loose && type !== FrameType.bundle) throw malformed(`type ${type} on a link`);
  if (frame.length < BUNDLE_HEADER_BYTES) throw malformed('it ends within a field');
  // A message that is kept keeps the memory of its whole bundle.
  if (frame.length > limits.bundleFrameBytes) throw malformed('a bundle over the limit');
  const sequence = frame.readUInt32BE(12) * TWO_TO_32 + frame.readUInt32BE(16);
  if (!Number.isSafeInteger(sequence)) throw malformed('a sequence over 2^53');
  return { loose, generation: frame.readUInt32BE(8), sequence };
}
