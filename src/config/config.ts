/** The configuration as a program at one node has it. */
import { EventEmitter } from 'node:events';
import { ConfigError } from '../errors.js';
import { checkDeadlineMs } from '../node/options.js';
import type { Runtime } from '../runtime/index.js';
import { readBackup, writeBackup } from './backup.js';
import { applyDiff, type ConfigDiff } from './config-diff.js';
import { ConfigMasters } from './config-masters.js';
import { ConfigSession } from './config-session.js';
import { type ConfigWatch, ConfigWatches, type ConfigWatchOptions } from './config-watch.js';
import type { Driver, Told } from './driver.js';
import { ID_DIGITS } from './entry.js';
import type { EpochRecord } from './epoch-record.js';
import type { Answer, ReplicaRole, ReplicaStatus, Request, Seen, Trouble } from './replica-io.js';
import type { SetAside } from './store-contract.js';
import {
  type CheckedTransaction,
  checkTransaction,
  encodeTransaction,
  type Transaction,
} from './transaction.js';
import type { Tree } from './tree.js';
import {
  type ConfigItem,
  type ConfigRangeOptions,
  ConfigView,
  type EffectiveItem,
} from './view.js';

/** How long something may take. */
export interface ConfigWaitOptions {
  /** Default: that of `openConfig`. */
  readonly deadlineMs?: number;
}

/** How to read. */
export interface ConfigReadOptions extends ConfigWaitOptions {
  /**
   * Asks all masters: whatever anybody was told is written, before this was asked, is in it.
   * Default false: what is committed as far as this node knows, at once.
   */
  readonly fresh?: boolean;
  /** Not before this: waits for it. What `ConfigView`, results of writes and sessions have. */
  readonly seen?: Seen;
  /** At this revision instead of the newest, as long as it is kept. */
  readonly revision?: number;
}

/** How to write. */
export interface ConfigWriteOptions extends ConfigWaitOptions {
  /**
   * 32 hex digits that stand for this write. Asked again with the same, it is carried out once, and
   * all who ask get the same result. Default: drawn at random.
   */
  readonly requestId?: string;
  /**
   * For a write that is asked again: the revision that the first attempt had seen, as the error has
   * it in `request`. Without it, a write is a new one.
   */
  readonly askedAt?: number;
}

/** One key's write. */
export interface ConfigPutOptions extends ConfigWriteOptions {
  /** Only when the key was last put by this revision; 0: only when it has no value. */
  readonly ifRevision?: number;
}

/** What became of a transaction. Both cases are told when all they rest on is committed. */
export type ConfigWritten = Seen &
  (
    | { readonly succeeded: true }
    /** A condition did not hold, and nothing was changed. `failed` is its place in `compare`. */
    | { readonly succeeded: false; readonly failed: number }
  );

/** How the configuration is, as this node sees it. */
export interface ConfigStatus extends ReplicaStatus {
  /** This node. */
  readonly name: string;
  /** In hex: what its store is called in an epoch record. */
  readonly storeId: string;
  /** What may be read here; null: nothing yet. */
  readonly readable: Seen | null;
  /** What has become of its store, for people: what the system says, and the way out. */
  readonly storeMessage: string | null;
}

/** What is counted of the configuration at this node, since it was opened. */
export interface ConfigFigures {
  /** Batches that became durable in its store. */
  readonly flushes: number;
  /** How long each of them took from when the store was asked, added up; in milliseconds. */
  readonly flushMs: number;
  /** Watches that are open. */
  readonly watches: number;
}

/** Events of a `Config`, in listener arguments. None must be listened to. */
export interface ConfigEvents {
  /** Something in the status is not what it was. Before the others. */
  status: [status: ConfigStatus];
  /** There is something to read here, for the first time. */
  readable: [seen: Seen];
  /** This revision and all before it may be read here from now on. */
  commit: [seen: Seen];
  /** A snapshot took the place of what was read here. */
  replaced: [];
  /** What this node is now: sequencer, master, learner, slave or newcomer. */
  role: [event: { readonly role: ReplicaRole; readonly before: ReplicaRole }];
  /** The newest epoch record that is known here: other masters, or another lineage. */
  epoch: [record: EpochRecord];
  /** At the sequencer: writes are taken. */
  writable: [];
  /** At the sequencer: they are not; these masters are missing. */
  degraded: [event: { readonly missing: readonly string[] }];
  /** At a slave: no master is in touch. What is read stays as it is. */
  down: [];
  /** One is again. */
  up: [];
  /** A peer, or this node itself, cannot take part; an operator has to act. */
  trouble: [trouble: Trouble];
}

/** What a `Config` is made of. */
export interface ConfigSetup {
  readonly name: string;
  readonly storeId: string;
  readonly driver: Driver;
  readonly runtime: Runtime;
  readonly deadlineMs: number;
  /** The tree that is read from the newest 'visible' on. */
  tree(): Tree;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** How the machine is now. */
  status(): ReplicaStatus;
  /** What its store keeps for people. */
  setAside(): readonly SetAside[];
}

/**
 * The replicated configuration at one node, made by `openConfig`. Reads are answered from memory;
 * writes are passed on to the sequencer, and answered when all masters have them on their disks.
 */
export class Config extends EventEmitter<ConfigEvents> {
  /** Who the masters are, and the operator's commands. */
  readonly masters: ConfigMasters;
  readonly #setup: ConfigSetup;
  readonly #watches = new ConfigWatches();
  /** What was told last. */
  #told: ReplicaStatus;
  #view: ConfigView | null = null;

  /** @internal Use `openConfig`. */
  constructor(setup: ConfigSetup) {
    super();
    this.#setup = setup;
    this.#told = setup.status();
    this.masters = new ConfigMasters({
      config: this,
      newId: () => this.#newId(),
      wallMs: setup.wallMs,
      setAside: setup.setAside,
      ask: (request, options, read) => this.#ask(request, options, read),
    });
  }

  /** The node. */
  get name(): string {
    return this.#setup.name;
  }

  /** How it is now. */
  get status(): ConfigStatus {
    const { name, storeId, driver } = this.#setup;
    const view = this.#view;
    const readable = view && { lineage: view.lineage, revision: view.revision };
    const { storeMessage } = driver;
    return { ...this.#setup.status(), name, storeId, readable, storeMessage };
  }

  /** What is counted. */
  get figures(): ConfigFigures {
    return { ...this.#setup.driver.flushed, watches: this.#watches.size };
  }

  /** What may be read here now, without waiting; null: nothing yet. */
  get view(): ConfigView | null {
    return this.#view;
  }

  /**
   * The configuration at one revision: the newest that is committed here, at once where there is
   * one.
   * @throws (rejects) ConfigError ERR_NOT_READY: nothing may be read here yet; ERR_BEHIND: `seen`
   *   or `revision` has not come here in time; ERR_LINEAGE: `seen` is on a way that was left by a
   *   force; ERR_COMPACTED: `revision` is no longer kept; ERR_REPLICAS (`fresh`): not all masters
   *   are in touch; ERR_TIMEOUT, ERR_QUEUE_FULL, ERR_ARGUMENT, ERR_CLOSED.
   */
  async read(options: ConfigReadOptions = {}): Promise<ConfigView> {
    const { fresh = false, seen, revision } = options;
    const newest = await this.#newest(fresh, seen ?? null, options);
    return revision === undefined ? newest : newest.at(revision);
  }

  /**
   * The item of a key; null when it has no value.
   * @throws (rejects) as `read`.
   */
  async get(key: string, options: ConfigReadOptions = {}): Promise<ConfigItem | null> {
    return (await this.read(options)).get(key);
  }

  /**
   * What a prefix holds, in the order of its keys. For more at the same revision see `read`.
   * @throws (rejects) as `read`.
   */
  async range(
    prefix: string,
    options: ConfigReadOptions & ConfigRangeOptions = {},
  ): Promise<ConfigItem[]> {
    return (await this.read(options)).range(prefix, options);
  }

  /**
   * What holds for a host or a node, with where each value stands: see `ConfigView.effective`.
   * @throws (rejects) as `read`.
   */
  async effective(prefix: string, options: ConfigReadOptions = {}): Promise<EffectiveItem[]> {
    return (await this.read(options)).effective(prefix);
  }

  /**
   * Compares, and where all holds, writes: all of it or nothing.
   * @returns When all that it rests on is on the disks of all masters.
   * @throws (rejects) ConfigError ERR_REPLICAS: a master is out of touch, stalled or cannot store;
   *   ERR_TIMEOUT; ERR_QUEUE_FULL, ERR_LIMIT, ERR_MESSAGE_TOO_LARGE, ERR_ARGUMENT, ERR_SCHEMA,
   *   ERR_CLOSED: nothing was appended anywhere. ERR_OUTCOME_UNKNOWN: it may be written, or may be
   *   yet; `request` of the error asks again.
   */
  async transaction(
    transaction: Transaction,
    options: ConfigWriteOptions = {},
  ): Promise<ConfigWritten> {
    return this.commit(checkTransaction(transaction), options);
  }

  /** @internal The same, of a transaction that was checked. */
  async commit(
    transaction: CheckedTransaction,
    options: ConfigWriteOptions = {},
  ): Promise<ConfigWritten> {
    const encoded = encodeTransaction(transaction);
    const { askedAt = null, requestId = this.#newId() } = options;
    checkRequest(requestId, askedAt);
    const request: Request = { type: 'write', requestId, transaction: encoded, askedAt };
    return this.#ask(request, options, (answer) => {
      const { lineage, revision } = answer as Seen;
      if (answer.type === 'committed') return { succeeded: true, lineage, revision };
      if (answer.type !== 'failed') throw unexpected(answer);
      return { succeeded: false, failed: answer.failed, lineage, revision };
    });
  }

  /**
   * Puts the value of a key.
   * @throws (rejects) as `transaction`.
   */
  put(key: string, value: unknown, options: ConfigPutOptions = {}): Promise<ConfigWritten> {
    return this.transaction({ ...compareOf(key, options), write: [{ put: key, value }] }, options);
  }

  /**
   * Deletes a key; also one that has no value.
   * @throws (rejects) as `transaction`.
   */
  delete(key: string, options: ConfigPutOptions = {}): Promise<ConfigWritten> {
    return this.transaction({ ...compareOf(key, options), write: [{ delete: key }] }, options);
  }

  /**
   * Makes a difference so, in as few transactions as it fits into. Each is written only while its
   * keys are what they were in the view that was compared.
   * @returns What became of the last transaction; null when there was nothing to do.
   * @throws (rejects) ConfigError ERR_STATE: a key has changed meanwhile, and the message says what
   *   was written before; as `transaction`.
   */
  apply(
    difference: ConfigDiff,
    options: Omit<ConfigWriteOptions, 'requestId' | 'askedAt'> = {},
  ): Promise<ConfigWritten | null> {
    return applyDiff(difference.diff, (transaction) => this.commit(transaction, options));
  }

  /**
   * A backup of all that may be read here now, as a text.
   * @throws (rejects) as `read`.
   */
  async backup(options: ConfigReadOptions = {}): Promise<string> {
    const view = await this.read(options);
    const { lineage, revision, tree } = view;
    const clusterId = this.#setup.status().record?.clusterId ?? '';
    const origin = { clusterId, lineage, revision, node: this.name, atMs: this.#setup.wallMs() };
    return writeBackup(origin, tree.range('', { revision }));
  }

  /**
   * What would be different if the configuration were what a backup holds; `apply` makes it so.
   * @throws (rejects) ConfigError ERR_CONFIG: no backup, or not as it was written; as `read`.
   */
  async diffBackup(backup: string, options: ConfigReadOptions = {}): Promise<ConfigDiff> {
    const { values } = readBackup(backup);
    return (await this.read(options)).diffValues(values);
  }

  /**
   * Watches what happens below a prefix.
   * @throws ConfigError ERR_ARGUMENT; ERR_LIMIT: limits.configWatches are open; ERR_CLOSED.
   */
  watch(prefix: string, options: ConfigWatchOptions = {}): ConfigWatch {
    if (this.#setup.driver.isClosed) throw new ConfigError('ERR_CLOSED', CLOSED);
    return this.#watches.open(prefix, options);
  }

  /**
   * Begins a session: what is read in it never goes back, and what is written in it is seen by what
   * is read after.
   * @param seen where another session was, here or at another node.
   */
  session(seen: Seen | null = null): ConfigSession {
    return new ConfigSession(this, seen);
  }

  /**
   * Ends it at this node: watches end, what has no answer is rejected, the store is released. The
   * others go on without it; they see it as a replica that is away.
   */
  async close(): Promise<void> {
    this.#watches.close();
    await this.#setup.driver.close();
  }

  /** @internal What the machine tells. */
  told(output: Told): void {
    switch (output.type) {
      case 'visible': {
        const { lineage, revision } = output;
        return this.#visible({ lineage, revision });
      }
      case 'replaced':
        this.emit('replaced');
        return;
      case 'status':
        return this.#changed(output.status);
      case 'refuse':
        this.emit('trouble', { name: output.name, code: output.error.code });
    }
  }

  async #newest(
    fresh: boolean,
    seen: Seen | null,
    options: ConfigWaitOptions,
  ): Promise<ConfigView> {
    if (seen !== null) checkSeen(seen);
    const view = this.#view;
    const isHere = view !== null && !this.#setup.driver.isClosed;
    if (isHere && !fresh && (seen === null || isSeenBy(view, seen))) return view;
    return this.#ask({ type: 'read', isFresh: fresh, seen }, options, (answer) => {
      if (answer.type !== 'read') throw unexpected(answer);
      return new ConfigView(this.#setup.tree(), answer);
    });
  }

  /** Errors that the machine answers with are thrown. */
  async #ask<T>(
    request: Request,
    { deadlineMs }: ConfigWaitOptions,
    read: (answer: Answer) => T,
  ): Promise<T> {
    const waitMs = deadlineMs === undefined ? this.#setup.deadlineMs : checkDeadlineMs(deadlineMs);
    const askedAt = this.#view?.revision ?? 0;
    return this.#setup.driver.ask(request, waitMs, (answer) => {
      if (answer.type !== 'error') return read(answer);
      const isUnknown = answer.code === 'ERR_OUTCOME_UNKNOWN' && request.type === 'write';
      throw new ConfigError(
        answer.code,
        answer.message,
        isUnknown
          ? { request: { requestId: request.requestId, askedAt: request.askedAt ?? askedAt } }
          : {},
      );
    });
  }

  #visible(seen: Seen): void {
    const isFirst = this.#view === null;
    const tree = this.#setup.tree();
    this.#view = new ConfigView(tree, seen);
    this.#watches.publish(tree, seen, () => this.#setup.status().record);
    if (isFirst) this.emit('readable', seen);
    this.emit('commit', seen);
  }

  #changed(status: ReplicaStatus): void {
    const before = this.#told;
    this.#told = status;
    this.emit('status', this.status);
    if (status.role !== before.role) {
      this.emit('role', { role: status.role, before: before.role });
    }
    const { record } = status;
    const isSame = isSameEpoch(record, before.record);
    if (record !== null && !isSame) this.emit('epoch', record);
    if (status.isWritable !== before.isWritable) {
      if (status.isWritable) this.emit('writable');
      else this.emit('degraded', { missing: status.missing });
    }
    if (status.isDown !== before.isDown) this.emit(status.isDown ? 'down' : 'up');
    for (const trouble of troublesOf(this.name, status)) {
      const known = troublesOf(this.name, before);
      const isKnown = known.some(({ name, code }) => {
        return name === trouble.name && code === trouble.code;
      });
      if (!isKnown) this.emit('trouble', trouble);
    }
  }

  #newId(): string {
    return this.#setup.runtime.random.bytes(ID_DIGITS / 2).toString('hex');
  }
}

const CLOSED = 'the configuration is closed';

/** Whether what was seen is in a view for certain. */
function isSeenBy(view: ConfigView, seen: Seen): boolean {
  return view.lineage === seen.lineage && view.revision >= seen.revision;
}

function isSameEpoch(one: EpochRecord | null, two: EpochRecord | null): boolean {
  return one?.lineage === two?.lineage && one?.epoch === two?.epoch;
}

function troublesOf(name: string, { troubles, storeFailure }: ReplicaStatus): Trouble[] {
  return storeFailure === null ? [...troubles] : [...troubles, { name, code: storeFailure }];
}

function compareOf(key: string, { ifRevision }: ConfigPutOptions): Pick<Transaction, 'compare'> {
  return ifRevision === undefined ? {} : { compare: [{ key, revision: ifRevision }] };
}

function checkSeen(seen: Seen): void {
  const isLineage = typeof seen?.lineage === 'string' && isId(seen.lineage);
  if (isLineage && Number.isSafeInteger(seen.revision) && seen.revision >= 0) return;
  throw new ConfigError('ERR_ARGUMENT', 'seen must have a lineage and a revision');
}

function checkRequest(requestId: unknown, askedAt: unknown): void {
  if (typeof requestId !== 'string' || !isId(requestId)) {
    throw new ConfigError('ERR_ARGUMENT', `requestId must be ${ID_DIGITS} hex digits`);
  }
  if (askedAt === null || (Number.isSafeInteger(askedAt) && (askedAt as number) >= 0)) return;
  throw new ConfigError('ERR_ARGUMENT', 'askedAt must be a revision');
}

function isId(text: string): boolean {
  return text.length === ID_DIGITS && /^[0-9a-f]*$/.test(text);
}

function unexpected({ type }: Answer): Error {
  return new TypeError(`no such answer was asked for: ${type}`);
}
