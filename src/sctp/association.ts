/** One SCTP association: messages in both directions, and everything that happens to it. */
import { EventEmitter } from 'node:events';
import debug from 'debug';
import { limits } from '../limits.js';
import {
  addressesOf,
  changeLocalAddresses,
  requestHeartbeats,
  setPrimaryPath,
} from './addressing.js';
import { reconfigureSocket } from './configure.js';
import { ReceivedInfo, type Released, rethrow } from './delivery.js';
import { type AssociationEvents, type Loss, type StreamCounts, sendFailure } from './events.js';
import { lossOf, oversizeLoss } from './loss.js';
import {
  META_LENGTH,
  META_OFFSET,
  META_STRIDE,
  type NativeError,
  type NativeNotification,
  type NativeSocket,
  type NativeStatistics,
  type NativeStatus,
  SEND_SACK_NOW,
  SEND_UNORDERED,
} from './native.js';
import type { SendOptions, TimerOptions } from './options.js';
import { type Path, PathReader } from './path.js';
import { badLength, badStream, notUp, queueFull } from './refusals.js';
import { afterRelease } from './released.js';
import type { AssociationSetup } from './setup.js';
import { isNativeError, wrapNative } from './system-errors.js';
import { untilUp } from './until-up.js';

/** Life of an association, forwards only. */
export type AssociationState = 'connecting' | 'up' | 'closing' | 'closed';

/** SCTP_STATUS: the association as the kernel sees it now. */
export type AssociationStatus = NativeStatus;

/** SCTP_GET_ASSOC_STATS: what the kernel counted for the association. */
export type AssociationStatistics = NativeStatistics;

const trace = debug('backplane:sctp');

const NO_OPTIONS: SendOptions = {};
const DRAIN_ROUNDS = 16;

/**
 * `meta` belongs to all sockets of this thread and holds one batch, so while one is being handed
 * out no other may be read.
 */
let delivering = false;

/**
 * An association with one peer, made by `connect` or by a `Server`. Nothing a peer or the network
 * does makes it throw or emit 'error': ends come as `shutdown` or `lost`, then `close`.
 */
export class Association extends EventEmitter<AssociationEvents> {
  /** The peer's address it was made with or from. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /**
   * Longest message `send` takes: the option of that name, or the send buffer where that is
   * smaller.
   */
  readonly maxMessageBytes: number;
  readonly #maxReceiveBytes: number;
  readonly #highWaterBytes: number;
  readonly #socket: NativeSocket;
  readonly #paths: PathReader;
  readonly #meta: Int32Array;
  #state: AssociationState = 'connecting';
  #outboundStreams = 0;
  #inboundStreams = 0;
  #wasUp = false;
  #ending: Extract<NativeNotification, { type: 'association' }> | null = null;
  #shutdownSeen = false;
  #queuedBytes = 0;
  #flushPending = false;
  #neverTakenBytes = 0;
  #drainWanted = false;
  #orderly = false;
  #deadline: NodeJS.Timeout | null = null;
  #waiting: ((orderly: boolean) => void)[] = [];
  /** The end of a turn in which something was sent; made once, not per turn. */
  readonly #flush = (): void => {
    this.#flushPending = false;
    if (this.#state === 'closed') return;
    try {
      this.#socket.flush();
      this.#queuedBytes = this.#socket.queuedBytes;
    } catch (error) {
      if (!isNativeError(error)) throw error;
      this.#abortSocket();
      this.#lost(lossOf(error, null, this.#wasUp, this.remoteAddress));
    }
  };

  /** @internal Use `connect` or `Server`. Reading begins with the socket's `resume`. */
  constructor(setup: AssociationSetup) {
    super();
    const { socket } = setup;
    this.#socket = socket;
    this.#paths = new PathReader(socket);
    this.#meta = setup.meta;
    this.remoteAddress = setup.remoteAddress;
    this.remotePort = setup.remotePort;
    this.#maxReceiveBytes = setup.maxMessageBytes;
    this.#highWaterBytes = setup.sendQueueHighWaterBytes;
    this.maxMessageBytes = Math.min(setup.maxMessageBytes, setup.sendBufferBytes);
    socket.attach({
      onReceive: (...batch) => this.#receive(...batch),
      onEnd: (error) => this.#end(error),
      onDrain: () => this.#drained(),
      onAccept: () => {},
      onAcceptError: () => {},
      onOversize: (bytes) => this.#oversize(bytes),
    });
    socket.setLimits(setup.maxMessageBytes, Math.floor(setup.sendQueueHighWaterBytes / 4));
    if (setup.accepted) this.#accepted();
  }

  get state(): AssociationState {
    return this.#state;
  }

  /** Streams usable for sending, 0 before `up`. */
  get outboundStreams(): number {
    return this.#outboundStreams;
  }

  /** Streams the peer may use, 0 before `up`. */
  get inboundStreams(): number {
    return this.#inboundStreams;
  }

  /**
   * Bytes waiting here for room in the kernel's send buffer; after the end, those the kernel never
   * took.
   */
  get queuedBytes(): number {
    return this.#state === 'closed' ? this.#neverTakenBytes : this.#socket.queuedBytes;
  }

  /** All paths, read from the kernel now; empty before `up` and after the end. */
  get paths(): readonly Path[] {
    return this.#state === 'closed' ? [] : this.#paths.read();
  }

  /** Local addresses of the association; empty after the end. */
  get localAddresses(): readonly string[] {
    return this.#state === 'closed' ? [] : addressesOf(() => this.#socket.localAddresses());
  }

  /** The peer's addresses; empty after the end. */
  get remoteAddresses(): readonly string[] {
    return this.#state === 'closed' ? [] : addressesOf(() => this.#socket.peerAddresses());
  }

  /**
   * The association as the kernel has it now.
   * @throws SctpError ERR_CLOSED, ERR_SYSTEM.
   */
  status(): AssociationStatus {
    this.#checkOpen();
    return wrapNative('cannot read the status', undefined, () => this.#socket.status());
  }

  /**
   * What the kernel counted since the association began. `maxRtoMs` begins anew with each call.
   * @throws SctpError ERR_CLOSED, ERR_SYSTEM (before `up`).
   */
  statistics(): AssociationStatistics {
    this.#checkOpen();
    return wrapNative('cannot read statistics', undefined, () => this.#socket.statistics());
  }

  /**
   * Queues one message; all of one turn of the event loop leave together when it ends. `data` is
   * copied.
   * @returns False when more than option sendQueueHighWaterBytes wait; `drain` follows.
   * @throws SctpError ERR_STATE before `up` and after `shutdown`, ERR_CLOSED, ERR_MESSAGE_EMPTY,
   * ERR_MESSAGE_TOO_LARGE (over `maxMessageBytes`), ERR_QUEUE_FULL (limits.sendQueueHardBytes),
   * ERR_ARGUMENT.
   */
  send(data: Uint8Array, options: SendOptions = NO_OPTIONS): boolean {
    if (this.#state !== 'up') throw notUp(this.#state);
    const stream = options.stream ?? 0;
    const length = data instanceof Uint8Array ? data.length : -1;
    if (length <= 0 || length > this.maxMessageBytes) throw badLength(length, this.maxMessageBytes);
    if (!(stream >= 0 && stream < this.#outboundStreams && Number.isInteger(stream))) {
      throw badStream(stream, this.#outboundStreams);
    }
    if (this.#queuedBytes + length > limits.sendQueueHardBytes) this.#makeSureOfRoom(length);
    let flags = 0;
    if (options.unordered === true) flags |= SEND_UNORDERED;
    if (options.sackNow === true) flags |= SEND_SACK_NOW;
    const ppid = (options.ppid ?? 0) >>> 0;
    const context = (options.context ?? 0) >>> 0;
    this.#queuedBytes = this.#socket.send(data, stream, ppid, flags, context);
    if (!this.#flushPending) {
      this.#flushPending = true;
      process.nextTick(this.#flush);
    }
    if (this.#queuedBytes <= this.#highWaterBytes) return true;
    this.#drainWanted = true;
    return false;
  }

  /**
   * Reads at once what has arrived, without waiting for the event loop; listeners are called from
   * within. From inside a listener it does nothing.
   * @param rounds At most so many times 64 messages. Default 16.
   * @returns How many messages and notifications were read.
   */
  drain(rounds: number = DRAIN_ROUNDS): number {
    if (this.#state === 'closed' || delivering) return 0;
    return this.#socket.drain(rounds);
  }

  /**
   * Stops reading; the kernel's window closes as its buffer fills, and no event comes until
   * `resume`.
   */
  pause(): void {
    if (this.#state !== 'closed') this.#socket.pause();
  }

  /** Reads again after `pause`. */
  resume(): void {
    if (this.#state !== 'closed') this.#socket.resume();
  }

  /**
   * Makes one of the peer's addresses the primary path.
   * @throws SctpError ERR_ADDRESS_INVALID when the peer has no such address, ERR_OPTION_REJECTED,
   * ERR_CLOSED, ERR_SYSTEM.
   */
  setPrimary(address: string): void {
    this.#checkOpen();
    setPrimaryPath(this.#socket, address);
  }

  /**
   * Gives the living association other timers, each read back; those left out get their defaults.
   * An RTO in force changes with the next round trip that is measured.
   * @throws SctpError ERR_OPTION_REJECTED, ERR_CLOSED.
   */
  retime(options: TimerOptions): void {
    this.#checkOpen();
    reconfigureSocket(this.#socket, options);
  }

  /**
   * Asks for a HEARTBEAT at once on one path, or on all.
   * @throws SctpError ERR_ADDRESS_INVALID when the peer has no such address, ERR_CLOSED,
   * ERR_SYSTEM.
   */
  heartbeatNow(address?: string): void {
    this.#checkOpen();
    requestHeartbeats(this.#socket, address);
  }

  /**
   * Adds local addresses to the living association (RFC 5061). The kernel must allow it: sysctl
   * net.sctp.addip_enable, with auth_enable or addip_noauth_enable, at both ends.
   * @throws SctpError ERR_ADDRESS_NOT_LOCAL, ERR_ADDRESS_INVALID, ERR_OPTION_REJECTED where one end
   * does not do it, ERR_PORT_IN_USE, ERR_STATE, ERR_CLOSED, ERR_SYSTEM.
   */
  addLocalAddresses(addresses: readonly string[]): void {
    if (this.#state !== 'up') throw notUp(this.#state);
    changeLocalAddresses(this.#socket, addresses, 'add');
  }

  /** Removes local addresses, when the peer agrees; the last cannot go. Else as the other. */
  removeLocalAddresses(addresses: readonly string[]): void {
    if (this.#state !== 'up') throw notUp(this.#state);
    changeLocalAddresses(this.#socket, addresses, 'remove');
  }

  /**
   * Resolves when the association is up; rejects with the SctpError of the loss, or ERR_CLOSED,
   * when it ends before.
   */
  whenUp(): Promise<this> {
    return untilUp(this);
  }

  /**
   * Orderly end (RFC 9260, section 9.2): what was sent is delivered first; what the peer still
   * sends is received. After the deadline the association is aborted. Before `up` it is aborted at
   * once.
   * @param options.deadlineMs Default limits.shutdownMs.
   * @returns Resolves after the end: true when it was orderly. Never rejects.
   */
  shutdown(options: { readonly deadlineMs?: number } = {}): Promise<boolean> {
    if (this.#state === 'connecting') this.abort();
    if (this.#state === 'closed') return Promise.resolve(this.#orderly);
    if (this.#state === 'up') {
      this.#state = 'closing';
      this.#flush();
    }
    if (this.#state === 'closing' && this.#deadline === null) {
      this.#deadline = setTimeout(() => this.abort(), options.deadlineMs ?? limits.shutdownMs);
      try {
        this.#socket.shutdown();
      } catch (error) {
        // The association ended by itself meanwhile: that end is being read.
        if (!isNativeError(error)) throw error;
      }
    }
    return new Promise((resolve) => {
      if (this.#state === 'closed') resolve(this.#orderly);
      else this.#waiting.push(resolve);
    });
  }

  /**
   * Ends at once: the peer is sent ABORT and sees `lost`; here only `close` follows. What was
   * queued is dropped.
   */
  abort(): void {
    if (this.#state === 'closed') return;
    this.#abortSocket();
    this.#finish(false);
  }

  #abortSocket(): void {
    this.#neverTakenBytes = this.#socket.queuedBytes;
    this.#socket.abort();
  }

  /**
   * Releases the socket at once and leaves the orderly end to the kernel; only `close` follows.
   * What waits in our own queue is dropped, see `queuedBytes`, and what waits unread is lost; much
   * of that makes it an abort.
   */
  close(): void {
    if (this.#state === 'closed') return;
    this.#flush();
    this.#socket.close();
    this.#finish(false);
  }

  /** Returns whether the listeners have no more need of any message. */
  #receive(slab: ArrayBuffer, count: number, notifications: NativeNotification[] | null): boolean {
    const meta = this.#meta;
    const released: Released = { count: 0 };
    let messages = 0;
    delivering = true;
    for (let i = 0, at = 0; i < count && this.#state !== 'closed'; i += 1, at += META_STRIDE) {
      const length = meta[at + META_LENGTH]!;
      const offset = meta[at + META_OFFSET]!;
      try {
        if (length < 0) {
          this.#notified(notifications![offset]!);
          continue;
        }
        messages++;
        const info = new ReceivedInfo(released, meta, at);
        this.emit('message', Buffer.from(slab, offset, length), info);
      } catch (error) {
        rethrow(error);
      }
    }
    delivering = false;
    return released.count === messages;
  }

  #notified(notification: NativeNotification): void {
    switch (notification.type) {
      case 'association':
        this.#changed(notification);
        break;
      case 'path':
        this.emit('path', this.#paths.event(notification));
        break;
      case 'shutdown':
        this.#shutdownByPeer();
        break;
      case 'send-failed':
        this.emit('sendFailed', sendFailure(notification));
        break;
      default:
        // They change nothing an association promises.
        trace('%s: %o', this.remoteAddress, notification);
        break;
    }
  }

  #changed(notification: Extract<NativeNotification, { type: 'association' }>): void {
    const { change, outboundStreams, inboundStreams } = notification;
    if (change === 'lost' || change === 'cannot-start') {
      // The end itself follows with its errno, after the chunks that are given back.
      this.#ending = notification;
      return;
    }
    if (change === 'shutdown-complete') return;
    this.#outboundStreams = outboundStreams;
    this.#inboundStreams = inboundStreams;
    this.#paths.forget();
    const counts: StreamCounts = { outboundStreams, inboundStreams };
    if (change === 'restart') {
      this.emit('restart', counts);
      return;
    }
    if (this.#state === 'connecting') this.#state = 'up';
    this.#wasUp = true;
    this.emit('up', counts);
  }

  /** An accepted association is up already; its notification is still to be read. */
  #accepted(): void {
    try {
      const status = this.#socket.status();
      this.#outboundStreams = status.outboundStreams;
      this.#inboundStreams = status.inboundStreams;
      this.#state = 'up';
      this.#wasUp = true;
    } catch {
      // It ended between being accepted and now; what is left of it will be read.
    }
  }

  #shutdownByPeer(): void {
    if (this.#shutdownSeen || this.#state !== 'up') return;
    this.#shutdownSeen = true;
    this.#state = 'closing';
    this.emit('shutdown');
  }

  #end(error: NativeError | null): void {
    if (this.#state === 'closed') return;
    this.#neverTakenBytes = this.#socket.queuedBytes;
    this.#socket.close();
    if (error !== null || this.#ending !== null || !this.#wasUp) {
      this.#lost(lossOf(error, this.#ending, this.#wasUp, this.remoteAddress));
      return;
    }
    try {
      this.#shutdownByPeer();
    } catch (thrown) {
      rethrow(thrown);
    }
    this.#finish(true);
  }

  #oversize(bytes: number): void {
    if (this.#state === 'closed') return;
    this.#socket.abort();
    this.#lost(oversizeLoss(bytes, this.#maxReceiveBytes, this.remoteAddress));
  }

  #lost(loss: Loss): void {
    // Closed first: a listener that calls back finds the association as it is.
    this.#finish(false);
    try {
      this.emit('lost', loss);
    } catch (thrown) {
      rethrow(thrown);
    }
  }

  #finish(orderly: boolean): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#orderly = orderly;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    const waiting = this.#waiting;
    this.#waiting = [];
    afterRelease(() => {
      try {
        this.emit('close');
      } finally {
        for (const resolve of waiting) resolve(orderly);
      }
    });
  }

  #drained(): void {
    this.#queuedBytes = this.#socket.queuedBytes;
    if (!this.#drainWanted || this.#state !== 'up') return;
    this.#drainWanted = false;
    this.emit('drain');
  }

  /** The count we keep is one flush old; only the true one may fail a send. */
  #makeSureOfRoom(length: number): void {
    this.#queuedBytes = this.#socket.queuedBytes;
    if (this.#queuedBytes + length <= limits.sendQueueHardBytes) return;
    this.#drainWanted = true;
    throw queueFull(this.#queuedBytes);
  }

  #checkOpen(): void {
    if (this.#state === 'closed') throw notUp(this.#state);
  }
}
