/** Batches on their way to the disk, in order: what waits while some are written goes together. */
import { ConfigError } from '../errors.js';
import { limits } from '../limits.js';
import { Fifo } from '../link/fifo.js';
import { inPieces, itemRecords, recordBytes, type StoreChanges } from './store-changes.js';
import type { PersistBatch, StoreEvents, StoreFailure, StoreOperation } from './store-contract.js';
import type { StoreRecord } from './store-records.js';

/** What keeps the records. */
export interface StoreEngine {
  /**
   * Makes all of these durable, or none. Rejects with a ConfigError, and is not asked again then.
   */
  commit(records: readonly StoreRecord[]): Promise<void>;
  /** Some keys of items of other generations than this one; none when there are no more. */
  strayKeys(generation: number): Buffer[];
}

/** Batches that are written in one commit. */
interface Group {
  readonly batches: PersistBatch[];
  readonly records: StoreRecord[];
}

const hasItems = (operation: StoreOperation) => operation.type === 'install';

/** Does one thing after the other, and tells what became of it. */
export class StoreQueue {
  readonly #engine: StoreEngine;
  readonly #changes: StoreChanges;
  readonly #events: StoreEvents;
  readonly #waiting = new Fifo<PersistBatch>();
  /** Set while something is being written or told. */
  #running: Promise<void> | null = null;
  #failure: ConfigError | null = null;
  #isEnding = false;
  /** Whether there may be items that a snapshot has replaced, or one that was never finished. */
  #hasStrays: boolean;

  constructor(engine: StoreEngine, changes: StoreChanges, events: StoreEvents) {
    this.#engine = engine;
    this.#changes = changes;
    this.#events = events;
    this.#hasStrays = true;
    this.#start();
  }

  push(batch: PersistBatch): void {
    this.#waiting.push(batch);
    this.#start();
  }

  /** Returns when all that was pushed is answered; nothing may be pushed after. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // Nobody is answered from within push, and what is pushed in the same turn goes together.
    await null;
    for (;;) {
      if (this.#waiting.length > 0) await this.#next();
      else if (this.#hasStrays && !this.#isEnding) await this.#attempt(() => this.#sweep());
      else break;
      if (this.#failure !== null) this.#hasStrays = false;
    }
    this.#running = null;
  }

  async #next(): Promise<void> {
    if (this.#waiting.at(0)?.operations.some(hasItems)) await this.#attempt(() => this.#stage());
    const { batches, records } = this.#gather();
    await this.#attempt(() => this.#engine.commit(records));
    for (const { token } of batches) this.#answer(token);
  }

  /** Once something has failed, nothing more is tried. */
  async #attempt(action: () => Promise<void>): Promise<void> {
    if (this.#failure !== null) return;
    try {
      await action();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#failure = error;
    }
  }

  #answer(token: number): void {
    if (this.#failure === null) return this.#events.persisted(token);
    const { code, message } = this.#failure;
    this.#events.failed(token, code as StoreFailure, message);
  }

  /** Writes the items of a snapshot beside those there are, where nobody sees them. */
  async #stage(): Promise<void> {
    while (this.#hasStrays) await this.#sweep();
    let generation = this.#changes.nextGeneration;
    this.#hasStrays = true;
    for (const operation of this.#waiting.at(0)?.operations ?? []) {
      if (operation.type !== 'install') continue;
      for (const piece of inPieces(itemRecords(generation, operation.items))) {
        await this.#engine.commit(piece);
      }
      generation++;
    }
  }

  /** The first that waits, and all after it that fit; a snapshot goes alone. */
  #gather(): Group {
    const group: Group = { batches: [], records: [] };
    let bytes = 0;
    for (let next = this.#waiting.at(0); next !== undefined; next = this.#waiting.at(0)) {
      const isFirst = group.batches.length === 0;
      const alone = next.operations.some(hasItems);
      if (!isFirst && (alone || bytes > limits.configCommitBytes)) break;
      this.#waiting.shift();
      const records = next.operations.flatMap((operation) => this.#changes.of(operation));
      bytes += records.reduce((sum, record) => sum + recordBytes(record), 0);
      group.batches.push(next);
      group.records.push(...records);
      if (alone) break;
    }
    return group;
  }

  /** Removes some of what nobody sees any more. */
  async #sweep(): Promise<void> {
    const keys = this.#engine.strayKeys(this.#changes.generation);
    this.#hasStrays = keys.length > 0;
    if (keys.length > 0) await this.#engine.commit(keys.map((key) => ({ key, value: null })));
  }
}
