/** Holds what machines say against what really became of every entry. */
import { forkFrom } from '../../../src/config/epoch-record.js';
import type { Answer, ReplicaOutput, ReplicaStatus } from '../../../src/config/replica-io.js';
import type { VirtualTime } from '../../../src/testing/virtual-time.js';
import type { Played } from './client.js';
import type { History, Known } from './history.js';
import type { SimMember } from './member.js';
import type { SimProcess } from './process.js';
import type { ConfigWorld } from './world.js';

type Visible = Extract<ReplicaOutput, { type: 'visible' }>;
type Written = Extract<Answer, { type: 'committed' | 'failed' }>;

/** A request is answered so long after its deadline at most. */
const ANSWER_SLACK_MS = 20;
/** That all masters are gone, or one is back, is said within this. */
const DOWN_MS = 2500;
/** That two lineages were forced apart is said within this after both have met. */
const APART_MS = 1000;
/** From its start, a master that reaches nobody serves reads within this after the load timeout. */
const LOAD_SLACK_MS = 100;

/** Two that are in touch: over which link, since when, and which of their machines. */
interface Apart {
  readonly link: object;
  readonly sinceMs: number;
  readonly one: SimProcess;
  readonly other: SimProcess;
}

export class Checker {
  readonly violations: string[] = [];
  readonly counts = {
    committed: 0,
    failed: 0,
    reads: 0,
    freshReads: 0,
    shown: 0,
    downs: 0,
    shownAgain: 0,
  };
  readonly #world: ConfigWorld;
  readonly #time: VirtualTime;
  /** Since when a slave says something else of its masters than is true. */
  readonly #wrongSinceMs = new Map<SimProcess, number>();
  /** Since when two whose lineages have nothing to do with each other are in touch. */
  readonly #apart = new Map<string, Apart>();

  constructor(world: ConfigWorld) {
    this.#world = world;
    this.#time = world.time;
  }

  violated(what: string): void {
    this.violations.push(what);
  }

  get #history(): History {
    return this.#world.history;
  }

  /** What a lineage has at a revision; it must be committed. */
  #committedAt(what: string, lineage: string, revision: number): Known | null {
    const known = this.#history.at(lineage, revision);
    if (known === undefined) {
      this.violated(`${what}: there is no revision ${revision} in lineage ${lineage}`);
      return null;
    }
    if (!known.isCommitted) {
      const away = this.#history.missing(known);
      const kind = `${known.entry.kind} ${known.record.epoch}`;
      this.violated(`${what}: revision ${revision} (${kind}), which is not on the disk of ${away}`);
    }
    return known;
  }

  // --- what is shown

  visible(process: SimProcess, { lineage, revision, entries }: Visible): void {
    const what = `${process.name} shows`;
    const tip = this.#committedAt(what, lineage, revision);
    if (tip === null) return;
    this.counts.shown++;
    if (!tip.isAgreed) this.violated(`${what} ${revision} without the force that commits it`);
    const before = process.shown;
    if (!this.#history.holds(tip, before) && !this.#isExcused(tip)) {
      this.violated(`${what} ${revision}, and it has shown ${before?.entry.revision}`);
    }
    if (before === null || process.isReplaced) {
      if (entries.length > 0) this.violated(`${what} entries where the state is new as a whole`);
      if (before === null) this.#mayShow(process, tip);
    } else this.#mustContinue(process, before, tip, entries);
    this.#history.shown(tip, this.#world.moment());
    const isSame = before?.record.lineage === tip.record.lineage;
    if (process.isReplaced) this.counts.shownAgain++;
    const how = before !== null && process.isReplaced ? 'replaced' : 'next';
    process.shown = tip;
    process.isReplaced = false;
    process.watch.shown(tip, how, isSame);
  }

  #mustContinue(process: SimProcess, before: Known, tip: Known, entries: Visible['entries']): void {
    let at: Known | null = tip;
    for (const entry of entries.toReversed()) {
      if (at?.entry.hash !== entry.hash) {
        return this.violated(`${process.name} shows another entry of ${entry.revision}`);
      }
      at = at.parent;
    }
    if (at !== before) this.violated(`${process.name}: a gap or a repeat in what is shown`);
  }

  /** A master reads to nobody before it has met others, or has waited for them. */
  #mayShow(process: SimProcess, tip: Known): void {
    if (process.member.isSlave || tip.record.masters.length < 2 || process.hasMet) return;
    const ageMs = this.#time.nowMs - process.startMs;
    if (ageMs >= this.#world.knobs.loadMs) return;
    this.violated(`${process.name} shows what it has after ${ageMs} ms, and has met nobody`);
  }

  #placeOf({ entry, record }: Known): string {
    return `${entry.revision} of ${record.lineage.slice(0, 8)}`;
  }

  #isExcused(known: Known): boolean {
    for (let at: Known | null = known; at !== null; ) {
      const lineage = this.#history.lineage(at.record.lineage);
      if (lineage?.isExcused === true) return true;
      at = lineage?.first.parent ?? null;
    }
    return false;
  }

  // --- what is answered

  written(process: SimProcess, played: Played, answer: Written): Known | null {
    const { type, lineage, revision } = answer;
    const what = `${process.name} answers ${type}`;
    const known = this.#committedAt(what, lineage, revision);
    if (known === null) return null;
    this.counts[type]++;
    if (type === 'committed') {
      if (known.entry.requestId !== played.requestId) {
        this.violated(`${what}: revision ${revision} is that of another request`);
      }
      this.#history.acknowledged(known, lineage);
    } else {
      const { key, expects } = played.steps[0] ?? { key: '' };
      if (expects === undefined || (known.values.get(key) ?? null) === expects) {
        this.violated(`${what} at ${revision}, and the condition on ${key} holds`);
      }
    }
    this.#history.shown(known, this.#world.moment());
    return known;
  }

  /** The answer to a write that was known to be committed. */
  writtenAgain(process: SimProcess, played: Played, answer: Answer | null): void {
    if (answer === null) return;
    const what = `${process.name}, asked again for revision ${played.known?.entry.revision}`;
    if (answer.type === 'error') {
      if (answer.code === 'ERR_OUTCOME_UNKNOWN') return;
      return this.violated(`${what}: ${answer.code}`);
    }
    if (answer.type !== 'committed') return this.violated(`${what}: ${answer.type}`);
    const known = this.#committedAt(what, answer.lineage, answer.revision);
    if (known === null || known === played.known) return;
    // In a lineage that was forced apart before it was committed there it is another write.
    if (this.#history.holds(known, played.known)) {
      this.violated(`${what}: revision ${answer.revision}`);
    }
  }

  /** @param seen what the session had seen; null: it did not say */
  read(
    process: SimProcess,
    { lineage, revision }: { readonly lineage: string; readonly revision: number },
    seen: Known | null,
  ): Known | null {
    const what = `${process.name} reads at ${revision} of ${lineage.slice(0, 8)}`;
    const known = this.#committedAt(what, lineage, revision);
    if (known === null) return null;
    this.counts.reads++;
    if (seen !== null && !this.#history.holds(known, seen) && !this.#isExcused(known)) {
      this.violated(`${what}, and the session has seen ${this.#placeOf(seen)}`);
    }
    if (process.shown !== known) {
      this.violated(`${what}, and has shown ${process.shown?.entry.revision}`);
    }
    return known;
  }

  /** @param told by lineage, what anybody had been told before it was asked for */
  fresh(
    process: SimProcess,
    known: Known,
    lineage: string,
    told: ReadonlyMap<string, number>,
  ): void {
    this.counts.freshReads++;
    const { revision } = known.entry;
    const least = told.get(lineage) ?? 0;
    if (revision < least && !this.#isExcused(known)) {
      this.violated(`${process.name} reads fresh at ${revision}, and ${least} was told before`);
    }
    this.#history.acknowledged(known, lineage);
  }

  /** A session was told that its lineage was left before what it has seen. */
  lineageLeft(process: SimProcess, seen: Known | null): void {
    if (seen === null || !this.#history.holds(process.shown, seen)) return;
    this.violated(`${process.name} has ${seen.entry.revision}, and tells a session it has not`);
  }

  // --- what is told

  told(process: SimProcess, status: ReplicaStatus): void {
    if (status.isDown) this.counts.downs++;
    if (status.isDown && (status.role === 'master' || status.role === 'sequencer')) {
      this.violated(`${process.name} is a master, and says that all is down`);
    }
    const diverged = status.troubles.find(({ code }) => code === 'ERR_DIVERGED');
    if (diverged === undefined || this.#world.wasSetBack) return;
    this.violated(`${process.name} and ${diverged.name} have diverged`);
  }

  /** Who takes writes has all masters in touch, and they answer. */
  #mustHaveAll(process: SimProcess, { record, storeFailure }: ReplicaStatus): void {
    const what = `${process.name} takes writes`;
    if (storeFailure !== null) this.violated(`${what}, and its store has failed`);
    for (const { name } of record?.masters ?? []) {
      if (name === process.name) continue;
      const isStalled = process.peers.get(name);
      if (isStalled === undefined) this.violated(`${what}, and has no link to ${name}`);
      else if (isStalled) this.violated(`${what}, and ${name} does not answer`);
    }
  }

  /** Runs every now and then. */
  look(): void {
    for (const process of this.#world.processes) {
      const late = process.overdue(ANSWER_SLACK_MS);
      if (late !== undefined) {
        this.violated(`${process.name}: no answer to a ${late.request.type}, and its time is over`);
      }
      const { status, isStalled } = process;
      if (status?.isWritable === true && !isStalled) this.#mustHaveAll(process, status);
      if (process.member.isSlave) this.#lookDown(process);
      else this.#lookLoaded(process);
    }
    this.#lookApart();
  }

  /** Masters of lineages that were forced apart say so. */
  #lookApart(): void {
    const { replicas, bus } = this.#world;
    const { nowMs } = this.#time;
    const isDisturbed = replicas.some(({ isStalled }) => isStalled);
    for (const one of replicas) {
      for (const other of replicas) {
        const pair = `${one.name} ${other.name}`;
        const link = bus.linkOf(one, other);
        if (link === null || isDisturbed || !this.#areApart(one, other)) {
          this.#apart.delete(pair);
          continue;
        }
        const before = this.#apart.get(pair);
        const isSame = before?.link === link && before.one === one && before.other === other;
        const sinceMs = isSame ? before.sinceMs : nowMs;
        this.#apart.set(pair, { link, sinceMs, one, other });
        const isTold = one.status?.troubles.some(({ name, code }) => {
          return name === other.name && code === 'ERR_LINEAGE';
        });
        if (nowMs - sinceMs > APART_MS && isTold !== true) {
          this.violated(`${one.name} does not say that ${other.name} is of another lineage`);
        }
      }
    }
  }

  #areApart(one: SimProcess, other: SimProcess): boolean {
    const [a, b] = [one.member.disk.durable?.record, other.member.disk.durable?.record];
    if (a === undefined || b === undefined || a.lineage === b.lineage) return false;
    return forkFrom(a, b.lineage) === null && forkFrom(b, a.lineage) === null;
  }

  /** After the load timeout, what is known to be committed can be read. */
  #lookLoaded(process: SimProcess): void {
    const { status, startMs } = process;
    const { nowMs } = this.#time;
    const dueMs = Math.max(startMs + this.#world.knobs.loadMs, process.steadySinceMs);
    if (status === null || nowMs < dueMs + LOAD_SLACK_MS || process.isStalled) return;
    if (status.committed > 0 && process.shown === null) {
      this.violated(`${process.name} serves no reads after its load timeout`);
    }
  }

  #lookDown(process: SimProcess): void {
    const { nowMs } = this.#time;
    const { status, startMs } = process;
    if (status === null) return;
    const isDown = !this.#world.members.some((member) => this.#isMasterOf(process, member));
    const isWrong = isDown !== status.isDown;
    // Neither of them may have had the time to notice.
    const isDisturbed = this.#world.processes.some(({ isStalled }) => isStalled);
    if (!isWrong || isDisturbed) {
      this.#wrongSinceMs.delete(process);
      return;
    }
    const sinceMs = this.#wrongSinceMs.get(process) ?? nowMs;
    this.#wrongSinceMs.set(process, sinceMs);
    const allowedMs = DOWN_MS + Math.max(0, startMs + this.#world.knobs.loadMs - sinceMs);
    if (nowMs - sinceMs <= allowedMs) return;
    const what = status.isDown ? 'says that all is down' : 'does not say that all is down';
    this.violated(`${process.name} ${what} after ${(nowMs - sinceMs).toFixed(0)} ms`);
  }

  /** Whether a member is a master of what a slave has, and both have a link to each other. */
  #isMasterOf(slave: SimProcess, { process, disk }: SimMember): boolean {
    const { bus } = this.#world;
    if (process === null || process.member.isSlave) return false;
    if (!bus.isUp(slave, process.name) || !bus.isUp(process, slave.name)) return false;
    // What it follows need not be on its disk, which may be slow or take nothing.
    const record = slave.status?.record ?? null;
    if (record === null) return disk.end !== null;
    return record.masters.some(({ name, storeId }) => {
      return name === process.name && storeId === disk.storeId;
    });
  }
}
