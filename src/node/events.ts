/**
 * What a node tells, and the views it gives of its peers. `name` is always the peer's full name,
 * `name@host`.
 */
import type { BackplaneError, ErrorCode } from '../errors.js';
import type { CarrierPathEvent, PathState } from '../link/carrier.js';
import type { GrayReason } from '../link/path-monitor.js';

/**
 * Why a node is down: 'left': it said that it leaves. 'closed': an orderly end without a word, as
 * when its process was killed, or our own `close` and `disconnect`. 'lost': the association failed
 * (also when a process was killed that had not read all), or no path and no frame for the profile's
 * outage time. 'restarted': it began anew. 'refused': one side would not have the other any more,
 * `error` says why.
 */
export type DownReason = 'left' | 'closed' | 'lost' | 'restarted' | 'refused';

/** One path to a peer. */
export interface PathView {
  /** The plane it runs on; 'unknown' for an address that is in none of our planes. */
  readonly plane: string;
  /** The peer's address. */
  readonly address: string;
  readonly state: PathState;
  /** Carries the traffic while it is active. */
  readonly primary: boolean;
  /** Smoothed round-trip time, in the kernel's ticks: 0 is less than one. */
  readonly rttMs: number;
  readonly rtoMs: number;
  readonly cwndBytes: number;
  /** Why it is gray: up, but slow or lossy. Empty when it is not. */
  readonly gray: readonly GrayReason[];
}

/** One node we have a link with. */
export interface NodeView {
  readonly name: string;
  /** Changes at each start of that node; 16 hex digits. */
  readonly incarnation: string;
  /** Who dialled the link in force. */
  readonly dialledBy: 'us' | 'peer';
  readonly linkNumber: number;
  /** The process does not answer, though a path is active. */
  readonly stalled: boolean;
  /** Every plane has an active path. */
  readonly redundant: boolean;
}

/** A link with a node is up. */
export interface NodeUp {
  readonly name: string;
  readonly incarnation: string;
  readonly dialledBy: 'us' | 'peer';
  readonly linkNumber: number;
}

/** The link with a node is over. */
export interface NodeDown {
  readonly name: string;
  readonly incarnation: string;
  readonly reason: DownReason;
  readonly error: BackplaneError | null;
  /** It was our own `disconnect` or `close`; the reason may be any that the end has met. */
  readonly byUs: boolean;
}

/** A node that is monitored is down, or was not there. */
export interface NodeGone {
  readonly name: string;
  /** Null for one that was not there. */
  readonly incarnation: string | null;
  /** 'absent': there was no link with it when it was asked for. Else as of `nodedown`. */
  readonly reason: DownReason | 'absent';
  readonly error: BackplaneError | null;
}

/** A node has joined or left a process group. */
export interface GroupChanged {
  readonly group: string;
  /** The member; also this node itself. */
  readonly name: string;
}

/** One path of a link changed; the link goes on. */
/** A path to a node changed; the link goes on. */
export interface PathChanged {
  readonly name: string;
  readonly plane: string;
  readonly address: string;
  /** 'gray': it is up, but slow or lossy, for the reasons given; 'clear': it is not any more. */
  readonly change: CarrierPathEvent['change'] | 'gray' | 'clear';
  /** The path's state after the change; 'removed' when it is gone. */
  readonly state: PathState | 'removed';
  readonly primary: boolean;
  /** With 'gray' and 'clear': what was found. */
  readonly figures?: GrayFigures;
}

/** What makes a path gray, or no longer. */
export interface GrayFigures {
  /** 'slow', 'lossy' or both; empty when it is clear. */
  readonly reasons: readonly GrayReason[];
  /** Smoothed round-trip time now, and what it was before it became slow. */
  readonly rttMs: number;
  readonly baselineRttMs: number;
  /** Share of what was lately sent on it that had to be sent once more, 0 to 1. */
  readonly lossShare: number;
}

/** The link with a node lost a plane, or has them all again. */
export interface RedundancyChanged {
  readonly name: string;
  /**
   * 'lost': one plane more has no active path, also one that never had. 'restored': all have again.
   */
  readonly state: 'lost' | 'restored';
  readonly activePaths: number;
  /** Planes with an active path. */
  readonly planes: readonly string[];
  /** Planes without. */
  readonly missing: readonly string[];
}

/**
 * A plane was added to the node or taken from it, and a link that is up could not follow: it keeps
 * the addresses it has until it is made anew.
 */
export interface PlaneDeferred {
  /** The peer. */
  readonly name: string;
  readonly plane: string;
  /** Our address on that plane. */
  readonly address: string;
  readonly change: 'added' | 'removed';
  /** ERR_PLANE_DEFERRED. */
  readonly code: ErrorCode;
  /** Its `cause` is what the kernel said. */
  readonly error: BackplaneError;
}

/** An attempt to reach a peer that came to nothing; the next one follows by itself. */
export interface DialFailed {
  readonly name: string;
  /**
   * ERR_REFUSED, ERR_TIMEOUT, ERR_KEY_MISMATCH, ERR_LABEL_MISMATCH, ERR_VERSION,
   * ERR_PROFILE_MISMATCH, ERR_NAME_TAKEN ...
   */
  readonly code: ErrorCode;
  readonly error: BackplaneError;
  /** Attempts that failed in a row. */
  readonly attempts: number;
  /** When the next attempt begins; null when none does. */
  readonly retryInMs: number | null;
}

/** Somebody we would not have: a stranger, an impostor, a node that is not set up as we are. */
export interface Refused {
  readonly address: string;
  /** Its name, when it had proven that it holds our key. */
  readonly name: string | null;
  readonly code: ErrorCode;
  readonly error: BackplaneError;
  /**
   * The same from this address that went unreported since the last report (at most one in
   * limits.reportEveryMs).
   */
  readonly suppressed: number;
}

/**
 * A handler threw, or its promise was rejected, for a message that was sent or published. What
 * fails for a call is told to its caller alone.
 */
export interface HandlerFailed {
  /** Who had sent the message. */
  readonly name: string;
  readonly topic: string;
  readonly error: unknown;
}

/** A source of peers names others than before. */
export interface PeersChanged {
  /** Its name. */
  readonly source: string;
  readonly added: readonly string[];
  /** With other addresses or another port: they count from the next dial. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** A source of peers failed; what it named last stays. */
export interface PeersFailed {
  /** Its name. */
  readonly source: string;
  /** ERR_PEER_SOURCE. */
  readonly code: ErrorCode;
  readonly error: BackplaneError;
}

/** Two nodes that have no link with each other, though a third one has links with both. */
export interface UnreachedNodes {
  readonly nodes: readonly [string, string];
  /** One that reaches both. */
  readonly via: string;
  /** For how long this node has known. */
  readonly lastedMs: number;
}

/** Who reaches whom, as far as this node and its peers have told. */
export interface ReachabilityView {
  /** Sorted; at most limits.matrixNodes. */
  readonly nodes: readonly string[];
  /**
   * One text per node, and in it one character per node, both in the order of `nodes`: `+` has a
   * link, `-` has none and misses it, `.` has none and wants none, `=` the node itself. `?` all
   * along a row: we have no link with that node, so it has told us nothing.
   */
  readonly matrix: readonly string[];
  /** At most limits.partitionPairs. */
  readonly pairs: readonly UnreachedNodes[];
}

/**
 * The cluster is torn, and not in clean parts: some nodes do not reach each other though others
 * reach both. No link is ended because of it.
 */
export interface PartitionChanged extends ReachabilityView {
  /** 'changed': other pairs than before. 'cleared': none any more. */
  readonly state: 'detected' | 'changed' | 'cleared';
  /** Those that lasted longer than the profile's outage time and limits.partitionGraceMs. */
  readonly pairs: readonly UnreachedNodes[];
}

/** Events of a `ClusterNode`, in listener arguments. None of them must be listened to. */
export interface NodeEvents {
  /** A link is up; messages flow. */
  nodeup: [event: NodeUp];
  /** The link is over: everything it brought was handled before, nothing of it is after. */
  nodedown: [event: NodeDown];
  /** A path of a link changed. The link goes on. */
  path: [event: PathChanged];
  redundancy: [event: RedundancyChanged];
  /** A link could not follow `addPlane` or `removePlane`. */
  planeDeferred: [event: PlaneDeferred];
  /** A peer's process has not answered for the profile's stall time, though a path is active. */
  stalled: [event: { readonly name: string }];
  /** It answers again. */
  resumed: [event: { readonly name: string }];
  /** `send` to this node had returned false, and there is room again. */
  drain: [event: { readonly name: string }];
  /** A member more in a group, as soon as this node knows. */
  groupJoin: [event: GroupChanged];
  /** One less: it has left, or its link is over; then before its `nodedown`. */
  groupLeave: [event: GroupChanged];
  dialFailed: [event: DialFailed];
  /** A source of peers names others than before. */
  peers: [event: PeersChanged];
  peersFailed: [event: PeersFailed];
  /** Nodes do not reach each other though others reach both; reported, never acted upon. */
  partition: [event: PartitionChanged];
  refused: [event: Refused];
  /** Where nobody listens, a warning of the process tells instead. */
  handlerError: [event: HandlerFailed];
}
