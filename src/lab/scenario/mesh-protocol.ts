/** What the scenario `mesh` and its processes say to each other. */
import type { ProfileName } from '../../timing/profiles.js';

/** A node as all others are told of it. */
export interface MeshNode {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly port: number;
}

/** How one process is set up; its only command-line argument, as JSON. */
export interface MeshSetup {
  /** The nodes of this process. */
  readonly own: readonly MeshNode[];
  /** All nodes of the mesh, these among them. */
  readonly all: readonly MeshNode[];
  /** Plane name to CIDR. */
  readonly planes: Readonly<Record<string, string>>;
  readonly keyFile: string;
  readonly profile: ProfileName;
}

export type MeshCommand =
  /** Links each of its nodes with all others. */
  | { readonly type: 'join' }
  /** Each node sends a message to the next of its peers, again and again. */
  | { readonly type: 'send'; readonly everyMs: number }
  /** Sends no more; `sent` follows when every message has its outcome. */
  | { readonly type: 'stop' }
  | { readonly type: 'memory' }
  | { readonly type: 'links' }
  | { readonly type: 'finish' };

export type MeshReport =
  /** Its nodes listen. */
  | { readonly type: 'ready' }
  /** Each of its nodes has a link with all others; on the clock of `process.hrtime`. */
  | { readonly type: 'joined'; readonly atNs: string; readonly refused: number }
  | {
      readonly type: 'event';
      readonly node: string;
      readonly peer: string;
      readonly reason: string;
    }
  | { readonly type: 'memory'; readonly residentBytes: number; readonly heapBytes: number }
  /** Links of its nodes, and how many of them have an active path on every plane. */
  | { readonly type: 'links'; readonly up: number; readonly redundant: number }
  | { readonly type: 'sent'; readonly sent: number; readonly delivered: number }
  | { readonly type: 'finished' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };
