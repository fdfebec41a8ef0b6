/**
 * What waits to be sent, and what was sent and is not acknowledged yet; a pure machine but for the
 * door to the carrier it is given. Messages of one turn leave together, a bundle per stream; a
 * large one leaves in fragments between which messages of other keys pass. Every message that comes
 * in gets one outcome, by evidence only.
 */
import { type ErrorCode, LinkError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { messageRecordBytes, SIGN_BYTES, writeMessageHead, writeSign } from '../wire/records.js';
import { isWhole, Lane, type Pending, type Sent } from './lane.js';
import { type Direction, Sealer, type SealingSecret } from './sealing.js';
import { lifeOf } from './spare.js';
import { isOwnStream, LINK_STREAM, ownStreams, RANKS, type StreamMap } from './streams.js';
import { newSendCounts } from './traffic.js';
import type { MessageOptions, Outcome, UserMessage } from './types.js';

/** Acknowledgements and credit that ride in the next bundle, whatever its stream. */
export interface AckSource {
  /** Bytes of what waits. */
  readonly bytes: number;
  /**
   * Writes all of it that may go, on the link's own stream or (`isOwn` false) on another; returns
   * where it ends.
   */
  write(data: Buffer, at: number, isOwn: boolean): number;
}

export interface OutboxSetup {
  readonly streams: StreamMap;
  readonly secret: SealingSecret;
  readonly direction: Direction;
  readonly acks: AckSource;
  nowMs(): number;
  /**
   * Gives one bundle to the carrier, which copies it. 'full': taken, but no more except of the
   * link's own until `flush` is called after a drain. 'over': not taken, nor will anything be.
   */
  carry(stream: number, bundle: Buffer, loose: boolean, context: number): 'room' | 'full' | 'over';
}

const UNSENT = { type: 'unsent' } as const;
const LOST = { type: 'unsent', code: 'ERR_ARGUMENT' } as const;
const EXPIRED = { type: 'expired' } as const;
const UNKNOWN = { type: 'unknown' } as const;
const DELIVERED = { type: 'delivered' } as const;
const NEVER = Number.POSITIVE_INFINITY;

/** Topics whose bytes are kept. */
const TOPICS = 1024;
/** A smaller body that has to wait is copied, which costs less than to look after it. */
export const BORROWED_BYTES: number = 16 * 1024;

export class Outbox {
  /** What it has sent, and what became of that. */
  readonly counts = newSendCounts();
  readonly #setup: OutboxSetup;
  /** Those that were ever needed: of 64 an idle link uses one, and each takes a kilobyte. */
  readonly #lanes: Lane[] = [];
  readonly #byStream: (Lane | undefined)[] = [];
  /** Lanes with something to send, by rank. */
  readonly #dirty: Lane[][] = Array.from({ length: RANKS }, () => []);
  readonly #topics = new Map<string, Uint8Array>();
  /** Bytes of each context that the kernel gave back unsent. */
  readonly #givenBack = new Map<number, number>();
  #blocked = false;
  #over = false;
  #context = 0;
  #carriedBytes = 0;
  /** What `#carriedBytes` may rise to in this flush. */
  #flushEndBytes = 0;
  #queuedBytes = 0;
  /** Messages without an outcome. */
  #messages = 0;
  #smallUsed = 0;
  #largeUsed = 0;
  #smallCredit: number = limits.smallCreditBytes;
  #largeCredit: number = limits.largeCreditBytes;

  constructor(setup: OutboxSetup) {
    this.#setup = setup;
  }

  /** Bytes of messages that the carrier was not given yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Messages without an outcome. */
  get openMessages(): number {
    return this.#messages;
  }

  /** Whether every message was given to the carrier and acknowledged. */
  get isSettled(): boolean {
    return this.#messages === 0;
  }

  /** Whether `flush` would send something. */
  get isDirty(): boolean {
    return this.#dirty.some((lanes) => lanes.length > 0);
  }

  /** Whether the carrier has room for more than the last `flush` was to send. */
  get isCutShort(): boolean {
    return !this.#blocked && this.isDirty;
  }

  /**
   * Takes one message. A body that is not copied is read when its turn comes.
   *
   * @throws LinkError ERR_QUEUE_FULL, ERR_MESSAGE_TOO_LARGE, ERR_ARGUMENT: nothing was taken.
   */
  add(
    message: UserMessage,
    options: MessageOptions,
    done: ((outcome: Outcome) => void) | undefined,
  ): void {
    const topic = this.#topicBytes(message.topic);
    const bytes = messageRecordBytes(message, topic.length);
    const loose = options.unordered === true || options.ttlMs !== undefined;
    const { own } = options;
    const isOwn = own !== undefined;
    if ((loose || isOwn) && bytes > limits.bundleBytes) {
      const what = isOwn ? 'a message of the node' : 'an unordered message or one with a ttl';
      const text = `${what} has at most ${limits.bundleBytes} bytes`;
      throw new LinkError('ERR_MESSAGE_TOO_LARGE', text);
    }
    // Those of the node are few by its own limits, and what others wait for may depend on them.
    if (!isOwn && this.#queuedBytes + bytes > limits.outboxHardBytes) {
      this.counts.rejected++;
      throw new LinkError('ERR_QUEUE_FULL', `${this.#queuedBytes} bytes wait already`);
    }
    // A peer may give credit and never acknowledge.
    if (!isOwn && this.#messages >= limits.outboxMessages) {
      this.counts.rejected++;
      throw new LinkError('ERR_QUEUE_FULL', `${this.#messages} messages have no outcome yet`);
    }
    const kind = loose ? 'loose' : options.priority === true ? 'priority' : 'plain';
    const stream = isOwn
      ? ownStreams[own]
      : this.#setup.streams.of(message.topic, options.orderKey, kind);
    const lane = this.#lane(stream);
    this.#queuedBytes += bytes;
    this.#messages++;
    this.counts.sentMessages++;
    this.counts.sentBytes += bytes;
    this.#mark(lane);
    const mayGo = !loose && lane.isIdle && bytes <= limits.bundleBytes;
    if (mayGo && this.#mayFill(lane) && this.#hasCredit(lane, bytes)) {
      if (!lane.fits(bytes) && !this.#blocked) this.#seal(lane);
      if (lane.fits(bytes)) {
        this.#append(lane, message, topic, bytes, done);
        return;
      }
    }
    const { ttlMs } = options;
    const expiresAtMs = ttlMs === undefined ? NEVER : this.#setup.nowMs() + ttlMs;
    const isBorrowed = bytes > limits.bundleBytes || hasOwnMemory(message.body);
    const kept = isBorrowed ? message : withOwnBody(message);
    const life = isBorrowed ? lifeOf(message.body) : null;
    lane.push({ message: kept, topic, bytes, done, expiresAtMs, life, orderKey: options.orderKey });
  }

  /** A sign of the link's own. */
  sign(sign: 'beat' | 'probe' | 'leave'): void {
    const lane = this.#lane(LINK_STREAM);
    lane.reserve(SIGN_BYTES);
    lane.end = writeSign(lane.frame, lane.end, sign);
    this.#mark(lane);
  }

  /** Acknowledgements wait and nothing else goes: gives them a bundle of their own. */
  touch(): void {
    this.#mark(this.#lane(LINK_STREAM));
  }

  /**
   * Sends what may be sent now, but no more than limits.flushBytes of messages at once; `drained`:
   * the carrier has room again.
   */
  flush(drained = false): void {
    if (drained) this.#blocked = false;
    this.#flushEndBytes = this.#carriedBytes + limits.flushBytes;
    this.#serve(this.#dirty[0] as Lane[]);
    for (let rank = 1; rank < RANKS; rank++) this.#serve(this.#dirty[rank] as Lane[]);
  }

  /** The peer's acknowledgement. @throws ProtocolError ERR_PROTOCOL for what was never sent. */
  acknowledged(stream: number, sequence: number): void {
    const lane = this.#byStream[stream];
    if (lane === undefined || sequence >= lane.sealer.sequence) {
      throw new ProtocolError('ERR_PROTOCOL', 'an acknowledgement of what was never sent');
    }
    for (const sent of lane.takeAcknowledged(sequence)) {
      this.#messages -= sent.count;
      const refused = sent.refusals?.size ?? 0;
      this.counts.refused += refused;
      this.counts.delivered += sent.count - refused;
      settle(sent);
    }
    if (!lane.isIdle || !lane.isEmpty) this.#mark(lane);
  }

  /**
   * The peer would not have one of the messages that a bundle completes.
   * @throws ProtocolError ERR_PROTOCOL for what is not on its way.
   */
  refused(stream: number, sequence: number, index: number, code: string): void {
    const sent = this.#byStream[stream]?.findUnacknowledged(sequence);
    if (sent === undefined || index >= sent.count) {
      throw new ProtocolError('ERR_PROTOCOL', 'a refusal of what was never sent');
    }
    sent.refusals ??= new Map();
    sent.refusals.set(index, code as ErrorCode);
  }

  /** The peer's handlers are done with more. */
  credited(smallBytes: number, largeBytes: number): void {
    this.#smallCredit = Math.max(this.#smallCredit, smallBytes);
    this.#largeCredit = Math.max(this.#largeCredit, largeBytes);
    for (const lane of this.#lanes) if (!lane.isIdle) this.#mark(lane);
  }

  /** Every stream's next bundle goes under a new key. */
  rekey(): void {
    for (const lane of this.#lanes) lane.sealer.rekey();
  }

  /** The kernel gives back a part of the bundle it was given with this context, never sent. */
  givenBack(context: number, bytes: number): void {
    this.#givenBack.set(context, (this.#givenBack.get(context) ?? 0) + bytes);
  }

  /**
   * The link is over: every message without an outcome gets it now.
   * @param carrierBytes what the carrier still held that the kernel never took.
   */
  end(carrierBytes: number): void {
    if (this.#over) return;
    this.#over = true;
    const neverTakenFrom = this.#carriedBytes - carrierBytes;
    for (const lane of this.#lanes) {
      for (const sent of lane.unacknowledged) {
        const taken = sent.startBytes < neverTakenFrom;
        const unsent = !taken || this.#givenBack.get(sent.context) === sent.bytes;
        this.counts[unsent ? 'unsent' : 'unknown'] += sent.count;
        for (const done of sent.dones ?? []) done?.(unsent ? UNSENT : UNKNOWN);
      }
      this.counts.unsent += lane.waitingCount;
      for (const done of lane.waiting()) done?.(UNSENT);
    }
  }

  #lane(stream: number): Lane {
    const known = this.#byStream[stream];
    if (known !== undefined) return known;
    const { streams, secret, direction } = this.#setup;
    const loose = streams.isLoose(stream);
    const sealer = new Sealer(secret, direction, stream, loose);
    const lane = new Lane(stream, streams.rankOf(stream), loose, sealer);
    this.#lanes.push(lane);
    this.#byStream[stream] = lane;
    return lane;
  }

  #topicBytes(topic: string): Uint8Array {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    const bytes = Buffer.from(topic);
    if (this.#topics.size >= TOPICS) this.#topics.clear();
    this.#topics.set(topic, bytes);
    return bytes;
  }

  #mark(lane: Lane): void {
    if (lane.isMarked) return;
    lane.isMarked = true;
    (this.#dirty[lane.rank] as Lane[]).push(lane);
  }

  #hasSmallCredit(bytes: number): boolean {
    return this.#smallUsed + bytes <= this.#smallCredit;
  }

  /** What nodes say to each other is handled at once, and needs none. */
  #hasCredit(lane: Lane, bytes: number): boolean {
    return isOwnStream(lane.stream) || this.#hasSmallCredit(bytes);
  }

  #append(
    lane: Lane,
    message: UserMessage,
    topic: Uint8Array,
    bytes: number,
    done: Pending['done'],
  ): void {
    lane.reserve(bytes);
    const bodyAt = writeMessageHead(lane.frame, lane.end, message, topic);
    lane.frame.set(message.body, bodyAt);
    lane.end += bytes;
    lane.completes(done);
    lane.openBytes += bytes;
    if (!isOwnStream(lane.stream)) this.#smallUsed += bytes;
  }

  /** A bundle for each lane in turn, until none may send any more. */
  #serve(lanes: Lane[]): void {
    let turn = lanes.splice(0);
    while (turn.length > 0) {
      const again: Lane[] = [];
      for (const lane of turn) {
        if (this.#mayCarry(lane) && !lane.isWindowFull) this.#fill(lane);
        // Who was told of an expired message may have sent what takes the last room.
        if (!this.#mayCarry(lane)) {
          lanes.push(lane);
          continue;
        }
        if (this.#seal(lane)) again.push(lane);
        else if (lane.isIdle || !this.#blocked) lane.isMarked = false;
        // Messages of the node wait for room, though signs and acknowledgements do not.
        else lanes.push(lane);
      }
      turn = again;
    }
  }

  #mayCarry(lane: Lane): boolean {
    if (lane.rank === 0) return true;
    return !this.#blocked && this.#carriedBytes < this.#flushEndBytes;
  }

  /** Whether messages may be added to the open bundle. */
  #mayFill(lane: Lane): boolean {
    return lane.rank > 0 || !this.#blocked;
  }

  /** Moves what waits into the open bundle, as far as room and credit go. */
  #fill(lane: Lane): void {
    if (lane.isIdle || !this.#mayFill(lane)) return;
    lane.isFragmentsTurn = !lane.isFragmentsTurn;
    if (lane.isFragmentsTurn && this.#fragment(lane) === 'written') return;
    // A large one that is lost sets free what it held back.
    do this.#fillSmall(lane);
    while (lane.isEmpty && this.#fragment(lane) === 'lost');
  }

  #fillSmall(lane: Lane): void {
    // Whoever is told an outcome may end the link, which gives all others theirs.
    while (!this.#over) {
      const pending = lane.peek();
      if (pending === undefined) break;
      if (pending.expiresAtMs <= (pending.expiresAtMs === NEVER ? 0 : this.#setup.nowMs())) {
        lane.shift();
        this.#queuedBytes -= pending.bytes;
        this.#messages--;
        this.counts.expired++;
        pending.done?.(EXPIRED);
        continue;
      }
      if (lane.holdBehindLarge(pending)) continue;
      if (!isWhole(pending)) {
        lane.shift();
        this.#lost(pending, pending.bytes);
        continue;
      }
      if (!lane.fits(pending.bytes) || !this.#hasCredit(lane, pending.bytes)) break;
      lane.shift();
      this.#append(lane, pending.message, pending.topic, pending.bytes, pending.done);
    }
  }

  /**
   * Puts the next piece of a large message into the open bundle, when there is one to go and no
   * record before it. One whose memory is lost is given up; the peer is told when it has a piece.
   */
  #fragment(lane: Lane): 'written' | 'lost' | 'none' {
    if (this.#over || !lane.isEmpty) return 'none';
    const large = lane.nextLarge((bytes) => this.#largeUsed + bytes <= this.#largeCredit);
    if (large === null) return 'none';
    const { bytes } = large.pending;
    if (isWhole(large.pending)) {
      if (large.offset === 0) this.#largeUsed += bytes;
      lane.writeFragment(large);
      return 'written';
    }
    lane.giveUp(large);
    this.#lost(large.pending, bytes - large.offset);
    return lane.isEmpty ? 'lost' : 'written';
  }

  /** The memory of its body is gone, of which so many bytes still waited. */
  #lost({ done }: Pending, bytes: number): void {
    this.#queuedBytes -= bytes;
    this.#messages--;
    this.counts.unsent++;
    done?.(LOST);
  }

  /** Seals the open bundle and gives it to the carrier; false when there was nothing to send. */
  #seal(lane: Lane): boolean {
    const { acks } = this.#setup;
    const ackBytes = acks.bytes;
    if (this.#over || (lane.isEmpty && (lane.rank > 0 || ackBytes === 0))) return false;
    if (lane.isWindowFull) return false;
    lane.reserve(ackBytes + lane.sealer.overheadBytes);
    if (ackBytes > 0) lane.end = acks.write(lane.frame, lane.end, lane.stream === LINK_STREAM);
    const { sequence } = lane.sealer;
    const bundle = lane.sealer.seal(lane.frame, lane.end);
    this.#context = (this.#context + 1) >>> 0;
    const sent = lane.sent(sequence, this.#context, this.#carriedBytes, bundle.length);
    this.#queuedBytes -= lane.openBytes;
    lane.reopen();
    const carried = this.#setup.carry(lane.stream, bundle, lane.loose, sent.context);
    if (carried === 'over') sent.startBytes = Number.POSITIVE_INFINITY;
    else this.#carriedBytes += bundle.length;
    if (carried !== 'room') this.#blocked = true;
    return carried !== 'over';
  }
}

/**
 * Whether nothing else lies in the memory of a body, which can then be seen to be given away; what
 * was received lies among others, and so does what is smaller than Buffer's pool.
 */
function hasOwnMemory({ buffer, length }: Uint8Array): boolean {
  return length >= BORROWED_BYTES && buffer.byteLength === length;
}

/** With a copy of a body that belongs to the program, which may change it before its turn comes. */
function withOwnBody(message: UserMessage): UserMessage {
  if (message.encoding !== 'bytes') return message;
  return { ...message, body: Buffer.from(message.body) };
}

/** Tells that the messages of a bundle were delivered. */
function settle({ dones, refusals }: Sent): void {
  if (dones === null) return;
  for (let index = 0; index < dones.length; index++) {
    const code = refusals?.get(index);
    dones[index]?.(code === undefined ? DELIVERED : { type: 'delivered', code });
  }
}
