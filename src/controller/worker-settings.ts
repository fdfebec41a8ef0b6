/**
 * Tells workers of this host their settings: what the configuration has for each, with the defaults
 * that it inherits, and nothing else of it.
 */
import type { Config } from '../config/config.js';
import { inheritsFrom } from '../config/effective.js';
import { nodePrefix } from '../config/path.js';
import { encodeValue } from '../config/value.js';
import { ControllerError } from '../errors.js';
import { SETTINGS_TOPIC } from '../join/names.js';
import {
  type EncodedSettings,
  piecesOf,
  readPlace,
  type SettingsPiece,
  type SettingsPlace,
} from '../join/settings-pieces.js';
import { limits } from '../limits.js';
import type { ClusterNode } from '../node/node.js';
import { workerOf } from './names.js';

/** What of a configuration it needs. */
type SettingsSource = Pick<Config, 'view' | 'watch'>;

/** Settings of workers, as one controller tells them. */
export class WorkerSettings {
  readonly #timers: ClusterNode['runtime']['timers'];
  readonly #config: SettingsSource;
  /** Wakes those who know more than this host does. */
  readonly #ahead = new Set<() => void>();

  constructor(node: Pick<ClusterNode, 'handle' | 'runtime'>, host: string, config: SettingsSource) {
    this.#timers = node.runtime.timers;
    this.#config = config;
    node.handle(SETTINGS_TOPIC, (body, { from, signal }) => {
      if (workerOf(from, host) !== null) return this.#tell(from, readPlace(body), signal);
      throw new ControllerError('ERR_FORBIDDEN', `${from} is no worker of ${host}`);
    });
  }

  /** The configuration has gone on. */
  look(): void {
    for (const wake of this.#ahead) wake();
  }

  /**
   * All that a worker has, then what changes, until the signal is aborted. However often that is
   * and however slowly it is taken, only what is news at that moment is told.
   * @param place where it was told to be before, by this controller or an earlier one
   */
  async *#tell(
    name: string,
    place: SettingsPlace | null,
    signal: AbortSignal,
  ): AsyncGenerator<SettingsPiece, void, void> {
    const prefix = nodePrefix(name);
    let told: EncodedSettings | null = null;
    let isNews = true;
    let wake = () => {};
    const onEvent = () => {
      isNews = true;
      wake();
    };
    const watches = inheritsFrom(prefix).map((source) => this.#config.watch(source, { onEvent }));
    signal.addEventListener('abort', onEvent);
    try {
      for (;;) {
        if (!isNews) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        if (signal.aborted) return;
        isNews = false;
        const { view } = this.#config;
        if (view === null) continue;
        if (told === null && isBehind(view, place)) {
          this.#ahead.add(onEvent);
          continue;
        }
        this.#ahead.delete(onEvent);
        const items = view.effective(prefix);
        const now = new Map(items.map(({ key, value }) => [key, encodeValue(value)]));
        const { lineage, revision } = view;
        yield* piecesOf(told, now, { lineage, revision });
        told = now;
        await this.#aMoment();
      }
    } finally {
      this.#ahead.delete(onEvent);
      signal.removeEventListener('abort', onEvent);
      for (const watch of watches) watch.close();
    }
  }

  /** Commits may come by the thousand a second. */
  #aMoment(): Promise<void> {
    return new Promise((resolve) => {
      this.#timers.after(limits.controllerLookMs, resolve, { unref: true });
    });
  }
}

/** Whether what is read here is older than what was told before: nothing is to go back. */
function isBehind(view: SettingsPlace, place: SettingsPlace | null): boolean {
  return place !== null && view.lineage === place.lineage && view.revision < place.revision;
}
