/** What the parts of a machine have in common. */
import type { BackplaneError } from '../errors.js';
import { limits } from '../limits.js';
import { Fifo } from '../link/fifo.js';
import type { Entry } from './entry.js';
import { type EpochRecord, isMaster, type Master } from './epoch-record.js';
import { Log } from './log.js';
import type { Message } from './messages.js';
import type { ReplicaOutput, ReplicaSetup } from './replica-io.js';

/** What a machine is made as: a replica may be a master, a slave has a store, a client has none. */
export type Part = 'replica' | 'slave' | 'client';

/** The log, the outputs, the time, and who this is. */
export class Core {
  readonly setup: ReplicaSetup;
  readonly log: Log;
  readonly outputs = new Fifo<ReplicaOutput>();
  /** True: it can never be a master. */
  readonly isSlave: boolean;
  /** True: it keeps nothing on a disk, and reads what the replica of its host has. */
  readonly isClient: boolean;
  nowMs: number;

  /** @throws ConfigError ERR_STORE_CORRUPT, ERR_STORE_FORMAT. */
  constructor(nowMs: number, setup: ReplicaSetup, part: Part) {
    this.nowMs = nowMs;
    this.setup = setup;
    this.log = new Log(setup.contents, setup.load, slaveNoteMs(setup.instance));
    this.isSlave = part !== 'replica';
    this.isClient = part === 'client';
  }

  get name(): string {
    return this.setup.name;
  }

  /** Whether the newest record in the log has this node and its store among the masters. */
  get isMaster(): boolean {
    return this.isMasterOf(this.log.record);
  }

  /** The same of another record. What was started as a slave is no master, whoever names it. */
  isMasterOf(record: EpochRecord | null): boolean {
    return record !== null && !this.isSlave && isMaster(record, this.self);
  }

  /** Whether somebody waits for what is on this disk: as a master does, also one that leaves. */
  get isAwaited(): boolean {
    return this.isMaster || this.isMasterOf(this.log.recordAt(this.log.committed));
  }

  /** Whether it has them as the first, who is the sequencer. */
  get isFirst(): boolean {
    return this.isMaster && this.log.record?.masters[0]?.name === this.name;
  }

  /** As a record would name this node. */
  get self(): Master {
    return { name: this.name, storeId: this.setup.contents.storeId };
  }

  send(to: string, message: Message): void {
    this.outputs.push({ type: 'send', to, message });
  }

  /** Entries of the log that may be read from now on. */
  show(lineage: string, revision: number, entries: readonly Entry[]): void {
    this.outputs.push({ type: 'visible', lineage, revision, entries });
  }

  refuse(name: string, error: BackplaneError): void {
    this.outputs.push({ type: 'refuse', name, error });
  }
}

/**
 * All slaves hear of a commit in the same moment. Each waits for a time of its own, half of the
 * limit at least, so that those that share a disk do not all write to it at once.
 */
function slaveNoteMs(instance: string): number {
  const share = Number.parseInt(instance.slice(0, 4), 16) / 0x10000;
  return (limits.configSlaveNoteMs * (1 + share)) / 2;
}
