/** The cluster as one controller gathers it from the others, not all of whom tell the truth. */
import type { ReplicaStatus } from '../../../src/config/replica-io.js';
import type { ClusterState } from '../../../src/controller/cluster-state.js';
import { type ClusterHost, clusterStatus } from '../../../src/controller/cluster-status.js';
import type { HostStatus } from '../../../src/controller/host-status.js';
import type { SeededRandom } from '../../random.js';

/** A controller, and what its replica has told. */
export interface Gatherer {
  readonly state: ClusterState;
  readonly host: string;
  readonly status: ReplicaStatus | null;
}

const iso = (ms: number) => new Date(ms).toISOString();

/**
 * Has one gather what all tell that it reaches.
 * @returns what of it is wrong; null: nothing is.
 */
export function gathered(
  own: Gatherer,
  all: readonly Gatherer[],
  random: SeededRandom,
): string | null {
  const others = own.state.hosts.map(({ host, isReached, sinceMs }): ClusterHost => {
    const other = all.find((each) => each.host === host);
    const status = isReached && other !== undefined ? statusOf(other) : null;
    return { host, isReached: status !== null, since: iso(sinceMs), status };
  });
  const [first] = own.status?.record?.masters ?? [];
  const sequencer = others.find(({ host }) => first?.name.endsWith(`@${host}`) === true)?.status;
  // One that is no master says that it takes all writes.
  const liar = random.below(others.length + 1);
  const told = others.map((each, index) => {
    const { status } = each;
    const isLiar = index === liar && status !== null && status !== sequencer;
    return isLiar ? { ...each, status: lieOf(status, own) } : each;
  });
  const mine = statusOf(own);
  const { condition, why, masters, epoch, hosts } = clusterStatus(mine, iso(0), told);
  const knows = sequencer?.role === 'sequencer' && sequencer.lineage === mine.lineage;
  const source = knows ? sequencer : mine;
  if (condition !== source.condition || why !== source.why) {
    return `${condition} (${why}) is said, and ${source.host} says ${source.condition}`;
  }
  if (masters.join() !== mine.masters.join() || epoch !== mine.epoch) {
    return `the masters are said to be ${masters}`;
  }
  const names = [own.host, ...others.map(({ host }) => host)].sort().join();
  const shown = hosts.map(({ host }) => host).join();
  return shown === names ? null : `hosts ${shown} are shown, not ${names}`;
}

function lieOf(status: HostStatus, { status: told }: Gatherer): HostStatus {
  const lineage = told?.record?.lineage ?? null;
  return { ...status, role: 'sequencer', lineage, condition: 'up', why: 'because I say so' };
}

function statusOf({ state, host, status }: Gatherer): HostStatus {
  const { condition, sinceMs, why, missing } = state.view;
  const record = status?.record ?? null;
  return {
    ...{
      host,
      incarnation: '',
      pid: 1,
      version: '',
      since: iso(0),
      role: status?.role ?? 'newcomer',
    },
    epoch: record?.epoch ?? null,
    lineage: record?.lineage ?? null,
    clusterId: record?.clusterId ?? null,
    masters: record?.masters.map(({ name }) => name) ?? [],
    ...{ revision: null, condition, conditionSince: iso(sinceMs), why, missing, isDrained: false },
    ...{ planes: [], links: [], nodes: [], workers: [], problems: [], alarms: [] },
  };
}
