/** What the scenario `kills` and its two processes say to each other. */
import type { DownReason } from '../../node/events.js';
import type { ProfileName } from '../../timing/profiles.js';
import type { End } from './ends.js';
import type { Role } from './protocol.js';

/** How one process is set up; its only command-line argument, as JSON. */
export interface KillSetup extends End {
  readonly role: Role;
  /** Of both nodes. */
  readonly port: number;
  readonly keyFile: string;
  readonly profile: ProfileName;
  /** The sender leaves one byte for each message, the receiver a record of each it handled. */
  readonly outcomesFile: string;
  readonly handledFile: string;
}

export type KillCommand =
  /** Starts the node. */
  | { readonly type: 'start' }
  /**
   * Takes the place of an association that a process killed before left behind: the same ports and
   * addresses at both ends. Starts the node when the peer has done away with it.
   */
  | { readonly type: 'restart'; readonly localPort: number; readonly port: number }
  /** Aborts the association under the link. */
  | { readonly type: 'abort' }
  /** The sender sends more than the kernel takes. */
  | { readonly type: 'surge' }
  /** The sender sends no more. */
  | { readonly type: 'stop' }
  | { readonly type: 'finish' };

export type KillEvent =
  | { readonly kind: 'up'; readonly link: number }
  /** So many messages of this link are delivered that it may be killed. */
  | { readonly kind: 'flowing'; readonly link: number }
  | {
      readonly kind: 'down';
      readonly link: number;
      readonly reason: DownReason;
      /** Messages that had no outcome until the link ended. */
      readonly outstanding: number;
      /** Streams of which more was reported delivered or unknown than the kernel had taken. */
      readonly overdrawnStreams: number;
    };

export type KillReport =
  /** The process is there; no node yet. */
  | { readonly type: 'ready' }
  /** The association that takes another one's place is being dialled. */
  | { readonly type: 'taking' }
  | { readonly type: 'event'; readonly event: KillEvent }
  /** Every message has its outcome. */
  | { readonly type: 'settled' }
  /** `repeated`: outcomes that were not a message's first. */
  | { readonly type: 'finished'; readonly repeated: number }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** One byte for each message, by number, in the sender's file. */
export const OutcomeByte = {
  none: 0,
  delivered: 1,
  unsent: 2,
  expired: 3,
  unknown: 4,
  /** Delivered to a link that would not have it. */
  refused: 5,
} as const;

/** Number of the message, link it was sent on, link it was handled on; 4 bytes each. */
export const HANDLED_BYTES = 12;

/** Number of the message and link it is sent on: the beginning of every body. */
export const BODY_BYTES_MIN = 8;

export const TOPIC = 'numbered';
