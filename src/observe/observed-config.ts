/** What is looked at of a replicated configuration: a `Config` of `backplane/cluster` has all. */

/** How it is. */
export interface ObservedStatus {
  readonly role: string;
  /** The newest epoch that is known here; null: none. */
  readonly record: { readonly epoch: number } | null;
  /** What may be read here; null: nothing yet. */
  readonly readable: { readonly revision: number } | null;
  /** The end of the log, and what of it is known here to be committed. */
  readonly last: { readonly revision: number };
  readonly committed: number;
  /** At the sequencer: whether writes are taken. */
  readonly isWritable: boolean;
  /** Masters that are not in touch. */
  readonly missing: readonly string[];
  /** What stands against a peer. */
  readonly troubles: readonly { readonly name: string; readonly code: string }[];
  /** Why the own store takes nothing more. */
  readonly storeFailure: string | null;
  /** At a slave: no master is in touch. At a client: its host's replica is not. */
  readonly isDown: boolean;
  /** How many sets of entries were set aside, for people to look at. */
  readonly setAside: number;
  /** Who is in touch, without being a master. */
  readonly slaves: readonly string[];
  readonly clients: readonly string[];
}

/** What is counted. */
export interface ObservedFigures {
  /** Batches that became durable in the own store, and how long all of them took together. */
  readonly flushes: number;
  readonly flushMs: number;
  /** Watches that are open. */
  readonly watches: number;
}

/** The configuration at one node. */
export interface ObservedConfig {
  /** Full name of the node. */
  readonly name: string;
  readonly status: ObservedStatus;
  readonly figures: ObservedFigures;
}
