/** Watches as programs have them: decoded, by lineage, and before there is anything to read. */
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { rethrowLater } from '../node/teller.js';
import { type EpochRecord, forkFrom } from './epoch-record.js';
import { checkPrefix } from './path.js';
import type { Seen } from './replica-io.js';
import type { Tree } from './tree.js';
import { type ConfigChange, type ConfigItem, changeOf, itemOf } from './view.js';
import { type Watch, WatchHub, type WatchOutput } from './watch.js';
import { WatchReader } from './watch-reader.js';

/** What a watch tells. */
export type ConfigWatchEvent =
  /** All that one revision changed below the prefix. */
  | {
      readonly type: 'changes';
      readonly revision: number;
      readonly changes: readonly ConfigChange[];
    }
  /** What came next is no longer kept: what was told before is void, and a snapshot follows. */
  | { readonly type: 'compacted' }
  /** What the prefix holds at a revision, in pieces; changes follow the last one. */
  | {
      readonly type: 'snapshot';
      readonly revision: number;
      readonly items: readonly ConfigItem[];
      readonly isLast: boolean;
    };

/** How a watch begins. */
export interface ConfigWatchOptions {
  /**
   * Tells what follows this revision, which may be yet to come: a number is one of the lineage that
   * is read here, anything with lineage and revision (a view, a session's `seen`, the place of
   * another watch) is one of that lineage. Default: begins with a snapshot.
   */
  readonly after?: number | Seen;
  /**
   * Is called with each event. Without it the watch is read by asynchronous iteration, and what
   * nobody reads waits in the history of the tree.
   */
  readonly onEvent?: (event: ConfigWatchEvent) => void;
}

/** What is read at a node, by its watches. */
interface Source {
  readonly hub: WatchHub;
  readonly seen: Seen;
  /** Costs something, and is wanted only where a watch comes from another lineage. */
  readonly record: () => EpochRecord | null;
}

/**
 * One watch. Read it by `for await`, which ends when it is closed and closes it when it is left, or
 * give `onEvent`.
 */
export class ConfigWatch implements AsyncIterable<ConfigWatchEvent> {
  /** The path below which it looks. */
  readonly prefix: string;
  readonly #options: ConfigWatchOptions;
  readonly #ended: (watch: ConfigWatch) => void;
  #source: Source | null = null;
  #watch: Watch | null = null;
  #isVoid = false;
  #isClosed = false;
  readonly #readers: WatchReader<unknown>[] = [];

  /** @internal Made by `Config.watch`. */
  constructor(prefix: string, options: ConfigWatchOptions, ended: (watch: ConfigWatch) => void) {
    this.prefix = prefix;
    this.#options = options;
    this.#ended = ended;
  }

  /**
   * Everything up to here was told: `after` of a watch that goes on without a gap, at this node or
   * another. Null before the first event.
   */
  get place(): Seen | null {
    if (this.#watch === null || this.#source === null) return null;
    return { lineage: this.#source.seen.lineage, revision: this.#watch.revision };
  }

  /** Ends it; nothing is told after. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watch?.close();
    this.#ended(this);
    this.#wake();
  }

  /** @internal There is something to read from now on, or another lineage. */
  attach(source: Source): void {
    const isFirst = this.#source === null;
    this.#source = source;
    if (!isFirst) return;
    const { after } = this.#options;
    const place = after === undefined ? null : placeIn(after, source);
    this.#isVoid = after !== undefined && place === null;
    this.#watch = source.hub.watch(this.prefix, {
      ...(place === null ? {} : { after: place }),
      onReady: () => this.#wake(),
    });
    // Whoever asks for a watch has it before it is told anything.
    queueMicrotask(() => this.#wake());
  }

  /** Each event as it comes, until `close`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ConfigWatchEvent, undefined> {
    return this.#reader(eventOf);
  }

  /** @internal The same, with values as they are encoded. */
  outputs(): AsyncIterableIterator<WatchOutput, undefined> {
    return this.#reader((output) => output);
  }

  #reader<T>(read: (output: WatchOutput) => T): WatchReader<T> {
    const reader = new WatchReader<T>({
      take: () => {
        const output = this.#next();
        return output === null ? null : read(output);
      },
      isClosed: () => this.#isClosed,
      close: () => this.close(),
    });
    this.#readers.push(reader);
    return reader;
  }

  #next(): WatchOutput | null {
    if (this.#isClosed) return null;
    if (this.#isVoid) {
      this.#isVoid = false;
      return { type: 'compacted', revision: 0 };
    }
    return this.#watch?.poll() ?? null;
  }

  #wake(): void {
    for (const reader of this.#readers) reader.wake();
    const { onEvent } = this.#options;
    if (onEvent === undefined) return;
    for (let output = this.#next(); output !== null; output = this.#next()) {
      try {
        onEvent(eventOf(output));
      } catch (error) {
        // The program's own fault, which must not stop what we are in the middle of.
        rethrowLater(error);
      }
    }
  }
}

/** All watches of one node. */
export class ConfigWatches {
  readonly #watches = new Set<ConfigWatch>();
  #source: Source | null = null;

  /** How many are open. */
  get size(): number {
    return this.#watches.size;
  }

  /** @throws ConfigError ERR_ARGUMENT, ERR_LIMIT: limits.configWatches are open. */
  open(prefix: string, options: ConfigWatchOptions): ConfigWatch {
    const { after, onEvent } = options;
    checkPrefix(prefix);
    if (after !== undefined) checkAfter(after);
    if (onEvent !== undefined && typeof onEvent !== 'function') {
      throw new ConfigError('ERR_ARGUMENT', 'onEvent must be a function');
    }
    if (this.#watches.size >= limits.configWatches) {
      throw new ConfigError('ERR_LIMIT', `a node has at most ${limits.configWatches} watches`);
    }
    const watch = new ConfigWatch(prefix, options, (ended) => this.#watches.delete(ended));
    this.#watches.add(watch);
    if (this.#source !== null) watch.attach(this.#source);
    return watch;
  }

  /** More may be told: the tree has it, or this is another tree. */
  publish(tree: Tree, seen: Seen, record: () => EpochRecord | null): void {
    const before = this.#source;
    const hub = before?.hub ?? new WatchHub(tree, seen.revision);
    this.#source = { hub, seen, record };
    if (before?.seen.lineage !== seen.lineage) {
      for (const watch of [...this.#watches]) watch.attach(this.#source);
    }
    if (hub.tree === tree) hub.publish(seen.revision);
    else hub.replace(tree, seen.revision, before?.seen.lineage === seen.lineage);
  }

  /** Ends all. */
  close(): void {
    for (const watch of [...this.#watches]) watch.close();
  }
}

/** The revision here that a place stands for; null: it is on a way that was left. */
function placeIn(after: number | Seen, { seen, record }: Source): number | null {
  if (typeof after === 'number') return after;
  if (after.lineage === seen.lineage) return after.revision;
  const own = record();
  const fork = own === null ? null : forkFrom(own, after.lineage);
  return fork !== null && after.revision <= fork.revision ? after.revision : null;
}

function checkAfter(after: number | Seen): void {
  const revision = typeof after === 'number' ? after : after?.revision;
  const isPlace = typeof after === 'number' || typeof after?.lineage === 'string';
  if (isPlace && Number.isSafeInteger(revision) && revision >= 0) return;
  throw new ConfigError('ERR_ARGUMENT', 'after must be a revision, alone or with its lineage');
}

function eventOf(output: WatchOutput): ConfigWatchEvent {
  switch (output.type) {
    case 'compacted':
      return { type: 'compacted' };
    case 'changes': {
      const { type, revision, changes } = output;
      return { type, revision, changes: changes.map(changeOf) };
    }
    case 'snapshot': {
      const { type, revision, items, isLast } = output;
      return { type, revision, items: items.map(itemOf), isLast };
    }
  }
}
