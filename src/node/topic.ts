/** Topics with types. At run time a topic is its name and nothing else. */
import { checkOwnTopic } from './names.js';

declare const types: unique symbol;

/**
 * The name of a topic that knows what is sent to it and what its handler answers. Made by
 * `defineTopic`; wherever a topic is asked for, a plain string serves as well, and then bodies and
 * answers are `unknown`.
 */
export type Topic<Request = unknown, Reply = unknown> = string & {
  readonly [types]: (request: Request) => Reply;
};

/** What is sent to a topic. */
export type RequestOf<T> = T extends { readonly [types]: (request: infer Request) => unknown }
  ? Request
  : unknown;

/** What the handler of a topic answers. */
export type ReplyOf<T> = T extends { readonly [types]: (request: never) => infer Reply }
  ? Reply
  : unknown;

/** What the stream of a topic consists of, whose handler answers with `AsyncIterable<Item>`. */
export type ItemOf<T> = ReplyOf<T> extends AsyncIterable<infer Item> ? Item : unknown;

/**
 * Gives a topic its types: `const sum = defineTopic<number[], number>('sum')`. For a streamed reply
 * `Reply` is an `AsyncIterable`. Types are a promise between programs, not a check of what a peer
 * sends.
 * @returns The name itself.
 * @throws NodeError ERR_ARGUMENT: not a topic, or reserved.
 */
export function defineTopic<Request, Reply = void>(name: string): Topic<Request, Reply> {
  return checkOwnTopic(name) as Topic<Request, Reply>;
}
