/** The whole cluster at one moment, put together from what each of its controllers told. */
import type { AlarmStatus, HostStatus, WorkerStatus } from './host-status.js';

/** One host. */
export interface ClusterHost {
  readonly host: string;
  /** Whether its controller answered. */
  readonly isReached: boolean;
  /** Since when it is reached, or is not; ISO 8601. */
  readonly since: string;
  /** What it told; null: it did not answer. */
  readonly status: HostStatus | null;
}

/** One end of a path that does not carry. */
export interface PlaneFault {
  readonly from: string;
  readonly to: string;
  /** Of the best path that this link has on the plane. */
  readonly state: string;
}

/** One plane, over all links between controllers that were told. */
export interface ClusterPlane {
  readonly name: string;
  /**
   * - `up`: every link has an active path on it.
   * - `gray`: it does, but some are slow or lossy.
   * - `partly`: some have none.
   * - `down`: none has.
   * - `unused`: there is no link that could tell.
   */
  readonly state: 'up' | 'gray' | 'partly' | 'down' | 'unused';
  /** Links without an active path on it, in either direction; and those that are gray. */
  readonly faults: readonly PlaneFault[];
}

/** An alarm, with the host that raised it. */
export interface ClusterAlarm extends AlarmStatus {
  readonly host: string;
}

/** A worker, with its host. */
export interface ClusterWorker extends WorkerStatus {
  readonly host: string;
}

/** The cluster. */
export interface ClusterStatus {
  /** The host that gathered it, and when; ISO 8601. */
  readonly by: string;
  readonly at: string;
  readonly condition: HostStatus['condition'];
  readonly since: string;
  readonly why: string;
  readonly missing: readonly string[];
  readonly clusterId: string | null;
  readonly lineage: string | null;
  readonly epoch: number | null;
  readonly masters: readonly string[];
  readonly revision: number | null;
  readonly hosts: readonly ClusterHost[];
  readonly planes: readonly ClusterPlane[];
  readonly workers: readonly ClusterWorker[];
  /** The worst first. */
  readonly alarms: readonly ClusterAlarm[];
}

const SEVERITIES = ['critical', 'major', 'minor', 'warning'];

/**
 * Puts it together.
 * @param own of the host that asks
 * @param others in the order in which they are to be shown
 */
export function clusterStatus(
  own: HostStatus,
  at: string,
  others: readonly ClusterHost[],
): ClusterStatus {
  const self = { host: own.host, isReached: true, since: own.since, status: own };
  const hosts = [self, ...others].sort((a, b) => (a.host < b.host ? -1 : 1));
  const told = hosts.flatMap(({ status }) => status ?? []);
  // Whether writes are taken is known to the sequencer alone. Who that is, nobody's word says.
  const [first = ''] = own.masters;
  const firstHost = first.slice(first.indexOf('@') + 1);
  const sequencer = told.find(({ host, role, lineage }) => {
    return host === firstHost && role === 'sequencer' && lineage === own.lineage;
  });
  const { condition, conditionSince: since, why, missing } = sequencer ?? own;
  const { clusterId, lineage, epoch, masters } = own;
  return {
    by: own.host,
    at,
    condition,
    since,
    why,
    missing,
    clusterId,
    lineage,
    epoch,
    masters,
    revision: (sequencer ?? own).revision,
    hosts,
    planes: planesOf(told),
    workers: told.flatMap(({ host, workers }) => workers.map((each) => ({ host, ...each }))),
    alarms: alarmsOf(told),
  };
}

function alarmsOf(told: readonly HostStatus[]): ClusterAlarm[] {
  const all = told.flatMap(({ host, alarms }) => alarms.map((alarm) => ({ host, ...alarm })));
  const rank = ({ severity }: ClusterAlarm) => {
    const place = SEVERITIES.indexOf(severity);
    return place < 0 ? SEVERITIES.length : place;
  };
  return all.sort((a, b) => rank(a) - rank(b) || (a.since < b.since ? -1 : 1));
}

function planesOf(told: readonly HostStatus[]): ClusterPlane[] {
  const names = new Set(told.flatMap(({ planes }) => planes.map(({ name }) => name)));
  return [...names].sort().map((name) => planeOf(name, told));
}

function planeOf(name: string, told: readonly HostStatus[]): ClusterPlane {
  const faults: PlaneFault[] = [];
  let links = 0;
  let grayLinks = 0;
  for (const { host, links: all, planes } of told) {
    if (!planes.some((plane) => plane.name === name)) continue;
    for (const { name: peer, paths } of all) {
      links++;
      const mine = paths.filter(({ plane }) => plane === name);
      const best = mine.find(({ state }) => state === 'active') ?? mine[0];
      if (best?.state === 'active' && best.gray.length === 0) continue;
      const isGray = best?.state === 'active';
      if (isGray) grayLinks++;
      const state = isGray ? best.gray.join(' and ') : (best?.state ?? 'no path');
      faults.push({ from: host, to: peer, state });
    }
  }
  return { name, state: stateOf(links, faults.length - grayLinks, grayLinks), faults };
}

function stateOf(links: number, brokenLinks: number, grayLinks: number): ClusterPlane['state'] {
  if (links === 0) return 'unused';
  if (brokenLinks > 0) return brokenLinks === links ? 'down' : 'partly';
  return grayLinks > 0 ? 'gray' : 'up';
}
