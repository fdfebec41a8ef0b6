/** What a scenario and its two traffic processes say to each other over their IPC handle. */

import type { ProfileName } from '../../timing/profiles.js';

/** How one traffic process is set up; its only command-line argument, as JSON. */
export interface TrafficSetup {
  readonly role: 'sender' | 'receiver';
  /** `name@host` of this node and of its peer. */
  readonly name: string;
  readonly peer: { readonly name: string; readonly addresses: readonly string[] };
  /** Plane name to CIDR. */
  readonly planes: Readonly<Record<string, string>>;
  readonly port: number;
  readonly keyFile: string;
  readonly profile: ProfileName;
  /** Where the TCP comparison runs; null for none. */
  readonly tcp: { readonly address: string; readonly port: number } | null;
  /** Folder for the recordings of this process. */
  readonly folder: string;
  /** Messages at the most; the recording's arrays are made for so many. */
  readonly maxMessages: number;
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
  | { readonly type: 'start'; readonly plan: TrafficPlan }
  | { readonly type: 'stop' }
  | { readonly type: 'carry'; readonly file: string; readonly durationMs: number }
  | { readonly type: 'finish' };

/** Counts since the start, for the live picture. */
export interface TrafficCounts {
  readonly sctp: number;
  readonly tcp: number;
}

export type TrafficReport =
  | { readonly type: 'ready'; readonly engine: string }
  /** The link is up. */
  | { readonly type: 'linked' }
  | { readonly type: 'event'; readonly atNs: string; readonly event: NodeEvent }
  | { readonly type: 'counts'; readonly counts: TrafficCounts }
  /** All messages of the plan have been handed over. */
  | { readonly type: 'sent'; readonly startNs: string; readonly counts: TrafficCounts }
  | {
      readonly type: 'carried';
      readonly bytes: number;
      readonly sha256: string;
    }
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
    }
  | { readonly kind: 'redundancy'; readonly node: string; readonly state: string };

/** Files a traffic process leaves in its folder. */
export const recordingFiles = {
  sent: 'sent.csv',
  received: 'received.csv',
  tcpSent: 'tcp-sent.csv',
  tcpReceived: 'tcp-received.csv',
} as const;
