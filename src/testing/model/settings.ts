/** What a simulated network is like, and who looks on. */
import type { CarrierEnd } from '../../link/carrier.js';
import type { SimCarrier } from './carrier.js';

/** Sizes, times and rates. */
export interface ModelSettings {
  /** Planes that every host is on. */
  readonly planes: number;
  /** One way, without queues. */
  readonly latencyMs: number;
  /** Up to so much more, each time. */
  readonly jitterMs: number;
  /** Part of the messages, from 0 to 1, that a lost packet holds up for one RTO. */
  readonly loss: number;
  /** Streams of an association in each direction. */
  readonly streams: number;
  /** Bytes on their way before the sender waits for an acknowledgement. */
  readonly windowBytes: number;
  /** The kernel's buffers of each end. */
  readonly sendBufferBytes: number;
  readonly receiveBufferBytes: number;
  /** The carrier's `send` returns false above the first and throws above the second. */
  readonly highWaterBytes: number;
  readonly hardBytes: number;
}

/** Is told of all that happens; a simulation makes a hash of it. */
export interface ModelTrace {
  /** One input to one machine. */
  event(nowMs: number, kind: string, where: string, a?: number, b?: number, c?: number): void;
  /** What a message holds that is given to its reader. */
  bytes(data: Uint8Array): void;
}

/** For those who need no trace. */
export const noTrace: ModelTrace = { event: () => {}, bytes: () => {} };

/** Looks at what the users of carriers do. */
export interface ModelWatch {
  /** A user of a carrier did what none may. */
  violated(what: string): void;
  /** A user of a carrier was told of its end. */
  carrierEnded(carrier: SimCarrier, end: CarrierEnd): void;
}
