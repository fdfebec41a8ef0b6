/**
 * A node's transport with two things more: it can abort its associations under the links' feet, and
 * it writes down what the links gave to the kernel.
 */
import type { Carrier, CarrierHandlers, CarrierSendOptions } from '../../link/carrier.js';
import { CONFIGURATION_STREAM } from '../../link/streams.js';
import type {
  Listener,
  ListenHandlers,
  Transport,
  TransportOptions,
} from '../../node/transport.js';
import { BUNDLE_HEADER_BYTES } from '../../wire/bundle.js';

/** What AES-256-GCM adds to a bundle. */
const TAG_BYTES = 16;

/** One association and the bundles of user messages it was given. */
class WatchedCarrier implements Carrier {
  readonly #inner: Carrier;
  readonly #onUserBundle: () => void;
  #handlers: CarrierHandlers | null = null;
  #isUp = false;
  #isOver = false;
  #carriedBytes = 0;
  readonly #bundles: { stream: number; startBytes: number; recordBytes: number }[] = [];

  constructor(inner: Carrier, onUserBundle: (carrier: WatchedCarrier) => void) {
    this.#inner = inner;
    this.#onUserBundle = () => onUserBundle(this);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get outboundStreams(): number {
    return this.#inner.outboundStreams;
  }

  get inboundStreams(): number {
    return this.#inner.inboundStreams;
  }

  get queuedBytes(): number {
    return this.#inner.queuedBytes;
  }

  get paths(): Carrier['paths'] {
    return this.#inner.paths;
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  attach(handlers: CarrierHandlers): void {
    this.#handlers = handlers;
    this.#inner.attach({
      onUp: () => {
        this.#isUp = true;
        handlers.onUp();
      },
      onMessage: (stream, data) => handlers.onMessage(stream, data),
      onPath: (event) => handlers.onPath(event),
      onUnsent: (context, bytes) => handlers.onUnsent(context, bytes),
      onDrain: () => handlers.onDrain(),
      onEnd: (end, error) => {
        this.#isOver = true;
        handlers.onEnd(end, error);
      },
    });
  }

  send(stream: number, data: Uint8Array, options?: CarrierSendOptions): boolean {
    const hasRoom = this.#inner.send(stream, data, options);
    if (stream > CONFIGURATION_STREAM) {
      const recordBytes = data.length - BUNDLE_HEADER_BYTES - TAG_BYTES;
      this.#bundles.push({ stream, startBytes: this.#carriedBytes, recordBytes });
      this.#onUserBundle();
    }
    this.#carriedBytes += data.length;
    return hasRoom;
  }

  drain(): void {
    this.#inner.drain();
  }

  shutdown(): void {
    this.#inner.shutdown();
  }

  abort(): void {
    this.#isOver = true;
    this.#inner.abort();
  }

  /** Aborts the association; the link finds it lost. */
  abortUnder(): void {
    if (!this.#isUp || this.#isOver) return;
    this.abort();
    this.#handlers?.onEnd('lost', null);
  }

  /**
   * Bytes of records per stream that the kernel took, the link's own streams left out. It takes
   * bundles in the order in which they were given to it.
   */
  takenBytes(): Map<number, number> {
    const takenBytes = this.#carriedBytes - this.queuedBytes;
    const taken = new Map<number, number>();
    for (const { stream, startBytes, recordBytes } of this.#bundles) {
      if (startBytes >= takenBytes) break;
      taken.set(stream, (taken.get(stream) ?? 0) + recordBytes);
    }
    return taken;
  }
}

export class WatchedTransport implements Transport {
  readonly #inner: Transport;
  readonly #carriers = new Set<WatchedCarrier>();
  #last: WatchedCarrier | null = null;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  get engine(): string {
    return this.#inner.engine;
  }

  listen(port: number, options: TransportOptions, handlers: ListenHandlers): Promise<Listener> {
    return this.#inner.listen(port, options, {
      ...handlers,
      onCarrier: (carrier) => handlers.onCarrier(this.#watch(carrier)),
    });
  }

  dial(addresses: readonly string[], port: number, options: TransportOptions): Carrier {
    return this.#watch(this.#inner.dial(addresses, port, options));
  }

  /** Aborts every association that is up; the links learn it as any loss. */
  abortAll(): void {
    for (const carrier of this.#carriers) carrier.abortUnder();
    this.#carriers.clear();
  }

  /**
   * What the association that was given user messages last has handed to the kernel: bytes of
   * records by stream. Begins anew with each call.
   */
  takenBytes(): ReadonlyMap<number, number> {
    const taken = this.#last?.takenBytes() ?? new Map<number, number>();
    this.#last = null;
    return taken;
  }

  /** Outbound streams of that association; 0 where there is none. */
  get streams(): number {
    return this.#last?.outboundStreams ?? 0;
  }

  #watch(carrier: Carrier): Carrier {
    for (const old of this.#carriers) if (old.isOver) this.#carriers.delete(old);
    const watched = new WatchedCarrier(carrier, (user) => {
      this.#last = user;
    });
    this.#carriers.add(watched);
    return watched;
  }
}
