/** A store on a disk, with promises in the place of its events. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../../src/config/store.js';
import type {
  BaseItem,
  ConfigStore,
  SetAside,
  StoreContents,
  StoreOperation,
} from '../../../src/config/store-contract.js';

/** The id of stores that are made here. */
export const STORE_ID = 'a1'.repeat(16);

/** What became of a batch. */
export type Outcome = 'persisted' | { readonly code: string; readonly message: string };

/** A new folder, and where in it nothing is yet. */
export function temporary(): { folder: string; path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-store-'));
  return {
    folder,
    path: join(folder, 'store'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A store that is open. */
export class DiskStore {
  /** Tokens in the order they were answered. */
  readonly answered: number[] = [];
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  #store: ConfigStore | null = null;
  #token = 0;

  static async open(path: string, storeId = STORE_ID): Promise<DiskStore> {
    const store = new DiskStore();
    const answer = (token: number, outcome: Outcome) => {
      store.answered.push(token);
      store.#waiting.get(token)?.(outcome);
    };
    store.#store = await openStore(
      path,
      {
        persisted: (token) => answer(token, 'persisted'),
        failed: (token, code, message) => answer(token, { code, message }),
      },
      storeId,
    );
    return store;
  }

  get contents(): StoreContents {
    return this.#store!.contents;
  }

  /** All operations as one batch. */
  persist(...operations: StoreOperation[]): Promise<Outcome> {
    const token = ++this.#token;
    const outcome = new Promise<Outcome>((resolve) => this.#waiting.set(token, resolve));
    this.#store!.persist({ token, operations });
    return outcome;
  }

  close(): Promise<void> {
    return this.#store!.close();
  }
}

/** What a store at `path` holds, in a form that is easily compared. Opens and closes it. */
export async function reading(path: string): Promise<{
  storeId: string;
  revision: number;
  record: string | null;
  items: Record<string, string>;
  log: string[];
  committed: number;
  setAside: { lineage: string; entries: string[] }[];
}> {
  const store = await DiskStore.open(path);
  const { storeId, base, items, log, committed, setAside } = store.contents;
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  const found = {
    storeId,
    revision: base.revision,
    record: base.record === null ? null : text(base.record),
    items: Object.fromEntries([...items].map(({ key, value }) => [text(key), text(value)])),
    log: log.map(text),
    committed,
    setAside: setAside.map(({ lineage, entries }) => ({ lineage, entries: entries.map(text) })),
  };
  await store.close();
  return found;
}

export const entry = (revision: number, text = `entry ${revision}`): StoreOperation => ({
  type: 'append',
  revision,
  bytes: Buffer.from(text),
});

export const committed = (revision: number): StoreOperation => ({ type: 'committed', revision });

export const item = (key: string, value: string): BaseItem => ({
  key: Buffer.from(key),
  value: Buffer.from(value),
});

export function base(revision: number, record: string | null = null) {
  const hash = revision.toString(16).padStart(64, '0');
  return { revision, hash, record: record === null ? null : Buffer.from(record) };
}

export function compact(
  revision: number,
  puts: BaseItem[],
  deletes: string[] = [],
): StoreOperation {
  const keys = deletes.map((key) => Buffer.from(key));
  return { type: 'compact', base: base(revision, 'record'), puts, deletes: keys };
}

export function install(
  revision: number,
  items: Iterable<BaseItem>,
  setAside: SetAside | null = null,
): StoreOperation {
  return { type: 'install', base: base(revision, 'record'), items: [...items], setAside };
}

export function surplus(lineage: string, entries: string[]): SetAside {
  const ids = { lineage: lineage.repeat(16), leftBy: 'ff'.repeat(16) };
  return {
    ...ids,
    after: { revision: 1, hash: base(1).hash },
    entries: entries.map((text) => Buffer.from(text)),
  };
}
