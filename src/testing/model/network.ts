/** Hosts, planes and cables, who listens, and every association between them. */
import { SctpError } from '../../errors.js';
import type { Carrier, CarrierEnd } from '../../link/carrier.js';
import type { Listener, ListenHandlers, Transport } from '../../node/transport.js';
import type { SeededRandom } from '../random.js';
import type { VirtualProcess } from '../virtual-process.js';
import type { Timeline } from '../virtual-time.js';
import { SimAssociation } from './association.js';
import type { SimCarrier } from './carrier.js';
import type { ModelSettings, ModelTrace, ModelWatch } from './settings.js';

/** The port of nodes that are told no other. */
export const PORT = 24100;

/** What is given to those that let the system choose. */
const CHOSEN_PORT = 40_000;

/** The address of a host on a plane, both counted from 0. */
export const addressOf = (host: number, plane: number) => `10.${plane + 1}.0.${host + 1}`;

/** The host of an address; null for one that is on none of the planes. */
function hostOf(address: string, planes: number): number | null {
  const [, plane, host] = /^10\.(\d{1,3})\.0\.(\d{1,3})$/.exec(address) ?? [];
  const isHere = plane !== undefined && Number(plane) >= 1 && Number(plane) <= planes;
  return isHere && Number(host) >= 1 ? Number(host) - 1 : null;
}

/** A process that takes associations. */
interface Listening {
  readonly process: VirtualProcess;
  readonly port: number;
  accept(carrier: Carrier): void;
}

/** What a network is made of. */
export interface SimNetworkSetup {
  readonly time: Timeline;
  readonly trace: ModelTrace;
  readonly random: SeededRandom;
  readonly settings: ModelSettings;
  readonly watch: ModelWatch;
}

/** Times of the kernel, as the profile `lan` sets them. */
const RTO_MS = 50;
const RTO_MAX_MS = 100;
const HEARTBEAT_MS = 500;
const INIT_TIMEOUT_MS = 1200;

export class SimNetwork {
  readonly time: Timeline;
  readonly trace: ModelTrace;
  readonly random: SeededRandom;
  readonly settings: ModelSettings;
  readonly associations = new Set<SimAssociation>();
  readonly #listening = new Map<number, Listening>();
  /** Ports of hosts that are cut off, as `host/plane`, and hosts that are down. */
  readonly #cut = new Set<string>();
  readonly #down = new Set<number>();
  /** What does not get from one host to another, as `from>to/plane`. */
  readonly #parted = new Set<string>();
  readonly #watch: ModelWatch;
  #associationId = 0;

  constructor({ time, trace, random, settings, watch }: SimNetworkSetup) {
    this.time = time;
    this.trace = trace;
    this.random = random;
    this.settings = settings;
    this.#watch = watch;
  }

  /** A process's way into the network. */
  transport(host: number, process: VirtualProcess): Transport {
    return {
      engine: 'simulated',
      listen: async (port, _, handlers) => this.#listenAt(host, process, port, handlers),
      dial: (addresses, port) => {
        const { planes } = this.settings;
        const target = addresses.map((address) => hostOf(address, planes)).find(Number.isInteger);
        return this.#dial(host, process, target ?? null, port);
      },
    };
  }

  /** A user of a carrier did what none may. */
  broken(what: string): void {
    this.#watch.violated(what);
  }

  /** A user of a carrier was told of its end. */
  ended(carrier: SimCarrier, end: CarrierEnd): void {
    this.#watch.carrierEnded(carrier, end);
  }

  /** Listens at all addresses of a host, instead of who listened there before. */
  listen(
    host: number,
    process: VirtualProcess,
    accept: (carrier: Carrier) => void,
    port = PORT,
  ): void {
    this.#listening.set(host, { process, port, accept });
    if (!this.#down.delete(host)) return;
    this.#pathsChanged(host);
    for (const association of this.associations) association.hostReturned(host);
  }

  /** Whether packets get there and back. */
  isPathUp(a: number, b: number, plane: number): boolean {
    return this.canReach(a, b, plane) && this.canReach(b, a, plane);
  }

  /** Whether packets get there. */
  canReach(from: number, to: number, plane: number): boolean {
    if (this.#down.has(from) || this.#down.has(to)) return false;
    if (this.#parted.size > 0 && this.#parted.has(`${from}>${to}/${plane}`)) return false;
    return !this.#cut.has(`${from}/${plane}`) && !this.#cut.has(`${to}/${plane}`);
  }

  cut(host: number, plane: number): void {
    this.#cut.add(`${host}/${plane}`);
    this.#pathsChanged(host);
  }

  heal(host: number, plane: number): void {
    if (!this.#cut.delete(`${host}/${plane}`)) return;
    this.#pathsChanged(host);
  }

  /** Nothing gets from one host to another on a plane any more; the other way it does. */
  part(from: number, to: number, plane: number): void {
    this.#parted.add(`${from}>${to}/${plane}`);
    this.#pathsChanged(from);
  }

  /** It does again. */
  join(from: number, to: number, plane: number): void {
    if (this.#parted.delete(`${from}>${to}/${plane}`)) this.#pathsChanged(from);
  }

  healAll(): void {
    this.#cut.clear();
    this.#parted.clear();
    this.#restored();
  }

  /**
   * A process is ended. 'killed': its kernel closes what it had. 'vanished': the host is gone
   * without a word until somebody listens there again.
   */
  processEnded(host: number, process: VirtualProcess, how: 'killed' | 'vanished'): void {
    this.#listening.delete(host);
    if (how === 'vanished') this.#down.add(host);
    for (const association of [...this.associations]) association.processEnded(process, how);
    if (how === 'vanished') this.#pathsChanged(host);
  }

  /** One way, for one message. */
  delayMs(): number {
    const { latencyMs, jitterMs, loss } = this.settings;
    const { random } = this;
    const held = loss > 0 && random.chance(loss) ? random.between(RTO_MS, RTO_MAX_MS) : 0;
    return latencyMs + random.unit() * jitterMs + held;
  }

  /** How long until what a cut held up goes another way, or the same way again. */
  retransmitMs(): number {
    return this.random.between(RTO_MS, 2 * RTO_MAX_MS);
  }

  /** How long until a kernel notices that a path has gone, or is there again. */
  noticeMs(): number {
    return this.random.between(RTO_MS, HEARTBEAT_MS);
  }

  #restored(): void {
    for (const association of this.associations) association.pathsChanged();
  }

  #pathsChanged(host: number): void {
    for (const association of this.associations) {
      if (association.hosts.includes(host)) association.pathsChanged();
    }
  }

  #listenAt(
    host: number,
    process: VirtualProcess,
    wishedPort: number,
    handlers: ListenHandlers,
  ): Listener {
    const port = wishedPort === 0 ? CHOSEN_PORT : wishedPort;
    if (this.#listening.has(host)) {
      throw new SctpError('ERR_PORT_IN_USE', `somebody listens at host ${host} already`);
    }
    this.listen(host, process, (carrier) => handlers.onCarrier(carrier), port);
    return {
      port,
      close: async () => {
        if (this.#listening.get(host)?.process === process) this.#listening.delete(host);
      },
    };
  }

  #dial(host: number, process: VirtualProcess, target: number | null, port: number): SimCarrier {
    const hosts = [host, target ?? host] as const;
    const association = new SimAssociation(this, this.#associationId++, hosts, process);
    const ours = association.ends[0];
    if (target === null || this.#openPlanes(host, target) === 0) {
      this.time.after(INIT_TIMEOUT_MS, () => ours.ends('lost', timedOut()));
      return ours;
    }
    this.time.after(2 * this.delayMs(), () => this.#arrived(association, target, port));
    return ours;
  }

  #openPlanes(host: number, target: number): number {
    let open = 0;
    for (let plane = 0; plane < this.settings.planes; plane++) {
      if (this.isPathUp(host, target, plane)) open++;
    }
    return open;
  }

  /** An INIT has come: it meets a listener, nobody, or what is left of an earlier association. */
  #arrived(association: SimAssociation, target: number, port: number): void {
    const ours = association.ends[0];
    if (ours.isOver) return;
    const [host] = association.hosts;
    if (this.#openPlanes(host, target) === 0) return ours.ends('lost', timedOut());
    const listening = this.#listening.get(target);
    if (listening?.port !== port) {
      return ours.ends('lost', new SctpError('ERR_REFUSED', 'nobody listens there'));
    }
    const remains = this.#remains(host, target);
    if (remains !== null && this.random.chance(0.6)) {
      // The same addresses and ports: it comes on the old socket, which its owner aborts.
      remains.ends('restarted', new SctpError('ERR_ASSOCIATION_RESTARTED', 'it began anew'));
      association.openOnce();
      this.time.after(this.delayMs(), () =>
        ours.ends('lost', new SctpError('ERR_ASSOCIATION_LOST', 'aborted')),
      );
      return;
    }
    this.associations.add(association);
    association.open(listening.process);
    const theirs = association.ends[1];
    listening.process.readable(() => {
      if (!theirs.isOver) listening.accept(theirs);
    });
  }

  /** The end at `target` of an association whose other end's host went without a word. */
  #remains(host: number, target: number): SimCarrier | null {
    for (const association of this.associations) {
      const remains = association.remainsAt(target);
      if (remains !== null && association.hosts.includes(host)) return remains;
    }
    return null;
  }
}

function timedOut(): SctpError {
  return new SctpError('ERR_TIMEOUT', 'no answer');
}
