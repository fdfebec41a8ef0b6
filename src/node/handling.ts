/**
 * Messages in the hands of handlers: what a handler is told, and how it learns that nobody waits
 * for its answer any more.
 */
import { NodeError, ProtocolError } from '../errors.js';
import type { ReceivedMessage, UserMessage } from '../link/types.js';
import type { MessageKind } from '../wire/records.js';
import { Gate } from './gate.js';
import type { Producer } from './producer.js';

/** What a handler is told beside the body. */
export interface MessageContext {
  /** Full name of the node that sent it. */
  readonly from: string;
  readonly topic: string;
  /** Whether the sender waits for an answer: what the handler returns, or the promise of it. */
  readonly isCall: boolean;
  /** Whether the sender reads a stream: the handler returns an async iterable. */
  readonly isStream: boolean;
  /**
   * The trace the message belongs to (W3C Trace Context), when it travelled with it. What the
   * handler sends and calls belongs to it, too, unless told otherwise.
   */
  readonly traceparent: string | undefined;
  /**
   * Aborted, with a NodeError as its reason, when nobody waits for the answer any more:
   * ERR_CANCELLED (the caller has cancelled, or reads the stream no further), ERR_TIMEOUT (its
   * deadline has passed), ERR_LINK_DOWN (the link has ended; the only one for a message that is no
   * call).
   */
  readonly signal: AbortSignal;
  /**
   * Says that nobody needs the body any more. The memory of a large one (over limits.bundleBytes)
   * then serves for the next large one of this link, which spares new memory and its collection:
   * who still reads the body, or a Buffer in it, may find another message there. All other bodies
   * stay as they are, and so does one that was published: other subscribers have it, too. Nothing
   * happens once the handler is done.
   */
  readonly release: () => void;
}

/** All that a peer's messages have set going at this end of one link. */
export class Work {
  /** Whether the link takes more of what is streamed. */
  readonly gate = new Gate();
  readonly producers = new Map<number, Producer>();
  /** Calls of which the peer is being told that they get no answer. */
  unanswered = 0;
  /** Calls whose handlers are not done, by number. */
  readonly #calls = new Map<number, Handling>();
  /** Messages of which somebody holds the signal. */
  readonly #watched = new Set<Handling>();
  #ended: NodeError | null = null;

  /** Why the link has ended; null while it is up. */
  get ended(): NodeError | null {
    return this.#ended;
  }

  /**
   * Before a call is handled.
   * @throws ProtocolError ERR_PROTOCOL: one of this number is being handled.
   */
  checkNumber(id: number): void {
    if (!this.#calls.has(id)) return;
    throw new ProtocolError('ERR_PROTOCOL', `call ${id} came twice`);
  }

  /** A call's handler has begun and is not done. */
  begin(id: number, handling: Handling): void {
    this.#calls.set(id, handling);
  }

  /** It is done, with or without having been begun here. */
  end(id: number, handling: Handling): void {
    this.#calls.delete(id);
    this.producers.delete(id);
    handling.finish();
  }

  watch(handling: Handling): void {
    this.#watched.add(handling);
  }

  unwatch(handling: Handling): void {
    this.#watched.delete(handling);
  }

  /** The caller has given up. One that is done already, or never was, is no matter. */
  cancel(id: number, reason: NodeError): void {
    this.#calls.get(id)?.abort(reason);
    this.producers.get(id)?.stop();
  }

  /** The link is over. */
  close(reason: NodeError): void {
    this.#ended = reason;
    const concerned = new Set([...this.#calls.values(), ...this.#watched]);
    this.#watched.clear();
    for (const handling of concerned) handling.abort(reason);
    for (const producer of [...this.producers.values()]) producer.stop();
  }
}

/**
 * One message in the hands of a handler. Each message has one, so it is small; nearly no handler
 * asks for the signal, which is made for those that do.
 */
export class Handling implements MessageContext {
  readonly from: string;
  readonly topic: string;
  readonly traceparent: string | undefined;
  readonly #kind: MessageKind;
  /** Null when the handler is done. */
  #work: Work | null;
  #release: (() => void) | undefined;
  #controller: AbortController | null = null;
  #abortedFor: NodeError | null = null;

  constructor(from: string, message: UserMessage & Pick<ReceivedMessage, 'release'>, work: Work) {
    const { topic, kind, traceparent } = message;
    this.from = from;
    this.topic = topic;
    this.traceparent = traceparent;
    this.#kind = kind;
    this.#release = kind === 'publish' ? undefined : message.release;
    this.#work = work;
  }

  get isCall(): boolean {
    return this.#kind === 'call' || this.#kind === 'stream';
  }

  get isStream(): boolean {
    return this.#kind === 'stream';
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      const reason = this.#abortedFor ?? this.#work?.ended ?? null;
      if (reason !== null) this.#controller.abort(reason);
      else this.#work?.watch(this);
    }
    return this.#controller.signal;
  }

  /** Made when it is asked for: a context is often taken apart. */
  get release(): () => void {
    return () => {
      this.#release?.();
      this.#release = undefined;
    };
  }

  /** Whether nobody waits for the answer any more. */
  get isAborted(): boolean {
    return this.#abortedFor !== null;
  }

  abort(reason: NodeError): void {
    if (this.#work === null || this.#abortedFor !== null) return;
    this.#abortedFor = reason;
    this.#controller?.abort(reason);
  }

  /** The handler is done. */
  finish(): void {
    if (this.#controller !== null) this.#work?.unwatch(this);
    this.#work = null;
    this.#release = undefined;
  }
}

/** Why a handler's signal is aborted, from what the caller told. */
export function cancellation(isDeadline: boolean): NodeError {
  return isDeadline
    ? new NodeError('ERR_TIMEOUT', "the caller's deadline has passed")
    : new NodeError('ERR_CANCELLED', 'the caller has cancelled the call');
}
