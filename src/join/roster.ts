/**
 * Which workers have joined, host by host: what controllers tell each other and their workers.
 * Every controller knows those of its own host, because it has a link with each.
 */
import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { fullName, isFullName } from '../node/names.js';
import type { ClusterNode } from '../node/node.js';
import type { PeerOptions } from '../node/options.js';

/** Where a worker is. */
export interface Whereabouts {
  /** By plane. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly port: number;
}

/** A node's own addresses, by plane. */
export function addressesOf({ planes }: Pick<ClusterNode, 'planes'>): Record<string, string> {
  return Object.fromEntries(planes.map(({ name, address }) => [name, address]));
}

/** The workers of one host that have joined, by their names without the host. */
export interface HostNodes {
  readonly host: string;
  readonly nodes: Readonly<Record<string, Whereabouts>>;
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
  const count = lists.reduce((sum, { nodes }) => sum + Object.keys(nodes).length, 0);
  if (count <= limits.peers) return lists;
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
  const { host, nodes } = (value ?? {}) as Partial<HostNodes>;
  if (typeof host !== 'string' || !isRecord(nodes)) return false;
  return Object.entries(nodes).every(([worker, where]) => {
    return isFullName(`${worker}@${host}`) && isWhereabouts(where);
  });
}

/** What a worker told of itself, or a controller of a worker. */
export function isWhereabouts(value: unknown): value is Whereabouts {
  const { addresses, port } = (value ?? {}) as Partial<Whereabouts>;
  const isPort = Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65_535;
  if (!isPort || !isRecord(addresses)) return false;
  return Object.values(addresses).every((each) => typeof each === 'string' && isIP(each) !== 0);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * All workers of some lists as peers, with those addresses of theirs that are on these planes. Of
 * more than a node may have, the first of their names.
 */
export function peersOf(lists: readonly HostNodes[], planes: readonly string[]): PeerOptions[] {
  const peers = lists.flatMap(({ host, nodes }) => {
    return Object.entries(nodes).flatMap(([worker, { addresses, port }]) => {
      const ours = Object.entries(addresses).filter(([plane]) => planes.includes(plane));
      const name = fullName(worker, host);
      return ours.length === 0 ? [] : [{ name, addresses: Object.fromEntries(ours), port }];
    });
  });
  peers.sort((a, b) => (a.name < b.name ? -1 : 1));
  return peers.slice(0, limits.peers - 1);
}

/** What one controller knows. */
export class Roster {
  readonly #host: string;
  readonly #own = new Map<string, Whereabouts>();
  readonly #others = new Map<string, HostNodes>();

  /** @param host its own */
  constructor(host: string) {
    this.#host = host;
  }

  /** A worker of this host has joined. @returns Whether that is news. */
  joined(worker: string, { addresses, port }: Whereabouts): boolean {
    const before = this.#own.get(worker);
    const where = { addresses, port };
    this.#own.set(worker, where);
    return !isDeepStrictEqual(before, where);
  }

  /** It has ended. @returns Whether that is news. */
  left(worker: string): boolean {
    return this.#own.delete(worker);
  }

  /** What the controller of another host told. @returns Whether that is news. */
  told(nodes: HostNodes): boolean {
    const before = this.#others.get(nodes.host);
    this.#others.set(nodes.host, nodes);
    return !isDeepStrictEqual(before, nodes);
  }

  /** Those of this host. */
  get own(): HostNodes {
    return { host: this.#host, nodes: Object.fromEntries(this.#own) };
  }

  /**
   * Those of all hosts.
   * @param isKnown whether there is such a host: what others told is forgotten with their host
   */
  all(isKnown: (host: string) => boolean): HostNodes[] {
    for (const host of [...this.#others.keys()]) if (!isKnown(host)) this.#others.delete(host);
    return [this.own, ...this.#others.values()];
  }
}
