/** Opens the configuration at a node. */
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { fullName } from '../node/names.js';
import type { ClusterNode } from '../node/node.js';
import { checkDeadlineMs } from '../node/options.js';
import { wallMs } from '../runtime/wall-clock.js';
import { Config } from './config.js';
import { Driver, type Told } from './driver.js';
import { ID_DIGITS } from './entry.js';
import { Follower } from './follower.js';
import { Replica } from './replica.js';
import type { ReplicaMachine, ReplicaSetup } from './replica-io.js';
import { ConfigState } from './state.js';
import type { LoadState } from './state-contract.js';
import { openStore } from './store.js';
import type { OpenStore } from './store-contract.js';
import type { Tree } from './tree.js';

/** How `openConfig` is told what to be. */
export interface ConfigOptions {
  /**
   * Folder of the store, on a disk of this host: made when it is not there. One process has it at a
   * time, and it belongs to one node.
   */
  readonly store: string;
  /**
   * Full names of the nodes where masters are looked for. What is in the store counts besides, so
   * this need not follow every change; the masters are made by `bootstrap`, `add` and `remove`.
   */
  readonly masters: readonly string[];
  /** False: this node is never made a master. Default true. */
  readonly canBeMaster?: boolean;
  /**
   * The load timeout, in milliseconds: at its start a node that does not reach the masters waits so
   * long before it lets read what its own store has. Default limits.configLoadMs.
   */
  readonly loadMs?: number;
  /**
   * How long reads and writes may take where nothing else is said, in milliseconds. Default: that
   * of the node's profile for a change of the configuration.
   */
  readonly deadlineMs?: number;
}

/** What tests put in the place of the disk. */
export interface ConfigParts {
  readonly openStore: OpenStore;
}

/**
 * Opens the replicated configuration at a node: makes its store where there is none, and begins to
 * speak with the masters over the links that the node has. What the node is, a master or a slave,
 * follows from the store and the masters. Close it before the node.
 * @throws (rejects) ConfigError ERR_ARGUMENT; ERR_STORE, ERR_STORE_FULL, ERR_STORE_READ_ONLY,
 *   ERR_STORE_IN_USE, ERR_STORE_CORRUPT, ERR_STORE_FOREIGN, ERR_STORE_FORMAT: the store cannot be
 *   used, the message says the way out; NodeError ERR_STATE: this node has one open.
 */
export function openConfig(node: ClusterNode, options: ConfigOptions): Promise<Config> {
  return openConfigWith(node, options, { openStore });
}

/** @internal The same on another store. */
export async function openConfigWith(
  node: ClusterNode,
  options: ConfigOptions,
  parts: ConfigParts,
): Promise<Config> {
  const { store: folder, masters, canBeMaster, loadMs, deadlineMs } = checkOptions(node, options);
  const { runtime, name } = node;
  const newId = () => runtime.random.bytes(ID_DIGITS / 2).toString('hex');
  const driver = new Driver();
  const store = await parts.openStore(folder, driver.storeEvents, newId());
  const reading = new Reading();
  let config: Config | null = null;
  try {
    const machine = makeMachine(runtime.clock.nowMs(), canBeMaster, {
      name,
      instance: newId(),
      masters,
      loadMs,
      contents: store.contents,
      load: reading.load,
    });
    config = new Config({
      name,
      storeId: store.contents.storeId,
      driver,
      runtime,
      deadlineMs,
      tree: () => reading.tree,
      wallMs,
    });
    const { told } = config;
    const tell = (output: Told) => {
      if (output.type === 'replaced') reading.replaced();
      told(output);
    };
    driver.start({ node, store, machine, tell });
    return config;
  } catch (error) {
    await store.close();
    throw error;
  }
}
