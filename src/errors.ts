/**
 * Every error this package throws or reports: one base class, a few subclasses by room, one
 * constant `code` per cause. Programs branch on `code`; `message` is for people and may change.
 */

/** What is wrong, with the codes that belong to it. */
export type ErrorCode =
  // sctp
  | 'ERR_ADDON_MISSING' // no addon was found; the message holds the command that builds it
  | 'ERR_NO_SCTP' // this kernel offers no SCTP sockets
  | 'ERR_NO_HMAC' // listen() failed because the kernel lacks the cookie's hash (module hmac)
  | 'ERR_ADDRESS_NOT_LOCAL' // an address to bind is not configured on this host
  | 'ERR_PORT_IN_USE' // the port is taken
  | 'ERR_ADDRESS_INVALID' // not an IP address, or a mixture the socket cannot hold
  | 'ERR_OPTION_REJECTED' // the kernel refused or altered an option
  | 'ERR_MESSAGE_TOO_LARGE' // over the limit named in the message
  | 'ERR_MESSAGE_EMPTY' // SCTP has no empty user messages (RFC 9260, 3.3.1: at least one byte)
  | 'ERR_QUEUE_FULL' // more waits, or has no outcome yet, than may
  | 'ERR_CLOSED' // the object was closed
  | 'ERR_STATE' // not possible in this state
  | 'ERR_REFUSED' // nobody listens at the peer's port
  | 'ERR_TIMEOUT' // a deadline passed
  | 'ERR_ASSOCIATION_LOST' // the association failed or was aborted by the peer
  | 'ERR_ASSOCIATION_RESTARTED' // the peer restarted on the same addresses and port
  | 'ERR_SYSTEM' // any other failed system call; errno, syscall and address tell
  // timing
  | 'ERR_PROFILE_INVALID' // a set of timers that contradicts itself
  | 'ERR_PROFILE_UNSOLVABLE' // no set of timers keeps the wish
  | 'ERR_PROFILE_MISMATCH' // the peer's timers and ours do not go together
  // wire and link
  | 'ERR_PROTOCOL' // the peer sent something that is not our protocol
  | 'ERR_KEY_MISMATCH' // the peer does not hold our cluster key
  | 'ERR_LABEL_MISMATCH' // the peer belongs to a cluster with another label
  | 'ERR_VERSION' // no version of the protocol in common
  | 'ERR_FEATURES' // one end requires a feature the other does not have
  | 'ERR_SECURITY' // no level of security in common
  | 'ERR_NAME_MISMATCH' // the peer has another name than the one that was dialled
  | 'ERR_LINK_DUPLICATE' // another link of the same two nodes stays
  | 'ERR_HANDSHAKE_LIMIT' // over the limits that hold before authentication
  // node
  | 'ERR_ARGUMENT' // a bad argument
  | 'ERR_CONTROL' // a control socket cannot be opened, or nobody answers at it
  | 'ERR_HTTP' // the address for metrics and probes cannot be listened at
  | 'ERR_CONFIG' // a configuration that cannot be read or used
  | 'ERR_KEY_SHORT' // the cluster key has fewer than 32 bytes
  | 'ERR_KEY_FILE' // the key file is missing or unreadable
  | 'ERR_KEY_FILE_MODE' // others can read the key file
  | 'ERR_PLANE_NO_ADDRESS' // no local address is in the plane's CIDR
  | 'ERR_PLANE_DEFERRED' // a link keeps its planes until it is made anew
  | 'ERR_PLANE_AMBIGUOUS' // two or more local addresses are in the plane's CIDR
  | 'ERR_NAME_TAKEN' // another living node has this name
  | 'ERR_PEERS' // as many peers as limits.peers allows
  | 'ERR_PEER_SOURCE' // a source of peers cannot tell them, or tells what cannot be used
  | 'ERR_NO_LINK' // there is no link to that node
  | 'ERR_NO_HANDLER' // the peer has no handler for this topic
  | 'ERR_HANDLER' // the peer's handler failed
  | 'ERR_LINK_DOWN' // the link ended before the answer came
  | 'ERR_CANCELLED' // the caller's signal was aborted, or it reads a stream no further
  | 'ERR_LIMIT' // as many as the limit named in the message allows
  // config
  | 'ERR_REPLICAS' // a master is away, stalled or cannot store; nothing was appended anywhere
  | 'ERR_OUTCOME_UNKNOWN' // the change may come to be or not; a task may have run or not
  | 'ERR_DIVERGED' // two logs of one lineage hold different entries
  | 'ERR_LINEAGE' // two lineages were forced apart, or another cluster
  | 'ERR_BEHIND' // this node has not yet seen the revision that was asked for
  | 'ERR_NOT_READY' // this node has no configuration to read yet
  | 'ERR_STORE' // the store could not be read or written
  | 'ERR_STORE_FULL' // the store has no room
  | 'ERR_STORE_READ_ONLY' // the store cannot be written
  | 'ERR_STORE_IN_USE' // another process has the store
  | 'ERR_STORE_CORRUPT' // the store is damaged
  | 'ERR_STORE_FOREIGN' // what is at the path is not a store
  | 'ERR_STORE_FORMAT' // a newer version wrote the store
  | 'ERR_COMPACTED' // the revision asked for is not kept any more
  | 'ERR_SCHEMA' // a schema refuses the value, or is none
  | 'ERR_FORBIDDEN' // the rights of a node do not go so far
  // controller
  | 'ERR_CONTROLLER_RUNNING' // this host has a controller that runs
  | 'ERR_HOST_FILE' // the file that describes this host cannot be read or used
  // workers
  | 'ERR_WORKER_SPEC' // the description of a worker or a group cannot be used
  | 'ERR_WORKER_UNKNOWN' // there is no worker of that name
  | 'ERR_NOT_A_WORKER' // no controller has started this process, so it cannot join
  | 'ERR_KEEPER' // the program that keeps workers is missing, or cannot do so
  // lab
  | 'ERR_LAB'; // the lab could not be set up, or a fault could not be made

/** What an error carries besides its code. */
export interface ErrorDetails {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** The kernel's number, negative as in Node's own errors. */
  readonly errno?: number;
  /** The system call that failed. */
  readonly syscall?: string;
  /** The address it was about. */
  readonly address?: string;
}

/** The base of all errors of this package. */
export class BackplaneError extends Error {
  override readonly name: string = 'BackplaneError';
  readonly code: ErrorCode;
  readonly errno?: number;
  readonly syscall?: string;
  readonly address?: string;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    if (details.errno !== undefined) this.errno = details.errno;
    if (details.syscall !== undefined) this.syscall = details.syscall;
    if (details.address !== undefined) this.address = details.address;
  }
}

/** Sockets, associations, the addon. */
export class SctpError extends BackplaneError {
  override readonly name = 'SctpError';
}

/** What stands against a wish for timers: one of its other terms, or the kernel's ticks. */
export type WishConstraint = 'tick' | 'rtt' | 'loss' | 'reroute';

/** What a ProfileError carries besides. */
export interface ProfileErrorDetails extends ErrorDetails {
  readonly constraint?: WishConstraint;
  readonly leastDetectMs?: number;
}

/** A set of timers that cannot hold what it promises. */
export class ProfileError extends BackplaneError {
  override readonly name = 'ProfileError';
  /** With ERR_PROFILE_UNSOLVABLE: what stands against the wish. */
  readonly constraint?: WishConstraint;
  /** With ERR_PROFILE_UNSOLVABLE: the shortest time that could be had, all else unchanged. */
  readonly leastDetectMs?: number;

  constructor(code: ErrorCode, message: string, details: ProfileErrorDetails = {}) {
    super(code, message, details);
    if (details.constraint !== undefined) this.constraint = details.constraint;
    if (details.leastDetectMs !== undefined) this.leastDetectMs = details.leastDetectMs;
  }
}

/** A peer broke the protocol. Never thrown past the machine that read the input. */
export class ProtocolError extends BackplaneError {
  override readonly name = 'ProtocolError';
}

/** A link could not be made, or ended. */
export class LinkError extends BackplaneError {
  override readonly name = 'LinkError';
}

/** Configuration, names, sending and calling. */
export class NodeError extends BackplaneError {
  override readonly name = 'NodeError';
}

/** What a ConfigError carries besides. */
export interface ConfigErrorDetails extends ErrorDetails {
  readonly key?: string;
  readonly request?: UnknownRequest;
}

/** A write whose outcome is not known: the options that ask for it again. */
export interface UnknownRequest {
  readonly requestId: string;
  readonly askedAt: number;
}

/** Whether a task was begun: 'perhaps' where nothing proves that it was not. */
export type TaskRan = 'no' | 'perhaps' | 'yes';

/** What a TaskError carries besides. */
export interface TaskErrorDetails extends ErrorDetails {
  readonly ran: TaskRan;
  readonly remoteCode?: string | null;
}

/** A task that came to no result. */
export class TaskError extends BackplaneError {
  override readonly name = 'TaskError';
  /** 'yes' with ERR_HANDLER alone: its handler failed. After 'no' it is safe to run it again. */
  readonly ran: TaskRan;
  /** With ERR_HANDLER: `code` of what the handler threw; null when that had none. */
  readonly remoteCode: string | null;

  constructor(code: ErrorCode, message: string, details: TaskErrorDetails) {
    super(code, message, details);
    this.ran = details.ran;
    this.remoteCode = details.remoteCode ?? null;
  }
}

/** The replicated configuration and its store. */
export class ConfigError extends BackplaneError {
  override readonly name = 'ConfigError';
  /** The key it is about. */
  readonly key?: string;
  /** With ERR_OUTCOME_UNKNOWN of a write: what asks again. */
  readonly request?: UnknownRequest;

  constructor(code: ErrorCode, message: string, details: ConfigErrorDetails = {}) {
    super(code, message, details);
    if (details.key !== undefined) this.key = details.key;
    if (details.request !== undefined) this.request = details.request;
  }
}

/** What a ControllerError carries besides. */
export interface ControllerErrorDetails extends ErrorDetails {
  readonly pid?: number;
}

/** The controller of a host, and the file that describes the host. */
export class ControllerError extends BackplaneError {
  override readonly name = 'ControllerError';
  /** With ERR_CONTROLLER_RUNNING: the process that is the controller, where that can be seen. */
  readonly pid?: number;

  constructor(code: ErrorCode, message: string, details: ControllerErrorDetails = {}) {
    super(code, message, details);
    if (details.pid !== undefined) this.pid = details.pid;
  }
}

/** What a WorkerError carries besides. */
export interface WorkerErrorDetails extends ErrorDetails {
  readonly worker?: string;
  readonly path?: string;
}

/** Workers and what keeps them. */
export class WorkerError extends BackplaneError {
  override readonly name = 'WorkerError';
  /** The worker, or group of workers, it is about. */
  readonly worker?: string;
  /** With ERR_WORKER_SPEC: where in the description, as `/output/files`; empty: all of it. */
  readonly path?: string;

  constructor(code: ErrorCode, message: string, details: WorkerErrorDetails = {}) {
    super(code, message, details);
    if (details.worker !== undefined) this.worker = details.worker;
    if (details.path !== undefined) this.path = details.path;
  }
}

/** Hosts, switches, guests and faults of the lab. */
export class LabError extends BackplaneError {
  override readonly name = 'LabError';
}
