/**
 * How the cluster is, as one controller sees it: up, degraded or down, since when and why; and
 * which hosts it reaches. A machine: it is told what the configuration's own machine says, and
 * which controllers are linked, and tells what has become of the cluster. It asks nobody, and takes
 * no peer's word for the role of anybody.
 */
import type { ReplicaStatus } from '../config/replica-io.js';
import { limits } from '../limits.js';

/**
 * - `starting`: not yet in touch with the masters since this controller began, and not yet for as
 *   long as it waits for them.
 * - `up`: all masters are in touch: writes are taken.
 * - `degraded`: a master is missing: reads only.
 * - `down`: no master is in touch. What is read is the last that came here.
 */
export type ClusterCondition = 'starting' | 'up' | 'degraded' | 'down';

/** How it is. */
export interface ClusterView {
  readonly condition: ClusterCondition;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  /** For people. */
  readonly why: string;
  /** Full names of masters that are not in touch, or whose process does not answer. */
  readonly missing: readonly string[];
}

/** A controller other than this one. */
export interface HostView {
  readonly host: string;
  /** There is a link with it, and its process answers. */
  readonly isReached: boolean;
  /** Since when; milliseconds since 1970. Of one never met: since this controller began. */
  readonly sinceMs: number;
}

/** What of a status is looked at. */
export type JudgedStatus = Pick<
  ReplicaStatus,
  'role' | 'record' | 'isWritable' | 'isDown' | 'missing' | 'storeFailure'
>;

/** Something that has happened. `wallMs` is the time of day, for people. */
export type ClusterInput = { readonly wallMs: number } & (
  | { readonly type: 'configuration'; readonly status: JudgedStatus }
  /** All hosts that are known of: in the configuration, in the host file, among the masters. */
  | { readonly type: 'hosts'; readonly hosts: readonly string[] }
  | {
      readonly type: 'linked' | 'unlinked' | 'stalled' | 'resumed';
      readonly host: string;
    }
  /** Time has passed. */
  | { readonly type: 'tick' }
);

/** That it is not what it was. */
export interface ClusterChange {
  readonly type: 'condition';
  readonly view: ClusterView;
  readonly before: ClusterCondition;
}

interface Peer {
  isLinked: boolean;
  isStalled: boolean;
  isKnown: boolean;
  sinceMs: number;
}

/** What is judged of it at one moment. */
type Verdict = Pick<ClusterView, 'condition' | 'why' | 'missing'>;

export interface ClusterStateSetup {
  /** Full name of this controller. */
  readonly name: string;
  readonly host: string;
  /** How long the masters are waited for at the start. */
  readonly loadMs: number;
  readonly wallMs: number;
}

export class ClusterState {
  readonly #setup: ClusterStateSetup;
  readonly #peers = new Map<string, Peer>();
  readonly #changes: ClusterChange[] = [];
  /** When it is no longer starting, whatever is missing; null: it has started. */
  #startedAtMs: number | null;
  #status: JudgedStatus | null = null;
  #view: ClusterView;

  constructor(nowMs: number, setup: ClusterStateSetup) {
    this.#setup = setup;
    this.#startedAtMs = nowMs + setup.loadMs;
    const why = 'the masters are being looked for';
    this.#view = { condition: 'starting', sinceMs: setup.wallMs, why, missing: [] };
  }

  /** How the cluster is. */
  get view(): ClusterView {
    return this.#view;
  }

  /** All other hosts that are known or linked, in the order of their names. */
  get hosts(): readonly HostView[] {
    const views = Array.from(this.#peers, ([host, peer]) => {
      return { host, isReached: isReached(peer), sinceMs: peer.sinceMs };
    });
    return views.sort((a, b) => (a.host < b.host ? -1 : 1));
  }

  step(nowMs: number, input: ClusterInput): void {
    const { wallMs } = input;
    switch (input.type) {
      case 'configuration':
        this.#status = input.status;
        break;
      case 'hosts':
        this.#know(input.hosts);
        break;
      case 'tick':
        break;
      default:
        this.#happened(input.type, input.host, wallMs);
    }
    this.#judge(nowMs, wallMs);
  }

  /** The next change, in order; null when there is none. */
  poll(): ClusterChange | null {
    return this.#changes.shift() ?? null;
  }

  /** When a 'tick' is wanted; Infinity when never. */
  deadline(): number {
    return this.#startedAtMs ?? Number.POSITIVE_INFINITY;
  }

  #know(hosts: readonly string[]): void {
    const wanted = new Set(hosts);
    wanted.delete(this.#setup.host);
    for (const [host, peer] of this.#peers) {
      peer.isKnown = wanted.has(host);
      if (!peer.isKnown && !peer.isLinked) this.#peers.delete(host);
    }
    for (const host of wanted) this.#peer(host, this.#setup.wallMs).isKnown = true;
  }

  #peer(host: string, sinceMs: number): Peer {
    let peer = this.#peers.get(host);
    if (peer === undefined) {
      peer = { isLinked: false, isStalled: false, isKnown: false, sinceMs };
      // More than can be linked with are not told apart from those that are not there.
      if (this.#peers.size < limits.peers) this.#peers.set(host, peer);
    }
    return peer;
  }

  #happened(type: 'linked' | 'unlinked' | 'stalled' | 'resumed', host: string, wallMs: number) {
    if (host === this.#setup.host) return;
    const peer = this.#peer(host, wallMs);
    const wasReached = isReached(peer);
    if (type === 'linked' || type === 'unlinked') {
      peer.isLinked = type === 'linked';
      peer.isStalled = false;
    } else peer.isStalled = type === 'stalled';
    if (isReached(peer) !== wasReached) peer.sinceMs = wallMs;
    if (!peer.isLinked && !peer.isKnown) this.#peers.delete(host);
  }

  #judge(nowMs: number, wallMs: number): void {
    if (this.#status === null) return;
    const verdict = this.#verdictOf(this.#status);
    const { condition } = verdict;
    const isLate = this.#startedAtMs !== null && nowMs >= this.#startedAtMs;
    if (condition === 'up' || isLate) this.#startedAtMs = null;
    // What is missing at the beginning may only not have been met yet.
    if (this.#startedAtMs !== null) return;
    const before = this.#view;
    const isSame = condition === before.condition;
    if (isSame && verdict.why === before.why) return;
    this.#view = { ...verdict, sinceMs: isSame ? before.sinceMs : wallMs };
    this.#changes.push({ type: 'condition', view: this.#view, before: before.condition });
  }

  #verdictOf({ role, record, isWritable, isDown, missing, storeFailure }: JudgedStatus): Verdict {
    if (record === null) {
      const why = 'there is no configuration here yet';
      return { condition: 'down', why, missing: [] };
    }
    const masters = record.masters.map(({ name }) => name);
    const away = masters.filter((name) => missing.includes(name) || this.#isStalled(name));
    const isMaster = masters.includes(this.#setup.name);
    if (!isMaster && (isDown || away.length === masters.length)) {
      const why = `no master is in touch: ${masters.join(', ')}`;
      return { condition: 'down', why, missing: masters };
    }
    if (away.length > 0) {
      const why = `masters are missing, nothing can be written: ${away.join(', ')}`;
      return { condition: 'degraded', why, missing: away };
    }
    if (storeFailure !== null && isMaster) {
      const why = `the store of this master takes nothing more: ${storeFailure}`;
      return { condition: 'degraded', why, missing: [] };
    }
    if (role === 'sequencer' && !isWritable) {
      const why = 'a master cannot store, or does not keep up';
      return { condition: 'degraded', why, missing: [] };
    }
    return { condition: 'up', why: 'all masters are in touch', missing: [] };
  }

  #isStalled(name: string): boolean {
    const host = name.slice(name.indexOf('@') + 1);
    return this.#peers.get(host)?.isStalled === true;
  }
}

function isReached({ isLinked, isStalled }: Peer): boolean {
  return isLinked && !isStalled;
}
