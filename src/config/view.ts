/** The configuration at one revision, as a program reads it. */
import { ConfigError } from '../errors.js';
import { ConfigDiff } from './config-diff.js';
import { effective } from './effective.js';
import { checkKey, checkPrefix } from './path.js';
import type { Seen } from './replica-io.js';
import { diff, readText, type TextFormat, writeText } from './text.js';
import type { Change, Item, Tree } from './tree.js';
import { decodeValue } from './value.js';

/** A key with its value. */
export interface ConfigItem {
  readonly key: string;
  /** Its own: changing it changes nothing else. */
  readonly value: unknown;
  /** The revision that put the key when it had no value. */
  readonly createRevision: number;
  /** The revision that put this value. */
  readonly modRevision: number;
  /** How often it was put since it was created; 1 is the first. */
  readonly version: number;
}

/** A value that holds for a host or a node, its own or an inherited default. */
export interface EffectiveItem {
  /** Below the host or the node. */
  readonly key: string;
  readonly value: unknown;
  /** The key at which it stands. */
  readonly origin: string;
  /** Other keys that would be inherited, were it not there; the nearest first. */
  readonly hides: readonly string[];
}

/** What became of a key: its item, or that it was deleted. */
export type ConfigChange =
  | ({ readonly type: 'put' } & ConfigItem)
  | {
      readonly type: 'delete';
      readonly key: string;
      /** The revision that deleted it. */
      readonly modRevision: number;
    };

/** Which part of a range is wanted. */
export interface ConfigRangeOptions {
  /** Only keys greater than this. */
  readonly after?: string;
  /** No more items than this. Default: all. */
  readonly limit?: number;
}

/**
 * The configuration at one revision, all of it from the same one however long it is read. What it
 * returns is decoded at each call.
 */
export class ConfigView implements Seen {
  /** In hex; new with each force. */
  readonly lineage: string;
  readonly revision: number;
  readonly #tree: Tree;

  /** @internal Made by `Config`. */
  constructor(tree: Tree, { lineage, revision }: Seen) {
    this.#tree = tree;
    this.lineage = lineage;
    this.revision = revision;
  }

  /**
   * @returns Null when the key has no value.
   * @throws ConfigError ERR_ARGUMENT: not a key; ERR_COMPACTED: this revision is no longer kept.
   */
  get(key: string): ConfigItem | null {
    const found = this.#tree.get(checkKey(key), this.revision);
    return found === undefined || found.value === null ? null : itemOf(found);
  }

  /**
   * What a prefix holds, in the order of its keys.
   * @param prefix a path, which holds the key of that name and all below; '' holds all.
   * @throws as `get`.
   */
  range(prefix: string, { after, limit }: ConfigRangeOptions = {}): ConfigItem[] {
    const items = this.#tree.range(checkPrefix(prefix), {
      revision: this.revision,
      ...(after === undefined ? {} : { after }),
      ...(limit === undefined ? {} : { limit }),
    });
    return items.map(itemOf);
  }

  /**
   * What holds for a host (`hosts/<h>`) or a node (`hosts/<h>/nodes/<n>`): its own values, and
   * where it has none, the defaults it inherits; in the order of keys, each with where it stands.
   * @throws as `get`; ERR_ARGUMENT: neither a host nor a node.
   */
  effective(prefix: string): EffectiveItem[] {
    return effective(this.#tree, prefix, this.revision).map(({ value, ...rest }) => {
      return { ...rest, value: decodeValue(value) };
    });
  }

  /**
   * What became of a key up to this revision, as far as it is still kept, the oldest first.
   * @throws as `get`.
   */
  history(key: string): ConfigChange[] {
    return this.#tree.history(checkKey(key), this.revision).map(changeOf);
  }

  /**
   * The same at an older revision.
   * @throws ConfigError ERR_COMPACTED: it is no longer kept; ERR_BEHIND: it is a newer one.
   */
  at(revision: number): ConfigView {
    // The tree may hold what is not committed.
    if (revision > this.revision) {
      throw new ConfigError('ERR_BEHIND', `revision ${revision} is not in ${this.revision}`);
    }
    this.#tree.checkReadable(revision);
    return new ConfigView(this.#tree, { lineage: this.lineage, revision });
  }

  /**
   * What a prefix holds, as a text that people read and keep: a map of keys to values.
   * @param prefix default: everything
   * @throws as `get`.
   */
  text(prefix = '', format: TextFormat = 'yaml'): string {
    return writeText(this.#tree.range(checkPrefix(prefix), { revision: this.revision }), format);
  }

  /**
   * What would be different if a prefix held what a text says, and nothing else. See `text`.
   * @param text YAML or JSON. To read a long one takes long, and this process does nothing else.
   * @throws ConfigError ERR_CONFIG: it cannot be read, or has keys elsewhere; as `get`.
   */
  diff(text: string, prefix = ''): ConfigDiff {
    return this.diffValues(readText(text), checkPrefix(prefix));
  }

  /** @internal The same, of values that were read. */
  diffValues(values: ReadonlyMap<string, Buffer>, prefix = ''): ConfigDiff {
    return new ConfigDiff(diff(this.#tree, values, prefix, this.revision));
  }

  /** @internal What it reads. */
  get tree(): Tree {
    return this.#tree;
  }
}

/** A change as programs see it. */
export function changeOf(change: Change): ConfigChange {
  const { key, modRevision } = change;
  return change.value === null
    ? { type: 'delete', key, modRevision }
    : { type: 'put', ...itemOf(change) };
}

/** An item as programs see it. */
export function itemOf(item: Item): ConfigItem {
  const { key, value, createRevision, modRevision, version } = item;
  return { key, value: decodeValue(value), createRevision, modRevision, version };
}
