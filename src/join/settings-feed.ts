/** Keeps the settings of a worker as its controller tells them, for as long as there is a link. */
import { limits } from '../limits.js';
import type { ClusterNode } from '../node/node.js';
import { SETTINGS_TOPIC } from './names.js';
import type { Settings } from './settings.js';
import { type SettingsPlace, SettingsReader } from './settings-pieces.js';

/** What of a node it needs. */
export type FeedNode = Pick<ClusterNode, 'nodes' | 'runtime' | 'stream'>;

export class SettingsFeed {
  readonly #node: FeedNode;
  readonly #controller: string;
  readonly #settings: Settings;
  readonly #ending = new AbortController();
  #known: () => void = () => {};
  /** Resolves when they are known first. */
  readonly known = new Promise<void>((resolve) => {
    this.#known = resolve;
  });
  #place: SettingsPlace | null = null;
  #isRunning = false;
  #isToBeginAgain = false;

  /** @param controller its full name */
  constructor(node: FeedNode, controller: string, settings: Settings) {
    this.#node = node;
    this.#controller = controller;
    this.#settings = settings;
  }

  /** There is a link with the controller, or it says that it has begun. */
  begin(): void {
    if (this.#isRunning) this.#isToBeginAgain = true;
    else void this.#run();
  }

  close(): void {
    this.#ending.abort();
  }

  /** Until it ends, which it does with the link. */
  async #run(): Promise<void> {
    const { signal } = this.#ending;
    if (signal.aborted) return;
    this.#isRunning = true;
    this.#isToBeginAgain = false;
    try {
      // Settings may stay as they are for long.
      const options = { signal, idleMs: limits.deadlineMaxMs };
      const reader = new SettingsReader();
      // It waits until it has come as far as this worker has been told before.
      const from = this.#node.stream(this.#controller, SETTINGS_TOPIC, this.#place, options);
      for await (const body of from) {
        const read = reader.take(body);
        if (read === null) continue;
        this.#place = read.place;
        this.#settings.told(read.values);
        this.#known();
      }
    } catch {
      // Whatever it was: settings stay as they are until it is told what they are.
    }
    this.#isRunning = false;
    if (this.#isToBeginAgain) this.begin();
    else this.#beginLater();
  }

  /** A controller that has just begun says so; any other that ends a feed may be asked again. */
  #beginLater(): void {
    const again = () => {
      const isLinked = this.#node.nodes.some(({ name }) => name === this.#controller);
      if (isLinked && !this.#isRunning) this.begin();
    };
    if (this.#ending.signal.aborted) return;
    this.#node.runtime.timers.after(limits.controllerAskMs, again, { unref: true });
  }
}
