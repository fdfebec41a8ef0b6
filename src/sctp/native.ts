/**
 * The addon's whole contract. Everything the C++ side offers is here, and nothing of the kernel is:
 * no option numbers, no flags, no structs, so that a second engine can meet the same face.
 *
 * Rules for the C++ side: it moves bytes and maps errno. Every method throws a `NativeError` (a
 * plain Error with `code`, `errno`, `syscall`, `address`) or succeeds; after `close()` or `abort()`
 * every method throws `code: 'ERR_CLOSED'` (close and abort themselves are then no-ops). No method
 * ever aborts the process, whatever it is given: wrong argument types throw a TypeError.
 */

/** What the addon throws: `code` is the errno's name ('EADDRINUSE'), or 'ERR_CLOSED'. */
export interface NativeError extends Error {
  readonly code: string;
  /** Negative, as in Node's own errors. Absent for ERR_CLOSED. */
  readonly errno?: number;
  readonly syscall?: string;
  readonly address?: string;
}

/** The module object of the `.node` file. */
export interface NativeAddon {
  readonly engine: 'kernel' | 'usrsctp';
  /** Changes when this contract does; the loader refuses a file with another number. */
  readonly contract: number;
  /**
   * One Int32Array per environment, shared by all its sockets; valid during `onReceive` only. Entry
   * i begins at i * META_STRIDE. See the META_ constants.
   */
  readonly meta: Int32Array;
  readonly Socket: NativeSocketConstructor;
  /**
   * Null when this system can make SCTP sockets, otherwise why not ('EPROTONOSUPPORT'). Costs one
   * socket().
   */
  probe(): NativeError | null;
  /**
   * AES-256-GCM (NIST SP 800-38D) in place: encrypts `frame[start, end)` and writes the 16 bytes of
   * the tag behind it; `frame[0, start)` is authenticated with it.
   */
  sealAes256Gcm(
    key: Uint8Array,
    nonce: Uint8Array,
    frame: Uint8Array,
    start: number,
    end: number,
  ): void;
  /**
   * Decrypts `frame[start, length - 16)` in place. False when it is not what was sealed; what
   * stands there then is of no use.
   */
  openAes256Gcm(key: Uint8Array, nonce: Uint8Array, frame: Uint8Array, start: number): boolean;
}

/** Number of the contract in this file. */
export const NATIVE_CONTRACT = 3;

/** Layout of one entry of `meta`. */
export const META_STRIDE = 8;
/** Byte offset of the payload in the slab; for a notification, its index in `notifications`. */
export const META_OFFSET = 0;
/** Payload length in bytes; -1 marks a notification. */
export const META_LENGTH = 1;
export const META_STREAM = 2;
/** As a signed 32-bit view of the unsigned PPID, in host byte order. */
export const META_PPID = 3;
/** Bit 0: unordered. */
export const META_FLAGS = 4;
export const META_TSN = 5;
export const META_SSN = 6;
export const META_RESERVED = 7;

/** Flags of `send`. */
export const SEND_UNORDERED = 1;
/** Asks the peer to acknowledge at once (SACK-IMMEDIATELY, RFC 7053). */
export const SEND_SACK_NOW = 2;

export interface NativeAddress {
  readonly address: string;
  readonly port: number;
}

export type NativePathState =
  | 'active'
  | 'inactive'
  | 'potentially-failed'
  | 'unconfirmed'
  | 'unknown';

/**
 * Notifications of the association (RFC 6458, section 6.1), in the order in which the engine gave
 * them.
 */
export type NativeNotification =
  | {
      readonly type: 'association';
      readonly change: 'up' | 'lost' | 'restart' | 'shutdown-complete' | 'cannot-start';
      /**
       * Cause code of the peer's ABORT (RFC 9260, 3.3.10), 0 when there was none. Host byte order.
       */
      readonly error: number;
      readonly outboundStreams: number;
      readonly inboundStreams: number;
      /** The ABORT chunk as it was received; empty when there was none. */
      readonly info: Uint8Array;
    }
  | {
      readonly type: 'path';
      readonly address: string;
      readonly change:
        | 'available'
        | 'unreachable'
        | 'removed'
        | 'added'
        | 'made-primary'
        | 'confirmed'
        | 'potentially-failed'
        | 'unknown';
      readonly error: number;
    }
  | { readonly type: 'shutdown' }
  | {
      /**
       * A chunk that the engine gave up (SCTP_SEND_FAILED_EVENT), or a whole message that it
       * refused for good, such as one for a stream that does not exist: `sent` is false then,
       * `error` the errno.
       */
      readonly type: 'send-failed';
      /** False when no byte of this chunk ever left (SCTP_DATA_UNSENT). */
      readonly sent: boolean;
      readonly error: number;
      readonly stream: number;
      readonly ppid: number;
      /** What `send` was given as context. */
      readonly context: number;
      /** The chunk's payload. */
      readonly data: Uint8Array;
    }
  | { readonly type: 'sender-dry' }
  | { readonly type: 'remote-error'; readonly error: number; readonly data: Uint8Array }
  /** One we do not know or do not use; never dropped in silence. */
  | { readonly type: 'other'; readonly kind: number; readonly length: number };

/**
 * Called by the addon on the environment's own loop, never from within one of the socket's methods,
 * except `drain`.
 */
export interface NativeHandlers {
  /**
   * `count` entries of `meta` are valid; payloads lie in `slab`. Views of it may be kept (a view
   * keeps its slab alive) unless true is returned: then the payloads' place may be written again.
   */
  onReceive(slab: ArrayBuffer, count: number, notifications: NativeNotification[] | null): boolean;
  /**
   * End of the association; comes last and once. `error` is null at an orderly end (EOF). Close the
   * socket then.
   */
  onEnd(error: NativeError | null): void;
  /** The send queue, once above `lowWaterBytes`, has fallen to it or below. */
  onDrain(): void;
  /**
   * Listening sockets: a new association, already non-blocking and inheriting all options; give it
   * handlers by `attach`.
   */
  onAccept(socket: NativeSocket): void;
  /** Listening sockets: accept failed (EMFILE ...); the addon pauses accepting until `resume()`. */
  onAcceptError(error: NativeError): void;
  /**
   * A partially delivered message passed `maxMessageBytes`; what had arrived of it is gone. Abort
   * the association.
   */
  onOversize(bytes: number): void;
}

export interface NativeSocketConstructor {
  /**
   * A non-blocking one-to-one socket, close-on-exec. `family` 6 also carries IPv4 (mapped; shown
   * unmapped).
   */
  new (family: 4 | 6): NativeSocket;
}

export interface NativeSocket {
  /** Gives the handlers; nothing is read before `resume()`. Once. */
  attach(handlers: NativeHandlers): void;
  /** Limits of this socket: partial deliveries, and the queue's low-water mark for `onDrain`. */
  setLimits(maxMessageBytes: number, lowWaterBytes: number): void;

  /** Binds all addresses to one port (0: the system chooses one) in one step. */
  bind(addresses: readonly string[], port: number): void;
  /** Adds or removes local addresses, also on a live association (needs ASCONF there, RFC 5061). */
  addAddresses(addresses: readonly string[]): void;
  removeAddresses(addresses: readonly string[]): void;
  listen(backlog: number): void;
  /**
   * Begins an association with a peer that has these addresses; its outcome comes as a notification
   * or `onEnd`.
   */
  connect(addresses: readonly string[], port: number): void;

  /** Starts polling (reading, or accepting). */
  resume(): void;
  /** Stops reading. */
  pause(): void;
  /**
   * Reads now what the engine holds, at most `rounds` rounds of 64; calls the handlers from within.
   * Returns messages read.
   */
  drain(rounds: number): number;

  /**
   * Queues a copy of `data`; it leaves at the next `flush()`. Returns the bytes now queued.
   * `ppid` and `context` are 32-bit numbers. Never blocks, never drops.
   */
  send(data: Uint8Array, stream: number, ppid: number, flags: number, context: number): number;
  /**
   * Hands the queue to the engine as far as it takes it; the rest follows by itself when there is
   * room. A failed send of an association that is over leaves the queue as it is: `onEnd` follows.
   */
  flush(): void;
  /** Bytes queued here, not yet taken by the engine. */
  readonly queuedBytes: number;

  /**
   * Graceful SHUTDOWN (RFC 9260, 9.2) once the queue is empty; `onEnd` follows. Without the option
   * `events` it follows only when the peer's end is seen. Sending after it fails with EPIPE.
   */
  shutdown(): void;
  /** ABORT to the peer, then close. Nothing more is called back. */
  abort(): void;
  /**
   * Releases everything; an association still up is shut down by the engine in the background.
   * Nothing more is called back.
   */
  close(): void;

  /** Sets one option; the names and shapes are `NativeOptions`. Reads nothing back. */
  setOption<K extends keyof NativeOptions>(name: K, value: NativeOptions[K]): void;
  /** Reads one option as the engine holds it. `address` names the path for path options. */
  getOption<K extends keyof NativeOptions>(name: K, address?: string): NativeOptions[K];

  status(): NativeStatus;
  pathInfo(address: string): NativePathInfo;
  statistics(): NativeStatistics;
  /** Those of the association; of the socket while there is none. */
  localAddresses(): NativeAddress[];
  peerAddresses(): NativeAddress[];
}

/**
 * Options by name. Times are milliseconds, sizes bytes. On a socket without an association, path
 * options without `address` are the defaults of the association to come; on a live one they mean
 * all its paths.
 */
export interface NativeOptions {
  /** SCTP_INITMSG; 0 leaves the engine's default. */
  init: {
    outboundStreams: number;
    inboundStreams: number;
    maxAttempts: number;
    maxTimeoutMs: number;
  };
  /** SCTP_RTOINFO. */
  rto: { initialMs: number; minMs: number; maxMs: number };
  /** SCTP_ASSOCINFO. */
  association: { maxRetransmits: number; cookieLifeMs: number };
  /**
   * SCTP_PEER_ADDR_PARAMS. heartbeatIntervalMs 0 with heartbeat true means as often as the engine
   * can.
   */
  path: {
    address?: string;
    heartbeat: boolean;
    heartbeatIntervalMs: number;
    maxRetransmits: number;
    /** Asks for one HEARTBEAT now; write only. */
    heartbeatNow?: boolean;
  };
  /** SCTP_PEER_ADDR_THLDS_V2 (RFC 7829); primarySwitchover 65535 is off. */
  pathThresholds: {
    address?: string;
    maxRetransmits: number;
    potentiallyFailed: number;
    primarySwitchover: number;
  };
  /** SCTP_EXPOSE_POTENTIALLY_FAILED_STATE. */
  exposePotentiallyFailed: boolean;
  /** SCTP_DELAYED_SACK. frequency 1 turns the delay off. */
  sack: { delayMs: number; frequency: number };
  noDelay: boolean;
  /** SCTP_STREAM_SCHEDULER (RFC 8260, 4.3.2), by the kernel's numbers: 0 FCFS, 2 round-robin. */
  streamScheduler: number;
  /**
   * SO_REUSEADDR, before `bind`: sockets with it that do not listen share an address and port.
   * Accepted ones inherit it.
   */
  reuseAddress: boolean;
  /**
   * SCTP_ASCONF_SUPPORTED: whether addresses of associations to come may change (RFC 5061); of an
   * association, whether both ends do that.
   */
  changeAddresses: boolean;
  /** SCTP_EVENT, one per notification we use: all on or off. */
  events: boolean;
  /** SCTP_SENDER_DRY_EVENT alone. */
  senderDryEvent: boolean;
  /** SCTP_RECVRCVINFO. */
  receiveInfo: boolean;
  /** SCTP_CONTEXT: default context of messages received. */
  context: number;
  /**
   * SO_SNDBUF / SO_RCVBUF as asked for; reading gives what the kernel accounts (twice that,
   * capped).
   */
  sendBuffer: number;
  receiveBuffer: number;
  /**
   * SO_SNDBUFFORCE / SO_RCVBUFFORCE: beyond wmem_max and rmem_max; EPERM without CAP_NET_ADMIN.
   * Write only.
   */
  sendBufferForce: number;
  receiveBufferForce: number;
  /** SCTP_PRIMARY_ADDR. */
  primary: { address: string };
  /** SCTP_REMOTE_UDP_ENCAPS_PORT (RFC 6951); 0 is off. */
  udpEncapsulation: { address?: string; port: number };
}

/** SCTP_STATUS. */
export interface NativeStatus {
  readonly state:
    | 'empty'
    | 'closed'
    | 'cookie-wait'
    | 'cookie-echoed'
    | 'established'
    | 'shutdown-pending'
    | 'shutdown-sent'
    | 'shutdown-received'
    | 'shutdown-ack-sent'
    | 'unknown';
  readonly peerWindowBytes: number;
  readonly unackedChunks: number;
  readonly pendingChunks: number;
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  readonly fragmentationPointBytes: number;
  readonly primary: NativePathInfo;
}

/** SCTP_GET_PEER_ADDR_INFO. */
export interface NativePathInfo {
  readonly address: string;
  readonly port: number;
  readonly state: NativePathState;
  readonly cwndBytes: number;
  readonly rttMs: number;
  readonly rtoMs: number;
  readonly mtuBytes: number;
}

/** SCTP_GET_ASSOC_STATS: what the association counted since it began. */
export interface NativeStatistics {
  /** The longest RTO since this was last read, and the path that had it; 0 and empty: none. */
  readonly maxRtoMs: number;
  readonly maxRtoAddress: string;
  readonly sentPackets: number;
  readonly receivedPackets: number;
  /** DATA chunks, each counted when it is first sent. */
  readonly sentChunks: number;
  readonly receivedChunks: number;
  /** DATA chunks sent once more, on whatever path. */
  readonly retransmittedChunks: number;
  /** DATA chunks that came though they had come before. */
  readonly duplicateChunks: number;
}
