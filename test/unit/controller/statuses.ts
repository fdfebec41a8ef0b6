/** Statuses of hosts, for tests. */
import {
  type ClusterHost,
  type ClusterStatus,
  clusterStatus,
} from '../../../src/controller/cluster-status.js';
import type { HostStatus, LinkStatus, WorkerStatus } from '../../../src/controller/host-status.js';

export const SINCE = '2026-01-01T10:00:00.000Z';
export const AT = '2026-01-01T12:03:04.000Z';

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
    nodes: [],
    workers: [],
    problems: [],
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

/** A worker that is as it should be. */
export function worker(name: string, changes: Partial<WorkerStatus> = {}): WorkerStatus {
  const whole = { group: 'default', state: 'ready', since: SINCE, pid: 7, restarts: 0, text: '' };
  return { name, ...whole, ending: null, isHeld: false, ...changes };
}

/** A host that answered. */
export function reached(status: HostStatus): ClusterHost {
  return { host: status.host, isReached: true, since: SINCE, status };
}

/** One that did not. */
export function unreached(host: string): ClusterHost {
  return { host, isReached: false, since: SINCE, status: null };
}

/** Three hosts of which all is well, but for what is said. */
export function small(changes: Partial<HostStatus> = {}): ClusterStatus {
  const own = hostStatus('h1', {
    role: 'sequencer',
    links: [link('h2', {}), link('h3', {})],
    ...changes,
  });
  const two = hostStatus('h2', { role: 'master', links: [link('h1', {}), link('h3', {})] });
  const three = hostStatus('h3', { links: [link('h1', {}), link('h2', {})] });
  return clusterStatus(own, AT, [reached(two), reached(three)]);
}

/** Many hosts with long names, and much that is wrong. */
export function large(): ClusterStatus {
  const names = Array.from({ length: 24 }, (_, i) => `host-${i}.production.example.com`);
  const alarms = Array.from({ length: 20 }, (_, i) => ({
    severity: i % 2 === 0 ? 'critical' : 'minor',
    code: 'partition-overlap',
    object: `controller@${names[i]}`,
    plane: 'a',
    text: 'no link between these two, though a third one reaches both of them and says so',
    since: SINCE,
  }));
  const [own, ...others] = names.map((name, index) =>
    hostStatus(name, {
      alarms: index === 0 ? alarms : [],
      condition: 'degraded',
      why: `masters are missing, nothing can be written: ${names.join(', ')}`,
      links: names
        .filter((other) => other !== name)
        .map((other) => link(other, index < 4 ? { a: 'inactive', b: 'gray' } : {})),
    }),
  );
  return clusterStatus(own as HostStatus, AT, [
    ...others.slice(3).map(reached),
    ...names.slice(1, 4).map(unreached),
  ]);
}
