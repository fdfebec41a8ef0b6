/**
 * What goes into the machines of the configuration, and what comes out of them: types only. A
 * `Replica` (a master, or one that may become one) and a `Follower` (a slave) have the same inputs
 * and outputs.
 *
 * A driver feeds `step`, then takes outputs by `poll` until it gives null, and steps a 'tick' when
 * `deadline()` has come. It does what outputs say, in their order, at once, and decides nothing.
 * Inputs that are there together are best stepped together, before outputs are taken: what they ask
 * for then leaves in one batch.
 *
 * What must be durable before it is told is no matter of the driver's: the machine itself waits for
 * 'persisted' before it acknowledges. So 'persist' and 'send' may be carried out in parallel, and
 * are: all masters write at the same time.
 *
 * The order of messages is what the protocol rests on: those to one peer arrive in the order of
 * their outputs, or not at all from some point on, and then a 'down' comes at both ends before
 * anything else of that peer. Nothing of one link is given to a machine after its 'down'.
 */
import type { BackplaneError, ErrorCode } from '../errors.js';
import type { Entry, Position } from './entry.js';
import type { EpochRecord } from './epoch-record.js';
import type { Message } from './messages.js';
import type { LoadState } from './state-contract.js';
import type { PersistBatch, SetAside, StoreContents, StoreFailure } from './store-contract.js';

/** What a machine is made of. */
export interface ReplicaSetup {
  /** Name of this node. */
  readonly name: string;
  /**
   * Random, in hex, ID_DIGITS of them: tells this machine from the one before it at the same node.
   */
  readonly instance: string;
  /**
   * Names where masters are looked for: the first of them by an empty store, all of them besides
   * those that the store names.
   */
  readonly masters: readonly string[];
  /** A master that does not reach the others serves reads after this: the load timeout. */
  readonly loadMs: number;
  readonly contents: StoreContents;
  readonly load: LoadState;
}

/** A revision of a lineage: what a session has seen. */
export interface Seen {
  /** In hex. */
  readonly lineage: string;
  readonly revision: number;
}

/** What a program or an operator asks of a machine; each is answered once. */
export type Request =
  /** Commits a transaction. */
  | {
      readonly type: 'write';
      /** In hex, ID_DIGITS; drawn at random by who asks first. */
      readonly requestId: string;
      /** Encoded. */
      readonly transaction: Buffer;
      /**
       * Null: asked for the first time. Else it was asked before, and the asker had seen this
       * revision when it first did: it gets the result of the first time, and is never told that
       * nothing was appended.
       */
      readonly askedAt: number | null;
    }
  /** Which revision to read, now. */
  | {
      readonly type: 'read';
      /** Ask all masters: whatever was acknowledged to anyone before this request is in it. */
      readonly isFresh: boolean;
      /** Not before this; null: whatever is there. */
      readonly seen: Seen | null;
    }
  | Command;

/** What an operator commands. `by` and `atMs` are for the epoch record. */
export type Command = {
  /** As that of a write. */
  readonly requestId: string;
  readonly by: string;
  readonly atMs: number;
} & (
  | {
      /** The first lineage: of these masters, all in touch and empty. The first is sequencer. */
      readonly type: 'bootstrap';
      readonly masters: readonly string[];
      /** Random, in hex. */
      readonly clusterId: string;
      readonly lineage: string;
    }
  /** Another master: it is in touch and holds nothing, or is a slave. */
  | { readonly type: 'add'; readonly name: string }
  /** One master less. All are in touch. */
  | { readonly type: 'remove'; readonly name: string }
  /** Goes on without the masters that are out of touch. `lineage` is random, in hex. */
  | { readonly type: 'force'; readonly lineage: string }
  /** What the store here has set aside has been looked at. */
  | { readonly type: 'forget' }
);

/** Something that has happened. */
export type ReplicaInput =
  /** A link to that node is up; also for each that is up when the machine begins. */
  | { readonly type: 'up'; readonly name: string }
  /** It is over. */
  | { readonly type: 'down'; readonly name: string }
  /** The process at its other end does not answer, or does again. */
  | { readonly type: 'stalled'; readonly name: string }
  | { readonly type: 'resumed'; readonly name: string }
  /** What that node's machine sent, decoded from CBOR and not yet looked at. */
  | { readonly type: 'message'; readonly name: string; readonly body: unknown }
  /** The store's answers. */
  | { readonly type: 'persisted'; readonly token: number }
  | {
      readonly type: 'persistFailed';
      readonly token: number;
      readonly code: StoreFailure;
      readonly message: string;
    }
  /** `id` is the driver's; no two requests without an answer have the same. */
  | {
      readonly type: 'request';
      readonly id: number;
      readonly request: Request;
      readonly deadlineMs: number;
    }
  /** Time has passed. */
  | { readonly type: 'tick' }
  /** This is the end: what the disk has yet to get is persisted now, and all else is in vain. */
  | { readonly type: 'close' };

/** What becomes of a request. */
export type Answer =
  /** The transaction is committed, by this revision. */
  | { readonly type: 'committed'; readonly lineage: string; readonly revision: number }
  /**
   * A condition does not hold, and nothing was changed. All that it was judged on is committed, up
   * to this revision.
   */
  | {
      readonly type: 'failed';
      readonly failed: number;
      readonly lineage: string;
      readonly revision: number;
    }
  /** Read at this revision, here and now. */
  | { readonly type: 'read'; readonly lineage: string; readonly revision: number }
  /** The command is carried out: its epoch is on disk at all masters concerned. */
  | { readonly type: 'done'; readonly lineage: string; readonly epoch: number }
  /**
   * - ERR_OUTCOME_UNKNOWN: a write or command that may be in some log.
   * - Every other code: a write or command is in no log, and will be in none.
   */
  | { readonly type: 'error'; readonly code: ErrorCode; readonly message: string };

/** What a machine wants done. */
export type ReplicaOutput =
  /** Begin to make this durable; 'persisted' or 'persistFailed' answers. */
  | { readonly type: 'persist'; readonly batch: PersistBatch }
  | { readonly type: 'send'; readonly to: string; readonly message: Message }
  /**
   * These entries may be read from now on, up to `revision`: they are committed, in order, and none
   * is missing or comes twice. The first time, and after 'replaced', without entries: the state up
   * to there is new as a whole.
   */
  | {
      readonly type: 'visible';
      readonly lineage: string;
      readonly revision: number;
      readonly entries: readonly Entry[];
    }
  /** A snapshot took the place of the state: who watched has to look at everything anew. */
  | { readonly type: 'replaced' }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  /** Something of it is not what it was; not told for revisions alone, which move all the time. */
  | { readonly type: 'status'; readonly status: ReplicaStatus }
  /** This peer does not keep to the protocol; it is not listened to until its link is new. */
  | { readonly type: 'refuse'; readonly name: string; readonly error: BackplaneError };

/**
 * - `sequencer`, `master`: by the newest epoch record in its log.
 * - `slave`: the record names others. `learner`: a slave that is about to be a master.
 * - `newcomer`: its store is empty.
 * - `client`: it has no store, and reads what the replica of its host has.
 */
export type ReplicaRole = 'sequencer' | 'master' | 'learner' | 'slave' | 'newcomer' | 'client';

/** What stands against a peer: what people have to know, and who it is with. */
export interface Trouble {
  readonly name: string;
  /**
   * - ERR_DIVERGED: its log and ours hold different entries of one lineage.
   * - ERR_LINEAGE: neither its lineage nor ours comes from the other, or another cluster.
   * - ERR_STORE...: it cannot store.
   */
  readonly code: ErrorCode;
}

/** How a machine is, for people, metrics and tests. */
export interface ReplicaStatus {
  readonly role: ReplicaRole;
  /** The newest in the log; null: the store is empty. */
  readonly record: EpochRecord | null;
  /** The end of the log, and what of it is on this disk. */
  readonly last: Position;
  readonly durable: number;
  /** What is known here to be committed. */
  readonly committed: number;
  /** Whether it may be read here. */
  readonly isReadable: boolean;
  /** At the sequencer: whether a write would be taken now. Others do not know. */
  readonly isWritable: boolean;
  /** Whose log is followed; null for nobody's. */
  readonly source: string | null;
  /** Masters, but for this one, that are asked and are not in touch, or not with their store. */
  readonly missing: readonly string[];
  /** Peers with an empty store, or that of another cluster: they count as nothing. */
  readonly newcomers: readonly string[];
  /** Peers that follow, but are no masters: with a store, and without one. */
  readonly slaves: readonly string[];
  readonly clients: readonly string[];
  readonly troubles: readonly Trouble[];
  /** Why the own store takes nothing more; null: it does. */
  readonly storeFailure: StoreFailure | null;
  /**
   * At a slave: no master is in touch. The cluster is DOWN, as far as can be seen from here. At a
   * client: the replica of its host is not in touch.
   */
  readonly isDown: boolean;
  /** How many sets of entries the store has set aside. */
  readonly setAside: number;
}

/** A replica or a follower. */
export interface ReplicaMachine {
  step(nowMs: number, input: ReplicaInput): void;
  /** The next output, or null. */
  poll(): ReplicaOutput | null;
  /** When a 'tick' is wanted; Infinity when never. */
  deadline(): number;
  /** How it is now. */
  status(): ReplicaStatus;
  /** What its store keeps for people, the oldest first. */
  setAside(): readonly SetAside[];
}
