/** What a scenario and its traffic processes say to each other over their IPC handles. */
import type { NodeOptions } from '../../index.js';
import type { ProfileName } from '../../timing/profiles.js';

export type Role = 'sender' | 'receiver';
export type TransportName = 'link' | 'tcp';

/** How one traffic process is set up; its only command-line argument, as JSON. */
export interface TrafficSetup {
  readonly transport: TransportName;
  readonly role: Role;
  /** `name@host` of this node and of its peer. */
  readonly name: string;
  readonly peer: { readonly name: string; readonly addresses: readonly string[] };
  /** Plane name to CIDR. */
  readonly planes: Readonly<Record<string, string>>;
  /** This host's address on the first plane, the only one TCP has. */
  readonly address: string;
  readonly port: number;
  readonly keyFile: string;
  readonly profile: ProfileName;
  /** Folder for the recording of this process. */
  readonly folder: string;
  /** Messages at the most; the recording's arrays are made for so many. */
  readonly maxMessages: number;
  /** Options of the node over the others. */
  readonly node?: Pick<NodeOptions, 'steering' | 'switchover'>;
  /** Whether the sender records the replies to its calls, too. Default false. */
  readonly recordsReplies?: boolean;
}

/** One run of numbered messages. */
export interface TrafficPlan {
  readonly messagesPerSecond: number;
  readonly durationMs: number;
  readonly bodyBytes: number;
  /** Every so many messages one is a call that waits for its reply. */
  readonly replyEvery: number;
}

export type TrafficCommand =
  | { readonly type: 'begin'; readonly plan: TrafficPlan }
  | { readonly type: 'stop' }
  | PlaneCommand
  | { readonly type: 'carry'; readonly file: string; readonly durationMs: number }
  | { readonly type: 'finish' };

/** Puts the node on a plane, or takes it off. */
export interface PlaneCommand {
  readonly type: 'plane';
  readonly change: 'add' | 'remove';
  readonly name: string;
  readonly cidr: string;
}

export type TrafficReport =
  /** The sender has its link or connection, the receiver listens. */
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly atNs: string; readonly event: NodeEvent }
  /** Messages sent or received since the beginning, for the live picture. */
  | { readonly type: 'count'; readonly count: number }
  /** All messages of the plan have been handed over. */
  | { readonly type: 'sent'; readonly count: number }
  /** What came of a `plane`: peers whose links could not follow. */
  | { readonly type: 'plane'; readonly deferred: readonly string[] }
  | { readonly type: 'carried'; readonly bytes: number; readonly sha256: string }
  | { readonly type: 'finished'; readonly replies: Replies }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** Replies to the calls of a run. */
export interface Replies {
  readonly asked: number;
  readonly answered: number;
}

/** What a node saw, in the node's own words. */
export type NodeEvent =
  | { readonly kind: 'nodeup' | 'stalled' | 'resumed'; readonly node: string }
  | { readonly kind: 'nodedown'; readonly node: string; readonly reason: string }
  | {
      readonly kind: 'path';
      readonly node: string;
      readonly plane: string;
      readonly change: string;
      /** Why it is gray. */
      readonly reasons?: readonly string[];
    }
  | { readonly kind: 'planeDeferred'; readonly node: string; readonly code: string }
  | { readonly kind: 'redundancy'; readonly node: string; readonly state: string };

/** The file a traffic process leaves in its folder: `link-sent.csv`, `tcp-received.csv` ... */
export function recordingFile(transport: TransportName, role: Role): string {
  return `${transport}-${role === 'sender' ? 'sent' : 'received'}.csv`;
}

/** The sender's recording of the replies to its calls, where it makes one. */
export const repliesFile = 'link-replied.csv';
