/**
 * The records of a bundle, one after the other. Each begins with its type in one byte; the number
 * in brackets is the length of a field in bytes, big-endian.
 *
 * - 1 send, 2 call, 3 reply, 4 failure, 5 item, 6 publish, 7 stream: encoding of the body (1; 0
 *   bytes, 1 CBOR), length of the topic (1), whether there is a trace context (1), length of the
 *   body (4), number of the call (8, under 2^53; not in a send or publish), trace context (26, when
 *   there is one; see trace-context.ts), topic, body.
 * - 8 first fragment: zero (1), assembly (2), length of the whole record (4), length of this piece
 *   (4), piece. 9 next fragment: the same without the length of the whole. 10 given up: zero (1),
 *   assembly (2); no more of it comes.
 * - 16 acknowledgement: zero (1), stream (2), sequence (8). This bundle was handled, and on a
 *   reliable stream all before it.
 * - 17 refusal: length of the code (1), stream (2), sequence (8), place of the message among those
 *   that the bundle completes (4), code.
 * - 18 credit: zero (3), bytes of small messages (8) and of large ones (8) that may be sent,
 *   counted since the link is up.
 * - 32 beat, 33 probe, 34 leave: zero (3).
 *
 * A message whose record is over `limits.bundleBytes` travels as fragments: they are pieces of its
 * record.
 */
import { LinkError } from '../errors.js';
import { limits } from '../limits.js';
import { malformed, readUtf8 } from './frame.js';
import { readTraceparent, TRACE_CONTEXT_BYTES, writeTraceparent } from './trace-context.js';

/** Topics that begin so are the node's own. */
export const RESERVED_TOPICS = 'backplane:';

/**
 * - `send`, `publish`: to the handler of a topic, or to all its subscribers.
 * - `call`, `stream`: ask for one answer, or for many.
 * - `reply`, `failure`: the answer, or the end of many. `item`: one of many.
 */
export type MessageKind = 'send' | 'call' | 'reply' | 'failure' | 'item' | 'publish' | 'stream';

/** A message as its record carries it. */
export interface MessageFields {
  readonly kind: MessageKind;
  readonly id: number;
  readonly topic: string;
  readonly encoding: 'bytes' | 'cbor';
  readonly body: Uint8Array;
  /** The trace it belongs to, as W3C's `traceparent`; only with a topic. */
  readonly traceparent?: string | undefined;
}

/** A message as it was decoded: the body is a view of the bundle, until it is given another. */
export interface DecodedMessage extends MessageFields {
  readonly type: 'message';
  body: Buffer;
  /** Set where the memory of the body can be given back: see `ReceivedMessage` of link/types.ts. */
  release: (() => void) | undefined;
}

/** A piece of a large message; `totalBytes` is 0 in all but the first. */
export interface Fragment {
  readonly type: 'fragment';
  readonly assembly: number;
  readonly totalBytes: number;
  readonly piece: Buffer;
}

/** One record of a bundle. */
export type LinkRecord =
  | DecodedMessage
  | Fragment
  | { readonly type: 'givenUp'; readonly assembly: number }
  | { readonly type: 'ack'; readonly stream: number; readonly sequence: number }
  | {
      readonly type: 'refusal';
      readonly stream: number;
      readonly sequence: number;
      readonly index: number;
      readonly code: string;
    }
  | { readonly type: 'credit'; readonly smallBytes: number; readonly largeBytes: number }
  | { readonly type: 'beat' | 'probe' | 'leave' };

const MESSAGE_BYTES = 8;
const CALL_NUMBER_BYTES = 8;
const FIRST_FRAGMENT_BYTES = 12;
const NEXT_FRAGMENT_BYTES = 8;
export const ACK_BYTES = 12;
export const CREDIT_BYTES = 20;
export const SIGN_BYTES = 4;
export const GIVEN_UP_BYTES = 4;
const REFUSAL_BYTES = 16;
const CODE_BYTES = 64;

const Type = { first: 8, next: 9, givenUp: 10, ack: 16, refusal: 17, credit: 18 } as const;
const signs = { beat: 32, probe: 33, leave: 34 } as const;
const signTypes = new Map<number, LinkRecord>(
  Object.entries(signs).map(([type, value]) => [value, { type: type as keyof typeof signs }]),
);
const TWO_TO_32 = 2 ** 32;
const kinds: readonly MessageKind[] = [
  'send',
  'call',
  'reply',
  'failure',
  'item',
  'publish',
  'stream',
];

/** The room that a piece of a large message needs beside itself. */
export function fragmentOverheadBytes(isFirst: boolean): number {
  return isFirst ? FIRST_FRAGMENT_BYTES : NEXT_FRAGMENT_BYTES;
}

/**
 * The size of a message's record, and whether it can be sent at all.
 *
 * @param topicBytes of the topic in UTF-8.
 * @throws LinkError ERR_MESSAGE_TOO_LARGE (body), ERR_ARGUMENT (a topic that is missing, too long
 *   or not wanted; a number that is missing or not wanted).
 */
export function messageRecordBytes(message: MessageFields, topicBytes: number): number {
  const { kind, id, body } = message;
  const isTraced = message.traceparent !== undefined;
  const problem = contradiction(kind, id, topicBytes, isTraced);
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
  return messageHeadBytes(message, topicBytes) + body.length;
}

/** The same without the body. */
export function messageHeadBytes(message: MessageFields, topicBytes: number): number {
  return headBytes(message.kind, message.traceparent !== undefined) + topicBytes;
}

/** Bytes of a record before the topic. */
function headBytes(kind: MessageKind, isTraced: boolean): number {
  const bytes = isTold(kind) ? MESSAGE_BYTES : MESSAGE_BYTES + CALL_NUMBER_BYTES;
  return isTraced ? bytes + TRACE_CONTEXT_BYTES : bytes;
}

/** Whether nobody waits for an answer, nor is one. */
function isTold(kind: MessageKind): boolean {
  return kind === 'send' || kind === 'publish';
}

/** Writes all of a message's record but its body; returns where the body begins. */
export function writeMessageHead(
  data: Buffer,
  at: number,
  message: MessageFields,
  topic: Uint8Array,
): number {
  const { kind, id, traceparent } = message;
  data[at] = kinds.indexOf(kind) + 1;
  data[at + 1] = message.encoding === 'cbor' ? 1 : 0;
  data[at + 2] = topic.length;
  data[at + 3] = traceparent === undefined ? 0 : 1;
  data.writeUInt32BE(message.body.length, at + 4);
  if (!isTold(kind)) writeUint53(data, at + 8, id);
  const topicAt = at + headBytes(kind, traceparent !== undefined);
  if (traceparent !== undefined) writeTraceparent(data, topicAt - TRACE_CONTEXT_BYTES, traceparent);
  for (let i = 0; i < topic.length; i++) data[topicAt + i] = topic[i] as number;
  return topicAt + topic.length;
}

/**
 * Writes the head of a fragment; returns where the piece begins. `totalBytes` null: not the first.
 */
export function writeFragmentHead(
  data: Buffer,
  at: number,
  assembly: number,
  totalBytes: number | null,
  pieceBytes: number,
): number {
  data[at] = totalBytes === null ? Type.next : Type.first;
  data[at + 1] = 0;
  data.writeUInt16BE(assembly, at + 2);
  if (totalBytes !== null) data.writeUInt32BE(totalBytes, at + 4);
  const lengthAt = at + fragmentOverheadBytes(totalBytes !== null) - 4;
  data.writeUInt32BE(pieceBytes, lengthAt);
  return lengthAt + 4;
}

/** Writes that no more of a large message comes; returns where it ends, as all that follow. */
export function writeGivenUp(data: Buffer, at: number, assembly: number): number {
  data[at] = Type.givenUp;
  data[at + 1] = 0;
  data.writeUInt16BE(assembly, at + 2);
  return at + GIVEN_UP_BYTES;
}

/** Writes an acknowledgement. */
export function writeAck(data: Buffer, at: number, stream: number, sequence: number): number {
  data[at] = Type.ack;
  data[at + 1] = 0;
  data.writeUInt16BE(stream, at + 2);
  writeUint53(data, at + 4, sequence);
  return at + ACK_BYTES;
}

/** Bytes of a refusal's record. Codes are ASCII. */
export function refusalBytes(code: string): number {
  return REFUSAL_BYTES + Math.min(code.length, CODE_BYTES);
}

export function writeRefusal(
  data: Buffer,
  at: number,
  refusal: { stream: number; sequence: number; index: number; code: string },
): number {
  const code = Buffer.from(refusal.code, 'latin1').subarray(0, CODE_BYTES);
  data[at] = Type.refusal;
  data[at + 1] = code.length;
  data.writeUInt16BE(refusal.stream, at + 2);
  writeUint53(data, at + 4, refusal.sequence);
  data.writeUInt32BE(refusal.index, at + 12);
  data.set(code, at + REFUSAL_BYTES);
  return at + REFUSAL_BYTES + code.length;
}

export function writeCredit(
  data: Buffer,
  at: number,
  smallBytes: number,
  largeBytes: number,
): number {
  data.writeUInt32BE(Type.credit * 2 ** 24, at);
  writeUint53(data, at + 4, smallBytes);
  writeUint53(data, at + 12, largeBytes);
  return at + CREDIT_BYTES;
}

export function writeSign(data: Buffer, at: number, sign: keyof typeof signs): number {
  data.writeUInt32BE(signs[sign] * 2 ** 24, at);
  return at + SIGN_BYTES;
}

function writeUint53(data: Buffer, at: number, value: number): void {
  data.writeUInt32BE(Math.floor(value / TWO_TO_32), at);
  data.writeUInt32BE(value % TWO_TO_32, at + 4);
}

function readUint53(data: Buffer, at: number): number {
  const value = data.readUInt32BE(at) * TWO_TO_32 + data.readUInt32BE(at + 4);
  if (!Number.isSafeInteger(value)) throw malformed('a number over 2^53');
  return value;
}

/**
 * Texts that are read again and again, by their bytes: most messages have the topic of the last.
 */
class LastText {
  #bytes: Buffer = Buffer.alloc(0);
  #text = '';

  read(data: Buffer, start: number, end: number): string {
    if (end - start === this.#bytes.length && this.#isSame(data, start)) return this.#text;
    this.#text = readUtf8(data, start, end);
    this.#bytes = Buffer.from(data.subarray(start, end));
    return this.#text;
  }

  #isSame(data: Buffer, start: number): boolean {
    for (let i = 0; i < this.#bytes.length; i++) {
      if (this.#bytes[i] !== data[start + i]) return false;
    }
    return true;
  }
}

/** Reads the records of one bundle after the other. */
export class RecordReader {
  /** Bytes of the record of the last message, without its body. */
  headBytes = 0;
  readonly #lastTopic = new LastText();
  #data: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Begins with the records of a bundle. Their bodies and pieces will be views of `records`. */
  start(records: Buffer): void {
    this.#data = records;
    this.#at = 0;
  }

  /**
   * The next record; null at the end.
   * @throws ProtocolError ERR_PROTOCOL, and nothing else.
   */
  next(): LinkRecord | null {
    const data = this.#data;
    const at = this.#at;
    if (at === data.length) return null;
    const type = data[at] as number;
    if (type >= 1 && type <= kinds.length) return this.#message(at, kinds[type - 1] as MessageKind);
    switch (type) {
      case Type.first:
      case Type.next:
        return this.#fragment(at, type === Type.first);
      case Type.givenUp:
        this.#at = this.#need(at, GIVEN_UP_BYTES, 1);
        return { type: 'givenUp', assembly: data.readUInt16BE(at + 2) };
      case Type.ack:
        this.#at = this.#need(at, ACK_BYTES, 1);
        return {
          type: 'ack',
          stream: data.readUInt16BE(at + 2),
          sequence: readUint53(data, at + 4),
        };
      case Type.refusal:
        return this.#refusal(at);
      case Type.credit:
        this.#at = this.#need(at, CREDIT_BYTES, 3);
        return {
          type: 'credit',
          smallBytes: readUint53(data, at + 4),
          largeBytes: readUint53(data, at + 12),
        };
      default: {
        const sign = signTypes.get(type);
        if (sign === undefined) throw malformed(`a record of type ${type}`);
        this.#at = this.#need(at, SIGN_BYTES, 3);
        return sign;
      }
    }
  }

  #message(at: number, kind: MessageKind): DecodedMessage {
    const data = this.#data;
    this.#need(at, MESSAGE_BYTES, 0);
    const encoding = data[at + 1] as number;
    const topicBytes = data[at + 2] as number;
    const flags = data[at + 3] as number;
    if (encoding > 1 || flags > 1) throw malformed('unknown encoding of a message');
    const isTraced = flags === 1;
    const topicAt = this.#need(at, headBytes(kind, isTraced), 0);
    const bodyBytes = data.readUInt32BE(at + 4);
    if (bodyBytes > limits.messageBytes) throw malformed('a body over the limit');
    const bodyAt = this.#need(topicAt, topicBytes, 0);
    const end = this.#need(bodyAt, bodyBytes, 0);
    const id = isTold(kind) ? 0 : readUint53(data, at + 8);
    const problem = contradiction(kind, id, topicBytes, isTraced);
    if (problem !== null) throw malformed(problem);
    const traceAt = topicAt - TRACE_CONTEXT_BYTES;
    const traceparent = isTraced ? readTraceparent(data, traceAt) : undefined;
    const topic = topicBytes === 0 ? '' : this.#lastTopic.read(data, topicAt, bodyAt);
    this.#at = end;
    this.headBytes = bodyAt - at;
    const body = data.subarray(bodyAt, end);
    return {
      type: 'message',
      kind,
      id,
      topic,
      encoding: encoding === 1 ? 'cbor' : 'bytes',
      body,
      traceparent,
      release: undefined,
    };
  }

  #fragment(at: number, isFirst: boolean): Fragment {
    const data = this.#data;
    const pieceAt = this.#need(at, fragmentOverheadBytes(isFirst), 1);
    const pieceBytes = data.readUInt32BE(pieceAt - 4);
    if (pieceBytes === 0) throw malformed('an empty fragment');
    if (isFirst && data.readUInt32BE(at + 4) === 0) throw malformed('a large message of no bytes');
    this.#at = this.#need(pieceAt, pieceBytes, 0);
    return {
      type: 'fragment',
      assembly: data.readUInt16BE(at + 2),
      totalBytes: isFirst ? data.readUInt32BE(at + 4) : 0,
      piece: data.subarray(pieceAt, this.#at),
    };
  }

  #refusal(at: number): LinkRecord {
    const data = this.#data;
    const codeAt = this.#need(at, REFUSAL_BYTES, 0);
    const codeBytes = data[at + 1] as number;
    if (codeBytes === 0 || codeBytes > CODE_BYTES) throw malformed('a code that is too long');
    this.#at = this.#need(codeAt, codeBytes, 0);
    return {
      type: 'refusal',
      stream: data.readUInt16BE(at + 2),
      sequence: readUint53(data, at + 4),
      index: data.readUInt32BE(at + 12),
      code: readUtf8(data, codeAt, this.#at),
    };
  }

  /** `bytes` from `at` must be there, `zeros` of them after the type be zero; returns their end. */
  #need(at: number, bytes: number, zeros: number): number {
    const end = at + bytes;
    if (end > this.#data.length) throw malformed('it ends within a record');
    for (let i = 1; i <= zeros; i++) {
      if (this.#data[at + i] !== 0) throw malformed('bytes that must be zero');
    }
    return end;
  }
}

/** What a kind of message must and must not have; the same for the sender and the receiver. */
function contradiction(
  kind: MessageKind,
  id: number,
  topicBytes: number,
  isTraced: boolean,
): string | null {
  if (!Number.isSafeInteger(id) || id < 0) return 'a call number that is not a whole number';
  if (isTold(kind)) {
    if (id !== 0) return `a ${kind} has no call number`;
  } else if (id === 0) return `a ${kind} has a call number`;
  const answers = kind === 'reply' || kind === 'failure' || kind === 'item';
  if (answers && topicBytes > 0) return `a ${kind} has no topic`;
  if (answers && isTraced) return `a ${kind} has no trace context`;
  if (!answers && topicBytes === 0) return `a ${kind} has a topic`;
  return null;
}
