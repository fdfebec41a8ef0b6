/** Statuses of hosts, for tests. */
import type { ClusterHost } from '../../../src/controller/cluster-status.js';
import type { HostStatus, LinkStatus } from '../../../src/controller/host-status.js';

export const SINCE = '2026-01-01T10:00:00.000Z';

/** That of a slave in a cluster that is up. */
export function hostStatus(host: string, changes: Partial<HostStatus> = {}): HostStatus {
  return {
    host,
    incarnation: '0123456789abcdef',
    pid: 42,
    version: '1.2.3',
    since: SINCE,
    role: 'slave',
    epoch: 1,
    lineage: 'abcdef0123456789abcdef0123456789',
    clusterId: '0123456789abcdef0123456789abcdef',
    masters: ['controller@h1', 'controller@h2'],
    revision: 7,
    condition: 'up',
    conditionSince: SINCE,
    why: 'all masters are in touch',
    missing: [],
    isDrained: false,
    planes: [
      { name: 'a', address: '10.1.0.1' },
      { name: 'b', address: '10.2.0.1' },
    ],
    links: [],
    alarms: [],
    ...changes,
  };
}

/** A link with a controller, whose paths are active where nothing else is said. */
export function link(
  host: string,
  states: Readonly<Partial<Record<'a' | 'b', 'inactive' | 'gray'>>>,
): LinkStatus {
  const planes = ['a', 'b'] as const;
  const paths = planes.map((plane, index) => ({
    plane,
    address: `10.${index + 1}.0.2`,
    state: states[plane] === 'inactive' ? ('inactive' as const) : ('active' as const),
    isPrimary: index === 0,
    rttMs: index,
    gray: states[plane] === 'gray' ? ['slow'] : [],
  }));
  const isRedundant = paths.every(({ state }) => state === 'active');
  return { name: `controller@${host}`, isStalled: false, isRedundant, paths };
}

/** A host that answered. */
export function reached(status: HostStatus): ClusterHost {
  return { host: status.host, isReached: true, since: SINCE, status };
}

/** One that did not. */
export function unreached(host: string): ClusterHost {
  return { host, isReached: false, since: SINCE, status: null };
}
