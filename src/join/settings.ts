/** What the configuration has for one node, as it is now, with the defaults that it inherits. */
import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { nodePrefix } from '../config/path.js';
import { rethrowLater } from '../node/teller.js';

/** A setting that is not what it was. */
export interface SettingChange {
  readonly key: string;
  /** Undefined: there is none any more. */
  readonly value: unknown;
  /** Undefined: there was none. */
  readonly before: unknown;
}

/** Events of `Settings`, in listener arguments. */
export interface SettingsEvents {
  /** One event for each key; all of one moment are told when all of them can be read. */
  change: [change: SettingChange];
}

/**
 * The settings of a worker: what stands below `hosts/<host>/nodes/<worker>/` and the defaults it
 * inherits, each under its key below that. They are kept up to date while there is a link with the
 * host's controller; without one they stay as they were. Values are shared: do not change them.
 */
export class Settings extends EventEmitter<SettingsEvents> {
  /** Where its own settings are: `hosts/<host>/nodes/<worker>`. */
  readonly prefix: string;
  #values: ReadonlyMap<string, unknown> = new Map();
  #isClosed = false;

  /**
   * @internal Made by `joinCluster`.
   * @param name full name of the node
   */
  constructor(name: string) {
    super();
    // A program may follow as many keys as it likes: that is no leak.
    this.setMaxListeners(0);
    this.prefix = nodePrefix(name);
  }

  /** All of them by key, as they are now. */
  get all(): ReadonlyMap<string, unknown> {
    return this.#values;
  }

  /** The value of a key; undefined: there is none. */
  get(key: string): unknown {
    return this.#values.get(key);
  }

  /**
   * Is called with the value of a key at once, and again whenever it changes.
   * @returns Ends it.
   */
  follow(key: string, onValue: (value: unknown) => void): () => void {
    const listener = (change: SettingChange) => {
      if (change.key === key) onValue(change.value);
    };
    // First: what it throws now is the caller's, who has no way yet to end it.
    onValue(this.get(key));
    this.on('change', listener);
    return () => void this.off('change', listener);
  }

  /** @internal They stay as they are. */
  close(): void {
    this.#isClosed = true;
  }

  /** @internal All of them, as they are from now on. */
  told(values: ReadonlyMap<string, unknown>): void {
    if (this.#isClosed) return;
    const before = this.#values;
    this.#values = values;
    const keys = new Set([...before.keys(), ...values.keys()]);
    for (const key of [...keys].sort()) {
      const change = { key, value: values.get(key), before: before.get(key) };
      if (isDeepStrictEqual(change.value, change.before)) continue;
      try {
        this.emit('change', change);
      } catch (error) {
        // The program's own fault; the other changes are told all the same.
        rethrowLater(error);
      }
    }
  }
}
