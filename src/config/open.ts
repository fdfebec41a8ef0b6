/** Opens the configuration at a node. */
import { ConfigError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import type { ClusterNode } from '../node/node.js';
import { wallMs } from '../runtime/wall-clock.js';
import { Config } from './config.js';
import { Driver, type DriverNode, type Told } from './driver.js';
import { ID_DIGITS, readEntry } from './entry.js';
import { isMaster, readRecord } from './epoch-record.js';
import { Follower } from './follower.js';
import { openNoStore } from './no-store.js';
import { type ConfigOptions, checkConfigOptions } from './options.js';
import { hostOf } from './path.js';
import { Replica } from './replica.js';
import type { ReplicaSetup } from './replica-io.js';
import { type ConfigState, loadState } from './state.js';
import type { LoadState } from './state-contract.js';
import type { ConfigStore, OpenStore, StoreContents } from './store-contract.js';
import type { Tree } from './tree.js';

/** What of a node a configuration needs. */
export type ConfigNode = DriverNode & Pick<ClusterNode, 'profile'>;

/** What tests put in the place of the disk. */
export interface ConfigParts {
  readonly openStore: OpenStore;
}

/**
 * Opens the replicated configuration at a node: makes its store where there is none, and begins to
 * speak with the masters over the links that the node has. What the node is, a master or a slave,
 * follows from the store and the masters; without a store it is a client. Close it before the node.
 * @throws (rejects) ConfigError ERR_ARGUMENT; ERR_STORE, ERR_STORE_FULL, ERR_STORE_READ_ONLY,
 *   ERR_STORE_IN_USE, ERR_STORE_CORRUPT, ERR_STORE_FOREIGN, ERR_STORE_FORMAT: the store cannot be
 *   used, the message says the way out; NodeError ERR_STATE: this node has one open.
 */
export async function openConfig(node: ClusterNode, options: ConfigOptions): Promise<Config> {
  // What loads it loads a native addon, which only those need who have a store.
  const openStore: OpenStore = async (...parameters) => {
    return (await import('./store.js')).openStore(...parameters);
  };
  return openConfigWith(node, options, { openStore });
}

/** @internal The same on another store, or what stands in for a node. */
export async function openConfigWith(
  node: ConfigNode,
  options: ConfigOptions,
  parts: ConfigParts,
): Promise<Config> {
  const { store: folder, masters, canBeMaster, loadMs, deadlineMs } = checkedFor(node, options);
  const { runtime, name } = node;
  const newId = () => runtime.random.bytes(ID_DIGITS / 2).toString('hex');
  const driver = new Driver(node);
  let store: ConfigStore | null = null;
  try {
    const { storeEvents } = driver;
    store =
      folder === null
        ? openNoStore(runtime.timers, storeEvents, newId())
        : await parts.openStore(folder, storeEvents, newId());
    const { contents } = store;
    const reading = new Reading();
    const { load } = reading;
    const setup: ReplicaSetup = { name, instance: newId(), masters, loadMs, contents, load };
    const isReplica = canBeMaster ?? (masters.includes(name) || isNamed(name, contents));
    const nowMs = runtime.clock.nowMs();
    const part = folder === null ? 'client' : 'slave';
    const isMember = folder !== null && isReplica;
    const machine = isMember ? new Replica(nowMs, setup) : new Follower(nowMs, setup, part);
    const config = new Config({
      name,
      storeId: contents.storeId,
      driver,
      runtime,
      deadlineMs,
      tree: () => reading.tree,
      wallMs,
      status: () => machine.status(),
      setAside: () => machine.setAside(),
    });
    const tell = (output: Told) => {
      if (output.type === 'replaced') reading.replaced();
      config.told(output);
    };
    driver.start({ store, machine, tell });
    return config;
  } catch (error) {
    await driver.close();
    await store?.close();
    throw error;
  }
}

/** What is read of the states that a machine makes. */
class Reading {
  #state: ConfigState | null = null;
  #newest: ConfigState | null = null;

  /** A machine goes on with what it made last, and says when that is. */
  readonly load: LoadState = (revision, items) => {
    const state = loadState(revision, items) as ConfigState;
    this.#newest = state;
    this.#state ??= state;
    return state;
  };

  get tree(): Tree {
    return (this.#state as ConfigState).tree;
  }

  replaced(): void {
    this.#state = this.#newest;
  }
}

/** Whether the newest record of a store has this node among its masters, with this store. */
function isNamed(name: string, { base, log, storeId }: StoreContents): boolean {
  try {
    const entries = log.map((bytes) => readEntry(Buffer.from(bytes)));
    const body = entries.findLast(({ kind }) => kind === 'epoch')?.body ?? base.record;
    return body !== null && isMaster(readRecord(Buffer.from(body)), { name, storeId });
  } catch (error) {
    // The machine says what is wrong with it.
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

function checkedFor(node: ConfigNode, options: ConfigOptions) {
  const { loadMs = limits.configLoadMs, deadlineMs, ...rest } = checkConfigOptions(options);
  const isHere = (name: string) => name !== node.name && hostOf(name) === hostOf(node.name);
  if (rest.store === null && !rest.masters.every(isHere)) {
    throw new ConfigError('ERR_ARGUMENT', 'without a store, masters are other nodes of this host');
  }
  return { ...rest, loadMs, deadlineMs: deadlineMs ?? node.profile.configurationDeadlineMs };
}
