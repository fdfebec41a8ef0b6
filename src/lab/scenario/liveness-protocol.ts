/** What the scenario `liveness` and its processes say to each other. */
import type { PeerOptions } from '../../node/options.js';
import type { ProfilesOption } from '../../node/profile-rules.js';
import type { ProfileName } from '../../timing/profiles.js';

/** How one process is set up, with one node; its only command-line argument, as JSON. */
export interface LivenessSetup {
  readonly name: string;
  /** Plane name to CIDR. */
  readonly planes: Readonly<Record<string, string>>;
  readonly port: number;
  readonly keyFile: string;
  readonly profile: ProfileName;
  readonly profiles: ProfilesOption;
}

export type LivenessCommand =
  /** Keeps a link with this peer. */
  | { readonly type: 'connect'; readonly peer: PeerOptions }
  /** Dials it no more. */
  | { readonly type: 'disconnect'; readonly name: string }
  /** Does nothing at all for so long: the event loop stands still. */
  | { readonly type: 'block'; readonly durationMs: number }
  /** Calls every peer so many times a second; 0 ends it. */
  | { readonly type: 'call'; readonly perSecond: number };

/** What a node saw; `peer` is the other one's name. */
export type LivenessEvent =
  | { readonly kind: 'nodeup' | 'stalled' | 'resumed'; readonly peer: string }
  | { readonly kind: 'nodedown'; readonly peer: string; readonly reason: string }
  /** One plane more has no active path, or all have again. */
  | { readonly kind: 'redundancy'; readonly peer: string; readonly state: 'lost' | 'restored' };

/** Times are on the clock of `process.hrtime`, which all processes of one kernel share. */
export type LivenessReport =
  /** Its node listens. */
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly atNs: string; readonly event: LivenessEvent }
  | { readonly type: 'blocked'; readonly fromNs: string; readonly toNs: string }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };
