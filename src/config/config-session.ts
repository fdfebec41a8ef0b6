/** Sessions: what is read in one never goes back, whatever node it goes on at. */
import type {
  Config,
  ConfigPutOptions,
  ConfigReadOptions,
  ConfigWriteOptions,
  ConfigWritten,
} from './config.js';
import type { Seen } from './replica-io.js';
import type { Transaction } from './transaction.js';
import type { ConfigItem, ConfigRangeOptions, ConfigView } from './view.js';

/** Reads and writes as those of `Config`, each after what the one before has seen. */
export class ConfigSession {
  readonly #config: Config;
  #seen: Seen | null;

  /** @internal Made by `Config.session`. */
  constructor(config: Config, seen: Seen | null) {
    this.#config = config;
    this.#seen = seen === null ? null : { lineage: seen.lineage, revision: seen.revision };
  }

  /** What was seen last: `session(seen)` goes on from there, at any node. */
  get seen(): Seen | null {
    return this.#seen;
  }

  /** As `Config.read`. */
  async read(options: Omit<ConfigReadOptions, 'seen'> = {}): Promise<ConfigView> {
    const { revision, ...rest } = options;
    const seen = this.#seen;
    const view = await this.#config.read(seen === null ? rest : { ...rest, seen });
    this.#note(view);
    return revision === undefined ? view : view.at(revision);
  }

  /** As `Config.get`. */
  async get(
    key: string,
    options: Omit<ConfigReadOptions, 'seen'> = {},
  ): Promise<ConfigItem | null> {
    return (await this.read(options)).get(key);
  }

  /** As `Config.range`. */
  async range(
    prefix: string,
    options: Omit<ConfigReadOptions, 'seen'> & ConfigRangeOptions = {},
  ): Promise<ConfigItem[]> {
    return (await this.read(options)).range(prefix, options);
  }

  /** As `Config.transaction`. */
  async transaction(
    transaction: Transaction,
    options: ConfigWriteOptions = {},
  ): Promise<ConfigWritten> {
    return this.#note(await this.#config.transaction(transaction, options));
  }

  /** As `Config.put`. */
  async put(key: string, value: unknown, options: ConfigPutOptions = {}): Promise<ConfigWritten> {
    return this.#note(await this.#config.put(key, value, options));
  }

  /** As `Config.delete`. */
  async delete(key: string, options: ConfigPutOptions = {}): Promise<ConfigWritten> {
    return this.#note(await this.#config.delete(key, options));
  }

  /** Of two that were under way together, the later one counts. */
  #note<T extends Seen>(found: T): T {
    const { lineage, revision } = found;
    const seen = this.#seen;
    const isOlder = seen !== null && seen.lineage === lineage && seen.revision >= revision;
    if (!isOlder) this.#seen = { lineage, revision };
    return found;
  }
}
