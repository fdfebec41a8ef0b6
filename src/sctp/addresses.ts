/**
 * IP addresses as callers write them: checked, and brought to one form so that they can be
 * compared.
 */
import { isIP, isIPv4, SocketAddress } from 'node:net';
import { SctpError } from '../errors.js';
import { limits } from '../limits.js';

const MAPPED = '::ffff:';

/**
 * One spelling per address: IPv6 compressed and in lower case, IPv4 mapped into IPv6 as plain IPv4.
 */
export function canonicalAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  const [plain = address, zone] = address.split('%');
  const canonical = new SocketAddress({ address: plain, family: 'ipv6' }).address;
  const mapped = canonical.startsWith(MAPPED) ? canonical.slice(MAPPED.length) : '';
  if (isIPv4(mapped)) return mapped;
  return zone === undefined ? canonical : `${canonical}%${zone}`;
}

/**
 * Checks a list of addresses of one endpoint.
 * @throws SctpError ERR_ADDRESS_INVALID: none, more than limits.addresses, not an IP address, or
 * one twice.
 */
export function checkAddresses(addresses: readonly string[], what: string): readonly string[] {
  const invalid = (message: string, address?: string) =>
    new SctpError('ERR_ADDRESS_INVALID', message, address === undefined ? {} : { address });
  if (!Array.isArray(addresses) || addresses.length === 0) {
    throw invalid(`${what} must be a list of one or more IP addresses`);
  }
  if (addresses.length > limits.addresses) {
    throw invalid(
      `${what}: ${addresses.length} addresses, at most ${limits.addresses} are allowed`,
    );
  }
  const seen = new Set<string>();
  for (const address of addresses) {
    if (typeof address !== 'string' || isIP(address) === 0) {
      throw invalid(`${what}: ${JSON.stringify(address)} is not an IP address`, String(address));
    }
    const canonical = canonicalAddress(address);
    if (seen.has(canonical)) throw invalid(`${what}: ${address} stands there twice`, address);
    seen.add(canonical);
  }
  return addresses;
}

/**
 * Checks a port.
 * @throws SctpError ERR_ADDRESS_INVALID outside of `min` to 65535.
 */
export function checkPort(port: number, what: string, min: 0 | 1): number {
  if (Number.isInteger(port) && port >= min && port <= 65535) return port;
  throw new SctpError('ERR_ADDRESS_INVALID', `${what}: ${port} is not a port (${min} to 65535)`);
}

/** The family of a socket that can hold all of these: an IPv6 socket carries IPv4 too. */
export function familyOf(...lists: readonly (readonly string[])[]): 4 | 6 {
  return lists.every((list) => list.every((address) => isIPv4(address))) ? 4 : 6;
}

/** IPv4 first: kernels of the 5 series lost the IPv4 addresses of an INIT when IPv6 came first. */
export function ipv4First(addresses: readonly string[]): string[] {
  return [...addresses].sort((a, b) => Number(isIPv4(b)) - Number(isIPv4(a)));
}
