/**
 * A network in memory: transports whose carriers meet in one process, with paths that a test cuts
 * and heals. Frames take one virtual millisecond; a carrier with no path left holds them until one
 * is back.
 */
import { SctpError } from '../../../src/errors.js';
import type {
  Carrier,
  CarrierEnd,
  CarrierHandlers,
  CarrierPath,
  CarrierStatistics,
  PathState,
} from '../../../src/link/carrier.js';
import type {
  Listener,
  ListenHandlers,
  Transport,
  TransportOptions,
} from '../../../src/node/transport.js';
import type { Runtime } from '../../../src/runtime/index.js';
import type { Profile } from '../../../src/timing/profiles.js';

const FRAME_MS = 1;

interface Endpoint {
  readonly port: number;
  addresses: readonly string[];
  readonly handlers: ListenHandlers;
}

export class MemoryNetwork {
  readonly runtime: Runtime;
  readonly endpoints = new Set<Endpoint>();
  readonly carriers = new Set<MemoryCarrier>();
  readonly #swallowed = new Set<string>();
  /** Pairs of first addresses between which nothing passes. */
  readonly #apart = new Set<string>();
  /** Whether associations that are up can be given other addresses. */
  changesAddresses = true;
  /** How long an address that is to go stays; one that comes back meanwhile goes all the same. */
  partingMs = 0;
  #nextPort = 40_000;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  /** A host's way into this network. */
  transport(): Transport {
    return {
      engine: 'memory',
      listen: async (port, options, handlers) => this.#listen(port, options, handlers),
      dial: (addresses, port, options) => this.#dial(addresses, port, options),
    };
  }

  /** Every carrier with a path to this address sees it go. */
  cut(address: string): void {
    for (const carrier of [...this.carriers]) carrier.setPath(address, 'inactive');
  }

  /** Nothing at these addresses ever answers a dial. */
  swallow(addresses: readonly string[]): void {
    for (const address of addresses) this.#swallowed.add(address);
  }

  heal(address: string): void {
    for (const carrier of [...this.carriers]) carrier.setPath(address, 'active');
  }

  /** A process dies: its listeners are gone, and each of its carriers ends at the other side. */
  kill(address: string, end: CarrierEnd): void {
    for (const endpoint of [...this.endpoints]) {
      if (endpoint.addresses.includes(address)) this.endpoints.delete(endpoint);
    }
    for (const carrier of [...this.carriers]) {
      if (!carrier.localAddresses.includes(address)) continue;
      carrier.fallSilent();
      carrier.other?.end(end, null);
    }
  }

  /**
   * Two hosts, by their first addresses, lose all paths between them for good: what they have is
   * lost, what they dial times out.
   */
  separate(one: string, two: string): void {
    this.#apart.add(`${one} ${two}`).add(`${two} ${one}`);
    for (const carrier of [...this.carriers]) {
      if (carrier.localAddresses[0] !== one || carrier.other?.localAddresses[0] !== two) continue;
      const { other } = carrier;
      carrier.end('lost', new SctpError('ERR_ASSOCIATION_LOST', 'no path is left'));
      other.end('lost', new SctpError('ERR_ASSOCIATION_LOST', 'no path is left'));
    }
  }

  /** They have paths again. */
  rejoin(one: string, two: string): void {
    this.#apart.delete(`${one} ${two}`);
    this.#apart.delete(`${two} ${one}`);
  }

  #listen(port: number, options: TransportOptions, handlers: ListenHandlers): Listener {
    const chosen = port === 0 ? this.#nextPort++ : port;
    const addresses = options.localAddresses;
    if (this.#find(addresses, chosen) !== undefined) {
      throw new SctpError('ERR_PORT_IN_USE', `port ${chosen} is taken`);
    }
    const endpoint: Endpoint = { port: chosen, addresses: [...addresses], handlers };
    this.endpoints.add(endpoint);
    return {
      port: chosen,
      close: async () => {
        this.endpoints.delete(endpoint);
      },
      addAddress: (address) => {
        if (this.#find([address], chosen) !== undefined) {
          throw new SctpError('ERR_PORT_IN_USE', `${address} port ${chosen} is taken`);
        }
        endpoint.addresses = [...endpoint.addresses, address];
      },
      removeAddress: (address) => {
        endpoint.addresses = endpoint.addresses.filter((each) => each !== address);
      },
    };
  }

  #find(addresses: readonly string[], port: number): Endpoint | undefined {
    return [...this.endpoints].find(
      (endpoint) =>
        endpoint.port === port && endpoint.addresses.some((mine) => addresses.includes(mine)),
    );
  }

  #dial(addresses: readonly string[], port: number, options: TransportOptions): MemoryCarrier {
    const remote = addresses[0] ?? '';
    const ours = new MemoryCarrier(this, options.localAddresses, remote);
    this.runtime.timers.after(FRAME_MS, () => {
      if (ours.ended || addresses.some((address) => this.#swallowed.has(address))) return;
      const endpoint = this.#find(addresses, port);
      if (this.#apart.has(`${options.localAddresses[0]} ${endpoint?.addresses[0]}`)) {
        ours.end('lost', new SctpError('ERR_TIMEOUT', `no way to ${remote}`));
        return;
      }
      if (endpoint === undefined) {
        ours.end('lost', new SctpError('ERR_REFUSED', `nobody listens at ${remote}`));
        return;
      }
      const theirs = new MemoryCarrier(this, endpoint.addresses, options.localAddresses[0] ?? '');
      ours.meet(theirs, endpoint.addresses);
      theirs.meet(ours, options.localAddresses);
      endpoint.handlers.onCarrier(theirs);
      theirs.up();
      ours.up();
    });
    return ours;
  }
}

export class MemoryCarrier implements Carrier {
  readonly outboundStreams = 16;
  readonly inboundStreams = 16;
  readonly queuedBytes = 0;
  localAddresses: readonly string[];
  readonly remoteAddress: string;
  other: MemoryCarrier | null = null;
  ended = false;
  /** What was counted; a test adds what it wants to be found. */
  readonly counted = { sentChunks: 0, retransmittedChunks: 0 };
  /** Frames that reached this end. */
  received = 0;
  /** The profiles it was given after it was made. */
  readonly retimed: Profile[] = [];
  /** What the next `retime` throws. */
  retimeFailure: Error | null = null;
  readonly #network: MemoryNetwork;
  #paths: CarrierPath[] = [];
  #handlers: CarrierHandlers | null = null;
  #isUp = false;
  #inbox: { stream: number; data: Buffer }[] = [];
  /** What `send` answers; a test sets it to see back-pressure. */
  #room = true;

  constructor(network: MemoryNetwork, localAddresses: readonly string[], remoteAddress: string) {
    this.#network = network;
    this.localAddresses = localAddresses;
    this.remoteAddress = remoteAddress;
    network.carriers.add(this);
  }

  get paths(): readonly CarrierPath[] {
    return this.ended ? [] : this.#paths;
  }

  meet(other: MemoryCarrier, addresses: readonly string[]): void {
    this.other = other;
    this.#paths = addresses.map((address, index) =>
      pathTo(address, index === 0 ? 'active' : 'unconfirmed', index === 0),
    );
  }

  up(): void {
    if (this.ended) return;
    this.#isUp = true;
    this.#handlers?.onUp();
    this.#confirm();
  }

  /** New paths are confirmed a little later, as by HEARTBEATs. */
  #confirm(): void {
    for (const { address, state } of this.#paths) {
      if (state !== 'unconfirmed') continue;
      this.#network.runtime.timers.after(20, () => {
        const path = this.#paths.find((candidate) => candidate.address === address);
        if (path?.state === 'unconfirmed') this.setPath(address, 'active', 'confirmed');
      });
    }
  }

  attach(handlers: CarrierHandlers): void {
    this.#handlers = handlers;
    if (this.#isUp) handlers.onUp();
  }

  send(stream: number, data: Uint8Array): boolean {
    if (this.ended) throw new SctpError('ERR_CLOSED', 'the carrier is over');
    const { other } = this;
    const copy = Buffer.from(data);
    this.counted.sentChunks += 1;
    this.#network.runtime.timers.after(FRAME_MS, () => other?.inject(stream, copy));
    return this.#room;
  }

  retime(profile: Profile): void {
    if (this.retimeFailure !== null) throw this.retimeFailure;
    this.retimed.push(profile);
  }

  drain(): void {
    // What is held for want of a path has not arrived yet.
    if (!this.#paths.some((path) => path.state === 'active')) return;
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const { stream, data } of inbox) {
      if (this.ended) return;
      this.received += 1;
      this.#handlers?.onMessage(stream, data);
    }
  }

  /** A frame of anybody's making reaches this end. */
  inject(stream: number, data: Uint8Array): void {
    if (this.ended) return;
    this.#inbox.push({ stream, data: Buffer.from(data) });
    this.drain();
  }

  setRoom(room: boolean): void {
    this.#room = room;
    if (room && !this.ended) this.#handlers?.onDrain();
  }

  setPath(
    address: string,
    state: PathState,
    change: 'available' | 'unreachable' | 'confirmed' = state === 'active'
      ? 'available'
      : 'unreachable',
  ): void {
    if (this.ended || !this.#paths.some((path) => path.address === address)) return;
    this.#paths = this.#paths.map((path) => (path.address === address ? { ...path, state } : path));
    this.#handlers?.onPath({ address, change });
    if (state === 'active') this.#network.runtime.timers.after(0, () => this.drain());
  }

  /** As a slow plane makes them. */
  setRtt(address: string, rttMs: number): void {
    this.#paths = this.#paths.map((path) => (path.address === address ? { ...path, rttMs } : path));
  }

  statistics(): CarrierStatistics | null {
    return this.ended ? null : { ...this.counted };
  }

  setPrimary(address: string): void {
    if (!this.#paths.some((path) => path.address === address)) {
      throw new SctpError('ERR_ADDRESS_INVALID', `${address} is not an address of the peer`);
    }
    this.#paths = this.#paths.map((path) => ({ ...path, primary: path.address === address }));
    this.#handlers?.onPath({ address, change: 'made-primary' });
  }

  addLocalAddresses(addresses: readonly string[]): void {
    this.#checkChange();
    if (addresses.some((each) => this.localAddresses.includes(each))) return;
    this.localAddresses = [...this.localAddresses, ...addresses];
    this.#network.runtime.timers.after(FRAME_MS, () => this.other?.gain(addresses));
  }

  removeLocalAddresses(addresses: readonly string[]): void {
    this.#checkChange();
    if (!addresses.some((each) => this.localAddresses.includes(each))) return;
    const { partingMs, runtime } = this.#network;
    const part = () => {
      this.localAddresses = this.localAddresses.filter((each) => !addresses.includes(each));
    };
    if (partingMs === 0) part();
    else if (partingMs < Number.POSITIVE_INFINITY) runtime.timers.after(partingMs, part);
    this.#network.runtime.timers.after(FRAME_MS, () => this.other?.lose(addresses));
  }

  /** The other end has more addresses, or fewer. */
  gain(addresses: readonly string[]): void {
    if (this.ended) return;
    for (const address of addresses) {
      this.#paths = [...this.#paths, pathTo(address, 'unconfirmed', false)];
      this.#handlers?.onPath({ address, change: 'added' });
    }
    this.#confirm();
  }

  lose(addresses: readonly string[]): void {
    if (this.ended) return;
    for (const address of addresses) {
      const wasPrimary = this.#paths.some((path) => path.primary && path.address === address);
      this.#paths = this.#paths.filter((path) => path.address !== address);
      if (wasPrimary && this.#paths[0] !== undefined) this.setPrimary(this.#paths[0].address);
      this.#handlers?.onPath({ address, change: 'removed' });
    }
  }

  #checkChange(): void {
    if (this.ended) throw new SctpError('ERR_CLOSED', 'the carrier is over');
    if (!this.#network.changesAddresses) {
      throw new SctpError('ERR_OPTION_REJECTED', 'the kernel left the addresses as they were');
    }
  }

  shutdown(): void {
    if (this.ended) return;
    const { other } = this;
    this.#network.runtime.timers.after(FRAME_MS, () => {
      other?.end('closed', null);
      this.end('closed', null);
    });
  }

  abort(): void {
    if (this.ended) return;
    this.fallSilent();
    const { other } = this;
    this.#network.runtime.timers.after(FRAME_MS, () =>
      other?.end('lost', new SctpError('ERR_ASSOCIATION_LOST', 'the peer aborted')),
    );
  }

  end(end: CarrierEnd, error: Error | null): void {
    if (this.ended) return;
    this.drain();
    if (this.ended) return;
    this.fallSilent();
    this.#handlers?.onEnd(end, error);
  }

  /** Over without a word to anybody. */
  fallSilent(): void {
    this.ended = true;
    this.#network.carriers.delete(this);
  }
}

function pathTo(address: string, state: PathState, primary: boolean): CarrierPath {
  return { address, state, primary, rttMs: 1, rtoMs: 50, cwndBytes: 4380 };
}
