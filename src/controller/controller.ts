/**
 * The controller of a host: a node of its own, with the configuration. It finds the other
 * controllers, and knows how the cluster is. What it is, a master or a slave, is said by the
 * configuration for its name, and by nothing else. It decides nothing itself: `ClusterState` does.
 */
import { EventEmitter } from 'node:events';
import type { Config } from '../config/config.js';
import { openConfig } from '../config/open.js';
import type { WorkerError } from '../errors.js';
import { joinVariables } from '../join/join-variables.js';
import { addressesOf } from '../join/roster.js';
import { limits } from '../limits.js';
import { Alarm as Deadline } from '../node/alarm.js';
import type { NodeView } from '../node/events.js';
import type { Logger } from '../node/logger.js';
import type { ClusterNode } from '../node/node.js';
import { startNode } from '../node/start.js';
import { rethrowLater } from '../node/teller.js';
import type { Timer } from '../runtime/index.js';
import { wallMs } from '../runtime/wall-clock.js';
import type { WorkerEvent } from '../workers/options.js';
import { startWorkers, type Workers } from '../workers/workers.js';
import { forControllers, toldError } from './between.js';
import {
  type ClusterInput,
  ClusterState,
  type ClusterView,
  type HostView,
} from './cluster-state.js';
import { type ClusterHost, type ClusterStatus, clusterStatus } from './cluster-status.js';
import { ClusterTasks } from './cluster-tasks.js';
import type { HostFile } from './host-file.js';
import { HostPeers } from './host-peers.js';
import {
  type AlarmStatus,
  encodeHostStatus,
  type HostStatus,
  type LinkStatus,
  readHostStatus,
} from './host-status.js';
import { HostWorkers, type WorkerOrder } from './host-workers.js';
import { CONTROLLER, hostOfController, OUTPUT_TOPIC, STATUS_TOPIC, WORKER_TOPIC } from './names.js';
import { OperatorTasks } from './operator-tasks.js';
import { controllersIn, hostsIn, isDrained } from './tree-hosts.js';
import { WorkerNodes } from './worker-nodes.js';
import { WorkerSettings } from './worker-settings.js';

/** Events of a `Controller`, in listener arguments. None must be listened to. */
export interface ControllerEvents {
  /** The cluster is not as it was. */
  condition: [view: ClusterView, before: ClusterView['condition']];
  /** Something has happened to a worker of this host, or to its group. */
  worker: [event: WorkerEvent];
  /** A description of a worker cannot be used. */
  problem: [error: WorkerError];
}

/** How a controller is started. */
export interface ControllerOptions {
  readonly hostFile: HostFile;
  /** The version of this package, for others to know. */
  readonly version: string;
  readonly logger?: Logger;
  /** The control group of workers that are started, as `startWorkers` takes it. */
  readonly cgroup?: string | null;
}

type WithoutTime<T> = T extends unknown ? Omit<T, 'wallMs'> : never;

const iso = (ms: number) => new Date(ms).toISOString();

/** A controller that runs, from `startController`. */
export class Controller extends EventEmitter<ControllerEvents> {
  readonly node: ClusterNode;
  readonly config: Config;
  readonly host: string;
  /** The alarms of this host that are active, the worst first: whoever watches it sets it. */
  alarms: () => readonly AlarmStatus[] = () => [];
  /** What runs at this host. */
  readonly workers: HostWorkers;
  /** Tasks that are submitted here on behalf of operators. */
  readonly tasks: OperatorTasks;
  /** The same, of all controllers. */
  readonly clusterTasks: ClusterTasks;
  readonly #version: string;
  readonly #state: ClusterState;
  readonly #deadline: Deadline;
  readonly #peers: HostPeers;
  readonly #nodes: WorkerNodes;
  readonly #settings: WorkerSettings;
  readonly #masters: readonly string[];
  readonly #sinceMs = wallMs();
  #looking: Timer | null = null;

  /** @internal Use `startController`. */
  constructor({ node, config, workers, options }: ControllerParts) {
    super();
    const { hostFile, version } = options;
    const { host, masters, loadMs } = hostFile;
    const { name, runtime } = node;
    this.node = node;
    this.config = config;
    this.host = host;
    this.#version = version;
    this.#masters = masters.map((master) => master.name);
    const nowMs = runtime.clock.nowMs();
    this.#state = new ClusterState(nowMs, { name, host, loadMs, wallMs: this.#sinceMs });
    this.#deadline = new Deadline(runtime, () => this.#step({ type: 'tick' }));
    this.#peers = new HostPeers(masters.filter((master) => master.name !== name));
    this.workers = new HostWorkers(workers, host, runtime, (error) => this.#tell('problem', error));
    this.#nodes = new WorkerNodes(node, host, (other) => {
      return this.#state.hosts.some((known) => known.host === other);
    });
    this.#settings = new WorkerSettings(node, host, config);
    this.tasks = new OperatorTasks(node, host, () => this.#nodes.follow());
    this.clusterTasks = new ClusterTasks(node, host, this.tasks, () => this.#state.hosts);
    this.#listen();
    node.followPeers(this.#peers);
    this.#look();
  }

  /** How the cluster is, as this host sees it. */
  get view(): ClusterView {
    return this.#state.view;
  }

  /** What this host tells of itself. */
  get status(): HostStatus {
    const { node, config, host } = this;
    const { role, record, readable } = config.status;
    const { condition, sinceMs, why, missing } = this.#state.view;
    return {
      host,
      incarnation: node.incarnation,
      pid: process.pid,
      version: this.#version,
      since: iso(this.#sinceMs),
      role,
      epoch: record?.epoch ?? null,
      lineage: record?.lineage ?? null,
      clusterId: record?.clusterId ?? null,
      masters: record?.masters.map(({ name }) => name) ?? [],
      revision: readable?.revision ?? null,
      condition,
      conditionSince: iso(sinceMs),
      why,
      missing,
      isDrained: config.view !== null && isDrained(config.view, host),
      planes: node.planes,
      links: node.nodes
        .filter((view) => hostOfController(view.name) !== null)
        .map((view) => this.#linkStatus(view))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
      nodes: this.#nodes.names,
      workers: this.workers.statuses,
      problems: this.workers.problems,
      alarms: this.alarms().slice(0, limits.controllerAlarms),
    };
  }

  /** The whole cluster: all controllers are asked, each for at most limits.controllerAskMs. */
  async cluster(): Promise<ClusterStatus> {
    const others = await Promise.all(this.#state.hosts.map((view) => this.#ask(view)));
    return clusterStatus(this.status, iso(wallMs()), others);
  }

  /**
   * Has something done with a worker, at whichever host it is.
   * @returns its output, where that was asked for.
   * @throws (rejects) ControllerError with the code of that host; CallError, NodeError: it does not
   *   answer.
   */
  async order(host: string, order: WorkerOrder): Promise<string> {
    const deadlineMs = limits.controllerAskMs;
    const answer =
      host === this.host
        ? await this.workers.obey(order)
        : await this.node.call(`${CONTROLLER}@${host}`, WORKER_TOPIC, order, { deadlineMs });
    const { text } = (answer ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof text === 'string') return text;
    throw toldError(answer);
  }

  /**
   * The end of what a worker has put out, and what it puts out until the signal is aborted, at
   * whichever host it is.
   * @throws ControllerError, WorkerError, CallError, NodeError (or they end it): as `order`.
   */
  output(host: string, worker: string, signal: AbortSignal): AsyncIterable<unknown> {
    const asked = { worker };
    if (host === this.host) return this.workers.output(asked, signal);
    // It may have nothing to say for long.
    const options = { signal, idleMs: limits.deadlineMaxMs };
    return this.node.stream(`${CONTROLLER}@${host}`, OUTPUT_TOPIC, asked, options);
  }

  /** Ends it at this host, in order. What it supervises runs on. */
  async close(): Promise<void> {
    this.#looking?.cancel();
    this.#deadline.set(null);
    this.#nodes.close();
    await this.tasks.close();
    await this.workers.close();
    await this.config.close();
    await this.node.close();
  }

  #listen(): void {
    const { node, config } = this;
    const happened = (type: 'linked' | 'unlinked' | 'stalled' | 'resumed', name: string) => {
      const host = hostOfController(name);
      if (host !== null) this.#step({ type, host });
    };
    node.on('nodeup', ({ name }) => happened('linked', name));
    node.on('nodedown', ({ name }) => happened('unlinked', name));
    node.on('stalled', ({ name }) => happened('stalled', name));
    node.on('resumed', ({ name }) => happened('resumed', name));
    for (const { name } of node.nodes) happened('linked', name);
    node.handle(STATUS_TOPIC, () => encodeHostStatus(this.status));
    const obey = forControllers((order) => this.workers.obey(order));
    const output = forControllers((asked, { signal }) => this.workers.output(asked, signal));
    node.handle(WORKER_TOPIC, obey);
    node.handle(OUTPUT_TOPIC, output);
    config.on('status', (status) => {
      this.#step({ type: 'configuration', status });
      this.#lookSoon();
    });
    config.on('commit', () => this.#lookSoon());
    // Hosts of new masters are known from then on, also when they are lost a moment later.
    config.on('epoch', () => this.#look());
    this.#step({ type: 'configuration', status: config.status });
  }

  async #ask({ host, isReached, sinceMs }: HostView): Promise<ClusterHost> {
    const unreached = (since: number): ClusterHost => {
      return { host, isReached: false, since: iso(since), status: null };
    };
    if (!isReached) return unreached(sinceMs);
    const askedMs = wallMs();
    try {
      const deadlineMs = limits.controllerAskMs;
      const name = `${CONTROLLER}@${host}`;
      const answer = await this.node.call(name, STATUS_TOPIC, null, { deadlineMs });
      const status = readHostStatus(answer, host);
      if (status === null) return unreached(askedMs);
      return { host, isReached: true, since: iso(sinceMs), status };
    } catch {
      // It did not answer: that is what is shown, whatever the reason.
      return unreached(askedMs);
    }
  }

  #linkStatus({ name, stalled, redundant }: NodeView): LinkStatus {
    const paths = this.node.paths(name).map(({ plane, address, state, primary, rttMs, gray }) => {
      return { plane, address, state, isPrimary: primary, rttMs, gray };
    });
    return { name, isStalled: stalled, isRedundant: redundant, paths };
  }

  /** Commits may come by the thousand a second; nobody has to follow each. */
  #lookSoon(): void {
    this.#looking ??= this.node.runtime.timers.after(limits.controllerLookMs, () => {
      this.#looking = null;
      this.#look();
    });
  }

  /** Looks at what the configuration has of hosts. */
  #look(): void {
    const { config, node, host } = this;
    const { view, status } = config;
    const found = view === null ? [] : hostsIn(view);
    const masters = status.record?.masters.map(({ name }) => name) ?? this.#masters;
    const named = masters.flatMap((name) => hostOfController(name) ?? []);
    this.#step({ type: 'hosts', hosts: [...new Set([...found, ...named])] });
    if (view === null) return;
    const problems: string[] = [];
    const others = found.filter((other) => other !== host);
    const planes = node.planes.map(({ name }) => name);
    const peers = controllersIn(view, others, planes, (key, reason) => {
      problems.push(`${key}: ${reason}`);
    });
    this.#peers.found(peers, problems);
    this.workers.follow(view, this.#state.view.condition);
    this.#settings.look();
  }

  #step(input: WithoutTime<ClusterInput>): void {
    const state = this.#state;
    const nowMs = this.node.runtime.clock.nowMs();
    state.step(nowMs, { ...input, wallMs: wallMs() } as ClusterInput);
    const deadline = state.deadline();
    this.#deadline.set(Number.isFinite(deadline) ? deadline : null);
    for (let change = state.poll(); change !== null; change = state.poll()) {
      const { view } = this.config;
      if (view !== null) this.workers.suspend(view, change.view.condition);
      this.#tell('condition', change.view, change.before);
    }
  }

  /** What a listener throws is its own fault, and must not end what is under way. */
  #tell<K extends keyof ControllerEvents>(event: K, ...told: ControllerEvents[K]): void {
    try {
      (this.emit as (name: K, ...values: ControllerEvents[K]) => boolean).call(
        this,
        event,
        ...told,
      );
    } catch (error) {
      rethrowLater(error);
    }
  }
}

/** What a controller is made of. */
interface ControllerParts {
  readonly node: ClusterNode;
  readonly config: Config;
  readonly workers: Workers;
  readonly options: ControllerOptions;
}

/**
 * Starts the controller of a host: its node, the configuration, and what supervises workers. Those
 * that run already are adopted.
 * @throws (rejects) as `startNode`, `openConfig` and `startWorkers`.
 */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const { hostFile, logger, cgroup = null } = options;
  const { host, planes, port, keyFile, profile, label, security, store, loadMs } = hostFile;
  const name = `${CONTROLLER}@${host}`;
  const toJoin = { planes, keyFile, profile, label, security };
  const logged = logger === undefined ? {} : { logger };
  const node = await startNode({ name, port, ...toJoin, ...logged });
  const at = { name, addresses: addressesOf(node), port };
  let config: Config | null = null;
  let workers: Workers | null = null;
  let controller: Controller | null = null;
  try {
    const masters = hostFile.masters.map((master) => master.name);
    const canBeMaster = hostFile.canBeMaster ? { canBeMaster: true } : {};
    config = await openConfig(node, { store, masters, loadMs, ...canBeMaster });
    workers = await startWorkers({
      folder: hostFile.workers,
      host,
      cgroup,
      ...(logger === undefined ? {} : { log: logger }),
      environment: (spec) => joinVariables(spec.name, host, { ...toJoin, port: 0, controller: at }),
      tell: (event) => void controller?.emit('worker', event),
    });
    controller = new Controller({ node, config, workers, options });
    return controller;
  } catch (error) {
    await workers?.close();
    await config?.close();
    await node.close();
    throw error;
  }
}
