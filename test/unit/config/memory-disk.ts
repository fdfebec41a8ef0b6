/** Stores in memory: what is durable outlives the process, what is under way does not. */
import type { OpenStore, StoreFailure } from '../../../src/config/store-contract.js';
import { ConfigError } from '../../../src/errors.js';
import type { Runtime } from '../../../src/runtime/index.js';
import { MemoryStore } from './memory-store.js';

/** The disks of all hosts, by the path of the store. */
export class MemoryDisks {
  readonly stores = new Map<string, MemoryStore>();
  /** Stores that take nothing more, and why. */
  readonly failures = new Map<string, StoreFailure>();
  /** Batches that each was given. */
  readonly batches = new Map<string, number>();
  /** How long a flush takes. */
  flushMs = 1;

  /** Opens stores in the time of a process: when it has ended, nothing becomes durable any more. */
  opener({ timers }: Runtime): OpenStore {
    return async (path, events, newStoreId) => {
      const broken = this.failures.get(path);
      if (broken !== undefined) throw new ConfigError(broken, 'the disk is broken');
      const store = this.stores.get(path) ?? new MemoryStore(newStoreId);
      this.stores.set(path, store);
      store.waiting = [];
      let isOpen = true;
      return {
        contents: store.contents(),
        persist: (batch) => {
          store.waiting.push(batch);
          this.batches.set(path, (this.batches.get(path) ?? 0) + 1);
          timers.after(this.flushMs, () => {
            if (!isOpen) return;
            const code = this.failures.get(path);
            if (code !== undefined) events.failed(batch.token, code, 'the disk is broken');
            else events.persisted(store.flush() as number);
          });
        },
        close: async () => {
          isOpen = false;
          if (!this.failures.has(path)) while (store.waiting.length > 0) store.flush();
        },
      };
    };
  }
}
