/**
 * Which workers have joined, host by host: what controllers tell each other and their workers.
 * Every controller knows those of its own host, because it has a link with each.
 */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { fullName, isFullName } from '../node/names.js';
import type { PeerOptions } from '../node/options.js';

/** The workers of one host that have joined. */
export interface HostNodes {
  readonly host: string;
  /** Of the host, by plane; the same for all of them. */
  readonly addresses: Readonly<Record<string, string>>;
  /** The port of each, by its name without the host. */
  readonly ports: Readonly<Record<string, number>>;
}

/** As it travels: bytes, which may be more than a body of any other kind. */
export function encodeNodes(lists: readonly HostNodes[]): Buffer {
  return Buffer.from(JSON.stringify(lists));
}

/**
 * What a controller told.
 * @throws NodeError ERR_ARGUMENT: it is no list of workers, or has more than limits.peers.
 */
export function readNodes(body: unknown): readonly HostNodes[] {
  const lists = Buffer.isBuffer(body) ? parsed(body.toString()) : null;
  if (!Array.isArray(lists) || !lists.every(isHostNodes)) throw unreadable('no list of workers');
  const nodes = lists.reduce((sum, { ports }) => sum + Object.keys(ports).length, 0);
  if (nodes <= limits.peers) return lists;
  throw unreadable(`a list of more than ${limits.peers} workers`);
}

function unreadable(what: string): NodeError {
  return new NodeError('ERR_ARGUMENT', `what was told of the workers that have joined is ${what}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isHostNodes(value: unknown): value is HostNodes {
  const { host, addresses, ports } = (value ?? {}) as Partial<HostNodes>;
  if (typeof host !== 'string' || !isRecord(addresses) || !isRecord(ports)) return false;
  if (!Object.values(addresses).every((address) => typeof address === 'string')) return false;
  return Object.entries(ports).every(([name, port]) => {
    return isFullName(`${name}@${host}`) && isPort(port);
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether this is a port that somebody can be reached at. */
export function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
}

/**
 * All workers of some lists as peers, with those addresses of theirs that are on these planes. Of
 * more than a node may have, the first of their names.
 */
export function peersOf(lists: readonly HostNodes[], planes: readonly string[]): PeerOptions[] {
  const peers = lists.flatMap(({ host, addresses: all, ports }) => {
    const addresses = Object.entries(all).filter(([plane]) => planes.includes(plane));
    if (addresses.length === 0) return [];
    return Object.entries(ports).map(([worker, port]) => {
      return { name: fullName(worker, host), addresses: Object.fromEntries(addresses), port };
    });
  });
  peers.sort((a, b) => (a.name < b.name ? -1 : 1));
  return peers.slice(0, limits.peers - 1);
}

/** What one controller knows. */
export class Roster {
  readonly #host: string;
  readonly #own = new Map<string, number>();
  readonly #others = new Map<string, HostNodes>();

  /** @param host its own */
  constructor(host: string) {
    this.#host = host;
  }

  /** A worker of this host has joined. @returns Whether that was not known. */
  joined(worker: string, port: number): boolean {
    if (this.#own.get(worker) === port) return false;
    this.#own.set(worker, port);
    return true;
  }

  /** It has ended. @returns Whether it was known. */
  left(worker: string): boolean {
    return this.#own.delete(worker);
  }

  /** What the controller of another host told. @returns Whether that was not known. */
  told(host: string, nodes: HostNodes): boolean {
    const before = this.#others.get(host);
    this.#others.set(host, nodes);
    return JSON.stringify(before) !== JSON.stringify(nodes);
  }

  /** Those of this host. */
  own(addresses: HostNodes['addresses']): HostNodes {
    return { host: this.#host, addresses, ports: Object.fromEntries(this.#own) };
  }

  /**
   * Those of all hosts.
   * @param isKnown whether there is such a host: what others told is forgotten with their host
   */
  all(addresses: HostNodes['addresses'], isKnown: (host: string) => boolean): HostNodes[] {
    for (const host of [...this.#others.keys()]) if (!isKnown(host)) this.#others.delete(host);
    return [this.own(addresses), ...this.#others.values()];
  }
}
