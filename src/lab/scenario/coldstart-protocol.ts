/** What the scenario `coldstart` and its processes say to each other. */
import type { ErrorCode, ReplicaRole } from '../../cluster.js';

/** How one process is set up; its only command-line argument, as JSON. */
export interface ColdStartSetup {
  readonly name: string;
  /** Plane name to CIDR. */
  readonly planes: Readonly<Record<string, string>>;
  readonly keyFile: string;
  readonly profile: 'lan';
  readonly peers: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  /** Folder of its store, and path of its control socket. */
  readonly store: string;
  readonly control: string;
  readonly masters: readonly string[];
  readonly loadMs: number;
}

/** What of a status the scenario judges. */
export interface NodeStatus {
  readonly role: ReplicaRole;
  readonly lineage: string;
  readonly epoch: number;
  /** How the epoch began: `bootstrap`, `force` ...; an empty text where there is none. */
  readonly cause: string;
  readonly readable: number | null;
  /** End of its log. */
  readonly last: number;
  readonly isWritable: boolean;
  readonly isDown: boolean;
  readonly missing: readonly string[];
  readonly troubles: readonly string[];
  readonly setAside: number;
}

/** The configuration as one node reads it. */
export interface ReadState {
  readonly lineage: string;
  readonly revision: number;
  /** Of all keys, values and revisions. */
  readonly digest: string;
  /** Keys below the prefix that was asked for, with their values. */
  readonly items: Readonly<Record<string, unknown>>;
}

export type ColdStartCommand =
  /** Writes pairs of keys below `prefix`, several at once, until `rest`. */
  | { readonly type: 'write'; readonly prefix: string }
  | { readonly type: 'rest' }
  | {
      readonly type: 'put';
      readonly key: string;
      readonly value: unknown;
      readonly deadlineMs: number;
    }
  /** Reads, fresh or as it is here; `items` of the answer are those below `prefix`. */
  | {
      readonly type: 'read';
      readonly fresh: boolean;
      readonly prefix: string;
      readonly deadlineMs: number;
    }
  /** Ends in order. */
  | { readonly type: 'stop' };

/** What became of a write. */
export type WriteOutcome = 'acknowledged' | 'unknown' | 'refused';

export type ColdStartEvent =
  | { readonly kind: 'status'; readonly status: NodeStatus }
  | { readonly kind: 'readable' | 'down' | 'up' }
  | { readonly kind: 'nodeup' | 'nodedown'; readonly peer: string }
  | {
      readonly kind: 'written';
      readonly number: number;
      readonly outcome: WriteOutcome;
      readonly revision: number;
    };

export type ColdStartReport =
  /** It can be asked; its configuration is open since then. */
  | { readonly type: 'ready'; readonly atNs: string }
  | { readonly type: 'event'; readonly atNs: string; readonly event: ColdStartEvent }
  /** Every write has its outcome, and no more come. */
  | { readonly type: 'rested' }
  | { readonly type: 'put'; readonly code: ErrorCode | null; readonly revision: number }
  | { readonly type: 'read'; readonly code: ErrorCode | null; readonly state: ReadState }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** The two keys of a write: both or neither. */
export function pairOf(prefix: string, number: number): readonly [string, string] {
  return [`${prefix}/${number}/left`, `${prefix}/${number}/right`];
}
