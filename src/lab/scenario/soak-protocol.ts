/** What the scenario `soak` and its two processes say to each other. */
import type { ProfileName } from '../../timing/profiles.js';
import type { End } from './ends.js';
import type { NodeEvent, Role } from './protocol.js';

/** How one process is set up; its only command-line argument, as JSON. */
export interface SoakSetup extends End {
  readonly role: Role;
  readonly port: number;
  readonly keyFile: string;
  readonly profile: ProfileName;
  /** To be sent. */
  readonly messages: number;
}

export type SoakCommand =
  | { readonly type: 'begin' }
  /** Says how much memory is resident. */
  | { readonly type: 'measure' }
  | { readonly type: 'finish' };

export type SoakReport =
  /** The sender has its link, the receiver listens. */
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly event: NodeEvent }
  | { readonly type: 'count'; readonly count: number }
  | { readonly type: 'resident'; readonly bytes: number }
  /** Every message has its outcome. */
  | { readonly type: 'settled' }
  | ({ readonly type: 'finished' } & SoakTally)
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** What one end counted; the other end's counts are 0. */
export interface SoakTally {
  readonly sent: number;
  /** With another outcome than delivered. */
  readonly undelivered: number;
  readonly received: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly longestGapMs: number;
}

export const SOAK_TOPIC = 'soak';
export const SOAK_KEYS = 16;
