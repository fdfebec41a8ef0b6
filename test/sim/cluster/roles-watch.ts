/**
 * Controllers on top of replicas of the configuration: what each says of the cluster, held against
 * what its replica is, and which links it has.
 */
import { type EpochRecord, isMaster } from '../../../src/config/epoch-record.js';
import type { ReplicaInput, ReplicaStatus } from '../../../src/config/replica-io.js';
import {
  type ClusterInput,
  ClusterState,
  type ClusterView,
  type HostView,
} from '../../../src/controller/cluster-state.js';
import type { SeededRandom } from '../../random.js';
import type { SimProcess } from '../config/process.js';
import type { ConfigWorld, Onlooker } from '../config/world.js';
import { gathered } from './roles-status.js';

/** The time of day when a world begins. */
const BEGIN_MS = 1_700_000_000_000;
/** Timers are late by so much, on the average. */
const LATE_MS = 0.5;

type LinkInput = Extract<ClusterInput, { readonly host: string }>;
type WithoutTime<T> = T extends unknown ? Omit<T, 'wallMs'> : never;

const EVENTS: Readonly<Record<string, LinkInput['type']>> = {
  up: 'linked',
  down: 'unlinked',
  stalled: 'stalled',
  resumed: 'resumed',
};

/** What a controller knows of another one. */
interface Peer {
  isLinked: boolean;
  isStalled: boolean;
  isKnown: boolean;
  sinceMs: number;
}

/** One controller, for as long as its replica lives. */
interface Seat {
  readonly process: SimProcess;
  readonly state: ClusterState;
  readonly host: string;
  readonly beganMs: number;
  readonly peers: Map<string, Peer>;
  /** When it waits for nobody any more; Infinity: it does not any more. */
  startedMs: number;
  status: ReplicaStatus | null;
  /** As it was before the step. */
  view: ClusterView;
  tickMs: number;
}

export class RolesWatch implements Onlooker {
  readonly counts = { up: 0, degraded: 0, down: 0, roles: 0, statuses: 0 };
  readonly #world: ConfigWorld;
  readonly #random: SeededRandom;
  readonly #seats = new Map<SimProcess, Seat>();

  constructor(world: ConfigWorld) {
    this.#world = world;
    this.#random = world.random.fork('roles');
  }

  heard(process: SimProcess, input: ReplicaInput): void {
    const type = EVENTS[input.type];
    if (type === undefined) return;
    const host = hostOf((input as { readonly name: string }).name);
    this.#step(this.#seatOf(process), { type, host });
  }

  told(process: SimProcess, status: ReplicaStatus): void {
    this.#judgeRole(process, status);
    const seat = this.#seatOf(process);
    this.#step(seat, { type: 'configuration', status });
    this.#judgeTruth(seat);
    if (this.#random.chance(0.2)) this.#know(seat);
    if (this.#random.chance(0.02)) this.#gather(seat);
  }

  /** All has come to be as it should. */
  settled(): void {
    for (const process of this.#world.processes) {
      const seat = this.#seatOf(process);
      this.#gather(seat);
      if (process.status?.record == null) continue;
      const { condition, why, missing } = seat.state.view;
      // That a loop stands still, as its peers see it, may outlast the faults for a while.
      const isStalled = missing.some((name) => seat.peers.get(hostOf(name))?.isStalled === true);
      if (condition === 'up' || isStalled) continue;
      this.#violated(seat, `all is calm, and it is ${condition}: ${why}`);
    }
  }

  #violated(seat: Seat, what: string): void {
    this.#world.checker.violated(`${seat.process.name}: ${what}`);
  }

  #wallMs(): number {
    return BEGIN_MS + this.#world.time.nowMs;
  }

  #seatOf(process: SimProcess): Seat {
    const found = this.#seats.get(process);
    if (found !== undefined) return found;
    const { time, knobs } = this.#world;
    const { name } = process;
    const host = hostOf(name);
    const wallMs = this.#wallMs();
    const state = new ClusterState(time.nowMs, { name, host, loadMs: knobs.loadMs, wallMs });
    const seat: Seat = {
      ...{ process, state, host, beganMs: wallMs, peers: new Map(), status: null },
      startedMs: time.nowMs + knobs.loadMs,
      view: state.view,
      tickMs: Number.POSITIVE_INFINITY,
    };
    this.#seats.set(process, seat);
    return seat;
  }

  /** It looks at the configuration: which hosts there are. */
  #know(seat: Seat): void {
    const { memberNames } = this.#world;
    const masters = seat.status?.record?.masters.map(({ name }) => name) ?? [];
    const others = memberNames.filter(() => this.#random.chance(0.7));
    const hosts = [...new Set([...masters, ...others])].map(hostOf);
    this.#step(seat, { type: 'hosts', hosts });
  }

  #step(seat: Seat, input: WithoutTime<ClusterInput>): void {
    const { time, trace } = this.#world;
    const wallMs = this.#wallMs();
    const { state } = seat;
    trace.event(time.nowMs, input.type, seat.host);
    seat.view = state.view;
    if (input.type === 'configuration') seat.status = input.status as ReplicaStatus;
    else if (input.type === 'hosts') know(seat, input.hosts);
    else if (input.type !== 'tick') happened(seat, input, wallMs);
    state.step(time.nowMs, { ...input, wallMs } as ClusterInput);
    this.#judge(seat, wallMs);
    this.#wait(seat);
  }

  #wait(seat: Seat): void {
    const { time } = this.#world;
    const dueMs = seat.state.deadline();
    if (dueMs === Number.POSITIVE_INFINITY || dueMs >= seat.tickMs) return;
    seat.tickMs = dueMs;
    const tick = (): void => {
      const { process } = seat;
      if (!process.isAlive) return;
      if (process.isStalled) return time.after(this.#random.exponential(10), tick);
      seat.tickMs = Number.POSITIVE_INFINITY;
      if (seat.state.deadline() <= time.nowMs) this.#step(seat, { type: 'tick' });
      else this.#wait(seat);
    };
    time.at(Math.max(dueMs, time.nowMs) + this.#random.exponential(LATE_MS), tick);
  }

  // --- what is judged

  /** It follows from the record and from its own name and store, whatever others say. */
  #judgeRole(process: SimProcess, { role, record }: ReplicaStatus): void {
    this.counts.roles++;
    const { name, member } = process;
    const { storeId, durable } = member.disk;
    const isOne = (each: EpochRecord | undefined) =>
      !member.isSlave && each !== undefined && isMaster(each, { name, storeId });
    let expected = ['newcomer'];
    if (record !== null) {
      expected = ['slave', 'learner'];
      // One that is to leave may keep that from its disk, and is a master as long.
      if (isOne(durable?.record)) expected.push('master');
      if (isOne(record)) expected = [record.masters[0]?.name === name ? 'sequencer' : 'master'];
    }
    if (expected.includes(role)) return;
    const masters = record?.masters.map((master) => master.name);
    this.#world.checker.violated(`${name} is ${role}, and the masters are ${masters}`);
  }

  #judge(seat: Seat, wallMs: number): void {
    const { state, view: before, status } = seat;
    const { nowMs } = this.#world.time;
    const view = state.view;
    const [change, ...more] = changesOf(state);
    const verdict = status === null ? null : verdictOf(seat, status);
    const isLate = nowMs >= seat.startedMs;
    if (verdict !== null && (verdict.condition === 'up' || isLate)) {
      seat.startedMs = Number.POSITIVE_INFINITY;
    }
    const isStarting = verdict === null || seat.startedMs !== Number.POSITIVE_INFINITY;
    const condition = isStarting ? 'starting' : verdict.condition;
    if (view.condition !== condition) {
      return this.#violated(seat, `it is ${view.condition} (${view.why}), not ${condition}`);
    }
    const missing = isStarting ? '' : verdict.missing.join();
    if (view.missing.join() !== missing) {
      this.#violated(seat, `it misses ${view.missing}, not ${missing}`);
    }
    const sinceMs = condition === before.condition ? before.sinceMs : wallMs;
    if (view.sinceMs !== sinceMs) this.#violated(seat, `it is so since ${view.sinceMs}`);
    const isTold = change?.view === view && change.before === before.condition;
    if (view !== before && (!isTold || more.length > 0)) this.#violated(seat, 'that is not told');
    if (view === before && change !== undefined) this.#violated(seat, 'it tells what is not new');
    if (condition !== before.condition && condition !== 'starting') this.counts[condition]++;
    const dueMs = seat.startedMs;
    if (state.deadline() !== dueMs) this.#violated(seat, `it is to be called at ${dueMs}`);
    this.#judgeHosts(seat);
  }

  /** What is said of the cluster against links and answers, and why it is so. */
  #judgeTruth(seat: Seat): void {
    const { process, state, status, peers } = seat;
    const { condition, why, missing } = state.view;
    const silent = missing.filter((name) => !why.includes(name));
    if (why === '' || silent.length > 0) this.#violated(seat, `why does not name ${silent}`);
    if (status === null || status.record === null) return;
    const { role, isWritable, record, storeFailure } = status;
    const isBroken = storeFailure !== null && condition === 'degraded' && missing.length === 0;
    if (isBroken && !why.includes(storeFailure)) this.#violated(seat, `why hides ${storeFailure}`);
    if (condition === 'up' && role === 'sequencer' && !isWritable) {
      this.#violated(seat, 'it is up, and takes no writes');
    }
    if (condition === 'down' && isMaster(record, { name: process.name, storeId: ownId(process) })) {
      this.#violated(seat, 'it is down, and a master itself');
    }
    if (condition !== 'up') return;
    for (const { name } of record.masters) {
      const peer = peers.get(hostOf(name));
      if (name === process.name || (peer?.isLinked === true && !peer.isStalled)) continue;
      this.#violated(seat, `it is up, and ${name} is not in touch`);
    }
  }

  #judgeHosts(seat: Seat): void {
    const { state, peers } = seat;
    const { hosts } = state;
    const isSame = (view: HostView, before: HostView | undefined) => {
      const { isReached, sinceMs } = viewOf(view.host, peers) ?? {};
      const isInOrder = before === undefined || before.host < view.host;
      return isInOrder && view.isReached === isReached && view.sinceMs === sinceMs;
    };
    const isAll = hosts.length === peers.size;
    if (isAll && hosts.every((view, at) => isSame(view, hosts[at - 1]))) return;
    const expected = [...peers.keys()].sort().map((host) => viewOf(host, peers));
    this.#violated(seat, `hosts ${JSON.stringify(hosts)}, not ${JSON.stringify(expected)}`);
  }

  /** Somebody asks it how the cluster is; all that it reaches answer, and one of them lies. */
  #gather(seat: Seat): void {
    this.counts.statuses++;
    const seats = [...this.#seats.values()].filter(({ process }) => process.isAlive);
    const why = gathered(seat, seats, this.#random);
    if (why !== null) this.#violated(seat, why);
  }
}

const ownId = ({ member }: SimProcess): string => member.disk.storeId;

/** The host of a node. */
export function hostOf(name: string): string {
  return name.slice(name.indexOf('@') + 1);
}

function changesOf(state: ClusterState) {
  const changes = [];
  for (let each = state.poll(); each !== null; each = state.poll()) changes.push(each);
  return changes;
}

function viewOf(host: string, peers: Seat['peers']): HostView | null {
  const peer = peers.get(host);
  if (peer === undefined) return null;
  const { isLinked, isStalled, sinceMs } = peer;
  return { host, isReached: isLinked && !isStalled, sinceMs };
}

function know({ peers, host: own, beganMs: sinceMs }: Seat, hosts: readonly string[]): void {
  for (const [host, peer] of peers) {
    peer.isKnown = hosts.includes(host);
    if (!peer.isKnown && !peer.isLinked) peers.delete(host);
  }
  for (const host of hosts) {
    if (host === own || peers.has(host)) continue;
    peers.set(host, { isLinked: false, isStalled: false, isKnown: true, sinceMs });
  }
}

function happened({ peers }: Seat, { type, host }: Omit<LinkInput, 'wallMs'>, sinceMs: number) {
  const peer = peers.get(host) ?? { isLinked: false, isStalled: false, isKnown: false, sinceMs };
  const wasReached = peer.isLinked && !peer.isStalled;
  if (type === 'linked' || type === 'unlinked') peer.isLinked = type === 'linked';
  peer.isStalled = type === 'stalled';
  if ((peer.isLinked && !peer.isStalled) !== wasReached) peer.sinceMs = sinceMs;
  if (peer.isLinked || peer.isKnown) peers.set(host, peer);
  else peers.delete(host);
}

/** What follows from what a replica says, and from who does not answer. */
function verdictOf(seat: Seat, status: ReplicaStatus): Pick<ClusterView, 'condition' | 'missing'> {
  const { record, missing, isDown, role, isWritable, storeFailure } = status;
  if (record === null) return { condition: 'down', missing: [] };
  const masters = record.masters.map(({ name }) => name);
  const away = masters.filter((name) => {
    return missing.includes(name) || seat.peers.get(hostOf(name))?.isStalled === true;
  });
  const isOwn = masters.includes(seat.process.name);
  if (!isOwn && (isDown || away.length === masters.length)) {
    return { condition: 'down', missing: masters };
  }
  if (away.length > 0) return { condition: 'degraded', missing: away };
  const isShut = (isOwn && storeFailure !== null) || (role === 'sequencer' && !isWritable);
  return { condition: isShut ? 'degraded' : 'up', missing: [] };
}
