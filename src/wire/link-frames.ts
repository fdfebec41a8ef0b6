/**
 * The frames of a link that is up. BEAT, PROBE and LEAVE are headers only. MESSAGE, after the
 * header:
 *
 * | bytes | field |
 * |---|---|
 * | 1 | kind: 1 send, 2 call, 3 reply, 4 failure |
 * | 1 | encoding of the body: 0 bytes, 1 CBOR |
 * | 1 | length of the topic |
 * | 1 | 0 |
 * | 8 | number of the call, under 2^53 |
 * | n | topic, UTF-8 |
 * | the rest | body |
 */
import { LinkError } from '../errors.js';
import { limits } from '../limits.js';
import { allocateFrame, FrameType, frameType, HEADER_BYTES, malformed, readUtf8 } from './frame.js';

/** A message as its frame carries it. */
export interface MessageFields {
  readonly kind: 'send' | 'call' | 'reply' | 'failure';
  readonly id: number;
  readonly topic: string;
  readonly encoding: 'bytes' | 'cbor';
  readonly body: Uint8Array;
}

/** A message as it was decoded: the body is a view of the frame. */
export interface DecodedMessage extends MessageFields {
  readonly type: 'message';
  readonly body: Buffer;
}

/** One frame of a link. */
export type LinkFrame = DecodedMessage | { readonly type: 'beat' | 'probe' | 'leave' };

const PREFIX_BYTES = HEADER_BYTES + 12;
const TWO_TO_32 = 2 ** 32;
const kinds = ['send', 'call', 'reply', 'failure'] as const;
const encodings = ['bytes', 'cbor'] as const;

const bareFrames = {
  beat: { type: 'beat' },
  probe: { type: 'probe' },
  leave: { type: 'leave' },
} as const;

/**
 * Encodes a MESSAGE.
 *
 * @throws LinkError ERR_MESSAGE_TOO_LARGE (body), ERR_ARGUMENT (a topic that is missing, too long
 *   or not wanted; a number that is missing or not wanted).
 */
export function encodeMessage(message: MessageFields): Buffer {
  const { kind, id, topic, body } = message;
  const topicBytes = Buffer.byteLength(topic);
  const problem = contradiction(kind, id, topicBytes);
  if (problem !== null) throw new LinkError('ERR_ARGUMENT', problem);
  if (topicBytes > limits.topicBytes) {
    throw new LinkError('ERR_ARGUMENT', `a topic has at most ${limits.topicBytes} bytes`);
  }
  if (body.length > limits.messageBytes) {
    throw new LinkError(
      'ERR_MESSAGE_TOO_LARGE',
      `a body of ${body.length} bytes is over the limit of ${limits.messageBytes}`,
    );
  }
  const bodyAt = PREFIX_BYTES + topicBytes;
  const frame = allocateFrame(FrameType.message, bodyAt + body.length);
  frame[8] = kinds.indexOf(kind) + 1;
  frame[9] = encodings.indexOf(message.encoding);
  frame[10] = topicBytes;
  frame[11] = 0;
  frame.writeUInt32BE(Math.floor(id / TWO_TO_32), 12);
  frame.writeUInt32BE(id % TWO_TO_32, 16);
  if (topicBytes > 0) frame.write(topic, PREFIX_BYTES, 'utf8');
  frame.set(body, bodyAt);
  return frame;
}

/**
 * Decodes one frame of a link. The body is a view of `data`.
 *
 * @throws ProtocolError ERR_PROTOCOL, and nothing else.
 */
export function decodeLinkFrame(data: Buffer): LinkFrame {
  const type = frameType(data);
  if (type === FrameType.message) return decodeMessage(data);
  if (data.length !== HEADER_BYTES) throw malformed('bytes after its last field');
  switch (type) {
    case FrameType.beat:
      return bareFrames.beat;
    case FrameType.probe:
      return bareFrames.probe;
    case FrameType.leave:
      return bareFrames.leave;
    default:
      throw malformed(`type ${type} on a link`);
  }
}

function decodeMessage(data: Buffer): DecodedMessage {
  if (data.length < PREFIX_BYTES) throw malformed('it ends within a field');
  const kind = kinds[(data[8] as number) - 1];
  const encoding = encodings[data[9] as number];
  if (kind === undefined || encoding === undefined || data[11] !== 0) {
    throw malformed('unknown kind or encoding of a message');
  }
  const topicBytes = data[10] as number;
  const bodyAt = PREFIX_BYTES + topicBytes;
  if (bodyAt > data.length) throw malformed('it ends within a field');
  if (data.length - bodyAt > limits.messageBytes) throw malformed('a body over the limit');
  const id = data.readUInt32BE(12) * TWO_TO_32 + data.readUInt32BE(16);
  const problem = contradiction(kind, id, topicBytes);
  if (problem !== null) throw malformed(problem);
  const topic = topicBytes === 0 ? '' : readUtf8(data, PREFIX_BYTES, bodyAt);
  return { type: 'message', kind, id, topic, encoding, body: data.subarray(bodyAt) };
}

/** What a kind of message must and must not have; the same for the sender and the receiver. */
function contradiction(kind: MessageFields['kind'], id: number, topicBytes: number): string | null {
  if (!Number.isSafeInteger(id) || id < 0) return 'a call number that is not a whole number';
  if (kind === 'send' && id !== 0) return 'a send has no call number';
  if (kind !== 'send' && id === 0) return `a ${kind} has a call number`;
  const answers = kind === 'reply' || kind === 'failure';
  if (answers && topicBytes > 0) return `a ${kind} has no topic`;
  if (!answers && topicBytes === 0) return `a ${kind} has a topic`;
  return null;
}
