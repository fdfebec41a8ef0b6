/**
 * Messages between a node's programs as they come: handlers by topic, answers to calls, and what
 * becomes of failures.
 */
import debug from 'debug';
import { BackplaneError, NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { LinkHandlers, ReceivedMessage, UserMessage } from '../link/types.js';
import { decodeBody, type EncodedBody, encodeOwnBody } from '../wire/payload.js';
import { wellFormed } from '../wire/text.js';
import { captured, type Enter, runHandler } from './async-context.js';
import type { PendingCalls, RemoteFailure } from './calls.js';
import { sendUnanswered } from './control.js';
import { areHandlersTraced, traceHandler } from './diagnostics.js';
import type { HandlerFailed } from './events.js';
import { Handling, type MessageContext } from './handling.js';
import type { LiveLink } from './live-link.js';
import { checkOwnTopic, PING_TOPIC } from './names.js';
import { isAsyncIterable, itemCostBytes, Producer } from './producer.js';

const trace = debug('backplane:node:messages');

/**
 * Handles the messages of one topic. For a call, what it returns (or resolves to) is the answer,
 * and what it throws (or rejects with) makes the call fail with ERR_HANDLER. For a stream it
 * returns an async iterable (or the promise of one), of which an item is taken when the reader has
 * room for it. For a message that was sent or published, what it throws is reported as
 * `handlerError`.
 */
export type Handler<Body = unknown, Answer = unknown> = (
  body: Body,
  context: MessageContext,
) => Answer | PromiseLike<Answer>;

export type Handled = ReturnType<LinkHandlers['onMessage']>;

/** A message of a peer's node itself. @throws ProtocolError when it is malformed. */
export type Control = (live: LiveLink, body: unknown) => void;

export interface MessagesSetup {
  /** Name of this node. */
  readonly name: string;
  readonly calls: PendingCalls;
  /** Those of the node's own topics that are no calls. */
  readonly controls: ReadonlyMap<string, Control>;
  /** What was published. As a handler of all its subscribers. */
  published(live: LiveLink, message: UserMessage, body: unknown): Handled;
  failed(failure: HandlerFailed): void;
}

/** Where an answer goes: its order among others does not matter, so each call has its own. */
const answerKey = (id: number) => `${id}`;

export class Messages {
  readonly #handlers = new Map<string, Handler>([[PING_TOPIC, (body) => body]]);
  readonly #setup: MessagesSetup;

  constructor(setup: MessagesSetup) {
    this.#setup = setup;
  }

  /**
   * Sets the handler of a topic; the function that is returned takes it away. @throws NodeError
   * ERR_ARGUMENT, ERR_STATE.
   */
  handle(topic: string, handler: Handler): () => void {
    checkOwnTopic(topic);
    checkHandler(handler);
    if (this.#handlers.has(topic)) {
      throw new NodeError('ERR_STATE', `topic ${topic} has a handler already`);
    }
    this.#handlers.set(topic, handler);
    return () => {
      if (this.#handlers.get(topic) === handler) this.#handlers.delete(topic);
    };
  }

  /**
   * One message of a peer.
   * @returns As `onMessage` of a link: refused with a code, or what tells when the handler is done.
   * @throws ProtocolError when its body cannot be read: the peer does not keep to the protocol.
   */
  receive(live: LiveLink, message: ReceivedMessage): Handled {
    const body = decodeBody(message.encoding, message.body);
    const { calls } = this.#setup;
    switch (message.kind) {
      case 'send':
        return this.#handleSend(live, message, body);
      case 'call':
      case 'stream':
        return this.#handleCall(live, message, body);
      case 'publish':
        return this.#setup.published(live, message, body);
      case 'item':
        calls.item(live.name, message.id, body, itemCostBytes(message.body));
        return undefined;
      case 'reply':
        calls.resolve(live.name, message.id, body);
        return undefined;
      case 'failure':
        calls.fail(live.name, message.id, readFailure(body));
        return undefined;
    }
  }

  #handleSend(live: LiveLink, message: ReceivedMessage, body: unknown): Handled {
    const { topic } = message;
    const handler = this.#handlers.get(topic);
    if (handler !== undefined) {
      const { name, failed } = this.#setup;
      return tellHandler(name, handler, body, new Handling(live.name, message, live.work), failed);
    }
    const control = this.#setup.controls.get(topic);
    if (control === undefined) {
      trace('%s sent to %s, which has no handler', live.name, topic);
      return 'ERR_NO_HANDLER';
    }
    control(live, body);
    return undefined;
  }

  #handleCall(live: LiveLink, message: ReceivedMessage, body: unknown): Handled {
    const { topic, id } = message;
    const handler = this.#handlers.get(topic);
    if (handler === undefined) {
      const text = `no handler for topic ${topic}`;
      this.#answer(live, 'failure', id, { handled: false, code: null, message: text });
      return 'ERR_NO_HANDLER';
    }
    live.work.checkNumber(id);
    const context = new Handling(live.name, message, live.work);
    const failed = (error: unknown) => this.#end(live, context, 'failure', id, error);
    // A generator runs later, where it is asked for items: that has to be in the handler's context.
    let enter: Enter = (produce) => produce();
    const done = (result: unknown) =>
      context.isStream || isAsyncIterable(result)
        ? this.#stream(live, context, id, result, enter)
        : this.#end(live, context, 'reply', id, result);
    const called: Handler = !context.isStream
      ? handler
      : (given, told) => {
          enter = captured();
          return handler(given, told);
        };
    try {
      const result = run(this.#setup.name, called, body, context);
      if (isThenable(result)) {
        live.work.begin(id, context);
        return result.then(done, failed);
      }
      return done(result);
    } catch (error) {
      failed(error);
    }
    return undefined;
  }

  /** A handler has answered with a stream, or was asked for one. */
  #stream(live: LiveLink, context: Handling, id: number, result: unknown, enter: Enter): Handled {
    try {
      const producer = enter(() => this.#producer(live, context, id, result));
      live.work.begin(id, context);
      live.work.producers.set(id, producer);
      if (context.isAborted) producer.stop();
      return enter(() => producer.run()).then(
        () => this.#end(live, context, 'reply', id, undefined),
        (error: unknown) => this.#end(live, context, 'failure', id, error),
      );
    } catch (error) {
      return this.#end(live, context, 'failure', id, error);
    }
  }

  /** @throws NodeError ERR_STATE, ERR_LIMIT; whatever the iterable throws. */
  #producer(live: LiveLink, context: Handling, id: number, result: unknown): Producer {
    const { work, link, name } = live;
    const { topic, isStream } = context;
    if (!isAsyncIterable(result)) {
      throw new NodeError('ERR_STATE', `the handler of ${topic} answers with no stream`);
    }
    const options = { orderKey: answerKey(id) };
    const producer = new Producer({
      iterable: result,
      gate: work.gate,
      send: ({ encoding, body }: EncodedBody) =>
        link.send({ kind: 'item', id, topic: '', encoding, body }, options),
    });
    if (isStream && work.producers.size < limits.producers) return producer;
    // It may hold what only its end gives back.
    producer.stop();
    throw isStream
      ? new NodeError('ERR_LIMIT', `${name} reads ${limits.producers} streams already`)
      : new NodeError('ERR_STATE', `the handler of ${topic} answers with a stream`);
  }

  /** A handler is done: with an answer, or with a failure. */
  #end(
    live: LiveLink,
    context: Handling,
    kind: 'reply' | 'failure',
    id: number,
    result: unknown,
  ): undefined {
    live.work.end(id, context);
    // Who has given up waits for no answer.
    if (context.isAborted) return undefined;
    this.#answer(live, kind, id, kind === 'reply' ? result : describeFailure(result));
    return undefined;
  }

  /**
   * An answer belongs to the link that brought the call: when that is over, nobody waits any more.
   */
  #answer(live: LiveLink, kind: 'reply' | 'failure', id: number, result: unknown): void {
    if (live.link.state !== 'up') return;
    try {
      const { encoding, body } = encodeOwnBody(result);
      live.link.send({ kind, id, topic: '', encoding, body }, { orderKey: answerKey(id) });
    } catch (error) {
      // An answer that cannot be sent (too large, not encodable) is the handler's failure. Where
      // the queue is full nothing but a word of the node's own can be sent.
      trace('answer to %s: %o', live.name, error);
      if (codeOf(error) === 'ERR_QUEUE_FULL') sendUnanswered(live, id, 'ERR_QUEUE_FULL');
      else if (kind === 'reply') this.#answer(live, 'failure', id, describeFailure(error));
    }
  }
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}

/** @throws NodeError ERR_ARGUMENT. */
export function checkHandler(handler: unknown): void {
  if (typeof handler === 'function') return;
  throw new NodeError('ERR_ARGUMENT', 'a handler is a function');
}

/** Calls a handler of whose answer nobody hears, only of its failure. */
export function tellHandler(
  name: string,
  handler: Handler,
  body: unknown,
  context: Handling,
  failed: (failure: HandlerFailed) => void,
): undefined | PromiseLike<unknown> {
  const { from, topic } = context;
  try {
    const result = run(name, handler, body, context);
    if (isThenable(result)) {
      return result.then(
        () => context.finish(),
        (error: unknown) => {
          context.finish();
          failed({ name: from, topic, error });
        },
      );
    }
  } catch (error) {
    failed({ name: from, topic, error });
  }
  context.finish();
  return undefined;
}

function run(name: string, handler: Handler, body: unknown, context: Handling): unknown {
  if (!areHandlersTraced()) return runHandler(handler, body, context);
  return traceHandler(name, context, () => runHandler(handler, body, context));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Longest text of an error that is told to a peer. */
const FAILURE_TEXT_CHARACTERS = 1000;

/** What the caller is told: the code and the message, never the stack. */
export function describeFailure(error: unknown): RemoteFailure {
  try {
    const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
    return {
      handled: true,
      code: typeof code === 'string' ? failureText(code) : null,
      message: failureText(typeof message === 'string' ? message : String(error)),
    };
  } catch {
    // A thrown value may be anything, also one that cannot be turned into text.
    return { handled: true, code: null, message: 'a value without text was thrown' };
  }
}

/** Whatever was thrown, and wherever it is cut: what is sent can be sent. */
function failureText(text: string): string {
  return wellFormed(text.slice(0, FAILURE_TEXT_CHARACTERS));
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
