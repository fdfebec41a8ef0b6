/** How messages are sent, as a program says it, and checked. */
import type { MessageOptions, Outcome } from '../link/types.js';
import { checkOrderKey } from './names.js';
import { checkDeadlineMs } from './options.js';

/** How a message is sent. */
export interface SendOptions {
  /**
   * Order holds among the messages of one (sender, receiver, topic, orderKey). Default: the empty
   * key.
   */
  readonly orderKey?: string;
  /** Goes before other user messages; an order of its own. Default false. */
  readonly priority?: boolean;
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
  /** Called once with how it ended, unless `send` throws. */
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** How a call is made. */
export interface CallOptions extends SendOptions {
  /** The answer must come within this time. Default limits.callDeadlineMs (5 s). */
  readonly deadlineMs?: number;
}

/** Where a program gives no options: always this object, whose check is done already. */
export const NO_OPTIONS: TellOptions = {};
const PLAIN: MessageOptions = { orderKey: '' };

/** @throws NodeError ERR_ARGUMENT. */
export function checkTellOptions(options: TellOptions): MessageOptions {
  if (options === NO_OPTIONS) return PLAIN;
  const { ttl } = options;
  return {
    orderKey: checkOrderKey(options.orderKey ?? ''),
    priority: options.priority === true,
    unordered: options.unordered === true,
    ...(ttl === undefined ? {} : { ttlMs: checkDeadlineMs(ttl) }),
  };
}
