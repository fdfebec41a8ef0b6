/** Names of the DNS. */
import { promises } from 'node:dns';
import { limits } from '../limits.js';

/** One SRV record (RFC 2782), without priority and weight. */
export interface SrvRecord {
  readonly target: string;
  readonly port: number;
}

/** Asks the DNS. What it throws are Node's own errors, with `code`. */
export interface DnsResolver {
  /** The SRV records of a name. */
  srv(name: string): Promise<readonly SrvRecord[]>;
  /** The addresses of a host, of one family; none where it has none, or where there is no host. */
  addresses(host: string, family: 4 | 6): Promise<readonly string[]>;
}

/** There is such a name without such records, or there is no such name. */
const NOTHING: readonly unknown[] = ['ENODATA', 'ENOTFOUND'];

/**
 * A resolver of this machine. It asks name servers alone, not /etc/hosts, and appends no search
 * domain: names are full ones.
 *
 * @param servers addresses of name servers, `10.0.0.10` or `10.0.0.10:53`; default: those of the
 *   system. Node's own error for what is none.
 */
export function systemResolver(servers?: readonly string[]): DnsResolver {
  const resolver = new promises.Resolver({ timeout: limits.dnsTimeoutMs, tries: limits.dnsTries });
  if (servers !== undefined) resolver.setServers(servers);
  return {
    async srv(name) {
      const records = await resolver.resolveSrv(name);
      return records.map(({ name: target, port }) => ({ target, port }));
    },
    async addresses(host, family) {
      try {
        return await (family === 4 ? resolver.resolve4(host) : resolver.resolve6(host));
      } catch (error) {
        if (NOTHING.includes((error as { code?: unknown }).code)) return [];
        throw error;
      }
    },
  };
}
