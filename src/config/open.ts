/** Opens the configuration at a node. */
import { ConfigError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { fullName } from '../node/names.js';
import type { ClusterNode } from '../node/node.js';
import { wallMs } from '../runtime/wall-clock.js';
import { Config } from './config.js';
import { Driver, type Told } from './driver.js';
import { ID_DIGITS, readEntry } from './entry.js';
import { isMaster, readRecord } from './epoch-record.js';
import { Follower } from './follower.js';
import { Replica } from './replica.js';
import type { ReplicaSetup } from './replica-io.js';
import { type ConfigState, loadState } from './state.js';
import type { LoadState } from './state-contract.js';
import { openStore } from './store.js';
import type { ConfigStore, OpenStore, StoreContents } from './store-contract.js';
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
  /**
   * Whether this node is a master, or may be made one while it runs. An empty store then waits for
   * `bootstrap` or `add`; where it is false, the store takes what the masters have, at once.
   * Default: what the store says, or else whether `masters` names this node.
   */
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
  const driver = new Driver(node);
  let store: ConfigStore | null = null;
  try {
    store = await parts.openStore(folder, driver.storeEvents, newId());
    const { contents } = store;
    const reading = new Reading();
    const { load } = reading;
    const setup: ReplicaSetup = { name, instance: newId(), masters, loadMs, contents, load };
    const isReplica = canBeMaster ?? (masters.includes(name) || isNamed(name, contents));
    const Machine = isReplica ? Replica : Follower;
    const machine = new Machine(runtime.clock.nowMs(), setup);
    const config = new Config({
      name,
      storeId: contents.storeId,
      driver,
      runtime,
      deadlineMs,
      tree: () => reading.tree,
      wallMs,
      status: () => machine.status(),
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

interface CheckedOptions extends Required<Omit<ConfigOptions, 'canBeMaster'>> {
  readonly canBeMaster: boolean | undefined;
}

function checkOptions(node: ClusterNode, options: ConfigOptions): CheckedOptions {
  const { store, masters, canBeMaster, loadMs = limits.configLoadMs } = options ?? {};
  const { deadlineMs = node.profile.configurationDeadlineMs } = options;
  if (typeof store !== 'string' || store === '') throw bad('store must be the path of a folder');
  if (!Array.isArray(masters) || masters.length > limits.configMasters) {
    throw bad(`masters must be a list of at most ${limits.configMasters} names`);
  }
  if (canBeMaster !== undefined && typeof canBeMaster !== 'boolean')
    throw bad('canBeMaster must be a boolean');
  return {
    store,
    masters: masters.map((name: unknown) => fullName(name, '')),
    canBeMaster,
    loadMs: checkTime('loadMs', loadMs),
    deadlineMs: checkTime('deadlineMs', deadlineMs),
  };
}

function checkTime(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= limits.deadlineMaxMs) return value;
  throw bad(`${name} must be a number from 0 to ${limits.deadlineMaxMs}`);
}

function bad(what: string): ConfigError {
  return new ConfigError('ERR_ARGUMENT', what);
}
