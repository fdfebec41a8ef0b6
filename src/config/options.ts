/** What `openConfig` is told, checked. */
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { fullName } from '../node/names.js';

/** How `openConfig` is told what to be. */
export interface ConfigOptions {
  /**
   * Folder of the store, on a disk of this host: made when it is not there. One process has it at a
   * time, and it belongs to one node. Null: this node keeps nothing on a disk. It is a client of
   * another node of its host, which has a store.
   */
  readonly store: string | null;
  /**
   * Full names of the nodes where masters are looked for. What is in the store counts besides, so
   * this need not follow every change; the masters are made by `bootstrap`, `add` and `remove`. Of
   * a client: the nodes of its host that it reads from, masters or slaves; one is enough.
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

/**
 * Checks all options.
 * @throws ConfigError, NodeError ERR_ARGUMENT.
 */
export function checkConfigOptions(options: ConfigOptions): ConfigOptions {
  if (typeof options !== 'object' || options === null) throw bad('options must be an object');
  const { store, masters, canBeMaster, loadMs, deadlineMs } = options;
  if (store !== null && (typeof store !== 'string' || store === '')) {
    throw bad('store must be the path of a folder, or null for a client');
  }
  if (!Array.isArray(masters) || masters.length > limits.configMasters) {
    throw bad(`masters must be a list of at most ${limits.configMasters} names`);
  }
  if (canBeMaster !== undefined && typeof canBeMaster !== 'boolean') {
    throw bad('canBeMaster must be a boolean');
  }
  if (store === null && canBeMaster === true) throw bad('without a store no node is a master');
  checkTime('loadMs', loadMs);
  checkTime('deadlineMs', deadlineMs);
  return { ...options, masters: masters.map((name: unknown) => fullName(name, '')) };
}

function checkTime(name: string, value: unknown): void {
  const isTime = typeof value === 'number' && value >= 0 && value <= limits.deadlineMaxMs;
  if (value === undefined || isTime) return;
  throw bad(`${name} must be a number from 0 to ${limits.deadlineMaxMs}`);
}

function bad(what: string): ConfigError {
  return new ConfigError('ERR_ARGUMENT', what);
}
