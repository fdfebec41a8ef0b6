/** What a link counts: plain numbers, so that counting costs next to nothing. */

/** How the messages ended that `send` took; see `Outcome`. */
export interface OutcomeCounts {
  /** A handler was called. */
  readonly delivered: number;
  /** Arrived, and the peer would not have it (`delivered` with a code). */
  readonly refused: number;
  readonly unsent: number;
  readonly expired: number;
  readonly unknown: number;
}

/** What went over one link since it is up, and what waits. Messages are calls and answers too. */
export interface LinkTraffic extends OutcomeCounts {
  /** Messages that `send` took. */
  readonly sentMessages: number;
  /** Bytes of their records: topic and body, before sealing. */
  readonly sentBytes: number;
  /** Messages that were handed to a handler, or refused because there is none. */
  readonly receivedMessages: number;
  /** The same measure as `sentBytes`. */
  readonly receivedBytes: number;
  /** Messages that `send` did not take: ERR_QUEUE_FULL. */
  readonly rejected: number;
  /** Bytes that were sent and not given to the association yet. */
  readonly queuedBytes: number;
  /** Messages without an outcome. */
  readonly openMessages: number;
}

/** A link before it is up. */
export const NO_TRAFFIC: LinkTraffic = {
  sentMessages: 0,
  sentBytes: 0,
  receivedMessages: 0,
  receivedBytes: 0,
  delivered: 0,
  refused: 0,
  unsent: 0,
  expired: 0,
  unknown: 0,
  rejected: 0,
  queuedBytes: 0,
  openMessages: 0,
};

/** What an outbox counts of its own. */
export type SendCounts = {
  -readonly [K in keyof OutcomeCounts | 'sentMessages' | 'sentBytes' | 'rejected']: number;
};

/** All at zero. */
export function newSendCounts(): SendCounts {
  return {
    sentMessages: 0,
    sentBytes: 0,
    rejected: 0,
    delivered: 0,
    refused: 0,
    unsent: 0,
    expired: 0,
    unknown: 0,
  };
}
