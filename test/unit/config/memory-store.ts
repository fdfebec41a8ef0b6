/** A store in memory that forgets what was not flushed, for machines stepped by hand. */
import { ORIGIN } from '../../../src/config/entry.js';
import type {
  BaseItem,
  BasePoint,
  PersistBatch,
  SetAside,
  StoreContents,
  StoreOperation,
} from '../../../src/config/store-contract.js';
import { limits } from '../../../src/limits.js';

const keyOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

export class MemoryStore {
  readonly storeId: string;
  base: BasePoint = { ...ORIGIN, record: null };
  items = new Map<string, BaseItem>();
  log: Uint8Array[] = [];
  committed = 0;
  setAside: SetAside[] = [];
  /** Batches that are not on disk. */
  waiting: PersistBatch[] = [];

  constructor(storeId: string) {
    this.storeId = storeId;
  }

  /** What a machine would find. */
  contents(): StoreContents {
    const items = [...this.items.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      format: 1,
      storeId: this.storeId,
      base: this.base,
      items: items.map(([, item]) => item),
      log: [...this.log],
      committed: this.committed,
      setAside: [...this.setAside],
    };
  }

  /** Makes the first batch that waits durable. @returns its token, null when none waits. */
  flush(): number | null {
    const batch = this.waiting.shift();
    if (batch === undefined) return null;
    for (const operation of batch.operations) this.#carryOut(operation);
    return batch.token;
  }

  #carryOut(operation: StoreOperation): void {
    switch (operation.type) {
      case 'append':
        if (operation.revision !== this.base.revision + this.log.length + 1) {
          throw new Error(`revision ${operation.revision} does not follow`);
        }
        this.log.push(operation.bytes);
        break;
      case 'committed':
        if (operation.revision < this.committed) throw new Error('committed goes back');
        if (operation.revision > this.base.revision + this.log.length) throw new Error('not there');
        this.committed = operation.revision;
        break;
      case 'compact':
        if (operation.base.revision > this.committed) throw new Error('not committed');
        this.log.splice(0, operation.base.revision - this.base.revision);
        this.base = operation.base;
        for (const item of operation.puts) this.items.set(keyOf(item.key), item);
        for (const key of operation.deletes) {
          if (!this.items.delete(keyOf(key))) throw new Error('deletes what is not there');
        }
        break;
      case 'install':
        this.base = operation.base;
        this.items = new Map(operation.items.map((item) => [keyOf(item.key), item]));
        this.log = [];
        this.committed = operation.base.revision;
        if (operation.setAside !== null) this.setAside.push(operation.setAside);
        this.setAside.splice(0, this.setAside.length - limits.configSetAside);
        break;
      case 'forget':
        this.setAside = [];
        break;
    }
  }
}
