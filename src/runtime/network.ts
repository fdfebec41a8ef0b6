/** The addresses of this host. */
import { readFileSync } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';

/** One address of this host. */
export interface LocalAddress {
  readonly address: string;
  /** Length of the prefix of its subnet, in bits: 32 or 128 where the system does not tell. */
  readonly prefixBits: number;
}

/** The name of this host, as the system has it; `localhost` where it has none. */
export function hostName(): string {
  const name = hostname();
  // What Linux says when nobody has set one.
  return name === '' || name === '(none)' ? 'localhost' : name;
}

/**
 * All addresses of this host in the calling thread's network namespace, those of ports without a
 * carrier among them: a node must start while one of its cables is out, and `os.networkInterfaces`
 * leaves such ports away.
 */
export function localAddresses(): LocalAddress[] {
  const found = new Map<string, number>();
  for (const list of Object.values(networkInterfaces())) {
    for (const { address, cidr } of list ?? []) {
      const bits = cidr === null ? Number.NaN : Number(cidr.slice(cidr.indexOf('/') + 1));
      found.set(address, Number.isInteger(bits) ? bits : isIPv6(address) ? 128 : 32);
    }
  }
  for (const { address, prefixBits } of [
    ...parseFibTrie(readProc('fib_trie')),
    ...parseInet6(readProc('if_inet6')),
  ]) {
    if (!found.has(address)) found.set(address, prefixBits);
  }
  return [...found].map(([address, prefixBits]) => ({ address, prefixBits }));
}

/** A file of /proc/net as this thread sees it; empty where there is none. */
function readProc(name: string): string {
  try {
    return readFileSync(`/proc/thread-self/net/${name}`, 'utf8');
  } catch {
    return '';
  }
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/**
 * Local IPv4 addresses in the kernel's forwarding table (/proc/net/fib_trie): leaves `|-- 10.1.0.1`
 * with the entry `/32 host LOCAL`. The prefix is that of the smallest connected subnet (`/24 link
 * UNICAST`) around it.
 */
export function parseFibTrie(text: string): LocalAddress[] {
  const local = new Set<string>();
  const subnets: { network: string; bits: number }[] = [];
  let leaf = '';
  for (const line of text.split('\n')) {
    const address = /\|-- (\S+)/.exec(line)?.[1];
    if (address !== undefined) {
      leaf = address;
      continue;
    }
    const entry = /^\s+\/(\d+) (\w+) (\w+)/.exec(line);
    if (entry === null || isIP(leaf) !== 4) continue;
    const bits = Number(entry[1]);
    if (bits === 32 && entry[2] === 'host' && entry[3] === 'LOCAL') local.add(leaf);
    if (entry[2] === 'link' && entry[3] === 'UNICAST') subnets.push({ network: leaf, bits });
  }
  return [...local].map((address) => {
    const around = subnets.filter(({ network, bits }) => {
      const size = 2 ** (32 - bits);
      return Math.floor(toNumber(address) / size) === Math.floor(toNumber(network) / size);
    });
    return { address, prefixBits: Math.max(0, ...around.map(({ bits }) => bits)) || 32 };
  });
}

/**
 * Local IPv6 addresses (/proc/net/if_inet6): address, interface index, prefix length, scope, flags
 * and name, in hex.
 */
export function parseInet6(text: string): LocalAddress[] {
  const addresses: LocalAddress[] = [];
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const hex = fields[0] ?? '';
    if (hex.length !== 32) continue;
    const groups = hex.match(/.{4}/g) ?? [];
    // The URL parser writes an IPv6 address in its canonical short form.
    const address = new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
    addresses.push({ address, prefixBits: Number.parseInt(fields[2] ?? '80', 16) });
  }
  return addresses;
}
