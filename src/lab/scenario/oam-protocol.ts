/** What the scenario `oam` and its processes say to each other. */
import type { PeerOptions } from '../../index.js';
import type { ProfileName } from '../../timing/profiles.js';

/** What every node of the scenario is told of itself. */
export interface OamNode {
  readonly name: string;
  /** Plane name to CIDR. */
  readonly planes: Readonly<Record<string, string>>;
  readonly port: number;
  readonly keyFile: string;
  readonly profile: ProfileName;
  /** Nodes that it links with. */
  readonly peers: readonly PeerOptions[];
  /** Folder for what it records. */
  readonly folder: string;
}

/**
 * A worker of the cluster, which a controller has started; its only argument, as JSON. The one with
 * a peer calls it.
 */
export interface OamWorkerSetup extends OamNode {
  /** The Unix socket at which the scenario waits for it. */
  readonly socket: string;
}

export type OamWorkerCommand =
  /** The caller calls steadily, until `rest`. */
  | { readonly type: 'begin'; readonly callsPerSecond: number }
  /** It sends as much as it can, until `rest`. */
  | { readonly type: 'flood' }
  | { readonly type: 'rest' }
  /** It writes down what it recorded, and ends. */
  | { readonly type: 'finish' };

export type OamWorkerReport =
  | { readonly type: 'ready' }
  /** Nothing is under way any more. `flooded`: messages of the flood, of which some may be lost. */
  | { readonly type: 'rested'; readonly flooded: number; readonly floodLost: number }
  /** `linked`: links there were, each time anew; `unanswered`: calls that have failed. */
  | {
      readonly type: 'finished';
      readonly linked: number;
      readonly nodedown: number;
      readonly unanswered: number;
    }
  | { readonly type: 'event' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/**
 * - `snapshots`: a slave that begins without a store, takes all there is, and begins anew.
 * - `watcher`: a client that watches, once or many times over.
 * - `writer`: a slave that writes, since clients may write what is their own alone.
 * - `operator`: asks a controller for logs, for the status of the cluster and for metrics.
 */
export type OamRole = 'snapshots' | 'watcher' | 'writer' | 'operator';

/** A program for operation and maintenance; its only command-line argument, as JSON. */
export interface OamSetup extends OamNode {
  readonly role: OamRole;
  /** The control socket that an operator asks. */
  readonly control: string;
  /** What a writer writes before it is ready, besides so many keys. */
  readonly entries: readonly (readonly [string, unknown])[];
  readonly keys: number;
  /** A snapshot is whole that has it. */
  readonly revision: number;
  readonly watchers: number;
  /** Workers whose logs are read, with their hosts. */
  readonly logs: readonly { readonly worker: string; readonly host: string }[];
}

export type OamCommand =
  /** It does what its role is, until `rest`. */
  { readonly type: 'begin' } | { readonly type: 'rest' } | { readonly type: 'finish' };

/** What was done since it began to be told. */
export interface OamDone {
  /** Whole snapshots, and how long each took. */
  readonly snapshotsMs: readonly number[];
  readonly watchEvents: number;
  /** Writes that were refused, or whose outcome is not known. */
  readonly refused: number;
  readonly logReads: number;
  readonly logBytes: number;
  readonly statuses: number;
  readonly scrapes: number;
  /** What was asked and came to nothing, each with the code of the error: `logs ERR_TIMEOUT`. */
  readonly unansweredQuestions: readonly string[];
}

export type OamReport =
  /** `revision`: of a writer, by which all is written. */
  | { readonly type: 'ready'; readonly revision: number }
  /** A snapshot is whole. */
  | { readonly type: 'event' }
  | { readonly type: 'rested' }
  | { readonly type: 'finished'; readonly done: OamDone }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** All that is watched is below. */
export const WATCHED = 'cluster/oam/watched';
/** Recordings, in the folder of the scenario. */
export const oamFiles = {
  /** Calls, where they are made, answered, and where the answers come. */
  called: 'called.csv',
  taken: 'taken.csv',
  answered: 'answered.csv',
  /** Writes, where they are made, and where they are seen. */
  written: 'written.csv',
  seen: 'seen.csv',
} as const;
