/**
 * Planes: the networks a node is on, each with a name and one local address, and the way from an
 * address of a peer back to the name of its plane.
 */
import { BlockList, isIP } from 'node:net';
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import type { LocalAddress } from '../runtime/network.js';
import { canonicalAddress } from '../sctp/addresses.js';

/**
 * Planes as a program names them: plane name to a local address or to a CIDR that holds exactly one
 * of them (so that one file fits all hosts). A list of addresses is the short form; its planes are
 * named `a`, `b`, `c` ... by position.
 */
export type PlanesOption = Readonly<Record<string, string>> | readonly string[];

/** The plane's name in events about an address that is in none of our planes. */
export const UNKNOWN_PLANE = 'unknown';

/** One plane of this node. */
export interface Plane {
  readonly name: string;
  /** This host's address on it. */
  readonly address: string;
  /** Its subnet: the CIDR that was given, else the subnet of the address on this host. */
  readonly subnet: Subnet;
}

/** A subnet that can tell whether it holds an address. */
export interface Subnet {
  readonly prefixBits: number;
  contains(address: string): boolean;
}

const family = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

function subnetOf(network: string, prefixBits: number): Subnet {
  const list = new BlockList();
  list.addSubnet(network, prefixBits, family(network));
  return {
    prefixBits,
    contains: (address) => isIP(address) !== 0 && list.check(address, family(address)),
  };
}

/** Reads `10.1.0.0/24` or `fd00::/64`; null for anything else. */
function parseCidr(text: string): Subnet | null {
  const [network = '', bits = '', ...rest] = text.split('/');
  const version = isIP(network);
  if (version === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return null;
  const prefixBits = Number(bits);
  return prefixBits <= (version === 4 ? 32 : 128) ? subnetOf(network, prefixBits) : null;
}

function badPlanes(message: string): NodeError {
  return new NodeError('ERR_ARGUMENT', message);
}

/**
 * What can be said of planes without looking at a host: names and wishes, in order.
 * @throws NodeError ERR_ARGUMENT
 */
export function checkPlanes(planes: unknown): [string, string][] {
  const isObject = typeof planes === 'object' && planes !== null;
  if (!isObject) throw badPlanes('planes must map names to addresses or CIDRs, or list addresses');
  const entries: [string, unknown][] = Array.isArray(planes)
    ? planes.map((wish: unknown, index) => [String.fromCharCode(97 + index), wish])
    : Object.entries(planes);
  if (entries.length === 0) throw badPlanes('planes: a node is on one plane at least');
  if (entries.length > limits.addresses) {
    throw badPlanes(`planes: ${entries.length} of them, at most ${limits.addresses} are allowed`);
  }
  return entries.map(([name, wish]) => {
    if (!/^[A-Za-z0-9._-]{1,32}$/.test(name) || name === UNKNOWN_PLANE) {
      throw badPlanes(`planes: ${JSON.stringify(name)} is not a plane's name`);
    }
    if (typeof wish !== 'string') throw badPlanes(`planes: ${name} must be an address or a CIDR`);
    return [name, wish];
  });
}

function resolveCidr(name: string, cidr: string, local: readonly LocalAddress[]): Plane {
  const subnet = parseCidr(cidr);
  if (subnet === null) throw badPlanes(`plane ${name}: ${cidr} is not an address or a CIDR`);
  const candidates = local.filter(({ address }) => subnet.contains(address));
  const [only] = candidates;
  const list = (addresses: readonly LocalAddress[]) =>
    addresses.map(({ address }) => address).join(', ');
  if (only === undefined) {
    throw new NodeError(
      'ERR_PLANE_NO_ADDRESS',
      `plane ${name}: no address of this host is in ${cidr}; it has ${list(local) || 'none'}`,
    );
  }
  if (candidates.length > 1) {
    throw new NodeError(
      'ERR_PLANE_AMBIGUOUS',
      `plane ${name}: ${candidates.length} addresses of this host are in ${cidr}: ` +
        `${list(candidates)}. Name one of them`,
    );
  }
  return { name, address: only.address, subnet };
}

function resolveAddress(name: string, wish: string, local: readonly LocalAddress[]): Plane {
  const address = canonicalAddress(wish);
  const here = local.find((candidate) => canonicalAddress(candidate.address) === address);
  if (here === undefined) {
    throw new NodeError('ERR_ADDRESS_NOT_LOCAL', `plane ${name}: ${wish} is not on this host`, {
      address: wish,
    });
  }
  return { name, address, subnet: subnetOf(address, here.prefixBits) };
}

/**
 * Finds this host's address on each plane.
 * @throws NodeError ERR_ARGUMENT: not planes, a bad name, address or CIDR, one address on two
 *   planes; ERR_PLANE_NO_ADDRESS and ERR_PLANE_AMBIGUOUS: a CIDR that holds no or several addresses
 *   of this host (they are listed); ERR_ADDRESS_NOT_LOCAL.
 */
export function resolvePlanes(planes: unknown, local: readonly LocalAddress[]): Plane[] {
  const resolved: Plane[] = [];
  for (const [name, wish] of checkPlanes(planes)) {
    const plane =
      isIP(wish) === 0 ? resolveCidr(name, wish, local) : resolveAddress(name, wish, local);
    const twin = resolved.find(({ address }) => address === plane.address);
    if (twin !== undefined) {
      throw badPlanes(`planes ${twin.name} and ${name} have the same address ${plane.address}`);
    }
    resolved.push(plane);
  }
  return resolved;
}

/**
 * Where a peer can be reached: one address per plane, by plane name or in the order of our planes.
 */
export type PeerAddresses = Readonly<Record<string, string>> | readonly string[];

/**
 * The addresses of a peer, with the plane each was given for (null where only the order tells).
 * @throws NodeError ERR_ARGUMENT: none, too many, not an IP address, one twice.
 */
export function checkPeerAddresses(addresses: unknown): Map<string, string | null> {
  const isObject = typeof addresses === 'object' && addresses !== null;
  if (!isObject) throw badPlanes('addresses of a peer: a list, or a map by plane');
  const entries: [string | null, unknown][] = Array.isArray(addresses)
    ? addresses.map((address: unknown) => [null, address])
    : Object.entries(addresses);
  if (entries.length === 0 || entries.length > limits.addresses) {
    throw badPlanes(`a peer has 1 to ${limits.addresses} addresses, not ${entries.length}`);
  }
  const checked = new Map<string, string | null>();
  for (const [plane, wish] of entries) {
    if (typeof wish !== 'string' || isIP(wish) === 0) {
      throw badPlanes(`addresses of a peer: ${JSON.stringify(wish)} is not an IP address`);
    }
    const address = canonicalAddress(wish);
    if (checked.has(address)) throw badPlanes(`addresses of a peer: ${wish} stands there twice`);
    checked.set(address, plane);
  }
  return checked;
}

/**
 * That a peer's addresses are given for planes which there are: another name would tell nothing.
 * @throws NodeError ERR_ARGUMENT
 */
export function checkPeerPlanes(
  addresses: ReadonlyMap<string, string | null>,
  planes: readonly string[],
): void {
  for (const plane of addresses.values()) {
    if (plane === null || planes.includes(plane)) continue;
    throw badPlanes(`addresses of a peer: there is no plane ${plane}, but ${planes.join(', ')}`);
  }
}

/**
 * The plane of each address of a peer, by the first rule that tells:
 * 1. the plane the address was given for in `connect`;
 * 2. the plane whose subnet holds it, the smallest when several do;
 * 3. its place in the list given to `connect`, where that has as many addresses as we have planes;
 * 4. the only plane and the only address left over;
 * else `unknown`.
 *
 * @param planes of this node
 * @param given what `connect` was told (from `checkPeerAddresses`); null for a peer that dialled us
 * @param addresses all addresses of the peer
 */
export function mapToPlanes(
  planes: readonly Plane[],
  given: ReadonlyMap<string, string | null> | null,
  addresses: readonly string[],
): Map<string, string> {
  const order = given === null ? [] : [...given.keys()];
  const byOrder = order.length === planes.length;
  const mapped = new Map<string, string>();
  for (const address of addresses) {
    const named = given?.get(address) ?? null;
    const plane =
      (named !== null && planes.some(({ name }) => name === named) ? named : null) ??
      bySubnet(planes, address) ??
      (byOrder ? planes[order.indexOf(address)]?.name : undefined);
    if (plane !== undefined) mapped.set(address, plane);
  }
  const taken = new Set(mapped.values());
  const openPlanes = planes.filter(({ name }) => !taken.has(name));
  const openAddresses = addresses.filter((address) => !mapped.has(address));
  const [plane] = openPlanes;
  const isOnly = openPlanes.length === 1 && openAddresses.length === 1;
  for (const address of openAddresses) {
    mapped.set(address, isOnly && plane !== undefined ? plane.name : UNKNOWN_PLANE);
  }
  return mapped;
}

/**
 * The plane with the smallest subnet around an address; undefined when none or two equally small
 * ones hold it.
 */
function bySubnet(planes: readonly Plane[], address: string): string | undefined {
  const holders = planes
    .filter(({ subnet }) => subnet.contains(address))
    .sort((a, b) => b.subnet.prefixBits - a.subnet.prefixBits);
  const [best, second] = holders;
  if (best === undefined || best.subnet.prefixBits === second?.subnet.prefixBits) return undefined;
  return best.name;
}
