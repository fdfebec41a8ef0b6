/** What associations and servers tell: the payloads of their events. */
import type { SctpError } from '../errors.js';
import type { Association } from './association.js';
import type { NativeNotification } from './native.js';
import type { PathEvent } from './path.js';

/** What came with a message. */
export interface MessageInfo {
  readonly stream: number;
  /** Payload protocol identifier, unsigned, as the sender gave it. */
  readonly ppid: number;
  readonly unordered: boolean;
  /** Transmission sequence number, unsigned. */
  readonly tsn: number;
  /** Stream sequence number; without meaning when unordered. */
  readonly ssn: number;
  /**
   * Says that nothing of the message's bytes is needed after this event: their memory is then used
   * again for later messages, instead of being left to the garbage collector.
   */
  release(): void;
}

/** Event `up`, and `restart`: streams usable in each direction. */
export interface StreamCounts {
  readonly outboundStreams: number;
  readonly inboundStreams: number;
}

/**
 * Why an association is lost. 'refused': nobody listens at the peer's port. 'timeout': the peer did
 * not answer for as long as the timers allow. 'aborted': the peer sent ABORT. 'oversize': the peer
 * sent a message beyond `maxMessageBytes`, and was aborted. 'failed': anything else, see the error.
 */
export type LossReason = 'refused' | 'timeout' | 'aborted' | 'oversize' | 'failed';

/** Event `lost`. */
export interface Loss {
  readonly reason: LossReason;
  /** Whether the association had been up before. */
  readonly wasUp: boolean;
  /**
   * Cause code in the peer's ABORT (RFC 9260, section 3.3.10; 12 is "user-initiated"), 0 when there
   * was none.
   */
  readonly causeCode: number;
  /**
   * ERR_REFUSED, ERR_TIMEOUT (never was up), ERR_ASSOCIATION_LOST, ERR_MESSAGE_TOO_LARGE or
   * ERR_SYSTEM.
   */
  readonly error: SctpError;
}

/**
 * Event `sendFailed`: the kernel gives back one chunk it could not deliver. A large message is
 * several chunks, each with the context of its `send`. That a chunk was sent does not tell whether
 * the peer has it.
 */
export interface SendFailure {
  /** False when no byte of this chunk ever left. */
  readonly sent: boolean;
  /** Error the kernel names, 0 when none. */
  readonly error: number;
  readonly stream: number;
  readonly ppid: number;
  /** What `send` was given as `context`. */
  readonly context: number;
  /** The chunk's payload. */
  readonly data: Buffer;
}

/** Events of an `Association`, in listener arguments. */
export interface AssociationEvents {
  /**
   * One whole message. `data` is a view into a slab of up to some MiB that many messages share and
   * that stays in memory as long as any view of it does: copy what is small and kept for long.
   */
  message: [data: Buffer, info: MessageInfo];
  /** The association is up; once, also for accepted ones. */
  up: [counts: StreamCounts];
  /** A path changed. The association goes on. */
  path: [event: PathEvent];
  /**
   * The peer began anew on the same addresses and port, without an end of what was before (RFC
   * 9260, section 5.2). Sequence numbers begin again, messages of either side may be missing, keys
   * agreed before are void: treat it as another peer, or abort.
   */
  restart: [counts: StreamCounts];
  /** The peer ended the association in an orderly way; what it had sent was delivered before. */
  shutdown: [];
  /** The association failed. What had arrived was delivered before. */
  lost: [loss: Loss];
  sendFailed: [failure: SendFailure];
  /** `send` had returned false, and the queue has fallen to a quarter of its high-water mark. */
  drain: [];
  /** Last, once, whatever the end. The socket is released: its port can be bound again. */
  close: [];
}

/** Events of a `Server`, in listener arguments. */
export interface ServerEvents {
  /**
   * A peer's association was accepted. Add listeners in this very call: reading begins when it
   * returns. Without a listener for this event the association is aborted.
   */
  association: [association: Association];
  /** An association could not be accepted (too many open files, for one). The server goes on. */
  acceptFailed: [error: SctpError];
  /** The server listens no more, and its port can be bound again. Its associations live on. */
  close: [];
}

/** The event for a notification; `data` is the notification's own memory, not copied. */
export function sendFailure(
  notification: Extract<NativeNotification, { type: 'send-failed' }>,
): SendFailure {
  const { sent, error, stream, ppid, context, data } = notification;
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { sent, error, stream, ppid, context, data: view };
}
