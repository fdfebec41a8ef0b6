/** A worker that has joined: its node, its settings, the configuration, tasks, and its end. */
import type { Config } from '../config/config.js';
import { openConfig } from '../config/open.js';
import { ConfigError } from '../errors.js';
import type { ClusterNode } from '../node/node.js';
import { startTasks, type Tasks } from '../tasks/tasks.js';
import type { WorkerNotify } from '../workers/worker-notify.js';
import type { WorkerIdentity } from './join-variables.js';
import type { Settings } from './settings.js';

/** What it is made of. */
export interface JoinedParts {
  readonly identity: WorkerIdentity;
  readonly node: ClusterNode;
  readonly settings: Settings;
  readonly notify: WorkerNotify | null;
  /** What ends before all else that is here is left. */
  leave(): void;
}

/** Made by `joinCluster`. */
export class JoinedWorker {
  /** Its name in the configuration; that of its node is `<name>@<host>`. */
  readonly name: string;
  readonly host: string;
  /** Tells this process from all others of this worker. */
  readonly instance: string;
  /** The pool that its description names; null: none. Serve it with `tasks.serve(pool, ...)`. */
  readonly pool: string | null;
  /** Linked with the controller of its host, and with all other workers that have joined. */
  readonly node: ClusterNode;
  /** What the configuration has for this worker. */
  readonly settings: Settings;
  readonly #parts: JoinedParts;
  readonly #endings: (() => void | PromiseLike<void>)[] = [];
  #tasks: Tasks | null = null;
  readonly #leaving = new AbortController();
  #config: Promise<Config> | null = null;
  #ended: Promise<void> | null = null;

  /** @internal Use `joinCluster`. */
  constructor(parts: JoinedParts) {
    const { identity, node, settings } = parts;
    this.#parts = parts;
    this.name = identity.worker;
    this.host = identity.host;
    this.instance = identity.instance;
    this.pool = identity.pool;
    this.node = node;
    this.settings = settings;
  }

  /** Tasks at this node. Pools that it serves are drained at its end. */
  get tasks(): Tasks {
    if (this.#tasks === null) {
      const tasks = startTasks(this.node);
      this.#tasks = tasks;
      this.onEnd(() => tasks.close());
    }
    return this.#tasks;
  }

  /**
   * The whole configuration, through the controller of its host: opened at the first call, and from
   * then on in the memory of this process. Resolves when it can be read; whoever needs nothing but
   * `settings` need not call this. The worker may write its own settings, and what it is granted.
   * @throws (rejects) as `openConfig`; ConfigError ERR_CLOSED: the worker has ended.
   */
  openConfig(): Promise<Config> {
    this.#config ??= this.#openConfig();
    return this.#config;
  }

  /** Says that it is ready, where `joinCluster` was told not to; from then on it beats. */
  ready(): void {
    this.#parts.notify?.ready();
  }

  /** Says in its own words what it does, for `backplane workers list`. */
  status(text: string): void {
    this.#parts.notify?.status(text);
  }

  /**
   * Has something done at the end, while node and configuration are still there. What was asked for
   * last is done first; each is waited for. `tasks` counts from when it was first used.
   */
  onEnd(work: () => void | PromiseLike<void>): void {
    this.#endings.push(work);
  }

  /**
   * Ends in order: what `onEnd` was given, then the configuration and the node. SIGTERM does the
   * same, and then ends the process.
   * @throws (rejects) what the first of `onEnd` that failed has thrown, when all is over.
   */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    const { notify, settings, leave } = this.#parts;
    const failures: unknown[] = [];
    notify?.stopping();
    for (let work = this.#endings.pop(); work !== undefined; work = this.#endings.pop()) {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    }
    settings.close();
    leave();
    const opened = this.#config;
    this.#config = null;
    this.#leaving.abort();
    const config = await opened?.catch(() => null);
    await config?.close();
    await this.node.close();
    notify?.close();
    if (failures.length > 0) throw failures[0];
  }

  async #openConfig(): Promise<Config> {
    const { identity, node } = this.#parts;
    const { signal } = this.#leaving;
    try {
      if (signal.aborted) throw closed();
      const { controller } = identity.told;
      const config = await openConfig(node, { store: null, masters: [controller.name] });
      if (await isReadable(config, signal)) return config;
      await config.close();
      throw closed();
    } catch (error) {
      // Whoever calls again may have more luck.
      this.#config = null;
      throw error;
    }
  }
}

/** Waits until it can be read. False: the signal was aborted before. */
function isReadable(config: Config, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (config.view !== null || signal.aborted) return resolve(config.view !== null);
    config.once('readable', () => resolve(true));
    signal.addEventListener('abort', () => resolve(false));
  });
}

function closed(): ConfigError {
  return new ConfigError('ERR_CLOSED', 'the worker has ended');
}
