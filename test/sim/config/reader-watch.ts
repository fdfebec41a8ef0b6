/** A program that watches: whether it is told of every change, once, in order, and nothing else. */
import { isUnder } from '../../../src/config/path.js';
import type { Change } from '../../../src/config/tree.js';
import { decodeValue } from '../../../src/config/value.js';
import { type Watch, WatchHub, type WatchOutput } from '../../../src/config/watch.js';
import type { Known } from './history.js';
import type { SimProcess } from './process.js';
import type { ConfigWorld } from './world.js';

/** A reader looks so often, on the average, when it is slow. */
const SLOW_MS = 50;
/** So many outputs at one look. */
const MOST_OUTPUTS = 100_000;

export class ReaderWatch {
  readonly #world: ConfigWorld;
  readonly #process: SimProcess;
  readonly #prefix: string;
  readonly #isSlow: boolean;
  #hub: WatchHub | null = null;
  #watch: Watch | null = null;
  /** All up to here was told; null: nothing is. */
  #told: Known | null = null;
  /** What a snapshot has told so far. */
  #listed = new Map<string, string>();
  /** The next has to be a snapshot. */
  #isVoid = true;

  constructor(world: ConfigWorld, process: SimProcess) {
    this.#world = world;
    this.#process = process;
    this.#prefix = world.random.pick(['', 'cluster/a', 'hosts/h1']);
    this.#isSlow = world.random.chance(0.3);
    if (this.#isSlow) this.#lookLater();
  }

  /** A node shows more. */
  shown(tip: Known, how: 'next' | 'replaced', isSameLineage: boolean): void {
    const { tree } = this.#process.state;
    const { revision } = tip.entry;
    if (this.#hub === null) {
      this.#hub = new WatchHub(tree, revision);
      this.#watch = this.#hub.watch(this.#prefix);
    } else if (how === 'replaced') this.#hub.replace(tree, revision, isSameLineage);
    else this.#hub.publish(revision);
    if (!this.#isSlow) this.#look(tip);
  }

  #lookLater(): void {
    const { time, random } = this.#world;
    time.after(random.exponential(SLOW_MS), () => {
      if (!this.#process.isAlive) return;
      const { shown } = this.#process;
      if (shown !== null) this.#look(shown);
      this.#lookLater();
    });
  }

  /** Takes all there is, which ends at what is shown. */
  #look(tip: Known): void {
    const watch = this.#watch;
    if (watch === null) return;
    for (let count = 0; count < MOST_OUTPUTS; count++) {
      const output = watch.poll();
      if (output === null) break;
      this.#take(tip, output);
    }
    if (watch.revision !== tip.entry.revision) {
      this.#violated(`is at ${watch.revision}, and ${tip.entry.revision} is shown`);
    }
    this.#mustHaveTold(tip);
    this.#told = tip;
  }

  #violated(what: string): void {
    this.#world.checker.violated(`a watch at ${this.#process.name} ${what}`);
  }

  #take(tip: Known, output: WatchOutput): void {
    switch (output.type) {
      case 'compacted':
        this.#isVoid = true;
        this.#listed = new Map();
        return;
      case 'snapshot':
        return this.#list(output);
      case 'changes':
        return this.#change(tip, output);
    }
  }

  #list({ items, revision, isLast }: WatchOutput & { readonly type: 'snapshot' }): void {
    if (!this.#isVoid) this.#violated('is told a snapshot for no reason');
    for (const { key, value } of items) this.#listed.set(key, decodeValue(value) as string);
    if (!isLast) return;
    const known = this.#known(revision);
    if (known === null) return;
    const values = [...known.values].filter(([key]) => isUnder(this.#prefix, key));
    const isSame = values.every(([key, value]) => this.#listed.get(key) === value);
    if (!isSame || values.length !== this.#listed.size) {
      this.#violated(`is told another snapshot of ${revision}`);
    }
    this.#isVoid = false;
    this.#told = known;
  }

  #change(tip: Known, { revision, changes }: WatchOutput & { readonly type: 'changes' }): void {
    const known = this.#known(revision);
    if (known === null) return;
    if (this.#isVoid) this.#violated('is told changes before a snapshot');
    this.#mustHaveTold(known.parent);
    if (!this.#world.history.holds(tip, known)) this.#violated(`is told ${revision} too early`);
    const wanted = this.#wanted(known);
    const isSame = changes.every((change) => wanted.get(change.key) === textOf(change));
    if (!isSame || changes.length !== wanted.size || wanted.size === 0) {
      this.#violated(`is told other changes of ${revision}`);
    }
    this.#told = known;
  }

  /** Nothing may have changed between what was told last and this. */
  #mustHaveTold(upTo: Known | null): void {
    for (let at = upTo; at !== null && at !== this.#told; at = at.parent) {
      if (at.entry.revision <= (this.#told?.entry.revision ?? 0)) {
        return this.#violated(`is told ${at.entry.revision} again`);
      }
      if (this.#wanted(at).size > 0) return this.#violated(`missed revision ${at.entry.revision}`);
    }
  }

  #wanted(known: Known): ReadonlyMap<string, string | null> {
    const all = [...this.#world.history.changesOf(known)];
    return new Map(all.filter(([key]) => isUnder(this.#prefix, key)));
  }

  #known(revision: number): Known | null {
    const lineage = this.#process.shown?.record.lineage ?? '';
    const known = this.#world.history.at(lineage, revision) ?? null;
    if (known === null) this.#violated(`is told ${revision}, which there is not`);
    return known;
  }
}

function textOf({ value }: Change): string | null {
  return value === null ? null : (decodeValue(value) as string);
}
