/**
 * What the machines ask of the replicated state: types only. `state.ts` answers with the tree and
 * the request ids that are remembered; a replica knows nothing of either.
 *
 * The state is a function of the entries applied: the same at every replica. It is always at the
 * end of the log, ahead of what is committed, so that the sequencer judges a transaction on top of
 * those that are still under way; who reads, reads at the committed revision.
 */
import type { BackplaneError } from '../errors.js';
import type { Entry } from './entry.js';
import type { Writer } from './rights.js';
import type { BaseItem } from './store-contract.js';

/** What the state says of a transaction, on top of the newest revision. */
export type Proposal =
  /** It is to become an entry with this body. */
  | { readonly type: 'entry'; readonly body: Uint8Array }
  /** Its condition of this place does not hold: that is the answer, and there is no entry. */
  | { readonly type: 'failed'; readonly failed: number }
  /** It cannot be: malformed, too large, against a schema or the rights of who asks. */
  | { readonly type: 'refused'; readonly error: BackplaneError };

/** What is remembered of a request id. */
export type Remembered =
  /** Its entry is of this revision. */
  | { readonly type: 'known'; readonly revision: number }
  /** There is no entry of it after the revision that was named. */
  | { readonly type: 'unknown' }
  /** That is too long ago to tell. */
  | { readonly type: 'forgotten' };

/** Part of a snapshot. */
export interface SnapshotPart {
  readonly items: readonly BaseItem[];
  /** `after` of the next part; null when this is the last. */
  readonly next: Uint8Array | null;
}

/** The state of one replica. */
export interface ReplicatedState {
  /** Of the last entry that was applied. */
  readonly revision: number;
  /** @param writer for whom it is asked; null: a master, who may write everything */
  propose(transaction: Buffer, writer: Writer | null): Proposal;
  /** Whether a node may write only what it has the rights for. */
  isBound(writer: Writer): boolean;
  /** Whether a request id has an entry later than `since`. */
  remembered(requestId: string, since: number): Remembered;
  /**
   * Applies the next entry; every replica does the same with it.
   * @throws ProtocolError ERR_PROTOCOL: its body is malformed; nothing is changed.
   */
  apply(entry: Entry): void;
  /**
   * Part of all items at a revision that is kept, in the order of their keys, those behind `after`
   * (null: from the first): items of about `bytes` in all, one at least where there is one, and at
   * most `limits.configPieceItems`.
   */
  part(revision: number, after: Uint8Array | null, bytes: number): SnapshotPart;
  /** Forgets what only revisions before this one need, and tells how the items at it differ. */
  compact(revision: number): {
    readonly puts: readonly BaseItem[];
    readonly deletes: readonly Uint8Array[];
  };
}

/**
 * Makes a state of the items at a revision: an empty one of none at 0.
 * @throws ProtocolError ERR_PROTOCOL: items that no state gives.
 */
export type LoadState = (revision: number, items: Iterable<BaseItem>) => ReplicatedState;
