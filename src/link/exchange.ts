/**
 * The two directions of a link that is up, driven over its carrier: what this end sends goes
 * through the outbox at the end of the turn, what arrives through the inbox, and acknowledgements
 * ride with whatever goes next.
 */
import { BackplaneError } from '../errors.js';
import { limits } from '../limits.js';
import type { Aead } from '../runtime/crypto.js';
import type { Runtime, Timer } from '../runtime/index.js';
import type { DecodedMessage } from '../wire/records.js';
import type { Carrier } from './carrier.js';
import type { Session } from './handshake.js';
import { type Handled, Inbox } from './inbox.js';
import { Outbox } from './outbox.js';
import type { Direction, SealingSecret } from './sealing.js';
import { StreamMap } from './streams.js';
import type { LinkTraffic } from './traffic.js';
import type { MessageOptions, Outcome, UserMessage } from './types.js';

export interface ExchangeHandlers {
  onMessage(message: DecodedMessage): Handled;
  onSign(sign: 'beat' | 'probe' | 'leave'): void;
  /** Something was given to the carrier. */
  onSpoke(): void;
  /** `send` had returned false and there is room again. */
  onDrain(): void;
  /** Everything that was sent is acknowledged. */
  onSettled(): void;
  /** Nothing more is to be handled. */
  isOver(): boolean;
}

export interface ExchangeSetup {
  readonly role: Direction;
  readonly carrier: Carrier;
  readonly session: Session;
  /** Null: nothing is sealed. */
  readonly aead: Aead | null;
  readonly runtime: Runtime;
  readonly handlers: ExchangeHandlers;
}

export class Exchange {
  readonly #setup: ExchangeSetup;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #flush = (): void => {
    this.#isScheduled = false;
    this.flush();
  };
  #isScheduled = false;
  #wantsDrain = false;
  #ackTimer: Timer | null = null;
  /** The turn of the event loop in which the rest goes. */
  #turn: Timer | null = null;
  #keysSinceMs: number;
  #isOver = false;

  /** @throws ProtocolError ERR_PROTOCOL: the association has too few streams. */
  constructor(setup: ExchangeSetup) {
    this.#setup = setup;
    const { carrier, session, aead, role, runtime, handlers } = setup;
    const { secret, transcriptHash } = session;
    const sealing: SealingSecret = { secret, transcriptHash, aead };
    this.#inbox = new Inbox(
      new StreamMap(carrier.inboundStreams),
      sealing,
      role === 'dialler' ? 'acceptor' : 'dialler',
      {
        onMessage: handlers.onMessage,
        onSign: handlers.onSign,
        onAck: (stream, sequence) => this.#outbox.acknowledged(stream, sequence),
        onRefusal: (...refusal) => this.#outbox.refused(...refusal),
        onCredit: (smallBytes, largeBytes) => this.#outbox.credited(smallBytes, largeBytes),
        onReturned: () => this.#acknowledgeSoon(),
        isOver: () => this.#isOver || handlers.isOver(),
      },
    );
    this.#outbox = new Outbox({
      streams: new StreamMap(carrier.outboundStreams),
      secret: sealing,
      direction: role,
      acks: this.#inbox,
      nowMs: () => runtime.clock.nowMs(),
      carry: (stream, bundle, loose, context) => this.#carry(stream, bundle, loose, context),
    });
    this.#keysSinceMs = runtime.clock.turnMs();
  }

  /** Whether all that was sent is acknowledged. */
  get isSettled(): boolean {
    return this.#outbox.isSettled;
  }

  /** What went over it, and what waits. */
  get traffic(): LinkTraffic {
    const { counts, queuedBytes, openMessages } = this.#outbox;
    const { receivedMessages, receivedBytes } = this.#inbox;
    // At the end every message has got its outcome.
    const waiting = this.#isOver
      ? { queuedBytes: 0, openMessages: 0 }
      : { queuedBytes, openMessages };
    return { ...counts, receivedMessages, receivedBytes, ...waiting };
  }

  /** See `Link.send`. */
  send(
    message: UserMessage,
    options: MessageOptions,
    done: ((outcome: Outcome) => void) | undefined,
  ): boolean {
    this.#outbox.add(message, options, done);
    this.#schedule();
    if (this.#outbox.queuedBytes <= limits.outboxHighWaterBytes) return true;
    this.#wantsDrain = true;
    return false;
  }

  /** Sends a sign of the link's own at once. */
  sign(sign: 'beat' | 'probe' | 'leave'): void {
    this.#outbox.sign(sign);
    this.flush();
  }

  /**
   * One SCTP message of the peer.
   * @returns Whether the memory of `data` may still be in use.
   * @throws ProtocolError ERR_PROTOCOL, and nothing else.
   */
  receive(stream: number, data: Buffer): boolean {
    const wasSettled = this.#outbox.isSettled;
    const isKept = this.#inbox.receive(stream, data);
    if (this.#isOver) return isKept;
    if (this.#inbox.unackedBytes >= limits.ackBytes) this.#outbox.touch();
    // What the handlers answer in this turn takes the acknowledgements with it.
    if (this.#inbox.bytes > 0 || this.#outbox.isDirty) this.#schedule();
    this.#tellSettled(wasSettled);
    return isKept;
  }

  /** The carrier has room again. */
  drained(): void {
    this.flush(true);
  }

  /** The kernel gives a part of a bundle back that never left. */
  givenBack(context: number, bytes: number): void {
    this.#outbox.givenBack(context, bytes);
  }

  /** Keys that have served their time make way for new ones. */
  tick(nowMs: number): void {
    if (nowMs - this.#keysSinceMs < limits.rekeyMs) return;
    this.#keysSinceMs = nowMs;
    this.#outbox.rekey();
  }

  flush(drained = false): void {
    if (this.#isOver) return;
    const wasSettled = this.#outbox.isSettled;
    this.#outbox.flush(drained);
    // What has expired needs no acknowledgement.
    this.#tellSettled(wasSettled);
    // More than one bundle holds: the rest follows.
    if (this.#inbox.bytes > 0) this.#acknowledgeSoon();
    if (this.#outbox.isCutShort) this.#goOn();
    if (!this.#wantsDrain || this.#outbox.queuedBytes > limits.outboxLowWaterBytes) return;
    this.#wantsDrain = false;
    this.#setup.handlers.onDrain();
  }

  /**
   * The end: every message without an outcome gets one.
   * @param carrierBytes what the carrier held that the kernel never took.
   */
  end(carrierBytes: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ackTimer?.cancel();
    this.#turn?.cancel();
    this.#outbox.end(carrierBytes);
  }

  #tellSettled(wasSettled: boolean): void {
    if (!wasSettled && this.#outbox.isSettled) this.#setup.handlers.onSettled();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#setup.runtime.timers.soon(this.#flush);
  }

  /** There is more to send than one turn of the event loop is given to. */
  #goOn(): void {
    this.#turn ??= this.#setup.runtime.timers.after(0, () => {
      this.#turn = null;
      this.flush();
    });
  }

  /**
   * They ride with what goes next; when nothing does, they go by themselves a little later. Those
   * of the configuration, one for each commit and slave, can wait for the next beat.
   */
  #acknowledgeSoon(): void {
    if (this.#isOver) return;
    if (this.#inbox.unackedBytes >= limits.ackBytes) {
      this.#outbox.touch();
      this.#schedule();
      return;
    }
    if (!this.#inbox.isAwaited) return;
    this.#ackTimer ??= this.#setup.runtime.timers.after(limits.ackDelayMs, () => {
      this.#ackTimer = null;
      if (this.#inbox.bytes === 0) return;
      this.#outbox.touch();
      this.flush();
    });
  }

  #carry(
    stream: number,
    bundle: Buffer,
    loose: boolean,
    context: number,
  ): 'room' | 'full' | 'over' {
    try {
      const hasRoom = this.#setup.carrier.send(stream, bundle, { unordered: loose, context });
      this.#setup.handlers.onSpoke();
      return hasRoom ? 'room' : 'full';
    } catch (error) {
      // It will say how it ends; what it did not take never left.
      if (error instanceof BackplaneError) return 'over';
      throw error;
    }
  }
}
