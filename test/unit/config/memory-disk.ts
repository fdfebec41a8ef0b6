/** Stores in memory: what is durable outlives the process, what is under way does not. */

import { ORIGIN } from '../../../src/config/entry.js';
import {
  type BaseItem,
  type BasePoint,
  type OpenStore,
  type SetAside,
  STORE_FORMAT,
  type StoreFailure,
  type StoreOperation,
} from '../../../src/config/store-contract.js';
import { ConfigError } from '../../../src/errors.js';
import type { Runtime } from '../../../src/runtime/index.js';

interface Image {
  readonly storeId: string;
  base: BasePoint;
  items: Map<string, BaseItem>;
  log: Uint8Array[];
  committed: number;
  setAside: SetAside[];
}

/** The disks of all hosts, by the path of the store. */
export class MemoryDisks {
  readonly images = new Map<string, Image>();
  /** Stores that take nothing more, and why. */
  readonly failures = new Map<string, StoreFailure>();
  /** How long a flush takes. */
  flushMs = 1;

  /** Opens stores in the time of a process: when it has ended, nothing becomes durable any more. */
  opener({ timers }: Runtime): OpenStore {
    return async (path, events, newStoreId) => {
      const broken = this.failures.get(path);
      if (broken !== undefined) throw new ConfigError(broken, 'the disk is broken');
      const image = this.images.get(path) ?? emptyImage(newStoreId);
      this.images.set(path, image);
      const { items, log, ...rest } = image;
      const sorted = [...items.keys()].sort().map((key) => items.get(key) as BaseItem);
      let isOpen = true;
      return {
        contents: { ...rest, format: STORE_FORMAT, items: sorted, log: [...log] },
        persist: ({ token, operations }) => {
          timers.after(this.flushMs, () => {
            if (!isOpen) return;
            const code = this.failures.get(path);
            if (code !== undefined) return events.failed(token, code, 'the disk is broken');
            for (const operation of operations) change(image, operation);
            events.persisted(token);
          });
        },
        close: async () => {
          isOpen = false;
        },
      };
    };
  }
}

function emptyImage(storeId: string): Image {
  const base = { ...ORIGIN, record: null };
  return { storeId, base, items: new Map(), log: [], committed: 0, setAside: [] };
}

const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');

function change(image: Image, operation: StoreOperation): void {
  switch (operation.type) {
    case 'append':
      image.log.push(operation.bytes);
      break;
    case 'committed':
      image.committed = operation.revision;
      break;
    case 'compact':
      image.log.splice(0, operation.base.revision - image.base.revision);
      image.base = operation.base;
      for (const key of operation.deletes) image.items.delete(hex(key));
      for (const item of operation.puts) image.items.set(hex(item.key), item);
      break;
    case 'install':
      image.base = operation.base;
      image.committed = operation.base.revision;
      image.log = [];
      image.items = new Map(operation.items.map((item) => [hex(item.key), item]));
      if (operation.setAside !== null) image.setAside.push(operation.setAside);
      break;
    case 'forget':
      image.setAside = [];
  }
}
