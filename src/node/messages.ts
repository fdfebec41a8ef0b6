/**
 * Messages between a node's programs: handlers by topic, answers to calls, and what becomes of
 * failures.
 */
import debug from 'debug';
import { BackplaneError, NodeError } from '../errors.js';
import type { LinkHandlers, ReceivedMessage, UserMessage } from '../link/types.js';
import { decodeBody, encodeBody } from '../wire/payload.js';
import type { PendingCalls, RemoteFailure } from './calls.js';
import type { HandlerFailed } from './events.js';
import type { LiveLink } from './live-link.js';
import { checkTopic, PING_TOPIC, RESERVED_TOPICS } from './names.js';

const trace = debug('backplane:node:messages');

/** What a handler is told beside the body. */
export interface MessageContext {
  /** Full name of the node that sent it. */
  readonly from: string;
  readonly topic: string;
  /** Whether the sender waits for an answer: what the handler returns, or the promise of it. */
  readonly isCall: boolean;
}

/**
 * Handles the messages of one topic. For a call, what it returns (or resolves to) is the answer,
 * and what it throws (or rejects with) makes the call fail with ERR_HANDLER. For a message that was
 * sent, what it throws is reported as `handlerError`.
 */
export type Handler = (body: unknown, context: MessageContext) => unknown;

type Handled = ReturnType<LinkHandlers['onMessage']>;

/** Where an answer goes: its order among others does not matter, so each call has its own. */
const answerKey = (id: number) => `${id}`;

export class Messages {
  readonly #handlers = new Map<string, Handler>([[PING_TOPIC, (body) => body]]);
  /** Of the node itself, for messages that are sent. */
  readonly #own = new Map<string, (name: string, body: unknown) => void>();
  readonly #calls: PendingCalls;
  readonly #failed: (failure: HandlerFailed) => void;

  constructor(calls: PendingCalls, failed: (failure: HandlerFailed) => void) {
    this.#calls = calls;
    this.#failed = failed;
  }

  /**
   * Sets the handler of a topic; the function that is returned takes it away. @throws NodeError
   * ERR_ARGUMENT, ERR_STATE.
   */
  handle(topic: string, handler: Handler): () => void {
    checkTopic(topic);
    if (topic.startsWith(RESERVED_TOPICS)) {
      throw new NodeError('ERR_ARGUMENT', `topics that begin with ${RESERVED_TOPICS} are reserved`);
    }
    if (typeof handler !== 'function') {
      throw new NodeError('ERR_ARGUMENT', 'a handler is a function');
    }
    if (this.#handlers.has(topic)) {
      throw new NodeError('ERR_STATE', `topic ${topic} has a handler already`);
    }
    this.#handlers.set(topic, handler);
    return () => {
      if (this.#handlers.get(topic) === handler) this.#handlers.delete(topic);
    };
  }

  /**
   * Gives what peers send on a reserved topic to the node itself. What `receive` throws ends the
   * link: the peer does not keep to the protocol.
   */
  handleOwn(topic: string, receive: (name: string, body: unknown) => void): void {
    this.#own.set(topic, receive);
  }

  /**
   * One message of a peer.
   * @returns As `onMessage` of a link: refused with a code, or what tells when the handler is done.
   * @throws ProtocolError when its body cannot be read: the peer does not keep to the protocol.
   */
  receive(live: LiveLink, message: ReceivedMessage): Handled {
    const body = decodeBody(message.encoding, message.body);
    switch (message.kind) {
      case 'send':
        return this.#handleSend(live, message, body);
      case 'call':
        return this.#handleCall(live, message, body);
      case 'reply':
        this.#calls.resolve(live.name, message.id, body);
        return undefined;
      case 'failure':
        this.#calls.fail(live.name, message.id, readFailure(body));
        return undefined;
    }
  }

  #handleSend(live: LiveLink, { topic }: UserMessage, body: unknown): Handled {
    const handler = this.#handlers.get(topic);
    const own = handler === undefined ? this.#own.get(topic) : undefined;
    if (own !== undefined) {
      own(live.name, body);
      return undefined;
    }
    if (handler === undefined) {
      trace('%s sent to %s, which has no handler', live.name, topic);
      return 'ERR_NO_HANDLER';
    }
    const failed = (error: unknown) => this.#failed({ name: live.name, topic, error });
    try {
      const result = handler(body, { from: live.name, topic, isCall: false });
      return isThenable(result) ? result.then(undefined, failed) : undefined;
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  #handleCall(live: LiveLink, { topic, id }: UserMessage, body: unknown): Handled {
    const handler = this.#handlers.get(topic);
    if (handler === undefined) {
      const message = `no handler for topic ${topic}`;
      this.#answer(live, 'failure', id, { handled: false, code: null, message });
      return 'ERR_NO_HANDLER';
    }
    const failed = (error: unknown) => this.#answer(live, 'failure', id, describeFailure(error));
    const done = (result: unknown) => this.#answer(live, 'reply', id, result);
    try {
      const result = handler(body, { from: live.name, topic, isCall: true });
      if (isThenable(result)) return result.then(done, failed);
      done(result);
    } catch (error) {
      failed(error);
    }
    return undefined;
  }

  /**
   * An answer belongs to the link that brought the call: when that is over, nobody waits any more.
   */
  #answer(live: LiveLink, kind: 'reply' | 'failure', id: number, result: unknown): void {
    if (live.link.state !== 'up') return;
    try {
      const { encoding, body } = encodeBody(result);
      live.link.send({ kind, id, topic: '', encoding, body }, { orderKey: answerKey(id) });
    } catch (error) {
      // An answer that cannot be sent (too large, not encodable) is the handler's failure; that
      // report always can, unless the queue is full: then the call ends by its deadline.
      trace('answer to %s: %o', live.name, error);
      if (kind === 'reply') this.#answer(live, 'failure', id, describeFailure(error));
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Longest text of an error that is told to a peer. */
const FAILURE_TEXT_CHARACTERS = 1000;

/** What the caller is told: the code and the message, never the stack. */
function describeFailure(error: unknown): RemoteFailure {
  try {
    const code = (error as { code?: unknown } | null | undefined)?.code;
    const message = error instanceof Error ? error.message : String(error);
    return {
      handled: true,
      code: typeof code === 'string' ? code.slice(0, FAILURE_TEXT_CHARACTERS) : null,
      message: message.slice(0, FAILURE_TEXT_CHARACTERS),
    };
  } catch {
    // A thrown value may be anything, also one that cannot be turned into text.
    return { handled: true, code: null, message: 'a value without text was thrown' };
  }
}

/** A peer's description of a failure, whatever it sent. */
function readFailure(body: unknown): RemoteFailure {
  const { handled, code, message } = (body ?? {}) as Record<keyof RemoteFailure, unknown>;
  return {
    handled: handled !== false,
    code: typeof code === 'string' ? code : null,
    message: typeof message === 'string' ? message : 'no reason given',
  };
}

/** Any error as one of ours. */
export function asBackplaneError(error: unknown): BackplaneError {
  if (error instanceof BackplaneError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new NodeError('ERR_PROTOCOL', message, { cause: error });
}
