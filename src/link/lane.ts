/** One stream of an outbox: its open bundle, what waits behind it, and what is on its way. */
import type { ErrorCode } from '../errors.js';
import { limits } from '../limits.js';
import { BUNDLE_HEADER_BYTES } from '../wire/bundle.js';
import {
  fragmentOverheadBytes,
  GIVEN_UP_BYTES,
  type MessageFields,
  messageHeadBytes,
  writeFragmentHead,
  writeGivenUp,
  writeMessageHead,
} from '../wire/records.js';
import { Fifo } from './fifo.js';
import type { Sealer } from './sealing.js';
import { lifeOf } from './spare.js';
import type { Outcome } from './types.js';

type Done = ((outcome: Outcome) => void) | undefined;

/** A message that is not in a bundle yet. */
export interface Pending {
  readonly message: MessageFields;
  readonly topic: Uint8Array;
  readonly orderKey: string;
  /** Of its record. */
  readonly bytes: number;
  readonly done: Done;
  /** Infinity when it does not expire. */
  readonly expiresAtMs: number;
  /** Of the memory of a body that was not copied: see `lifeOf`. Null: it is our own. */
  readonly life: number | null;
}

/** A message that leaves in fragments. */
export interface Large {
  readonly pending: Pending;
  /** Its record up to the body. */
  readonly head: Buffer;
  readonly assembly: number;
  /** Messages of the same key, which must not overtake it. */
  readonly behind: Pending[];
  /** Bytes of the record that are gone. */
  offset: number;
}

/** Whether its body is still there: a program may release, transfer or shrink the memory. */
export function isWhole({ message, topic, bytes, life }: Pending): boolean {
  const { body } = message;
  if (life === null) return true;
  return messageHeadBytes(message, topic.length) + body.length === bytes && lifeOf(body) === life;
}

/** A bundle that completes messages and is not acknowledged. */
export interface Sent {
  readonly sequence: number;
  readonly context: number;
  /** Bytes the carrier had been given before it; Infinity when it was not given this one. */
  startBytes: number;
  readonly bytes: number;
  /** Messages it completes. */
  readonly count: number;
  /** Whom to tell, by place; null when nobody wants to know. */
  readonly dones: readonly Done[] | null;
  /** Those of them that the peer would not have, by place. */
  refusals: Map<number, ErrorCode> | null;
}

const FIRST_FRAME_BYTES = 2048;
const ASSEMBLIES = 65536;

export class Lane {
  readonly stream: number;
  readonly rank: number;
  readonly loose: boolean;
  readonly sealer: Sealer;
  /** The open bundle: records from BUNDLE_HEADER_BYTES to `end`. */
  frame: Buffer = Buffer.alloc(0);
  end = BUNDLE_HEADER_BYTES;
  /** Bytes of messages in the open bundle. */
  openBytes = 0;
  isMarked = false;
  isFragmentsTurn = false;
  /** In the order of their sequences. */
  readonly unacknowledged = new Fifo<Sent>();
  #dones: Done[] | null = null;
  #count = 0;
  readonly #queue = new Fifo<Pending>();
  #large: Large[] = [];
  #assembly = 0;

  constructor(stream: number, rank: number, loose: boolean, sealer: Sealer) {
    this.stream = stream;
    this.rank = rank;
    this.loose = loose;
    this.sealer = sealer;
  }

  /** Whether nothing waits behind the open bundle. */
  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#large.length === 0;
  }

  /** Whether the open bundle has no record. */
  get isEmpty(): boolean {
    return this.end === BUNDLE_HEADER_BYTES;
  }

  /** A loose stream's peer knows the last so many numbers only. */
  get isWindowFull(): boolean {
    const oldest = this.unacknowledged.at(0);
    if (!this.loose || oldest === undefined) return false;
    return this.sealer.sequence >= oldest.sequence + limits.replayWindow;
  }

  /** Whether a record still fits into the open bundle. */
  fits(bytes: number): boolean {
    return this.end + bytes <= BUNDLE_HEADER_BYTES + limits.bundleBytes;
  }

  /** Makes room for so many bytes after `end`. */
  reserve(bytes: number): void {
    const needed = this.end + bytes;
    if (needed <= this.frame.length) return;
    const grown = Buffer.allocUnsafeSlow(
      Math.max(FIRST_FRAME_BYTES, needed, 2 * this.frame.length),
    );
    this.frame.copy(grown, 0, 0, this.end);
    this.frame = grown;
  }

  push(pending: Pending): void {
    this.#queue.push(pending);
  }

  /** The first message that waits. */
  peek(): Pending | undefined {
    return this.#queue.at(0);
  }

  shift(): void {
    this.#queue.shift();
  }

  /** Puts the first that waits aside when it is large, or of the key of one that is. */
  holdBehindLarge(pending: Pending): boolean {
    const { message, orderKey } = pending;
    const ahead = this.#large.find(
      (large) =>
        large.pending.orderKey === orderKey && large.pending.message.topic === message.topic,
    );
    if (ahead !== undefined) {
      this.shift();
      ahead.behind.push(pending);
      return true;
    }
    if (pending.bytes <= limits.bundleBytes) return false;
    this.shift();
    const head = Buffer.alloc(messageHeadBytes(message, pending.topic.length));
    writeMessageHead(head, 0, message, pending.topic);
    this.#assembly = (this.#assembly + 1) % ASSEMBLIES;
    this.#large.push({ pending, head, assembly: this.#assembly, behind: [], offset: 0 });
    return true;
  }

  /**
   * The large message whose piece is next: those begun take turns, another one begins when the peer
   * has credit for all of it.
   */
  nextLarge(hasCredit: (bytes: number) => boolean): Large | null {
    const begun = this.#large.filter(({ offset }) => offset > 0).length;
    for (let i = 0; i < this.#large.length; i++) {
      const large = this.#large[i] as Large;
      const mayBegin = begun < limits.reassemblies && hasCredit(large.pending.bytes);
      if (large.offset === 0 && !mayBegin) continue;
      this.#large.splice(i, 1);
      this.#large.push(large);
      return large;
    }
    return null;
  }

  /** Writes its next piece into the open bundle, which is empty. */
  writeFragment(large: Large): void {
    const { pending, head, offset } = large;
    const pieceBytes = Math.min(limits.fragmentBytes, pending.bytes - offset);
    const total = offset === 0 ? pending.bytes : null;
    this.reserve(fragmentOverheadBytes(true) + pieceBytes);
    let at = writeFragmentHead(this.frame, this.end, large.assembly, total, pieceBytes);
    this.end = at + pieceBytes;
    if (offset < head.length) at += head.copy(this.frame, at, offset);
    const bodyFrom = Math.max(0, offset - head.length);
    const bodyTo = offset + pieceBytes - head.length;
    this.frame.set(pending.message.body.subarray(bodyFrom, bodyTo), at);
    large.offset += pieceBytes;
    this.openBytes += pieceBytes;
    if (large.offset < pending.bytes) return;
    this.completes(pending.done);
    this.#forget(large);
  }

  /**
   * No more of it is sent; what it held back is free to go. The peer is told in the open bundle,
   * which is empty, when it has a piece of it.
   */
  giveUp(large: Large): void {
    this.#forget(large);
    if (large.offset === 0) return;
    this.reserve(GIVEN_UP_BYTES);
    this.end = writeGivenUp(this.frame, this.end, large.assembly);
  }

  #forget(large: Large): void {
    this.#large.splice(this.#large.indexOf(large), 1);
    this.#queue.prepend(large.behind);
  }

  /** The open bundle completes a message. */
  completes(done: Done): void {
    if (done !== undefined && this.#dones === null) {
      this.#dones = new Array<Done>(this.#count).fill(undefined);
    }
    this.#count++;
    this.#dones?.push(done);
  }

  /** The open bundle leaves; remembered when it completes messages. */
  sent(sequence: number, context: number, startBytes: number, bytes: number): Sent {
    const sent: Sent = {
      sequence,
      context,
      startBytes,
      bytes,
      count: this.#count,
      dones: this.#dones,
      refusals: null,
    };
    if (this.#count > 0) this.unacknowledged.push(sent);
    return sent;
  }

  /** Begins the next bundle. */
  reopen(): void {
    this.end = BUNDLE_HEADER_BYTES;
    this.openBytes = 0;
    this.#count = 0;
    this.#dones = null;
  }

  /** The bundle of this sequence, when it is not acknowledged. */
  findUnacknowledged(sequence: number): Sent | undefined {
    const sent = this.unacknowledged.at(this.#placeOf(sequence));
    return sent?.sequence === sequence ? sent : undefined;
  }

  /** Those that an acknowledgement covers; each once. */
  takeAcknowledged(sequence: number): Sent[] {
    const all = this.unacknowledged;
    if (this.loose) {
      const place = this.#placeOf(sequence);
      const sent = all.at(place)?.sequence === sequence ? all.take(place) : undefined;
      return sent === undefined ? [] : [sent];
    }
    const taken: Sent[] = [];
    for (let next = all.at(0); next !== undefined && next.sequence <= sequence; next = all.at(0)) {
      taken.push(next);
      all.shift();
    }
    return taken;
  }

  /** The place of the first that is not acknowledged and has this sequence or a later one. */
  #placeOf(sequence: number): number {
    let from = 0;
    let to = this.unacknowledged.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.unacknowledged.at(middle) as Sent).sequence < sequence) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Messages that were never complete in any bundle that left. */
  get waitingCount(): number {
    const large = this.#large.reduce((sum, { behind }) => sum + 1 + behind.length, 0);
    return this.#count + large + this.#queue.length;
  }

  /** Whom to tell of messages that were never complete in any bundle that left. */
  *waiting(): Iterable<Done> {
    yield* this.#dones ?? [];
    for (const { pending, behind } of this.#large) {
      yield pending.done;
      for (const held of behind) yield held.done;
    }
    for (const { done } of this.#queue) yield done;
  }
}
