/** What an association is made of. */
import type { NativeSocket } from './native.js';

/** What `connect` and `Server` know about a socket they give to an association. */
export interface AssociationSetup {
  readonly socket: NativeSocket;
  readonly meta: Int32Array;
  readonly accepted: boolean;
  readonly maxMessageBytes: number;
  readonly sendQueueHighWaterBytes: number;
  /** What the kernel accounts for the send buffer: it takes no longer message. */
  readonly sendBufferBytes: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}
