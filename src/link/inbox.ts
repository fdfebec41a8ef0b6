/**
 * What arrives on a link that is up: bundles are opened, their records read, large messages put
 * together, and what was handled is acknowledged; a pure machine. Nothing a peer sends makes it
 * throw anything but a ProtocolError, and its memory is bounded whatever a peer does.
 */
import { type ErrorCode, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { smallBodyBytes } from '../wire/payload.js';
import {
  ACK_BYTES,
  CREDIT_BYTES,
  type DecodedMessage,
  type Fragment,
  RESERVED_TOPICS,
  RecordReader,
  refusalBytes,
  writeAck,
  writeCredit,
  writeRefusal,
} from '../wire/records.js';
import { Fifo } from './fifo.js';
import type { AckSource } from './outbox.js';
import { type Direction, Opener, type SealingSecret } from './sealing.js';
import { Spare } from './spare.js';
import { CONFIGURATION_STREAM, isOwnStream, type StreamMap } from './streams.js';

/**
 * What a handler made of a message: refused with a code, or done when a promise settles, or now.
 */
export type Handled = undefined | ErrorCode | PromiseLike<unknown>;

export interface InboxHandlers {
  onMessage(message: DecodedMessage): Handled;
  onSign(sign: 'beat' | 'probe' | 'leave'): void;
  onAck(stream: number, sequence: number): void;
  onRefusal(stream: number, sequence: number, index: number, code: string): void;
  onCredit(smallBytes: number, largeBytes: number): void;
  /** Credit has come back outside of `receive`: acknowledgements may be due. */
  onReturned(): void;
  /** Nothing more is to be handled. */
  isOver(): boolean;
}

/** A large message on its way. */
interface Assembly {
  readonly data: Buffer;
  filled: number;
}

interface Refusal {
  readonly stream: number;
  readonly sequence: number;
  readonly index: number;
  readonly code: string;
}

const NOTHING = Buffer.alloc(0);

/** Acknowledgements of loose bundles that leave together. */
const LOOSE_ACKS = 512;

function broken(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', what);
}

export class Inbox implements AckSource {
  /** Messages that were handled, and the bytes of their records. */
  receivedMessages = 0;
  receivedBytes = 0;
  readonly #streams: StreamMap;
  readonly #secret: SealingSecret;
  readonly #direction: Direction;
  readonly #handlers: InboxHandlers;
  readonly #reader = new RecordReader();
  readonly #wholeReader = new RecordReader();
  readonly #openers: (Opener | undefined)[] = [];
  readonly #assemblies: (Map<number, Assembly> | undefined)[] = [];
  readonly #spare = new Spare();
  /** By stream, -1 where none waits. */
  readonly #acks: Float64Array;
  #ackStreams: number[] = [];
  /** Streams of which something was refused. */
  readonly #hasRefused: Uint8Array;
  #looseAcks: { stream: number; sequence: number }[] = [];
  readonly #refusals = new Fifo<Refusal>();
  #refusalBytes = 0;
  #unackedBytes = 0;
  #smallReceived = 0;
  #largeReceived = 0;
  #smallHeld = 0;
  #largeHeld = 0;
  #smallAdvertised: number = limits.smallCreditBytes;
  #largeAdvertised: number = limits.largeCreditBytes;

  /** @param direction Which end sends what arrives here. */
  constructor(
    streams: StreamMap,
    secret: SealingSecret,
    direction: Direction,
    handlers: InboxHandlers,
  ) {
    this.#streams = streams;
    this.#secret = secret;
    this.#direction = direction;
    this.#handlers = handlers;
    this.#acks = new Float64Array(streams.count).fill(-1);
    this.#hasRefused = new Uint8Array(streams.count);
  }

  /** Bytes of messages that were handled since acknowledgements left. */
  get unackedBytes(): number {
    return this.#unackedBytes;
  }

  /**
   * Whether something waits that the peer may be waiting for. Replicas of the configuration tell
   * each other what they need to know by messages of their own.
   */
  get isAwaited(): boolean {
    const isProgram = this.#ackStreams.some((stream) => stream !== CONFIGURATION_STREAM);
    return isProgram || this.#looseAcks.length > 0 || this.#refusalBytes > 0 || this.#isCreditDue;
  }

  get bytes(): number {
    const acks = this.#ackStreams.length + this.#looseAcks.length;
    const bytes = acks * ACK_BYTES + this.#refusalBytes + (this.#isCreditDue ? CREDIT_BYTES : 0);
    return Math.min(bytes, limits.bundleAckBytes);
  }

  /**
   * One SCTP message of the peer.
   * @returns Whether the memory of `bundle` may still be in use.
   * @throws ProtocolError ERR_PROTOCOL, and nothing else (but what a handler throws).
   */
  receive(stream: number, bundle: Buffer): boolean {
    if (stream >= this.#streams.count) throw broken(`stream ${stream} is not one of this link`);
    this.#openers[stream] ??= new Opener(
      this.#secret,
      this.#direction,
      stream,
      this.#streams.isLoose(stream),
    );
    const { sequence, records } = (this.#openers[stream] as Opener).open(bundle);
    const reader = this.#reader;
    reader.start(records);
    let completed = 0;
    let isKept = false;
    for (;;) {
      const record = this.#handlers.isOver() ? null : reader.next();
      if (record === null) break;
      switch (record.type) {
        case 'message': {
          const bytes = record.body.length + reader.headBytes;
          if (isOwnStream(stream)) {
            this.#handleOwn(stream, sequence, completed++, record, bytes);
            break;
          }
          this.#smallReceived += bytes;
          this.#checkCredit(this.#smallReceived, this.#smallAdvertised);
          if (record.body.length >= smallBodyBytes) isKept = true;
          else if (record.encoding === 'bytes') record.body = Buffer.from(record.body);
          this.#handle(stream, sequence, completed++, record, bytes, false);
          break;
        }
        case 'fragment': {
          const whole = this.#assemble(stream, record);
          if (whole === null) break;
          this.#wholeReader.start(whole);
          const message = this.#wholeReader.next();
          if (message?.type !== 'message' || this.#wholeReader.next() !== null) {
            throw broken('fragments that are not one message');
          }
          // A reader keeps what it has read last, here up to 64 MiB.
          this.#wholeReader.start(NOTHING);
          message.release = () => this.#spare.give(whole);
          this.#handle(stream, sequence, completed++, message, whole.length, true);
          break;
        }
        case 'givenUp':
          this.#giveUp(stream, record.assembly);
          break;
        case 'ack':
          this.#handlers.onAck(record.stream, record.sequence);
          break;
        case 'refusal':
          this.#handlers.onRefusal(record.stream, record.sequence, record.index, record.code);
          break;
        case 'credit':
          this.#handlers.onCredit(record.smallBytes, record.largeBytes);
          break;
        default:
          this.#handlers.onSign(record.type);
          break;
      }
    }
    if (completed > 0) this.#acknowledge(stream, sequence);
    // A reader keeps what it has read last.
    reader.start(NOTHING);
    return isKept;
  }

  write(data: Buffer, at: number, isOwn: boolean): number {
    let end = isOwn ? this.#writeRefusals(data, at) : at;
    // A refusal comes before the acknowledgement that would tell the sender of a delivery.
    if (isOwn && this.#refusals.length > 0) return end;
    // Streams do not wait for each other: what must stay behind a refusal takes the same one.
    const mayGo = (stream: number) => isOwn || this.#hasRefused[stream] === 0;
    for (const stream of this.#ackStreams) {
      if (!mayGo(stream)) continue;
      end = writeAck(data, end, stream, this.#acks[stream] as number);
      this.#acks[stream] = -1;
    }
    const loose = this.#looseAcks.filter(({ stream }) => mayGo(stream)).slice(0, LOOSE_ACKS);
    for (const { stream, sequence } of loose) {
      end = writeAck(data, end, stream, sequence);
    }
    if (this.#isCreditDue) {
      this.#smallAdvertised = this.#smallCredit;
      this.#largeAdvertised = this.#largeCredit;
      end = writeCredit(data, end, this.#smallAdvertised, this.#largeAdvertised);
    }
    this.#ackStreams = this.#ackStreams.filter((stream) => this.#acks[stream] !== -1);
    const written = new Set(loose);
    this.#looseAcks = this.#looseAcks.filter((ack) => !written.has(ack));
    this.#unackedBytes = 0;
    return end;
  }

  /** As many as there is room for. */
  #writeRefusals(data: Buffer, at: number): number {
    let end = at;
    const mostEnd = at + limits.bundleAckBytes / 2;
    while (end <= mostEnd) {
      const refusal = this.#refusals.shift();
      if (refusal === undefined) break;
      end = writeRefusal(data, end, refusal);
    }
    this.#refusalBytes -= end - at;
    return end;
  }

  /** What the peer may have sent of small messages by now, since the link is up. */
  get #smallCredit(): number {
    return limits.smallCreditBytes + this.#smallReceived - this.#smallHeld;
  }

  get #largeCredit(): number {
    return limits.largeCreditBytes + this.#largeReceived - this.#largeHeld;
  }

  /**
   * Small credit is told when an eighth of the window has come back, large credit always: a message
   * of the greatest size needs all of it.
   */
  get #isCreditDue(): boolean {
    const smallReturned = this.#smallCredit - this.#smallAdvertised;
    return (
      smallReturned >= limits.smallCreditBytes / 8 || this.#largeCredit > this.#largeAdvertised
    );
  }

  #handle(
    stream: number,
    sequence: number,
    index: number,
    message: DecodedMessage,
    bytes: number,
    isLarge: boolean,
  ): void {
    // A large one is held since its first fragment.
    if (!isLarge) this.#smallHeld += bytes;
    this.#count(bytes);
    const handled = this.#handlers.onMessage(message);
    this.#unackedBytes += bytes;
    if (handled !== undefined && typeof handled !== 'string') {
      const settled = () => {
        this.#release(bytes, isLarge);
        if (this.#isCreditDue) this.#handlers.onReturned();
      };
      handled.then(settled, settled);
      return;
    }
    this.#release(bytes, isLarge);
    if (handled !== undefined) this.#refuse(stream, sequence, index, handled);
  }

  #count(bytes: number): void {
    this.receivedMessages++;
    this.receivedBytes += bytes;
  }

  #refuse(stream: number, sequence: number, index: number, code: string): void {
    this.#hasRefused[stream] = 1;
    this.#refusals.push({ stream, sequence, index, code });
    this.#refusalBytes += refusalBytes(code);
  }

  /** A message of the peer's node: it holds nothing, so it needs no credit. */
  #handleOwn(
    stream: number,
    sequence: number,
    index: number,
    message: DecodedMessage,
    bytes: number,
  ): void {
    if (message.kind !== 'send' || !message.topic.startsWith(RESERVED_TOPICS)) {
      throw broken("a message of a program on a stream of the nodes' own");
    }
    this.#count(bytes);
    const refusal = this.#handlers.onMessage(message);
    this.#unackedBytes += bytes;
    if (typeof refusal === 'string') this.#refuse(stream, sequence, index, refusal);
  }

  /** The handler is done with a message: its credit goes back to the peer. */
  #release(bytes: number, isLarge: boolean): void {
    if (isLarge) this.#largeHeld -= bytes;
    else this.#smallHeld -= bytes;
  }

  #acknowledge(stream: number, sequence: number): void {
    if (this.#streams.isLoose(stream)) {
      // On each stream so many may be on their way.
      if (this.#looseAcks.length >= this.#streams.count * limits.replayWindow) {
        throw broken('more loose bundles than may be on their way');
      }
      this.#looseAcks.push({ stream, sequence });
      return;
    }
    if (this.#acks[stream] === -1) this.#ackStreams.push(stream);
    this.#acks[stream] = sequence;
  }

  #checkCredit(received: number, advertised: number): void {
    if (received > advertised) throw broken('more messages than there is credit for');
  }

  /** The sender has lost the rest of a large message. */
  #giveUp(stream: number, number: number): void {
    const assembly = this.#assemblies[stream]?.get(number);
    if (assembly === undefined) throw broken('the end of a message that never began');
    this.#assemblies[stream]?.delete(number);
    this.#release(assembly.data.length, true);
  }

  /** Adds a piece; the whole record when it was the last. */
  #assemble(stream: number, { assembly: number, totalBytes, piece }: Fragment): Buffer | null {
    if (this.#streams.isLoose(stream)) throw broken('a fragment on a loose stream');
    if (isOwnStream(stream)) throw broken("a fragment on a stream of the nodes' own");
    this.#assemblies[stream] ??= new Map();
    const assemblies = this.#assemblies[stream] as Map<number, Assembly>;
    let assembly = assemblies.get(number);
    if (totalBytes > 0) {
      if (assembly !== undefined) throw broken('a message that begins twice');
      if (assemblies.size >= limits.reassemblies) throw broken('too many large messages at once');
      // Memory is taken as it is written to, so one that only promises much takes little.
      if (totalBytes > limits.largeCreditBytes) throw broken('a message over the limit');
      this.#largeReceived += totalBytes;
      this.#largeHeld += totalBytes;
      this.#checkCredit(this.#largeReceived, this.#largeAdvertised);
      assembly = { data: this.#spare.take(totalBytes), filled: 0 };
      assemblies.set(number, assembly);
    }
    if (assembly === undefined) throw broken('a piece of a message that never began');
    const { data, filled } = assembly;
    if (piece.length > data.length - filled) throw broken('a piece beyond its message');
    data.set(piece, filled);
    assembly.filled = filled + piece.length;
    if (assembly.filled < data.length) return null;
    assemblies.delete(number);
    return data;
  }
}
