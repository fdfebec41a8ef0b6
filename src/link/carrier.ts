/**
 * What a link needs of whatever carries its frames: an association, or a simulated one. The link
 * owns this interface; `sctp-carrier.ts` meets it with an `Association`.
 */
import type { Profile } from '../timing/profiles.js';

/** How one path is. */
export type PathState = 'active' | 'inactive' | 'potentially-failed' | 'unconfirmed';

/** One destination address of the peer, as it is now. */
export interface CarrierPath {
  /** The peer's address, the path's name in RFC terms. */
  readonly address: string;
  readonly state: PathState;
  readonly primary: boolean;
  readonly rttMs: number;
  readonly rtoMs: number;
  readonly cwndBytes: number;
}

/** What a carrier counted since it was made. */
export interface CarrierStatistics {
  /** Pieces of frames, each counted when it is first sent. */
  readonly sentChunks: number;
  /** Those that were sent once more, on whatever path. */
  readonly retransmittedChunks: number;
}

/** What happened to one path. */
export interface CarrierPathEvent {
  readonly address: string;
  readonly change:
    | 'available'
    | 'unreachable'
    | 'potentially-failed'
    | 'made-primary'
    | 'confirmed'
    | 'added'
    | 'removed';
}

/**
 * How a carrier ended: 'lost' by failure or the peer's abort, 'closed' in an orderly way,
 * 'restarted' when the peer began anew.
 */
export type CarrierEnd = 'lost' | 'closed' | 'restarted';

export interface CarrierHandlers {
  /** The association is up; frames may be sent. At once when it was up before `attach`. */
  onUp(): void;
  /** Returns whether `data` is kept; when not, its memory is used again. */
  onMessage(stream: number, data: Buffer): boolean;
  onPath(event: CarrierPathEvent): void;
  /** Last, once. Everything received before has been given to `onMessage`. */
  onEnd(end: CarrierEnd, error: Error | null): void;
  /** `send` had returned false and there is room again. */
  onDrain(): void;
  /**
   * The carrier gives back a part of a frame that was never sent; `context` is that of its `send`.
   * Only ever before `onEnd`, and never after `abort`.
   */
  onUnsent(context: number, bytes: number): void;
}

/** How one frame is sent. */
export interface CarrierSendOptions {
  /** It may overtake what was sent before on its stream. Default false. */
  readonly unordered?: boolean;
  /** A number of 32 bits that comes back in `onUnsent`. Default 0. */
  readonly context?: number;
}

export interface Carrier {
  attach(handlers: CarrierHandlers): void;
  /**
   * Queues a copy of one frame on a stream; false above the high-water mark. Throws a
   * BackplaneError when it did not take the frame: ERR_QUEUE_FULL, ERR_MESSAGE_TOO_LARGE,
   * ERR_CLOSED.
   */
  send(stream: number, data: Uint8Array, options?: CarrierSendOptions): boolean;
  /** Reads now whatever has arrived, calling the handlers from within. */
  drain(): void;
  /** Streams usable for sending, and those the peer may use; a link needs MIN_STREAMS of each. */
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  /**
   * Bytes of frames that are queued here and never left; after the end, as they were at the end.
   */
  readonly queuedBytes: number;
  readonly paths: readonly CarrierPath[];
  /** Address the association was made with or from, for limits and logs. */
  readonly remoteAddress: string;
  /**
   * Gives the association the timers of another profile than it was made with. A carrier without
   * timers of its own has no need of it. Throws a BackplaneError when not all could be set.
   */
  retime?(profile: Profile): void;
  /** Orderly end; what was queued is still delivered. */
  shutdown(): void;
  /** Ends at once; the peer sees `lost`. No handler is called after. */
  abort(): void;

  // What follows is about paths, and not every carrier has it.
  /** Null when it cannot tell now. */
  statistics?(): CarrierStatistics | null;
  /**
   * Sends on the path to this address of the peer while it is active. Throws a BackplaneError:
   * ERR_ADDRESS_INVALID (none of the peer's), ERR_OPTION_REJECTED, ERR_CLOSED, ERR_SYSTEM.
   */
  setPrimary?(address: string): void;
  /** Our addresses, which the peer has as its paths. */
  readonly localAddresses?: readonly string[];
  /**
   * Both throw a BackplaneError: ERR_OPTION_REJECTED when nothing was changed because one of the
   * two ends does not do that, ERR_ADDRESS_NOT_LOCAL, ERR_PORT_IN_USE, ERR_STATE, ERR_CLOSED,
   * ERR_SYSTEM (the last address cannot go).
   */
  addLocalAddresses?(addresses: readonly string[]): void;
  removeLocalAddresses?(addresses: readonly string[]): void;
}
