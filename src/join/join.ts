/** The one call by which a worker that is a process of Node.js joins its cluster. */
import { checkFlag, checkOptions, optionNames } from '../node/check-options.js';
import type { Logger } from '../node/logger.js';
import type { ClusterNode } from '../node/node.js';
import type { NodeOptions } from '../node/options.js';
import { startNode } from '../node/start.js';
import { onTermination } from '../runtime/termination.js';
import { type WorkerNotify, workerNotify } from '../workers/worker-notify.js';
import { Asker } from './asker.js';
import { ClusterPeers } from './cluster-peers.js';
import { JOIN_VARIABLE, readIdentity, type WorkerIdentity } from './join-variables.js';
import { JoinedWorker } from './joined-worker.js';
import { CHANGED_TOPIC, NODES_TOPIC, WHERE_TOPIC } from './names.js';
import { addressesOf, readNodes } from './roster.js';
import { Settings } from './settings.js';
import { SettingsFeed } from './settings-feed.js';

/** How a worker joins. */
export interface JoinOptions {
  /**
   * Whether it is ready once it has joined. False: the program says so itself, by `ready()`.
   * Default true.
   */
  readonly isReady?: boolean;
  /**
   * Whether SIGTERM, and SIGINT, end it in order, and then the process. False: the program hears
   * them itself, and calls `end()`. Default true.
   */
  readonly endsOnSignals?: boolean;
  /** Is told what happens at its node, as by `startNode`. */
  readonly logger?: Logger;
  /** Default: that of this process. What is for this process alone is removed from it. */
  readonly env?: NodeJS.ProcessEnv;
}

const OPTIONS = optionNames<JoinOptions>({
  isReady: true,
  endsOnSignals: true,
  logger: true,
  env: true,
});

/** What tests put in the place of the machine. */
export interface JoinWorld {
  start(options: NodeOptions): Promise<ClusterNode>;
  notify(env: NodeJS.ProcessEnv): Promise<WorkerNotify | null>;
}

const REAL: JoinWorld = { start: startNode, notify: (env) => workerNotify(env) };

/**
 * Joins the cluster whose controller has started this process: starts its node,
 * `<worker>@<host>`, which finds the other workers, and has its settings told by the controller of
 * its host. Waits until they are known, however long; then says that it is ready, and beats from
 * its event loop.
 * @throws (rejects) WorkerError ERR_NOT_A_WORKER: no controller has started this process; NodeError
 *   ERR_ARGUMENT; as `startNode`.
 */
export function joinCluster(options: JoinOptions = {}): Promise<JoinedWorker> {
  return joinClusterIn(REAL, options);
}

/** @internal The same in a given world. */
export async function joinClusterIn(
  world: JoinWorld,
  options: JoinOptions = {},
): Promise<JoinedWorker> {
  checkOptions(options, OPTIONS);
  const { env = process.env, logger } = options;
  const isReady = options.isReady === undefined || checkFlag('isReady', options.isReady);
  const isEndedBySignals =
    options.endsOnSignals === undefined || checkFlag('endsOnSignals', options.endsOnSignals);
  const identity = readIdentity(env);
  // Children of this process are not this worker.
  delete env[JOIN_VARIABLE];
  const { controller, ...told } = identity.told;
  const notify = await world.notify(env);
  try {
    const node = await world.start({ ...told, ...(logger === undefined ? {} : { logger }) });
    const worker = await joined(node, identity, notify);
    if (isEndedBySignals) worker.onEnd(onTermination(() => worker.end()));
    if (isReady) worker.ready();
    return worker;
  } catch (error) {
    notify?.close();
    throw error;
  }
}

/** Resolves when its settings are known. */
async function joined(
  node: ClusterNode,
  identity: WorkerIdentity,
  notify: WorkerNotify | null,
): Promise<JoinedWorker> {
  const { controller, name } = identity.told;
  const settings = new Settings(name);
  const feed = new SettingsFeed(node, controller.name, settings);
  let leave = () => {};
  try {
    leave = followCluster(node, identity, feed);
    await feed.known;
    return new JoinedWorker({ identity, node, settings, notify, leave });
  } catch (error) {
    leave();
    await node.close();
    throw error;
  }
}

/**
 * Links with the controller of this host, and with whom that names.
 * @returns Ends it; links stay.
 */
function followCluster(
  node: ClusterNode,
  { told }: WorkerIdentity,
  feed: SettingsFeed,
): () => void {
  const { controller } = told;
  const peers = new ClusterPeers([controller]);
  const asker = new Asker(node, NODES_TOPIC, (_, answer) => peers.found(readNodes(answer)));
  const isController = (name: string) => name === controller.name;
  const asked = ({ name }: { readonly name: string }) => {
    if (!isController(name)) return;
    asker.ask(name);
    feed.begin();
  };
  node.on('nodeup', asked);
  const release = [
    node.handle(WHERE_TOPIC, () => ({ addresses: addressesOf(node), port: node.port })),
    node.handle(CHANGED_TOPIC, (_, { from }) => asked({ name: from })),
    () => void node.off('nodeup', asked),
    () => asker.close(),
    () => feed.close(),
  ];
  // Last: whoever is linked with must find all of this.
  const watch = node.followPeers(peers);
  return () => {
    watch.close();
    for (const each of release) each();
  };
}
