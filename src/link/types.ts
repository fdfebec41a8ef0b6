/** The words a link and its owner share. */
import type { BackplaneError, ErrorCode } from '../errors.js';
import type { Aead } from '../runtime/crypto.js';
import type { Runtime } from '../runtime/index.js';
import type { Profile } from '../timing/profiles.js';
import type { Offer } from '../wire/handshake-frames.js';
import type { MessageKind } from '../wire/records.js';
import type { Carrier, CarrierPath, CarrierPathEvent } from './carrier.js';
import type { OwnStream } from './streams.js';
import type { LinkTraffic } from './traffic.js';

/** How much the bundles of a link are protected. */
export type Security = 'sealed' | 'authenticated';

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
  /**
   * 'sealed' (default): every bundle is encrypted and authenticated. 'authenticated': nothing is
   * after the handshake, and only a peer that asks for the same is taken.
   */
  readonly security?: Security;
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

/** How a message ended; every message that was taken has exactly one outcome. */
export type Outcome =
  /**
   * The peer's link called the handler, and acknowledged after that turn; or it would not have the
   * message, for the reason in `code`.
   */
  | { readonly type: 'delivered'; readonly code?: ErrorCode }
  /**
   * It never left: its last byte stayed in our outbox, or the kernel gave all of it back. With the
   * code ERR_ARGUMENT, while the link is up: its body's memory was released, transferred or has
   * shrunk before it was sent.
   */
  | { readonly type: 'unsent'; readonly code?: ErrorCode }
  /** Its time was up before it left. */
  | { readonly type: 'expired' }
  /** The link ended, and there is no evidence of either. */
  | { readonly type: 'unknown' };

/** How one message is sent. */
export interface MessageOptions {
  /** Order holds among messages of one (topic, orderKey, priority). */
  readonly orderKey: string;
  /** Goes before other user messages. Default false. */
  readonly priority?: boolean;
  /** May overtake others. At most limits.fragmentBytes long. Default false. */
  readonly unordered?: boolean;
  /** Not sent any more after this time. Such a message may overtake others. Default: none. */
  readonly ttlMs?: number;
  /**
   * One of the nodes' own, on the link's stream, before all others, or on configuration's, before
   * all of programs; without credit. A `send` of a topic that begins with RESERVED_TOPICS, at most
   * limits.bundleBytes long; the peer handles it at once. Who sends them sees to it that few wait.
   * Default: one of a program.
   */
  readonly own?: OwnStream;
}

/** One message between two nodes, as the link carries it. */
export interface UserMessage {
  readonly kind: MessageKind;
  /** Number of the call that this message asks or answers; 0 for `send` and `publish`. */
  readonly id: number;
  /** Empty for answers. */
  readonly topic: string;
  /** How `body` is to be read. */
  readonly encoding: 'bytes' | 'cbor';
  readonly body: Uint8Array;
  /** The trace it belongs to, as W3C's `traceparent`; only with a topic. */
  readonly traceparent?: string | undefined;
}

/**
 * A message as it came. Its body is a view that may be kept, but where it is in CBOR and smaller
 * than `smallBodyBytes`: it is to be decoded at once, its memory is used again.
 */
export interface ReceivedMessage extends UserMessage {
  readonly body: Buffer;
  /**
   * Of a message that came in fragments: gives the memory of the body back, which serves for the
   * next one.
   */
  readonly release?: (() => void) | undefined;
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
  /** The carrier is up: the handshake begins. */
  onAssociation?(): void;
  /**
   * Acceptor only: the peer has proven that it holds a cluster key. The owner answers, now or
   * later, with `link.accept()` or `link.refuse(code)`; until then nothing else of this peer is
   * read.
   */
  onAuthenticated(peer: PeerIdentity, linkNumber: number): void;
  /** The link is up at this end; messages flow. */
  onUp(peer: PeerIdentity): void;
  /**
   * A code: the message is refused, and the sender told so. A promise: its credit returns to the
   * sender when it settles; it is acknowledged at once all the same.
   */
  onMessage(message: ReceivedMessage): undefined | ErrorCode | PromiseLike<unknown>;
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
   * Last, once; every message has its outcome by then. `error` says more where there is more to
   * say; for 'refused' its code is the reason.
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
  /**
   * The profile of a link with the peer of this name, where that is another one than `local`'s. An
   * acceptor asks it of a name that is not proven yet.
   */
  readonly profileFor?: (peerName: string) => Profile;
  /** The cipher of a sealed link; a simulation gives a cheaper one. Default AES-256-GCM. */
  readonly aead?: Aead;
}

/** One link; `createLink(options)` in link.ts makes it. */
export interface Link {
  readonly role: 'dialler' | 'acceptor';
  readonly state: 'handshake' | 'waiting' | 'up' | 'ended';
  readonly peer: PeerIdentity | null;
  readonly linkNumber: number;
  /** Its timers; those of `local` until the peer has told its name. */
  readonly profile: Profile;
  readonly stalled: boolean;
  readonly paths: readonly CarrierPath[];
  /** What went over it; also after its end. */
  readonly traffic: LinkTraffic;
  readonly remoteAddress: string;
  /** How it is going to end, once one of the two ends has begun to leave; null before. */
  readonly ending: LinkEnd | null;
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
   * Sends one message at the end of this turn, or when there is room. A body of over
   * limits.bundleBytes, or of 16 KiB or more in memory of its own, is not copied, and must not be
   * changed before its outcome is known. False
   * above limits.outboxHighWaterBytes; `onDrain` follows. Throws ERR_MESSAGE_TOO_LARGE,
   * ERR_QUEUE_FULL, ERR_ARGUMENT (a topic or number the kind must not have or must have),
   * ERR_NO_LINK when not up or when the peer has said that it leaves: then nothing was sent, and
   * `done` is not called.
   * @param done is told the outcome, once, before `onEnd` at the latest.
   */
  send(message: UserMessage, options: MessageOptions, done?: (outcome: Outcome) => void): boolean;
  /**
   * Asks for a sign of life now (used when another incarnation claims the name): `done` is told
   * true on any frame within `withinMs`, false when there was none. A link that ends before says so
   * by `onEnd` alone, with its own reason.
   */
  probe(withinMs: number, done: (alive: boolean) => void): void;
  /**
   * What was sent is delivered and acknowledged first, then LEAVE and an orderly shutdown; at the
   * peer `onEnd('left')`. Here `onEnd('closed')` when it is over.
   */
  leave(): void;
  /**
   * Ends at once. Messages get their outcomes from within; no other callback follows, not even to a
   * pending `probe`.
   */
  abort(): void;
}
