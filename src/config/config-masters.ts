/** The masters of a configuration, and what an operator commands. */
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { fullName } from '../node/names.js';
import type { Config, ConfigWaitOptions } from './config.js';
import { type MastersCommand, type MastersPlan, planOf } from './plan.js';
import type { Answer, Command } from './replica-io.js';
import { type AsideSet, readAside } from './set-aside.js';
import type { SetAside } from './store-contract.js';

/** How a command is given. */
export interface ConfigCommandOptions extends ConfigWaitOptions {
  /** Who gives it, for the epoch record. Default: the node's name. */
  readonly by?: string;
  /** As of a write: asked again with the same one, it is carried out once. */
  readonly requestId?: string;
}

/** A command is carried out. */
export interface ConfigEpoch {
  /** In hex. */
  readonly lineage: string;
  readonly epoch: number;
}

/** One master, as this node sees it. */
export interface ConfigMaster {
  readonly name: string;
  /** In hex. */
  readonly storeId: string;
  readonly isSequencer: boolean;
  /** Its replica is in touch, with this store. */
  readonly isPresent: boolean;
}

/** What the commands need. */
export interface ConfigMastersSetup {
  readonly config: Pick<Config, 'name' | 'status'>;
  newId(): string;
  wallMs(): number;
  setAside(): readonly SetAside[];
  ask<T>(command: Command, options: ConfigWaitOptions, read: (answer: Answer) => T): Promise<T>;
}

/**
 * Who the masters are, and commands to change that. Each is carried out when its epoch is on disk
 * at all masters concerned. `plan` tells before what a command will do.
 *
 * All commands reject with ConfigError ERR_REPLICAS (not all who are needed are in touch),
 * ERR_STATE (not possible as things are), ERR_TIMEOUT, ERR_ARGUMENT, ERR_CLOSED: nothing was done;
 * ERR_OUTCOME_UNKNOWN: it may have been.
 */
export class ConfigMasters {
  readonly #setup: ConfigMastersSetup;

  /** @internal Made by `Config`. */
  constructor(setup: ConfigMastersSetup) {
    this.#setup = setup;
  }

  /** The masters of the newest epoch that is known here, the sequencer first. */
  get list(): readonly ConfigMaster[] {
    const { record, missing } = this.#setup.config.status;
    return (record?.masters ?? []).map(({ name, storeId }, index) => {
      return { name, storeId, isSequencer: index === 0, isPresent: !missing.includes(name) };
    });
  }

  /**
   * What the store of this node has set aside: writes that nobody was told of, made by this node
   * when it was a master that others went on without. `forget` drops it.
   * @throws ConfigError ERR_STORE_CORRUPT: it cannot be read.
   */
  get setAside(): readonly AsideSet[] {
    return this.#setup.setAside().map(readAside);
  }

  /**
   * What a command would do now, as this node sees things; nothing is done.
   * @throws NodeError ERR_ARGUMENT: not a name of a node.
   */
  plan(command: MastersCommand): MastersPlan {
    return planOf(checkCommand(command), this.#setup.config.status);
  }

  /**
   * Begins the first lineage of a new configuration, at one of its masters.
   * @param masters full names; the first is the sequencer. All are in touch, with empty stores.
   */
  bootstrap(masters: readonly string[], options: ConfigCommandOptions = {}): Promise<ConfigEpoch> {
    return this.run({ type: 'bootstrap', masters }, options);
  }

  /**
   * Makes a node a master: it takes everything first, so this may take a while.
   * @param name of a node with a replica that is in touch with the sequencer
   */
  add(name: string, options: ConfigCommandOptions = {}): Promise<ConfigEpoch> {
    return this.run({ type: 'add', name }, options);
  }

  /** Makes a master a slave. */
  remove(name: string, options: ConfigCommandOptions = {}): Promise<ConfigEpoch> {
    return this.run({ type: 'remove', name }, options);
  }

  /**
   * Begins a new lineage, without the masters that are out of touch, at one that is a master. Those
   * are stale when they return.
   */
  force(options: ConfigCommandOptions = {}): Promise<ConfigEpoch> {
    return this.run({ type: 'force' }, options);
  }

  /** Drops what the store of this node has set aside. */
  forget(options: ConfigCommandOptions = {}): Promise<ConfigEpoch> {
    return this.run({ type: 'forget' }, options);
  }

  /** Any of the commands. */
  async run(command: MastersCommand, options: ConfigCommandOptions = {}): Promise<ConfigEpoch> {
    const { newId, wallMs, ask, config } = this.#setup;
    const checked = checkCommand(command);
    const { requestId = newId(), by = config.name } = options;
    if (typeof by !== 'string' || by.length > limits.configCauseCharacters) {
      throw new ConfigError(
        'ERR_ARGUMENT',
        `by must be a text of at most ${limits.configCauseCharacters} characters`,
      );
    }
    const head = { requestId, by, atMs: Math.floor(wallMs()) };
    return ask(this.#request(head, checked), options, (answer) => {
      if (answer.type !== 'done') throw new TypeError(`a command was answered ${answer.type}`);
      return { lineage: answer.lineage, epoch: answer.epoch };
    });
  }

  #request(head: Pick<Command, 'requestId' | 'by' | 'atMs'>, command: MastersCommand): Command {
    const { newId } = this.#setup;
    switch (command.type) {
      case 'bootstrap':
        return { ...head, ...command, clusterId: newId(), lineage: newId() };
      case 'force':
        return { ...head, ...command, lineage: newId() };
      default:
        return { ...head, ...command };
    }
  }
}

function checkCommand(command: MastersCommand): MastersCommand {
  switch (command?.type) {
    case 'bootstrap': {
      const { type, masters } = command;
      const isList = Array.isArray(masters) && masters.length > 0;
      if (!isList || masters.length > limits.configMasters) {
        throw new ConfigError('ERR_ARGUMENT', `masters: a list of 1 to ${limits.configMasters}`);
      }
      const names = masters.map((name: unknown) => fullName(name, ''));
      if (new Set(names).size === names.length) return { type, masters: names };
      throw new ConfigError('ERR_ARGUMENT', 'masters: one name stands there twice');
    }
    case 'add':
    case 'remove':
      return { type: command.type, name: fullName(command.name, '') };
    case 'force':
    case 'forget':
      return { type: command.type };
    default:
      throw new ConfigError('ERR_ARGUMENT', 'that is no command');
  }
}
