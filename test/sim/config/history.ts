/**
 * What really became of every entry that any store was ever told to keep: which one follows which,
 * whose lineage it is of, at which stores it is durable, and whether it is committed. What machines
 * say is held against this.
 */
import { type Entry, ORIGIN } from '../../../src/config/entry.js';
import { type EpochRecord, type Master, readRecord } from '../../../src/config/epoch-record.js';

/** What one transaction of a client does to a key, and what it asks of it first. */
export interface Step {
  readonly key: string;
  /** Null: it has no value; undefined: whatever. */
  readonly expects?: string | null;
  /** Null: deleted; undefined: left as it is. */
  readonly value?: string | null;
}

/** All values there are, by key. */
export type Values = ReadonlyMap<string, string>;

/** One entry, and all before it. */
export interface Known {
  readonly entry: Entry;
  readonly parent: Known | null;
  /** The epoch record that holds from this entry on. */
  readonly record: EpochRecord;
  readonly values: Values;
  /** Ids of the stores it is, or was, durable in. */
  readonly durableIn: Set<string>;
  isCommitted: boolean;
  /** It is by the masters of its own lineage, and not only with a forced entry after it. */
  isAgreed: boolean;
  /** As part of which lineages it was acknowledged; of others where a force has committed it. */
  acknowledgedIn: readonly Lineage[];
  /** It is in no store any more. */
  isLost: boolean;
  /** When somebody was first told of it; Infinity while nobody was. */
  toldAt: number;
}

/** One lineage. */
export interface Lineage {
  readonly id: string;
  /** Its first entry: an epoch record. */
  readonly first: Known;
  /** Its entries by revision. */
  readonly entries: Map<number, Known>;
  /** The newest entry that was acknowledged in it, or told by a fresh read. */
  toldRevision: number;
  /** It began on a disk that an operator had set back: what that had lost, it has lost. */
  readonly isExcused: boolean;
}

const NOTHING: Values = new Map();

export class History {
  readonly #violated: (what: string) => void;
  readonly #entries = new Map<string, Known>();
  readonly #lineages = new Map<string, Lineage>();
  /** What transactions do, by the id of their request. */
  readonly #steps = new Map<string, readonly Step[]>();
  readonly #byRequest = new Map<string, Known[]>();
  /** Lineages that somebody has ordered to begin from nothing. */
  readonly bootstraps = new Set<string>();
  /** Ids of stores that were ever put back to an older copy. */
  readonly setBack = new Set<string>();
  /** Requests that were answered with: it is in no log, and will be in none. */
  readonly #refused = new Set<string>();

  constructor(violated: (what: string) => void) {
    this.#violated = violated;
  }

  /** A client is about to ask for this. */
  asks(requestId: string, steps: readonly Step[]): void {
    this.#steps.set(requestId, steps);
  }

  /** A request was refused. */
  refused(requestId: string, code: string): void {
    this.#refused.add(requestId);
    if (this.#byRequest.has(requestId)) {
      this.#violated(`refused with ${code}, and appended: ${requestId}`);
    }
  }

  /** All that are on some disk. */
  get lineages(): Lineage[] {
    return [...this.#lineages.values()].filter(({ first }) => !first.isLost);
  }

  lineage(id: string): Lineage | undefined {
    return this.#lineages.get(id);
  }

  /** Entries of one request; more than one only when lineages were forced apart. */
  entriesOf(requestId: string): readonly Known[] {
    return this.#byRequest.get(requestId) ?? [];
  }

  find(hash: string): Known | undefined {
    return this.#entries.get(hash);
  }

  /** The entry of this revision, as a lineage has it. */
  at(lineage: string, revision: number): Known | undefined {
    let known = this.#lineages.get(lineage);
    while (known !== undefined && revision < known.first.entry.revision) {
      const before = known.first.parent;
      known = before === null ? undefined : this.#lineages.get(before.record.lineage);
    }
    return known?.entries.get(revision);
  }

  /** Whether all of `past` is in what led to `tip`. */
  holds(tip: Known | null, past: Known | null): boolean {
    if (past === null) return true;
    if (tip === null || past.entry.revision > tip.entry.revision) return false;
    return this.at(tip.record.lineage, past.entry.revision) === past;
  }

  /** The newest that both have in common. */
  fork(one: Known | null, other: Known | null): Known | null {
    let at = one;
    while (at !== null && !this.holds(other, at)) at = at.parent;
    return at;
  }

  /** Of what leads from one entry to another: the lineage in which it began. */
  lineageAfter(from: Known | null, to: Known): Lineage | undefined {
    let first = to;
    while (first.parent !== from && first.parent !== null) first = first.parent;
    return this.#lineages.get(first.record.lineage);
  }

  /**
   * An entry is to be stored.
   * @param isSetBack the store was set back by an operator, and has not caught up
   * @returns null when it cannot be
   */
  learn(entry: Entry, isSetBack: boolean): Known | null {
    const known = this.#entries.get(entry.hash);
    if (known !== undefined) return this.#again(known);
    const parent = this.#entries.get(entry.previous) ?? null;
    if (parent === null && entry.previous !== ORIGIN.hash) {
      this.#violated(`entry ${entry.revision} follows one that nobody ever had`);
      return null;
    }
    if (entry.revision !== (parent?.entry.revision ?? 0) + 1) {
      this.#violated(`entry ${entry.revision} follows ${parent?.entry.revision ?? 0}`);
      return null;
    }
    const record = entry.kind === 'epoch' ? readRecord(entry.body) : parent?.record;
    if (record === undefined) {
      this.#violated(`entry ${entry.revision}: a transaction before any epoch record`);
      return null;
    }
    return this.#add(entry, parent, record, isSetBack);
  }

  /** An entry is durable in a store. */
  durable(known: Known, storeId: string): void {
    for (let at: Known | null = known; at !== null && !at.durableIn.has(storeId); at = at.parent) {
      at.durableIn.add(storeId);
      this.#again(at);
      if (!at.isAgreed) this.#look(at);
    }
  }

  /**
   * A store does not have any more what it had, or was about to have. What nobody else has on a
   * disk is nowhere, unless it is on its way: another entry may come to its place.
   */
  lost(from: Known | null, to: Known | null, storeId: string): void {
    for (let at = from; at !== null && !this.holds(to, at); at = at.parent) {
      at.durableIn.delete(storeId);
      if (!at.isCommitted && at.durableIn.size === 0) at.isLost = true;
    }
  }

  /** By lineage, the newest revision that anybody was told to be committed. */
  told(): ReadonlyMap<string, number> {
    return new Map(this.lineages.map(({ id, toldRevision }) => [id, toldRevision]));
  }

  /** What an entry changed, by key: null for what is deleted. */
  changesOf({ entry, parent }: Known): ReadonlyMap<string, string | null> {
    const changes = new Map<string, string | null>();
    for (const { key, value } of this.#steps.get(entry.requestId) ?? []) {
      if (value === undefined || (value === null && parent?.values.has(key) !== true)) continue;
      changes.set(key, value);
    }
    return changes;
  }

  /** Somebody outside was told of an entry, and thereby of all before it. */
  shown(known: Known, at: number): void {
    for (let one: Known | null = known; one !== null && one.toldAt > at; one = one.parent) {
      one.toldAt = at;
    }
  }

  /** A write was acknowledged, or a fresh read told of it: as part of this lineage. */
  acknowledged(known: Known, told: string): void {
    const lineage =
      this.#lineages.get(told) ?? (this.#lineages.get(known.record.lineage) as Lineage);
    if (!known.acknowledgedIn.includes(lineage)) {
      known.acknowledgedIn = [...known.acknowledgedIn, lineage];
    }
    lineage.toldRevision = Math.max(lineage.toldRevision, known.entry.revision);
    for (const other of this.#lineages.values()) {
      const left = other.first.parent;
      if (other.isExcused || other.first.isLost) continue;
      if (left?.record.lineage !== lineage.id) continue;
      if (left.entry.revision < known.entry.revision) {
        this.#violated(
          `revision ${known.entry.revision} is acknowledged in a lineage that was left ` +
            `at ${left.entry.revision}`,
        );
      }
    }
  }

  #add(entry: Entry, parent: Known | null, record: EpochRecord, isSetBack: boolean): Known | null {
    const known: Known = {
      entry,
      parent,
      record,
      values: this.#valuesAfter(entry, parent?.values ?? NOTHING),
      durableIn: new Set(),
      isCommitted: false,
      isAgreed: false,
      acknowledgedIn: [],
      isLost: false,
      toldAt: Number.POSITIVE_INFINITY,
    };
    this.#mustFollow(known);
    this.#entries.set(entry.hash, known);
    const lineage = this.#lineageOf(known, isSetBack);
    if (!this.#takePlace(lineage, known)) return null;
    this.#mustBeOnce(known);
    return known;
  }

  /** What was believed lost was on its way to another store. */
  #again(known: Known): Known {
    if (!known.isLost) return known;
    known.isLost = false;
    const lineage = this.#lineages.get(known.record.lineage) as Lineage;
    this.#takePlace(lineage, known);
    return known;
  }

  #takePlace(lineage: Lineage, known: Known): boolean {
    const { revision } = known.entry;
    const rival = lineage.entries.get(revision);
    if (rival !== undefined && rival !== known && !rival.isLost) {
      const state = rival.isCommitted ? 'is committed' : `is in ${rival.durableIn.size} stores`;
      this.#violated(`two entries of revision ${revision} in a lineage; the other ${state}`);
      return false;
    }
    lineage.entries.set(revision, known);
    return true;
  }

  #mustFollow({ entry, parent, record }: Known): void {
    const what = `entry ${entry.revision}`;
    if (entry.epoch !== record.epoch) this.#violated(`${what} is not of the epoch of its record`);
    if (entry.kind !== 'epoch') return;
    const { kind } = record.cause;
    if ((parent === null) !== (kind === 'bootstrap')) {
      this.#violated(`${what}: ${kind} ${parent === null ? 'of nothing' : 'of something'}`);
    }
    if (parent === null) {
      if (!this.bootstraps.has(record.lineage)) this.#violated(`${what}: nobody wanted a lineage`);
      return;
    }
    const before = parent.record;
    if (record.epoch !== before.epoch + 1) this.#violated(`${what}: epoch after ${before.epoch}`);
    if ((kind === 'force') === (record.lineage === before.lineage)) {
      this.#violated(`${what}: ${kind} and the lineage`);
    }
    if (record.parent?.hash !== parent.entry.hash) this.#violated(`${what}: another parent`);
  }

  #lineageOf(known: Known, isSetBack: boolean): Lineage {
    const { lineage: id } = known.record;
    const old = this.#lineages.get(id);
    if (old !== undefined) return old;
    const entries = new Map<number, Known>();
    const made = { id, first: known, entries, toldRevision: 0, isExcused: isSetBack };
    this.#lineages.set(id, made);
    const left = known.parent;
    const toldRevision = left === null ? 0 : this.#lineages.get(left.record.lineage)?.toldRevision;
    if (left !== null && !isSetBack && (toldRevision ?? 0) > left.entry.revision) {
      this.#violated(
        `a force leaves its lineage at ${left.entry.revision}, ${toldRevision} was acknowledged`,
      );
    }
    return made;
  }

  #mustBeOnce(known: Known): void {
    const { requestId, revision } = known.entry;
    if (this.#refused.has(requestId)) this.#violated(`appended after it was refused: ${requestId}`);
    const same = this.#byRequest.get(requestId);
    if (same === undefined) this.#byRequest.set(requestId, [known]);
    else {
      const earlier = same.find((other) => this.holds(known, other));
      if (earlier !== undefined) {
        const where = `${earlier.entry.revision} and ${revision}`;
        this.#violated(`request ${requestId} twice in one lineage: ${where}`);
      }
      same.push(known);
    }
  }

  #valuesAfter({ kind, requestId, revision }: Entry, before: Values): Values {
    if (kind !== 'transaction') return before;
    const steps = this.#steps.get(requestId);
    if (steps === undefined) {
      this.#violated(`entry ${revision} that nobody asked for`);
      return before;
    }
    const values = new Map(before);
    for (const { key, expects, value } of steps) {
      if (expects !== undefined && (before.get(key) ?? null) !== expects) {
        this.#violated(`entry ${revision}: its condition on ${key} does not hold`);
      }
      if (value === null) values.delete(key);
      else if (value !== undefined) values.set(key, value);
    }
    return values;
  }

  /** For people: which masters do not have an entry. */
  missing(known: Known): string {
    const away = ownersOf(known).filter(({ storeId }) => !known.durableIn.has(storeId));
    return away.map(({ name }) => name).join();
  }

  /** Whether an entry is durable at all masters concerned: then all before it is committed, too. */
  #look(known: Known): void {
    if (!ownersOf(known).every(({ storeId }) => known.durableIn.has(storeId))) return;
    for (let at: Known | null = known; at !== null; at = at.parent) {
      const isAgreed = at.record.lineage === known.record.lineage;
      if (at.isCommitted && (at.isAgreed || !isAgreed)) return;
      const isNew = isAgreed && !at.isAgreed;
      at.isCommitted = true;
      at.isAgreed ||= isAgreed;
      if (isNew && at.parent === null) this.#mustBeFirst(at);
    }
  }

  /**
   * Of one store, there is one first lineage that all its masters have agreed to. One that people
   * begin twice, and force on both sides, is for them to mend.
   */
  #mustBeFirst(known: Known): void {
    const ids = new Set(known.record.masters.map(({ storeId }) => storeId));
    const rival = this.lineages.some(({ first }) => {
      if (first === known || first.parent !== null || !first.isAgreed) return false;
      return first.record.masters.some(({ storeId }) => ids.has(storeId));
    });
    if (rival) this.#violated('a second first lineage of the same stores');
  }
}

/** All masters that must have an entry before it is committed. */
function ownersOf({ entry, record, parent }: Known): readonly Master[] {
  const { kind } = record.cause;
  const isChange = entry.kind === 'epoch' && (kind === 'add' || kind === 'remove');
  return isChange ? [...record.masters, ...(parent?.record.masters ?? [])] : record.masters;
}
