/**
 * One association under virtual time: order per stream, streams that do not wait for each other, a
 * window, paths that come and go, and every way to end. What was not read by the time it dies is an
 * unknown tail: each end has seen another part.
 */
import { SctpError } from '../../errors.js';
import { limits } from '../../limits.js';
import type { CarrierPathEvent, PathState } from '../../link/carrier.js';
import type { VirtualProcess } from '../virtual-process.js';
import { SimCarrier } from './carrier.js';
import { addressOf, type SimNetwork } from './network.js';

/** One message as it is given to a kernel. */
export interface Outgoing {
  readonly stream: number;
  readonly data: Buffer;
  readonly unordered: boolean;
  readonly context: number;
}

/** The same until the other end's kernel has acknowledged it. */
interface Flight extends Outgoing {
  /** Of its chunks, so many have left. */
  readonly chunks: number;
  chunksSent: number;
}

/** User data of one packet. */
const CHUNK_BYTES = 1400;
/** A heartbeat finds out that nobody is there any more. */
const HEARTBEAT_MS = 500;

/** What one end's kernel has to send, and has sent. */
class Outbound {
  /** Not sent, or sent in part. */
  queue: Flight[] = [];
  /** On the wire, by stream, in order. */
  readonly wire = new Map<number, Flight[]>();
  readonly loose = new Set<Flight>();
  readonly lastArrivalMs = new Map<number, number>();
  /** Streams whose next message found no path, once per message. */
  held: number[] = [];
  heldLoose: Flight[] = [];
  /** Messages that have arrived; that they have finds no path back. */
  heldAcknowledgements: Flight[] = [];
  inFlightBytes = 0;
  /** Bytes in the send buffer: everything that is not acknowledged. */
  bufferedBytes = 0;
}

/** A part of a message that a kernel gives back as its association ends. */
export interface GivenBack {
  readonly context: number;
  readonly bytes: number;
  /** Whether it had left. */
  readonly sent: boolean;
}

export class SimAssociation {
  readonly id: number;
  /** Hosts of the dialler and of the acceptor. */
  readonly hosts: readonly [number, number];
  readonly ends: readonly [SimCarrier, SimCarrier];
  readonly #network: SimNetwork;
  readonly #outbound = [new Outbound(), new Outbound()] as const;
  /** Ends that have sent SHUTDOWN. */
  readonly #shutdownSent = [false, false];
  #vanished: 0 | 1 | null = null;

  constructor(
    network: SimNetwork,
    id: number,
    hosts: readonly [number, number],
    dialler: VirtualProcess,
  ) {
    this.#network = network;
    this.id = id;
    this.hosts = hosts;
    this.ends = [
      new SimCarrier(network, this, 0, dialler),
      new SimCarrier(network, this, 1, dialler),
    ];
  }

  /** Both ends are up; the acceptor's belongs to this process. */
  open(acceptor: VirtualProcess): void {
    this.ends[1].process = acceptor;
    for (const end of this.ends) end.isUp();
    this.pathsChanged();
  }

  /** The dialler's end is up, for a moment: there is nobody at the other. */
  openOnce(): void {
    this.ends[0].isUp();
  }

  addressesOf(side: 0 | 1): string[] {
    const { planes } = this.#network.settings;
    return Array.from({ length: planes }, (_, plane) => addressOf(this.hosts[side], plane));
  }

  isPlaneUp(plane: number): boolean {
    return this.#network.isPathUp(this.hosts[0], this.hosts[1], plane);
  }

  /** Whether packets of an end get to the other on any plane. */
  #canReach(from: 0 | 1): boolean {
    const [a, b] = [this.hosts[from], this.hosts[from === 0 ? 1 : 0]];
    for (let plane = 0; plane < this.#network.settings.planes; plane++) {
      if (this.#network.canReach(a, b, plane)) return true;
    }
    return false;
  }

  // --- data

  /** Whether the send buffer of an end takes so many bytes more. */
  hasRoom(side: 0 | 1, bytes: number): boolean {
    const { bufferedBytes } = this.#outbound[side];
    return bufferedBytes === 0 || bufferedBytes + bytes <= this.#network.settings.sendBufferBytes;
  }

  /** Puts one message into the send buffer of an end. */
  send(side: 0 | 1, message: Outgoing): void {
    const { length } = message.data;
    this.#outbound[side].bufferedBytes += length;
    const chunks = Math.ceil(length / CHUNK_BYTES);
    this.#outbound[side].queue.push({ ...message, chunks, chunksSent: 0 });
    this.pump(side);
  }

  /** Sends as much as the windows of sender and receiver let go. */
  pump(side: 0 | 1): void {
    const out = this.#outbound[side];
    const from = this.ends[side];
    const to = this.ends[side === 0 ? 1 : 0];
    const { windowBytes, receiveBufferBytes } = this.#network.settings;
    while (out.queue.length > 0 && !from.isGone) {
      const flight = out.queue[0] as Flight;
      const unread = to.unreadBytes + out.inFlightBytes;
      const room = Math.min(windowBytes - out.inFlightBytes, receiveBufferBytes - unread);
      if (room < flight.data.length && out.inFlightBytes + to.unreadBytes > 0) {
        const fits = Math.max(0, Math.floor(room / CHUNK_BYTES));
        flight.chunksSent = Math.max(flight.chunksSent, Math.min(fits, flight.chunks - 1));
        return;
      }
      out.queue.shift();
      this.#transmit(side, flight);
    }
  }

  #transmit(side: 0 | 1, flight: Flight): void {
    const { time } = this.#network;
    const out = this.#outbound[side];
    flight.chunksSent = flight.chunks;
    out.inFlightBytes += flight.data.length;
    // The kernel sends on the path it takes for the best; what is lost on it goes another way.
    const plane = this.ends[side].chosenPlane();
    const lostMs = this.isPlaneUp(plane) ? 0 : this.#network.retransmitMs();
    const atMs = time.nowMs + this.#network.delayMs() + lostMs;
    if (flight.unordered) {
      out.loose.add(flight);
      time.at(atMs, () => this.#arriveLoose(side, flight));
      return;
    }
    const inOrderMs = Math.max(atMs, out.lastArrivalMs.get(flight.stream) ?? 0);
    out.lastArrivalMs.set(flight.stream, inOrderMs);
    const wire = out.wire.get(flight.stream);
    if (wire === undefined) out.wire.set(flight.stream, [flight]);
    else wire.push(flight);
    time.at(inOrderMs, () => this.#arrive(side, flight.stream));
  }

  /** The next message of a stream reaches the other kernel. */
  #arrive(side: 0 | 1, stream: number): void {
    const out = this.#outbound[side];
    if (!this.#canReach(side)) {
      out.held.push(stream);
      return;
    }
    const flight = out.wire.get(stream)?.shift();
    if (flight !== undefined) this.#deliver(side, flight);
  }

  #arriveLoose(side: 0 | 1, flight: Flight): void {
    const out = this.#outbound[side];
    if (!this.#canReach(side)) {
      out.heldLoose.push(flight);
      return;
    }
    if (out.loose.delete(flight)) this.#deliver(side, flight);
  }

  #deliver(side: 0 | 1, flight: Flight): void {
    const to = this.ends[side === 0 ? 1 : 0];
    if (to.isOrphan) {
      // Data for a socket that was closed: the kernel answers with ABORT.
      to.vanishes();
      this.#abortReaches(side);
      return;
    }
    if (to.isGone) return;
    to.arrives(flight.stream, flight.data);
    const other = side === 0 ? 1 : 0;
    if (this.#canReach(other)) this.#acknowledge(side, flight);
    else this.#outbound[side].heldAcknowledgements.push(flight);
  }

  #acknowledge(side: 0 | 1, flight: Flight): void {
    this.#network.time.after(this.#network.delayMs(), () => this.#acknowledged(side, flight));
  }

  #acknowledged(side: 0 | 1, flight: Flight): void {
    const out = this.#outbound[side];
    out.inFlightBytes -= flight.data.length;
    out.bufferedBytes -= flight.data.length;
    if (this.ends[side].isGone) return;
    this.pump(side);
    this.ends[side].hasRoomAgain();
  }

  // --- paths

  /** Cables changed: held messages go on, and each kernel will notice. */
  pathsChanged(): void {
    for (const end of this.ends) end.lookAtPaths();
    const { time } = this.#network;
    for (const side of [0, 1] as const) {
      const out = this.#outbound[side];
      if (this.#canReach(side === 0 ? 1 : 0)) {
        for (const flight of out.heldAcknowledgements.splice(0)) this.#acknowledge(side, flight);
      }
      if (!this.#canReach(side)) continue;
      for (const stream of out.held.splice(0)) {
        time.after(this.#network.retransmitMs(), () => this.#arrive(side, stream));
      }
      for (const flight of out.heldLoose.splice(0)) {
        time.after(this.#network.retransmitMs(), () => this.#arriveLoose(side, flight));
      }
    }
  }

  // --- ends

  /** An end was aborted by its owner: the other hears of it, or finds out. */
  aborted(side: 0 | 1): void {
    this.#forgetWhenOver();
    this.#abortReaches(side === 0 ? 1 : 0);
  }

  /** A kernel gives up after too many retransmissions, and tells the other if it can. */
  fails(side: 0 | 1): void {
    this.ends[side].ends('lost', new SctpError('ERR_ASSOCIATION_LOST', 'too many retransmissions'));
    this.#abortReaches(side === 0 ? 1 : 0);
  }

  #abortReaches(side: 0 | 1, lostOnTheWay = this.#network.random.chance(0.2)): void {
    const end = this.ends[side];
    if (end.isGone) return;
    const { time } = this.#network;
    if (lostOnTheWay || !this.#canReach(side === 0 ? 1 : 0)) {
      time.after(HEARTBEAT_MS, () => this.#abortReaches(side, false));
      return;
    }
    time.after(this.#network.delayMs(), () =>
      end.ends('lost', new SctpError('ERR_ASSOCIATION_LOST', 'aborted by the peer')),
    );
  }

  /** An end wants an orderly end: SHUTDOWN goes when everything before it was acknowledged. */
  shutsDown(side: 0 | 1): void {
    if (this.#shutdownSent[side] || !this.#isEmpty(side)) return;
    this.#shutdownSent[side] = true;
    this.#shutdownReaches(side === 0 ? 1 : 0);
  }

  #isEmpty(side: 0 | 1): boolean {
    return this.ends[side].queuedBytes === 0 && this.#outbound[side].bufferedBytes === 0;
  }

  #shutdownReaches(side: 0 | 1): void {
    const end = this.ends[side];
    if (end.isOrphan) return this.complete();
    if (end.isGone || this.ends[side === 0 ? 1 : 0].isGone) return;
    const { time } = this.#network;
    if (!this.#canReach(side === 0 ? 1 : 0)) {
      time.after(HEARTBEAT_MS, () => this.#shutdownReaches(side));
      return;
    }
    time.after(this.#network.delayMs(), () => end.peerShutsDown());
  }

  /** An end that was told SHUTDOWN has nothing more to send. */
  peerIsDone(side: 0 | 1): void {
    const { bufferedBytes } = this.#outbound[side];
    if (this.#shutdownSent[side === 0 ? 1 : 0] && bufferedBytes === 0) this.complete();
  }

  /** Both ends have let go. */
  complete(): void {
    for (const end of this.ends) {
      this.#network.time.after(this.#network.delayMs(), () => end.ends('closed', null));
    }
  }

  processEnded(process: VirtualProcess, how: 'killed' | 'vanished'): void {
    for (const side of [0, 1] as const) {
      const end = this.ends[side];
      if (end.process !== process || end.hasEnded) continue;
      if (how === 'vanished') {
        this.#vanished = side;
        end.vanishes();
      } else if (end.isClosedByKernel()) {
        this.shutsDown(side);
      } else {
        this.#abortReaches(side === 0 ? 1 : 0);
      }
    }
    this.#forgetWhenOver();
  }

  /** A host that had vanished answers again, with ABORT to what it does not know. */
  hostReturned(host: number): void {
    if (this.#vanished === null || this.hosts[this.#vanished] !== host) return;
    const other = this.#vanished === 0 ? 1 : 0;
    const { time, random } = this.#network;
    time.after(random.between(0, HEARTBEAT_MS), () => this.#abortReaches(other));
  }

  /** The end at this host, when the other end's process went without a word. */
  remainsAt(host: number): SimCarrier | null {
    if (this.#vanished === null) return null;
    const other = this.#vanished === 0 ? 1 : 0;
    return this.hosts[other] === host && !this.ends[other].isGone ? this.ends[other] : null;
  }

  /** An end whose process was ended waits for a peer that may be gone, too: nobody sees it. */
  #forgetWhenOver(): void {
    if (this.ends.every((end) => end.hasEnded)) this.#network.associations.delete(this);
  }

  /** What the kernel of an end that is over has not got rid of, chunk by chunk. */
  givenBack(side: 0 | 1): GivenBack[] {
    const out = this.#outbound[side];
    const flights = [...[...out.wire.values()].flat(), ...out.loose, ...out.queue];
    out.queue = [];
    return flights.flatMap(({ context, data, chunks, chunksSent }) =>
      Array.from({ length: chunks }, (_, chunk) => ({
        context,
        bytes: Math.min(CHUNK_BYTES, data.length - chunk * CHUNK_BYTES),
        sent: chunk < chunksSent,
      })),
    );
  }

  /** An end is gone. */
  over(): void {
    this.#forgetWhenOver();
  }
}

/** What a kernel says of a path as it looks at it again; null when nothing changed. */
export function pathChange(
  state: PathState,
  isUp: boolean,
): { readonly state: PathState; readonly change: CarrierPathEvent['change'] } | null {
  if (isUp) {
    if (state === 'active') return null;
    return { state: 'active', change: state === 'unconfirmed' ? 'confirmed' : 'available' };
  }
  if (state === 'active') return { state: 'potentially-failed', change: 'potentially-failed' };
  if (state === 'potentially-failed') return { state: 'inactive', change: 'unreachable' };
  return null;
}

/** After this an orderly end becomes an abort. */
export const SHUTDOWN_MS = limits.shutdownMs;
