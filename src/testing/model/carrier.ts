/** One end of a simulated association: what the link sees of it, and the socket in between. */
import { SctpError } from '../../errors.js';
import type {
  Carrier,
  CarrierEnd,
  CarrierHandlers,
  CarrierPath,
  CarrierPathEvent,
  CarrierSendOptions,
} from '../../link/carrier.js';
import { FrameType } from '../../wire/frame.js';
import type { VirtualProcess } from '../virtual-process.js';
import {
  type GivenBack,
  type Outgoing,
  pathChange,
  SHUTDOWN_MS,
  type SimAssociation,
} from './association.js';
import type { SimNetwork } from './network.js';

/** What the process reads from its socket, in this order. */
type Arrival =
  | { readonly type: 'up' | 'shutdown' }
  | { readonly type: 'data'; readonly stream: number; readonly data: Buffer }
  | { readonly type: 'path'; readonly event: CarrierPathEvent }
  | { readonly type: 'unsent'; readonly part: GivenBack }
  | { readonly type: 'end'; readonly end: CarrierEnd; readonly error: Error | null };

/** Messages of one reading: sixteen rounds of 64. */
const READ_AT_ONCE = 1024;

/** Processes that are in the middle of a reading: no other socket of theirs may be read then. */
const reading = new WeakMap<VirtualProcess, SimCarrier>();

/** The carrier a process is reading from in this very turn; undefined when it reads from none. */
export function carrierReadBy(process: VirtualProcess): SimCarrier | undefined {
  return reading.get(process);
}

export class SimCarrier implements Carrier {
  readonly association: SimAssociation;
  readonly side: 0 | 1;
  process: VirtualProcess;
  /** Bytes that wait to be read. */
  unreadBytes = 0;
  /** Bytes given to `send` that wait, or waited at the end, for room in the send buffer. */
  queuedBytes = 0;
  /** Whether what is being read may come out of order. */
  isLooseBundle = false;
  /** When the last message reached this end's kernel. */
  lastArrivalMs = 0;
  readonly #network: SimNetwork;
  #handlers: CarrierHandlers | null = null;
  #state: 'connecting' | 'up' | 'closing' | 'over' = 'connecting';
  /** The kernel has no association, not yet or not any more: nothing comes and nothing goes. */
  #gone: boolean;
  /** Its process was ended; the kernel still sends what it has. */
  #orphan = false;
  #inbox: Arrival[] = [];
  #outgoing: Outgoing[] = [];
  #flushes = false;
  #wakes = false;
  #drainWanted = false;
  #shutsDown = false;
  #peerShutsDown = false;
  #paths: CarrierPath[] = [];
  readonly #noticing = new Set<number>();

  constructor(
    network: SimNetwork,
    association: SimAssociation,
    side: 0 | 1,
    process: VirtualProcess,
  ) {
    this.#network = network;
    this.association = association;
    this.side = side;
    this.process = process;
    this.#gone = side === 1;
  }

  // --- as the link sees it

  attach(handlers: CarrierHandlers): void {
    this.#handlers = handlers;
    if (this.#state === 'up') handlers.onUp();
  }

  get outboundStreams(): number {
    return this.#network.settings.streams;
  }

  get inboundStreams(): number {
    return this.#network.settings.streams;
  }

  get paths(): readonly CarrierPath[] {
    return this.#state === 'over' ? [] : this.#paths;
  }

  get remoteAddress(): string {
    return this.association.addressesOf(this.side === 0 ? 1 : 0)[0] as string;
  }

  send(stream: number, data: Uint8Array, options: CarrierSendOptions = {}): boolean {
    if (this.#state !== 'up') {
      const code = this.#state === 'over' ? 'ERR_CLOSED' : 'ERR_STATE';
      throw new SctpError(code, `the carrier is ${this.#state}`);
    }
    if (data.length === 0) throw new SctpError('ERR_MESSAGE_EMPTY', 'no bytes');
    const { streams, hardBytes, highWaterBytes } = this.#network.settings;
    if (!(stream >= 0 && stream < streams)) {
      throw new SctpError('ERR_ARGUMENT', `stream ${stream} of ${streams}`);
    }
    if (this.queuedBytes + data.length > hardBytes) {
      this.#drainWanted = true;
      throw new SctpError('ERR_QUEUE_FULL', `${this.queuedBytes} bytes wait`);
    }
    // A reserve is kept for what the link has to say itself.
    if (this.#drainWanted && stream > 0) this.#network.broken('a full carrier was given more');
    const { unordered = false, context = 0 } = options;
    this.#outgoing.push({ stream, data: Buffer.from(data), unordered, context });
    this.queuedBytes += data.length;
    if (!this.#flushes) {
      this.#flushes = true;
      this.process.timers.soon(() => {
        this.#flushes = false;
        this.#flush();
      });
    }
    if (this.queuedBytes <= highWaterBytes) return true;
    this.#drainWanted = true;
    return false;
  }

  drain(): void {
    this.#read();
  }

  shutdown(): void {
    if (this.#state === 'over' || this.#shutsDown) return;
    if (this.#state === 'connecting') return this.abort();
    this.#shutsDown = true;
    this.#state = 'closing';
    this.#network.time.after(SHUTDOWN_MS, () => this.#shutdownTooLate());
    this.association.shutsDown(this.side);
  }

  abort(): void {
    if (this.#state === 'over') return;
    const wasGone = this.#gone;
    this.#over();
    if (!wasGone) this.association.aborted(this.side);
  }

  // --- as the network sees it

  /** Its process reads nothing of it any more. */
  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** The kernel's association is gone, whether or not the process has read so. */
  get isGone(): boolean {
    return this.#gone;
  }

  get isOrphan(): boolean {
    return this.#orphan && !this.#gone;
  }

  get hasEnded(): boolean {
    return this.#gone || this.#orphan;
  }

  isUp(): void {
    const addresses = this.association.addressesOf(this.side === 0 ? 1 : 0);
    this.#paths = addresses.map((address, plane) => ({
      address,
      state: plane === 0 ? 'active' : 'unconfirmed',
      primary: plane === 0,
      rttMs: 1,
      rtoMs: 50,
      cwndBytes: this.#network.settings.windowBytes,
    }));
    this.#gone = false;
    if (this.side === 1) this.#state = 'up';
    else this.#arrives({ type: 'up' });
  }

  arrives(stream: number, data: Buffer): void {
    this.unreadBytes += data.length;
    this.lastArrivalMs = this.#network.time.nowMs;
    this.#arrives({ type: 'data', stream, data });
  }

  /** The kernel's send buffer has room again: what waits here follows once the loop runs. */
  hasRoomAgain(): void {
    if (this.#orphan) return this.association.shutsDown(this.side);
    if (this.#peerShutsDown) this.association.peerIsDone(this.side);
    if (this.#shutsDown) this.association.shutsDown(this.side);
    if (this.#outgoing.length === 0) return;
    this.process.readable(() => this.#flush());
  }

  /** Gives the kernel what it takes. */
  #flush(): void {
    if (this.isOver) return;
    // Between the kernel's end and our reading of it, what is sent goes nowhere.
    const isDeaf = this.#gone || this.#peerShutsDown;
    let taken = 0;
    for (const message of this.#outgoing) {
      const { length } = message.data;
      if (isDeaf || !this.association.hasRoom(this.side, length)) break;
      this.association.send(this.side, message);
      this.queuedBytes -= length;
      taken++;
    }
    this.#outgoing.splice(0, taken);
    if (this.#shutsDown) this.association.shutsDown(this.side);
    if (!this.#drainWanted || this.#state !== 'up') return;
    if (this.queuedBytes > this.#network.settings.highWaterBytes / 4) return;
    this.#drainWanted = false;
    this.#event('drain');
    this.#handlers?.onDrain();
  }

  peerShutsDown(): void {
    if (this.#gone || this.#peerShutsDown) return;
    this.#peerShutsDown = true;
    if (!this.#orphan) this.#arrives({ type: 'shutdown' });
    this.association.peerIsDone(this.side);
  }

  /** The end of the association at this kernel; the process reads it after everything before. */
  ends(end: CarrierEnd, error: Error | null): void {
    if (this.#gone) return;
    this.#gone = true;
    if (!this.isOver) {
      for (const part of this.association.givenBack(this.side)) {
        // A notification that finds no room in the receive buffer is lost.
        if (!part.sent && this.#network.random.chance(0.9)) this.#arrives({ type: 'unsent', part });
      }
      this.#arrives({ type: 'end', end, error });
    }
    this.association.over();
  }

  /** Gone without a word to anybody. */
  vanishes(): void {
    this.#over();
  }

  /** Its process was killed. False when the kernel aborts: something was not read. */
  isClosedByKernel(): boolean {
    const unread = this.#inbox.some(({ type }) => type === 'data');
    const isUp = this.#state === 'up' || this.#state === 'closing';
    this.#over();
    if (unread || !isUp) return false;
    this.#gone = false;
    this.#orphan = true;
    return true;
  }

  /** The path the kernel sends on: the first one that it believes in. */
  chosenPlane(): number {
    const active = this.#paths.findIndex(({ state }) => state === 'active');
    return active < 0 ? 0 : active;
  }

  /** The kernel will notice what has become of the cables, in its time. */
  lookAtPaths(): void {
    if (this.hasEnded || this.isOver) return;
    for (const [plane, { state }] of this.#paths.entries()) {
      if (this.#noticing.has(plane)) continue;
      if (pathChange(state, this.association.isPlaneUp(plane)) === null) continue;
      this.#noticing.add(plane);
      this.#network.time.after(this.#network.noticeMs(), () => this.#notices(plane));
    }
  }

  #notices(plane: number): void {
    this.#noticing.delete(plane);
    const path = this.#paths[plane] as CarrierPath;
    const change = pathChange(path.state, this.association.isPlaneUp(plane));
    if (change === null || this.hasEnded || this.isOver) return;
    this.#paths = this.#paths.with(plane, { ...path, state: change.state });
    this.#arrives({ type: 'path', event: { address: path.address, change: change.change } });
    this.lookAtPaths();
  }

  // --- the socket

  #arrives(arrival: Arrival): void {
    if (this.isOver || this.#orphan) return;
    this.#inbox.push(arrival);
    if (this.#wakes) return;
    this.#wakes = true;
    const { time, random } = this.#network;
    time.after(random.unit() * 0.1, () =>
      this.process.readable(() => {
        this.#wakes = false;
        this.#read();
      }),
    );
  }

  #read(): void {
    const { process } = this;
    if (reading.has(process)) {
      this.#wake();
      return;
    }
    reading.set(process, this);
    try {
      for (let count = 0; count < READ_AT_ONCE && !this.isOver; count++) {
        const arrival = this.#inbox.shift();
        if (arrival === undefined) break;
        this.#take(arrival);
      }
    } finally {
      reading.delete(process);
      if (this.#inbox.length > 0) this.#wake();
      this.association.pump(this.side === 0 ? 1 : 0);
    }
  }

  #wake(): void {
    if (this.#wakes || this.#inbox.length === 0) return;
    this.#wakes = true;
    this.#network.time.after(0, () =>
      this.process.readable(() => {
        this.#wakes = false;
        this.#read();
      }),
    );
  }

  #take(arrival: Arrival): void {
    const handlers = this.#handlers as CarrierHandlers;
    switch (arrival.type) {
      case 'up':
        this.#state = 'up';
        this.#event('up');
        handlers.onUp();
        return;
      case 'data':
        this.unreadBytes -= arrival.data.length;
        this.#event('message', arrival.stream, arrival.data.length);
        this.#network.trace.bytes(arrival.data);
        this.isLooseBundle = arrival.data[3] === FrameType.looseBundle;
        handlers.onMessage(arrival.stream, arrival.data);
        return;
      case 'path':
        this.#event(arrival.event.change);
        handlers.onPath(arrival.event);
        return;
      case 'unsent':
        this.#event('unsent', arrival.part.context, arrival.part.bytes);
        handlers.onUnsent(arrival.part.context, arrival.part.bytes);
        return;
      case 'shutdown':
        if (this.#state === 'up') this.#state = 'closing';
        return;
      case 'end':
        this.#event(arrival.end);
        this.#over();
        handlers.onEnd(arrival.end, arrival.error);
        this.#network.ended(this, arrival.end);
        return;
    }
  }

  #event(kind: string, a = 0, b = 0): void {
    const { trace, time } = this.#network;
    trace.event(time.nowMs, kind, this.process.name, this.association.id, a, b);
  }

  #shutdownTooLate(): void {
    if (this.#gone || this.isOver) return;
    this.association.aborted(this.side);
    this.ends('closed', null);
  }

  #over(): void {
    this.#state = 'over';
    this.#gone = true;
    this.#inbox = [];
    this.#outgoing = [];
    this.unreadBytes = 0;
    this.association.over();
  }
}
