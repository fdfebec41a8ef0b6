/** Differences between a configuration and a text, as programs see and apply them. */
import { ConfigError } from '../errors.js';
import type { ConfigWritten } from './config.js';
import { type Diff, describeDiff, transactionsOf } from './text.js';
import type { CheckedTransaction } from './transaction.js';

/** What would become of the configuration: made by `ConfigView.diff`, applied by `Config.apply`. */
export class ConfigDiff {
  readonly #diff: Diff;

  /** @internal */
  constructor(diff: Diff) {
    this.#diff = diff;
  }

  /** Keys that have no value yet. */
  get added(): readonly string[] {
    return this.#diff.added.map(({ key }) => key);
  }

  /** Keys that have another value. */
  get changed(): readonly string[] {
    return this.#diff.changed.map(({ key }) => key);
  }

  /** Keys that would have none any more. */
  get removed(): readonly string[] {
    return this.#diff.removed.map(({ key }) => key);
  }

  /** For people: a line for each key, `+` added, `~` changed, `-` removed. */
  get lines(): readonly string[] {
    return describeDiff(this.#diff);
  }

  /**
   * Of how many transactions it is made; 0: there is nothing to do. More than one are not written
   * at once.
   */
  get transactions(): number {
    return transactionsOf(this.#diff).length;
  }

  /** @internal What is different. */
  get diff(): Diff {
    return this.#diff;
  }
}

/**
 * Makes a difference so, transaction by transaction.
 * @returns What became of the last; null when there was nothing to do.
 * @throws (rejects) ConfigError ERR_STATE: a key is not what it was, and the transactions before
 *   are written; what `write` rejects with.
 */
export async function applyDiff(
  diff: Diff,
  write: (transaction: CheckedTransaction) => Promise<ConfigWritten>,
): Promise<ConfigWritten | null> {
  let last: ConfigWritten | null = null;
  for (const [index, transaction] of transactionsOf(diff).entries()) {
    last = await write(transaction);
    if (last.succeeded) continue;
    const key = transaction.conditions[last.failed]?.key ?? '';
    const done = index === 0 ? 'nothing was written' : `${index} transactions were written`;
    throw new ConfigError('ERR_STATE', `${key} has changed meanwhile; ${done}`, { key });
  }
  return last;
}
