/** The words a link and its owner share. */
import type { BackplaneError, ErrorCode } from '../errors.js';
import type { Runtime } from '../runtime/index.js';
import type { Profile } from '../timing/profiles.js';
import type { Offer } from '../wire/handshake-frames.js';
import type { Carrier, CarrierPath, CarrierPathEvent } from './carrier.js';

/** Who we are in a handshake. */
export interface LocalIdentity {
  /** `name@host`. */
  readonly name: string;
  /** New at each start of the node; 64 random bits. */
  readonly incarnation: bigint;
  /** The cluster's label; both ends must have the same. */
  readonly label: string;
  /** Cluster keys: all are accepted, the first is used. */
  readonly keys: readonly Uint8Array[];
  readonly profile: Profile;
  /** What this program speaks; `currentOffer` of wire/handshake-frames.ts by default. */
  readonly offer?: Offer;
}

/** Who the peer is, known for certain once it is authenticated. */
export interface PeerIdentity {
  readonly name: string;
  readonly incarnation: bigint;
  /** Protocol version both ends speak. */
  readonly version: number;
  /** Feature bits both ends have. */
  readonly features: number;
}

/** One message between two nodes, as the link carries it. */
export interface UserMessage {
  readonly kind: 'send' | 'call' | 'reply' | 'failure';
  /** Number of the call that this message asks or answers; 0 for `send`. */
  readonly id: number;
  /** Empty for answers. */
  readonly topic: string;
  /** How `body` is to be read. */
  readonly encoding: 'bytes' | 'cbor';
  readonly body: Uint8Array;
}

/** A message as it came; its body is a view that may be kept. */
export interface ReceivedMessage extends UserMessage {
  readonly body: Buffer;
}

/** Why a link is over. */
export type LinkEnd =
  /** The peer said that it leaves. */
  | 'left'
  /**
   * Orderly end of the association without a LEAVE: the peer's process was ended, or closed the
   * link.
   */
  | 'closed'
  /** The association failed, or no path and no frame for the outage time. */
  | 'lost'
  /** The peer began anew on the same association. */
  | 'restarted'
  /** One side would not have the other: key, label, version, timers, name. */
  | 'refused';

export interface LinkHandlers {
  /**
   * Acceptor only: the peer has proven that it holds a cluster key. The owner answers, now or
   * later, with `link.accept()` or `link.refuse(code)`; until then nothing else of this peer is
   * read.
   */
  onAuthenticated(peer: PeerIdentity, linkNumber: number): void;
  /** The link is up at this end; messages flow. */
  onUp(peer: PeerIdentity): void;
  onMessage(message: ReceivedMessage): void;
  /**
   * The process at the other end has not answered for the profile's stall time, though a path is
   * active.
   */
  onStalled(): void;
  onResumed(): void;
  onPath(event: CarrierPathEvent): void;
  /** `send` had returned false and there is room again. */
  onDrain(): void;
  /**
   * Last, once. `error` says more where there is more to say; for 'refused' its code is the reason.
   */
  onEnd(end: LinkEnd, error: BackplaneError | null): void;
}

export interface LinkOptions {
  readonly role: 'dialler' | 'acceptor';
  readonly carrier: Carrier;
  readonly local: LocalIdentity;
  readonly runtime: Runtime;
  readonly handlers: LinkHandlers;
  /**
   * Dialler only: the name the peer must have; another one ends the link as 'refused' with
   * ERR_NAME_MISMATCH.
   */
  readonly expectedName?: string;
  /** Dialler only: 1 + the highest number known of any link with this peer. */
  readonly linkNumber?: number;
}

/** One link; `createLink(options)` in link.ts makes it. */
export interface Link {
  readonly role: 'dialler' | 'acceptor';
  readonly state: 'handshake' | 'waiting' | 'up' | 'ended';
  readonly peer: PeerIdentity | null;
  readonly linkNumber: number;
  readonly stalled: boolean;
  readonly paths: readonly CarrierPath[];
  readonly remoteAddress: string;
  /**
   * Acceptor, after onAuthenticated; `onUp` follows when the dialler has been heard. Nothing
   * happens when the link has ended meanwhile. Throws ERR_STATE at any other time.
   */
  accept(): void;
  /**
   * Acceptor, after onAuthenticated. Tells the peer why, then ends; at the peer `onEnd('refused',
   * code)`. Nothing happens when the link has ended meanwhile. Throws ERR_STATE when it is up,
   * ERR_ARGUMENT for a code that is none of the reasons in wire/handshake-frames.ts.
   */
  refuse(code: ErrorCode): void;
  /**
   * Sends one message; order holds within `orderKey`. False above the high-water mark.
   * Throws ERR_MESSAGE_TOO_LARGE, ERR_QUEUE_FULL, ERR_ARGUMENT (a topic or number the kind must not
   * have or must have), ERR_NO_LINK when not up or when the peer has said that it leaves.
   */
  send(message: UserMessage, orderKey: string): boolean;
  /**
   * Asks for a sign of life now (used when another incarnation claims the name): resolves true on
   * any frame within `withinMs`.
   */
  probe(withinMs: number, done: (alive: boolean) => void): void;
  /**
   * LEAVE, then orderly shutdown; at the peer `onEnd('left')`. Here `onEnd('closed')` when it is
   * over.
   */
  leave(): void;
  /** Ends at once, no further callback, not even to a pending `probe`. */
  abort(): void;
}
