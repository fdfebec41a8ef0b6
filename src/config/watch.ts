/**
 * Watches: what happens below a prefix, revision by revision, without a gap and without a repeat,
 * beginning after any revision that can still be read.
 *
 * A watch has no queue of its own. It has a place in the history that the tree keeps anyway, and
 * takes from there what comes next whenever its reader asks. So there is one way in which events
 * reach a reader, whether it is up to date, slow, or begins in the past; nothing is handed over
 * from one way to another. A slow reader holds nothing and nobody up: the tree forgets its history
 * as it does without it, and the watch then says `compacted` and begins again with all there is.
 *
 * What has gone wrong in watches elsewhere, etcd's among them, cannot happen so:
 * - Events that found a channel full were skipped once compaction had overtaken them. Here a place
 *   before the oldest kept revision has one answer only, `compacted`.
 * - A deletion was forgotten by the compaction of its own revision, where a watch could still
 *   begin. Here a watch begins *after* a revision, and what follows one that can be read is known
 *   (tree.ts).
 * - A watch lost events, told some twice or went back when its server caught up by a snapshot, or
 *   when it waited for a revision still to come. Here `replace` compares the place of each watch
 *   with the snapshot: who is there or beyond it stays, everybody else begins again.
 * - Slow watches made writes wait while their past was looked through. Here each looks for its own
 *   next revision, when it is asked.
 */
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { checkPrefix, isUnder, prefixesOf } from './path.js';
import type { Change, Item, Tree } from './tree.js';
import { WatchReader } from './watch-reader.js';

/** What a watch tells next. */
export type WatchOutput =
  /** All that a revision changed below the prefix, each key once, as its operations named them. */
  | { readonly type: 'changes'; readonly revision: number; readonly changes: readonly Change[] }
  /** What came next is no longer kept. A snapshot follows; what was told before is void. */
  | { readonly type: 'compacted'; readonly revision: number }
  /** What the prefix holds at a revision, in pieces; changes follow the last one. */
  | {
      readonly type: 'snapshot';
      readonly revision: number;
      readonly items: readonly Item[];
      readonly isLast: boolean;
    };

/** How a watch begins. */
export interface WatchOptions {
  /**
   * Tells what follows this revision, which may be yet to come. Default: begins with a snapshot of
   * the newest, and tells what follows that.
   */
  readonly after?: number;
  /** There is something to ask for, after there was nothing. Must not throw. */
  readonly onReady?: () => void;
}

/** Where a watch is. */
type State =
  /** It has told everything. */
  | { readonly type: 'waiting' }
  /** This revision has something to tell, and none before it. */
  | { readonly type: 'ready'; readonly next: number }
  /** It has to begin again. */
  | { readonly type: 'compacted' }
  /** It is telling a snapshot, and has come to this key. */
  | { readonly type: 'listing'; readonly revision: number; readonly after: string }
  | { readonly type: 'closed' };

/** The watches of one prefix: a change is looked for once for all of them. */
interface Group {
  readonly prefix: string;
  readonly watches: Set<Watch>;
  /** Of them, those that have told everything. */
  readonly waiting: Set<Watch>;
  /** What was found last. */
  found: { readonly revision: number; readonly changes: readonly Change[] } | null;
}

/** All watches of one tree. */
export class WatchHub {
  #tree: Tree;
  #revision: number;
  #size = 0;
  readonly #groups = new Map<string, Group>();

  /** @param revision the newest that watches may tell of: the tree may be ahead of it */
  constructor(tree: Tree, revision = tree.revision) {
    this.#tree = tree;
    this.#revision = revision;
  }

  /** The newest that watches tell of. */
  get revision(): number {
    return this.#revision;
  }

  /** Watches that are open. */
  get size(): number {
    return this.#size;
  }

  /**
   * Begins a watch.
   * @throws ConfigError ERR_ARGUMENT: not a prefix, or not a revision; ERR_LIMIT: as many watches
   *   as limits.configWatches allows.
   */
  watch(prefix: string, options: WatchOptions = {}): Watch {
    const { after } = options;
    checkPrefix(prefix);
    if (after !== undefined && !(Number.isSafeInteger(after) && after >= 0)) {
      throw new ConfigError('ERR_ARGUMENT', `after must be a revision, not ${after}`);
    }
    if (this.#size >= limits.configWatches) {
      throw new ConfigError('ERR_LIMIT', `a node has at most ${limits.configWatches} watches`);
    }
    let group = this.#groups.get(prefix);
    if (group === undefined) {
      group = { prefix, watches: new Set(), waiting: new Set(), found: null };
      this.#groups.set(prefix, group);
    }
    const watch = new Watch(this, group, options);
    group.watches.add(watch);
    this.#size++;
    return watch;
  }

  /**
   * Lets watches tell of all up to a revision, which the tree has, and must not have compacted:
   * revisions are committed first and forgotten later.
   */
  publish(revision: number): void {
    const woken: Watch[] = [];
    for (let at = this.#revision + 1; at <= revision; at++) {
      if (this.#size === 0) break;
      for (const { key } of this.#tree.changesOf(at)) {
        for (const prefix of prefixesOf(key)) {
          for (const watch of this.#groups.get(prefix)?.waiting ?? []) {
            if (watch.wake(at)) woken.push(watch);
          }
        }
      }
    }
    this.#revision = Math.max(this.#revision, revision);
    for (const watch of woken) watch.onReady();
  }

  /**
   * Goes on with another tree, made of a snapshot. Revisions do not go back within a lineage.
   * @param isSameLineage whether revisions mean the same in both
   */
  replace(tree: Tree, revision: number, isSameLineage: boolean): void {
    const woken: Watch[] = [];
    for (const group of this.#groups.values()) {
      group.found = null;
      for (const watch of group.watches) {
        if (isSameLineage && watch.isComplete(revision)) continue;
        if (watch.restart()) woken.push(watch);
      }
    }
    this.#tree = tree;
    this.#revision = revision;
    for (const watch of woken) watch.onReady();
  }

  /** Of watches: what they read. */
  get tree(): Tree {
    return this.#tree;
  }

  /** Of watches: what a revision changed below the prefix of a group. */
  changesFor(group: Group, revision: number): readonly Change[] {
    if (group.found?.revision === revision) return group.found.changes;
    const all = this.#tree.changesOf(revision);
    const { prefix } = group;
    const changes = prefix === '' ? all : all.filter(({ key }) => isUnder(prefix, key));
    group.found = { revision, changes };
    return changes;
  }

  /** Of watches: one has ended. */
  ended(watch: Watch, group: Group): void {
    group.watches.delete(watch);
    group.waiting.delete(watch);
    if (group.watches.size === 0) this.#groups.delete(group.prefix);
    this.#size--;
  }
}

/**
 * One watch, for one reader: `poll`, or asynchronous iteration, which ends with `close` and closes
 * when it ends.
 */
export class Watch implements AsyncIterable<WatchOutput> {
  readonly #hub: WatchHub;
  readonly #group: Group;
  readonly #onReady: (() => void) | undefined;
  #state: State = { type: 'closed' };
  /** All up to this revision was told, or asked not to be. */
  #told: number;
  #reader: WatchReader<WatchOutput> | null = null;

  /** Made by `WatchHub.watch`. */
  constructor(hub: WatchHub, group: Group, options: WatchOptions) {
    this.#hub = hub;
    this.#group = group;
    this.#onReady = options.onReady;
    this.#told = options.after ?? hub.revision;
    if (options.after === undefined) this.#list(hub.revision, '');
    else this.#seek(options.after);
  }

  get prefix(): string {
    return this.#group.prefix;
  }

  /**
   * Everything up to this revision was told: a watch that begins after it, here or at another node
   * that has it, goes on without a gap.
   */
  get revision(): number {
    if (this.#state.type === 'ready') return this.#state.next - 1;
    return this.#state.type === 'waiting' ? Math.max(this.#told, this.#hub.revision) : this.#told;
  }

  /** What comes next; null when there is nothing now. */
  poll(): WatchOutput | null {
    const { tree } = this.#hub;
    const state = this.#state;
    switch (state.type) {
      case 'waiting':
      case 'closed':
        return null;
      case 'ready':
        if (state.next <= tree.compacted) return this.#beginAgain();
        return this.#tellChanges(state.next);
      case 'compacted':
        return this.#beginAgain();
      case 'listing':
        if (state.revision < tree.compacted) return this.#beginAgain();
        return this.#tellItems(state.revision, state.after);
    }
  }

  /** Ends it; nothing comes after. */
  close(): void {
    if (this.#state.type === 'closed') return;
    this.#state = { type: 'closed' };
    this.#hub.ended(this, this.#group);
    this.#reader?.wake();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<WatchOutput, undefined> {
    this.#reader ??= new WatchReader({
      take: () => this.poll(),
      isClosed: () => this.#state.type === 'closed',
      close: () => this.close(),
    });
    return this.#reader;
  }

  /** Of the hub: a revision changed something below the prefix. Whether it is to be told. */
  wake(revision: number): boolean {
    if (revision <= this.#told) return false;
    this.#state = { type: 'ready', next: revision };
    return this.#group.waiting.delete(this);
  }

  /** Of the hub: whether it needs nothing that lies before a revision, or is at it. */
  isComplete(revision: number): boolean {
    if (this.#state.type !== 'waiting' || this.revision < revision) return false;
    this.#told = this.revision;
    return true;
  }

  /** Of the hub: it has to begin again. Whether there was nothing to tell before. */
  restart(): boolean {
    this.#state = { type: 'compacted' };
    return this.#group.waiting.delete(this);
  }

  /** Of the hub: there is something to tell. */
  onReady(): void {
    this.#reader?.wake();
    this.#onReady?.();
  }

  #beginAgain(): WatchOutput {
    const { tree, revision } = this.#hub;
    this.#list(revision, '');
    return { type: 'compacted', revision: tree.compacted };
  }

  #tellChanges(revision: number): WatchOutput {
    const changes = this.#hub.changesFor(this.#group, revision);
    this.#seek(revision);
    return { type: 'changes', revision, changes };
  }

  #tellItems(revision: number, after: string): WatchOutput {
    const limit = limits.configWatchItems;
    const items = this.#hub.tree.range(this.prefix, { revision, after, limit });
    const isLast = items.length < limit;
    if (isLast) this.#seek(revision);
    else this.#list(revision, (items.at(-1) as Item).key);
    return { type: 'snapshot', revision, items, isLast };
  }

  #list(revision: number, after: string): void {
    this.#state = { type: 'listing', revision, after };
  }

  /** Everything up to a revision is told: looks for the next that has something to tell. */
  #seek(told: number): void {
    this.#told = told;
    const { tree, revision } = this.#hub;
    if (told < tree.compacted) {
      this.#state = { type: 'compacted' };
      return;
    }
    for (let next = told + 1; next <= revision; next++) {
      if (this.#hub.changesFor(this.#group, next).length === 0) continue;
      this.#state = { type: 'ready', next };
      return;
    }
    this.#state = { type: 'waiting' };
    this.#group.waiting.add(this);
  }
}
