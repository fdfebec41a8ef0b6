/** How messages are sent, as a program says it, and checked. */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { MessageOptions, Outcome } from '../link/types.js';
import { isTraceparent } from '../wire/trace-context.js';
import { currentTraceparent } from './async-context.js';
import {
  checkFlag,
  checkFunction,
  checkOptions,
  checkTimeMs,
  optionNames,
} from './check-options.js';
import { checkOrderKey } from './names.js';

/** How a message is sent. */
export interface SendOptions {
  /**
   * Order holds among the messages of one (sender, receiver, topic, orderKey). Default: the empty
   * key.
   */
  readonly orderKey?: string;
  /** Goes before other user messages; an order of its own. Default false. */
  readonly priority?: boolean;
  /**
   * The trace it belongs to, as W3C's `traceparent` (`00-...`). Default: in a handler that of its
   * message, else none.
   */
  readonly traceparent?: string;
}

/** How a message is sent of which nobody waits for the answer. */
export interface TellOptions extends SendOptions {
  /** May overtake others. At most limits.fragmentBytes long. Default false. */
  readonly unordered?: boolean;
  /**
   * Milliseconds after which it is not sent any more; such a message may overtake others, and is
   * at most limits.fragmentBytes long. Default: none.
   */
  readonly ttl?: number;
  /**
   * Called once with how it ended, unless `send` throws; in the asynchronous context of the `send`.
   */
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** How a call is made. */
export interface CallOptions extends SendOptions {
  /** The answer must come within this time. Default that of the profile (`lan`: 5 s). */
  readonly deadlineMs?: number;
  /** Aborted, it fails the call with ERR_CANCELLED, and the handler's `context.signal` there. */
  readonly signal?: AbortSignal;
}

/** How a streamed reply is asked for and read. */
export interface StreamOptions extends SendOptions {
  /** Longest time to wait for an item. Default that of the profile (`lan`: 5 s). */
  readonly idleMs?: number;
  /**
   * Bytes of items that may wait here, and one item more. From limits.streamInitialCreditBytes
   * (64 KiB) to limits.streamCreditMaxBytes (64 MiB), default limits.streamCreditBytes (256 KiB).
   */
  readonly creditBytes?: number;
  /** Aborted, it ends the stream with ERR_CANCELLED, here and there. */
  readonly signal?: AbortSignal;
}

/** How a message is published. */
export interface PublishOptions extends Omit<TellOptions, 'onOutcome'> {
  /**
   * Called once for each node in `nodes` with how it ended there; in the asynchronous context of
   * the `publish`.
   */
  readonly onOutcome?: (outcome: Outcome, name: string) => void;
}

/** Where a program gives no options: always this object, whose check is done already. */
export const NO_OPTIONS = {};
const PLAIN: MessageOptions = { orderKey: '' };

const SEND = { orderKey: true, priority: true, traceparent: true } as const;
const TELL = { ...SEND, unordered: true, ttl: true } as const;
const TELL_OPTIONS = optionNames<TellOptions>({ ...TELL, onOutcome: true });
const OUTCOME_OPTIONS = optionNames<Omit<TellOptions, 'onOutcome'>>(TELL);
const CALL_OPTIONS = optionNames<CallOptions>({ ...SEND, deadlineMs: true, signal: true });
/** Of what has a deadline and nothing else. */
export const DEADLINE_OPTIONS = new Set(['deadlineMs']);
const STREAM_OPTIONS = optionNames<StreamOptions>({
  ...SEND,
  idleMs: true,
  creditBytes: true,
  signal: true,
});

/** @throws NodeError ERR_ARGUMENT. */
export function checkTellOptions(options: TellOptions | PublishOptions): MessageOptions {
  if (options === NO_OPTIONS) return PLAIN;
  checkOptions(options, TELL_OPTIONS);
  const { orderKey = '', priority, unordered, ttl, onOutcome } = options;
  if (onOutcome !== undefined) checkFunction('onOutcome', onOutcome);
  const isPlain = orderKey === '' && priority === undefined && unordered === undefined;
  if (isPlain && ttl === undefined) return PLAIN;
  return {
    orderKey: checkOrderKey(orderKey),
    priority: checkFlag('priority', priority),
    unordered: checkFlag('unordered', unordered),
    ...(ttl === undefined ? {} : { ttlMs: checkTimeMs('ttl', ttl) }),
  };
}

/** Where the outcome is what is returned. @throws NodeError ERR_ARGUMENT. */
export function checkOutcomeOptions(options: Omit<TellOptions, 'onOutcome'>): void {
  if (options !== NO_OPTIONS) checkOptions(options, OUTCOME_OPTIONS);
}

/** What of a call is not checked where it is used. @throws NodeError ERR_ARGUMENT. */
export function checkCallOptions(options: CallOptions): void {
  if (options === NO_OPTIONS) return;
  checkOptions(options, CALL_OPTIONS);
  checkFlag('priority', options.priority);
}

/** The same of a stream. @throws NodeError ERR_ARGUMENT. */
export function checkStreamOptions(options: StreamOptions): void {
  if (options === NO_OPTIONS) return;
  checkOptions(options, STREAM_OPTIONS);
  checkFlag('priority', options.priority);
  if (options.idleMs !== undefined) checkTimeMs('idleMs', options.idleMs);
}

/**
 * The trace of a message: the one that was given, else that of the handler which is running.
 * @throws NodeError ERR_ARGUMENT.
 */
export function traceOf({ traceparent }: SendOptions): string | undefined {
  if (traceparent === undefined) return currentTraceparent();
  if (isTraceparent(traceparent)) return traceparent;
  throw new NodeError('ERR_ARGUMENT', 'traceparent must be one of W3C Trace Context: 00-...');
}

/** @throws NodeError ERR_ARGUMENT. */
export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new NodeError('ERR_ARGUMENT', 'signal must be an AbortSignal');
}

/** @throws NodeError ERR_ARGUMENT. */
export function checkCreditBytes(creditBytes: unknown): number {
  const { streamInitialCreditBytes: least, streamCreditMaxBytes: most } = limits;
  const isWhole = typeof creditBytes === 'number' && Number.isInteger(creditBytes);
  if (isWhole && creditBytes >= least && creditBytes <= most) return creditBytes;
  throw new NodeError('ERR_ARGUMENT', `creditBytes must be a number from ${least} to ${most}`);
}
