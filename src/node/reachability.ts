/**
 * Who reaches whom in the cluster: a pure machine. Each node tells its peers whom it has links
 * with, and whom it misses. Where a node misses another for longer than the profile's outage time
 * and a grace, though a third one reaches both, that is reported, at every node that is told, with
 * the whole matrix. It is only reported: ending healthy links to make the rest of the cluster look
 * whole would turn one broken path into a broken cluster.
 *
 * It costs little: nothing while nothing changes, else one message to each peer, and one look at
 * the matrix, in an interval that grows with their number.
 */
import type { PartitionChanged, ReachabilityView } from './events.js';
import { Partition } from './partition.js';
import { drawMatrix, type ReachRow, unreachedPairs } from './reach-matrix.js';
import type { ReachReport } from './reach-report.js';

export interface ReachabilityLimits {
  /** One message to each peer in so long for each peer there is, within these bounds. */
  readonly reachPerPeerMs: number;
  readonly reachLeastMs: number;
  readonly reachMostMs: number;
  /** Beyond the outage time. */
  readonly partitionGraceMs: number;
  /** Pairs that are looked at and told. */
  readonly partitionPairs: number;
  /** Names in a row. */
  readonly reachNames: number;
  /** Nodes in a matrix. */
  readonly matrixNodes: number;
}

export interface ReachabilitySetup {
  /** Name of this node. */
  readonly name: string;
  readonly outageMs: number;
  readonly limits: ReachabilityLimits;
}

export type ReachabilityInput =
  /** The program or a source wants a link to this node. */
  | { readonly type: 'wanted'; readonly name: string }
  /** Nobody wants one any more; one that is up stays. */
  | { readonly type: 'unwanted'; readonly name: string }
  /** Nobody wants one any more, and one that is up is being left. */
  | { readonly type: 'leaving'; readonly name: string }
  /** A link is up. */
  | { readonly type: 'up'; readonly name: string }
  /** It is over. `isLeft`: the other node said that it leaves. */
  | { readonly type: 'down'; readonly name: string; readonly isLeft: boolean }
  /** A peer told, over the link that is up. */
  | { readonly type: 'told'; readonly name: string; readonly report: ReachReport }
  /** What was to be told to this peer could not be sent. */
  | { readonly type: 'unsent'; readonly name: string }
  /** Time has passed. */
  | { readonly type: 'tick' };

export type ReachabilityOutput =
  | { readonly type: 'tell'; readonly to: readonly string[]; readonly report: ReachReport }
  | { readonly type: 'partition'; readonly event: PartitionChanged }
  /** This peer tells more names than a row may hold: it does not keep to the protocol. */
  | { readonly type: 'refuse'; readonly name: string };

type Mark = 'reached' | 'missed';

/** What we know of one node ourselves; there is none for those that we neither reach nor miss. */
interface Own {
  mark: Mark;
  sinceMs: number;
  isWanted: boolean;
  isLeaving: boolean;
}

interface Row extends ReachRow {
  readonly reached: Set<string>;
  readonly missed: Set<string>;
}

export class Reachability {
  readonly #setup: ReachabilitySetup;
  /** How long a pair without a link is watched before it is told. */
  readonly #patienceMs: number;
  readonly #own = new Map<string, Own>();
  /** What each peer told over the link that is up. */
  readonly #rows = new Map<string, Row>();
  /** Peers, and whether they know all but what changed since the last round. */
  readonly #peers = new Map<string, 'new' | 'told'>();
  /** Since the last round: what each name was in it. */
  readonly #changed = new Map<string, Mark | undefined>();
  readonly #partition: Partition;
  readonly #outputs: ReachabilityOutput[] = [];
  #tellAtMs: number | null = null;
  #judgeAtMs: number | null = null;

  constructor(setup: ReachabilitySetup) {
    this.#setup = setup;
    this.#patienceMs = setup.outageMs + setup.limits.partitionGraceMs;
    this.#partition = new Partition(this.#patienceMs);
  }

  step(nowMs: number, input: ReachabilityInput): void {
    switch (input.type) {
      case 'wanted':
        this.#want(nowMs, input.name);
        break;
      case 'unwanted':
      case 'leaving':
        this.#unwant(nowMs, input.name, input.type === 'leaving');
        break;
      case 'up':
        this.#peers.set(input.name, 'new');
        this.#rows.delete(input.name);
        this.#mark(nowMs, input.name, 'reached');
        this.#tellSoon(nowMs);
        break;
      case 'down':
        this.#down(nowMs, input.name, input.isLeft);
        break;
      case 'told':
        this.#told(nowMs, input.name, input.report);
        break;
      case 'unsent':
        if (!this.#peers.has(input.name)) break;
        this.#peers.set(input.name, 'new');
        this.#tellSoon(nowMs);
        break;
      case 'tick':
        if (this.#tellAtMs !== null && nowMs >= this.#tellAtMs) this.#tell();
        if (this.#judgeAtMs !== null && nowMs >= this.#judgeAtMs) this.#judge(nowMs);
        break;
    }
  }

  /** The next output, or null. */
  poll(): ReachabilityOutput | null {
    return this.#outputs.shift() ?? null;
  }

  /** When it wants a tick; null for never. */
  deadline(): number | null {
    if (this.#tellAtMs === null) return this.#judgeAtMs;
    return Math.min(this.#tellAtMs, this.#judgeAtMs ?? Number.POSITIVE_INFINITY);
  }

  /** As far as this node is told. */
  view(nowMs: number): ReachabilityView {
    return this.#viewOf(this.#allRows(), nowMs, false);
  }

  #want(nowMs: number, name: string): void {
    if (!this.#own.has(name)) this.#mark(nowMs, name, 'missed');
    const own = this.#own.get(name);
    if (own !== undefined) own.isWanted = true;
  }

  #unwant(nowMs: number, name: string, isLeaving: boolean): void {
    const own = this.#own.get(name);
    if (own === undefined) return;
    own.isWanted = false;
    own.isLeaving = isLeaving;
    if (own.mark === 'missed') this.#mark(nowMs, name, undefined);
  }

  #down(nowMs: number, name: string, isLeft: boolean): void {
    this.#peers.delete(name);
    this.#rows.delete(name);
    const own = this.#own.get(name);
    if (own === undefined) return;
    // One that is wanted is missed however it went; of the others, one that said nothing is.
    const isMissed = own.isWanted || !(isLeft || own.isLeaving);
    this.#mark(nowMs, name, isMissed ? 'missed' : undefined);
    this.#forgetSurplus(nowMs);
  }

  /** What a name is to us from now on. */
  #mark(nowMs: number, name: string, mark: Mark | undefined): void {
    const own = this.#own.get(name);
    this.#note(name, own?.mark);
    if (mark === undefined) {
      this.#own.delete(name);
    } else if (own === undefined) {
      this.#own.set(name, { mark, sinceMs: nowMs, isWanted: false, isLeaving: false });
    } else {
      own.mark = mark;
      own.sinceMs = nowMs;
      own.isLeaving = false;
    }
    this.#tellSoon(nowMs);
    this.#judgeSoon(nowMs);
  }

  /** What a name was when the others were told last. */
  #note(name: string, mark: Mark | undefined): void {
    if (this.#peers.size === 0 || this.#changed.has(name)) return;
    this.#changed.set(name, mark);
    if (this.#changed.size <= this.#setup.limits.reachNames) return;
    // More came and went than a row holds: all again is shorter.
    this.#changed.clear();
    for (const peer of this.#peers.keys()) this.#peers.set(peer, 'new');
  }

  /** Nodes that come under new names each time must not fill our row for ever. */
  #forgetSurplus(nowMs: number): void {
    if (this.#own.size <= this.#setup.limits.reachNames) return;
    for (const [name, { mark, isWanted }] of this.#own) {
      if (mark === 'reached' || isWanted) continue;
      this.#mark(nowMs, name, undefined);
      return;
    }
  }

  #told(nowMs: number, name: string, report: ReachReport): void {
    if (!this.#peers.has(name)) return;
    const row: Row =
      (report.full ? undefined : this.#rows.get(name)) ??
      ({ reached: new Set<string>(), missed: new Set<string>() } satisfies Row);
    for (const gone of [...report.gone, ...report.missed]) row.reached.delete(gone);
    for (const gone of [...report.gone, ...report.reached]) row.missed.delete(gone);
    for (const other of report.reached) row.reached.add(other);
    for (const other of report.missed) row.missed.add(other);
    // Of itself a node has nothing to tell.
    row.reached.delete(name);
    row.missed.delete(name);
    if (row.reached.size + row.missed.size > this.#setup.limits.reachNames) {
      this.#rows.delete(name);
      this.#outputs.push({ type: 'refuse', name });
      return;
    }
    this.#rows.set(name, row);
    this.#judgeSoon(nowMs);
  }

  #tellSoon(nowMs: number): void {
    if (this.#peers.size > 0) this.#tellAtMs ??= nowMs + this.#intervalMs;
  }

  /** From a change until we tell or judge it, with all that changes meanwhile. */
  get #intervalMs(): number {
    const { reachPerPeerMs, reachLeastMs, reachMostMs } = this.#setup.limits;
    // Those that are missed will be there soon: a node that begins has one peer for a moment only.
    const peers = Math.max(this.#peers.size, this.#own.size);
    return Math.min(reachMostMs, Math.max(reachLeastMs, peers * reachPerPeerMs));
  }

  #judgeSoon(nowMs: number): void {
    const atMs = nowMs + this.#intervalMs;
    this.#judgeAtMs = Math.min(this.#judgeAtMs ?? atMs, atMs);
  }

  #tell(): void {
    this.#tellAtMs = null;
    const fresh: string[] = [];
    const others: string[] = [];
    for (const [name, state] of this.#peers) (state === 'new' ? fresh : others).push(name);
    if (fresh.length > 0) {
      const report = { full: true, ...this.#ownNames(), gone: [] };
      this.#outputs.push({ type: 'tell', to: fresh, report });
    }
    const changes = [...this.#changed].flatMap(([name, old]) => {
      const mark = this.#own.get(name)?.mark;
      return mark === old ? [] : [{ name, mark }];
    });
    if (others.length > 0 && changes.length > 0) {
      const of = (wanted: Mark | undefined) =>
        changes.filter(({ mark }) => mark === wanted).map(({ name }) => name);
      const report = {
        full: false,
        reached: of('reached'),
        missed: of('missed'),
        gone: of(undefined),
      };
      this.#outputs.push({ type: 'tell', to: others, report });
    }
    for (const name of fresh) this.#peers.set(name, 'told');
    this.#changed.clear();
  }

  #ownNames(): { reached: string[]; missed: string[] } {
    const of = (wanted: Mark) =>
      [...this.#own].filter(([, { mark }]) => mark === wanted).map(([name]) => name);
    return { reached: of('reached'), missed: of('missed') };
  }

  #allRows(): Map<string, ReachRow> {
    const { reached, missed } = this.#ownNames();
    const own = { reached: new Set(reached), missed: new Set(missed) };
    return new Map<string, ReachRow>([[this.#setup.name, own], ...this.#rows]);
  }

  #judge(nowMs: number): void {
    const rows = this.#allRows();
    this.#judgeAtMs = null;
    this.#partition.step(nowMs, unreachedPairs(rows, this.#setup.limits.partitionPairs));
    this.#forgetTheDead(nowMs, rows);
    const state = this.#partition.poll();
    if (state !== null) {
      const event = { state, ...this.#viewOf(rows, nowMs, true) };
      this.#outputs.push({ type: 'partition', event });
    }
    const times = this.#strangers().map(({ sinceMs }) => sinceMs + this.#patienceMs);
    // One that is past its time is reached by somebody: it waits for that one's word.
    const due = [this.#partition.deadline(), ...times].filter((atMs) => atMs > nowMs);
    const nextMs = Math.min(this.#judgeAtMs ?? Number.POSITIVE_INFINITY, ...due);
    if (nextMs !== Number.POSITIVE_INFINITY) this.#judgeAtMs = nextMs;
  }

  /** Those we miss though nobody told us to want them, and who may be gone for good. */
  #strangers(): { name: string; sinceMs: number }[] {
    return [...this.#own].flatMap(([name, { mark, sinceMs, isWanted }]) =>
      mark === 'missed' && !isWanted ? [{ name, sinceMs }] : [],
    );
  }

  /** A node that came by itself and went without a word is missed while others reach it. */
  #forgetTheDead(nowMs: number, rows: ReadonlyMap<string, ReachRow>): void {
    for (const { name, sinceMs } of this.#strangers()) {
      if (nowMs - sinceMs < this.#patienceMs) continue;
      if (![...rows.values()].some(({ reached }) => reached.has(name))) {
        this.#mark(nowMs, name, undefined);
      }
    }
  }

  #viewOf(rows: ReadonlyMap<string, ReachRow>, nowMs: number, onlyTold: boolean): ReachabilityView {
    const { name, limits } = this.#setup;
    // Ourselves and whom we know first: what others made up must not push them out.
    const names = new Set([name, ...this.#own.keys(), ...rows.keys()]);
    for (const { reached, missed } of rows.values()) {
      for (const other of [...reached, ...missed]) {
        if (names.size >= limits.matrixNodes) break;
        names.add(other);
      }
    }
    const nodes = [...names].slice(0, limits.matrixNodes).sort();
    const pairs = this.#partition.pairs(nowMs, onlyTold);
    return { nodes, matrix: drawMatrix(nodes, rows), pairs };
  }
}
