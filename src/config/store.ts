/**
 * The store of a replica on a disk, by LMDB; the only importer of lmdb. What it promises stands in
 * store-contract.ts. The path is a folder:
 *
 * - `config.mdb`, with two trees of LMDB: the unnamed one for records (see store-records.ts), so
 *   that a commit writes no page for the root of a named one; and `owner`;
 * - `config.mdb-lock`, LMDB's own, which means nothing while nobody has the store open;
 * - `lock`, with the process that has it open.
 *
 * How LMDB is used was measured with lmdb 3.5.6 on Linux 6 and ext4, under strace:
 *
 * - `overlappingSync: false`: the promise of a transaction settles after `pwritev` of its pages,
 *   `fdatasync`, and a write of the head through a descriptor with O_DSYNC; so it alone means
 *   durable. By default the head is written first and unflushed, and once more after the flush.
 *   There are as many commits in a second either way, one by one and concurrent.
 * - `eventTurnBatching: false`: by default a failed transaction rejects a second promise that
 *   nobody can get hold of, which ends the process. Batches are gathered in store-queue.ts instead,
 *   and one transaction is under way at a time.
 * - The file is given its room before LMDB needs it, by ourselves. Left to LMDB, a full disk is EIO
 *   at best; at worst its message about the failed write is longer than the memory it has for it
 *   (`mdb_page_flush`), and the process aborts. A disk that fails in other ways can still end it
 *   so: to a store that is the same as any other sudden end.
 * - After a failed transaction the environment may refuse everything, and one that cannot begin
 *   never settles. So nothing is asked of it after a failure but to be closed.
 */
import { join } from 'node:path';
import { type Database, open as openLmdb, type RootDatabase } from 'lmdb';
import { limits } from '../limits.js';
import { randomBytes } from '../runtime/crypto.js';
import { makePrivateFolder, nameFile, namesIn, removeFile, syncFolder } from '../runtime/folder.js';
import { takeLock } from '../runtime/lock-file.js';
import { RoomyFile } from '../runtime/roomy-file.js';
import { ORIGIN } from './entry.js';
import { recordBytes, StoreChanges } from './store-changes.js';
import {
  type BaseItem,
  type ConfigStore,
  type OpenStore,
  type PersistBatch,
  STORE_FORMAT,
  type StoreContents,
  type StoreEvents,
} from './store-contract.js';
import { asStoreError, storeError } from './store-failure.js';
import { checkFile, lastPageOf } from './store-file.js';
import { type StoreEngine, StoreQueue } from './store-queue.js';
import {
  DamagedRecord,
  emptyStore,
  formatOf,
  otherItems,
  readStore,
  type StoreReading,
  type StoreRecord,
} from './store-records.js';

const FILE = 'config.mdb';
/** LMDB adds this for its own. */
const LOCK_SUFFIX = '-lock';
/** A little more than LMDB wants of it: whole pages. */
const LOCK_BYTES = 12 * 1024;
/** A store that is being made; the number of the process follows. */
const NEW_FILE = `${FILE}.new`;
const LOCK = 'lock';
/** What may lie in a folder where a store is to be made: a new file system has the last one. */
const HARMLESS = new RegExp(
  `^(${LOCK}(\\.\\d+)?|${FILE}${LOCK_SUFFIX}|${NEW_FILE}.*|lost\\+found)$`,
);

const PAGE_BYTES = 4096;
/** The longest key LMDB takes with such pages. */
const KEY_BYTES = 1978;
/** The other tree; below this key the unnamed one has its root. */
const OWNER_TREE = 'owner';
const OWNER_TREE_KEY = Buffer.from(`${OWNER_TREE}\0`);
/** Its one key, whose version all transactions depend on. */
const OWNER = Buffer.from('owner');
const OWNER_BYTES = 6;
/** Keys of items that are removed at once. */
const SWEEP_KEYS = 1024;

/** Of the pages one transaction may need; see `#makeRoom`. */
const PATH_PAGES = 9;
const VALUE_FACTOR = 4;
const FIXED_PAGES = 64;

type Tree = Database<Uint8Array, Uint8Array>;
type Root = RootDatabase<Uint8Array, Uint8Array>;

/** The two trees of LMDB. */
interface Trees {
  readonly records: Tree;
  readonly owner: Tree;
}

const BINARY = { encoding: 'binary', keyEncoding: 'binary' } as const;

function openRoot(path: string): Root {
  const options = {
    path,
    ...BINARY,
    maxDbs: 1,
    mapSize: limits.configStoreBytes,
    pageSize: PAGE_BYTES,
    overlappingSync: false,
    eventTurnBatching: false,
    permissionsMode: 0o600,
    // Of a variable of the environment, otherwise, and noted in the file.
    safeRestore: false,
  };
  return openLmdb<Uint8Array, Uint8Array>(options);
}

/** @returns null when it is a file of LMDB without these trees. */
function treesOf(root: Root, create: boolean): Trees | null {
  const options = { ...BINARY, create, useVersions: true };
  const owner = root.openDB(OWNER_TREE, options) as Tree | undefined;
  return owner === undefined ? null : { records: root, owner };
}

/** The reason is a promise of its own, which has to be taken or it ends the process. */
async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { readonly commitError?: Promise<never> };
  return commitError === undefined ? error : commitError.catch((reason: unknown) => reason);
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

/** LMDB with its file, and one transaction at a time. */
class Engine implements StoreEngine {
  readonly #path: string;
  readonly #trees: Trees;
  readonly #file: RoomyFile;
  /** Another process that takes the store over has another. */
  readonly #version = randomBytes(OWNER_BYTES).readUIntBE(0, OWNER_BYTES);
  #filePages = 0;

  constructor(path: string, trees: Trees, file: RoomyFile) {
    this.#path = path;
    this.#trees = trees;
    this.#file = file;
  }

  *records(): Generator<StoreRecord> {
    for (const { key, value } of this.#trees.records.getRange()) {
      const record = { key: asBuffer(key), value: asBuffer(value) };
      if (!record.key.equals(OWNER_TREE_KEY)) yield record;
    }
  }

  strayKeys(generation: number): Buffer[] {
    const keys = otherItems(generation).flatMap(([start, end]) => [
      ...this.#trees.records.getKeys({ start, end, limit: SWEEP_KEYS }),
    ]);
    return keys.slice(0, SWEEP_KEYS).map(asBuffer);
  }

  /** From now on this process alone writes: what another one still wants to write will fail. */
  async own(): Promise<void> {
    await this.#transaction([], () => this.#trees.owner.put(OWNER, OWNER, this.#version));
  }

  async commit(records: readonly StoreRecord[]): Promise<void> {
    const { records: tree, owner } = this.#trees;
    // LMDB would refuse it in the middle of the transaction, and do the rest.
    if (records.some(({ key }) => key.length > KEY_BYTES)) throw new Error('a key is too long');
    const isOurs = await this.#transaction(records, () =>
      owner.ifVersion(OWNER, this.#version, () => {
        for (const { key, value } of records) {
          if (value === null) tree.remove(key);
          else tree.put(key, value);
        }
      }),
    );
    if (!isOurs) {
      const what = `another process has taken over the store ${this.#path}`;
      throw storeError('ERR_STORE_IN_USE', this.#path, what);
    }
  }

  async #transaction(
    records: readonly StoreRecord[],
    write: () => Promise<boolean>,
  ): Promise<boolean> {
    try {
      await this.#makeRoom(records);
      return await write();
    } catch (error) {
      throw asStoreError(this.#path, await reasonOf(error));
    }
  }

  /**
   * Makes the file long enough for a transaction: each change replaces at most a path through its
   * tree with a split at each level, of which there cannot be more than there are pages; values
   * take four times their size, where leaves are half full; and there are the list of free pages,
   * and the roots of the trees.
   */
  async #makeRoom(records: readonly StoreRecord[]): Promise<void> {
    const usedPages = 1 + lastPageOf((offset, length) => this.#file.read(offset, length));
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
    const paths = Math.min(records.length * PATH_PAGES, usedPages);
    const values = Math.ceil((VALUE_FACTOR * bytes) / PAGE_BYTES);
    const pages = usedPages + FIXED_PAGES + paths + values;
    if (pages > this.#filePages) await this.#growTo(pages);
  }

  async #growTo(pages: number): Promise<void> {
    const { bytes } = await this.#file.status();
    const step = limits.configStoreStepBytes;
    const needBytes = Math.ceil((pages * PAGE_BYTES) / step) * step;
    if (needBytes > Math.max(bytes, limits.configStoreBytes)) {
      const what = `the store ${this.#path} would grow over ${limits.configStoreBytes} bytes`;
      throw storeError('ERR_STORE_FULL', this.#path, what);
    }
    if (needBytes > bytes) await this.#file.growTo(needBytes);
    this.#filePages = Math.floor(Math.max(needBytes, bytes) / PAGE_BYTES);
  }
}

type Undo = () => Promise<unknown>;

/** LMDB maps its lock, too: what has no room on a full disk then is the end of the process. */
async function reserveLock(file: string): Promise<void> {
  await RoomyFile.reserve(file + LOCK_SUFFIX, LOCK_BYTES);
}

/** Makes a store under another name, and names it when it is whole: there is never half a one. */
async function create(folder: string, storeId: string): Promise<void> {
  const path = join(folder, `${NEW_FILE}.${process.pid}`);
  await reserveLock(path);
  const root = openRoot(path);
  try {
    await RoomyFile.reserve(path, limits.configStoreStepBytes);
    const records = treesOf(root, true)?.records;
    await records?.batch(() => {
      for (const { key, value } of emptyStore(storeId, { ...ORIGIN, record: null })) {
        if (value !== null) records.put(key, value);
      }
    });
  } finally {
    await root.close();
    await removeFile(path + LOCK_SUFFIX);
  }
  await nameFile(path, join(folder, FILE));
  await syncFolder(folder);
}

/**
 * @returns the names in it.
 * @throws ConfigError ERR_STORE_FOREIGN: it has no store, and is not empty.
 */
async function prepareFolder(path: string): Promise<readonly string[]> {
  let names: readonly string[] | null;
  try {
    names = await namesIn(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error;
    throw storeError('ERR_STORE_FOREIGN', path, `${path} is a file, not the folder of a store`);
  }
  if (names === null) await makePrivateFolder(path);
  const other = names?.find((name) => !HARMLESS.test(name));
  if (other !== undefined && names?.includes(FILE) === false) {
    const what = `the folder ${path} holds no store, but has ${other} in it`;
    throw storeError('ERR_STORE_FOREIGN', path, what);
  }
  return names ?? [];
}

/** Before LMDB maps the file and trusts it. */
async function openFile(path: string): Promise<RoomyFile> {
  const file = await RoomyFile.open(join(path, FILE));
  try {
    const { bytes, isRegular } = await file.status();
    if (!isRegular) throw storeError('ERR_STORE_FOREIGN', path, `${FILE} in ${path} is no file`);
    const verdict = checkFile(bytes, (offset, length) => file.read(offset, length));
    if (verdict.state === 'unknown') {
      const what = `the store ${path} was written by another version: ${verdict.why}`;
      throw storeError('ERR_STORE_FORMAT', path, what);
    }
    if (verdict.state === 'broken') {
      throw storeError('ERR_STORE_CORRUPT', path, `the store ${path} is damaged: ${verdict.why}`);
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** All of it, read and checked; nothing is written. */
function readAll(path: string, engine: Engine): StoreReading {
  try {
    const [first] = engine.records();
    const format = formatOf(first);
    if (format === null) {
      throw storeError('ERR_STORE_FOREIGN', path, `${FILE} in ${path} is not of this package`);
    }
    if (format > STORE_FORMAT) {
      const what = `the store ${path} has format ${format}, this version knows ${STORE_FORMAT}`;
      throw storeError('ERR_STORE_FORMAT', path, what);
    }
    return readStore(engine.records());
  } catch (error) {
    if (!(error instanceof DamagedRecord)) throw error;
    const what = `the store ${path} is damaged: ${error.message}`;
    throw storeError('ERR_STORE_CORRUPT', path, what, error);
  }
}

/** Items that are let go once they were read. */
function once(items: readonly BaseItem[]): Iterable<BaseItem> {
  let left = items;
  return {
    *[Symbol.iterator]() {
      const all = left;
      left = [];
      yield* all;
    },
  };
}

class DiskStore implements ConfigStore {
  readonly contents: StoreContents;
  readonly #queue: StoreQueue;
  readonly #release: Undo;

  constructor(reading: StoreReading, engine: Engine, events: StoreEvents, release: Undo) {
    const { contents, place } = reading;
    this.contents = { ...contents, items: once(contents.items) };
    this.#queue = new StoreQueue(engine, new StoreChanges(contents, place), events);
    this.#release = release;
  }

  persist(batch: PersistBatch): void {
    this.#queue.push(batch);
  }

  async close(): Promise<void> {
    await this.#queue.end();
    await this.#release();
  }
}

/** What is done last is undone first. */
async function undo(steps: Undo[]): Promise<void> {
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) await step();
}

async function openStep(
  path: string,
  events: StoreEvents,
  newStoreId: string,
  undos: Undo[],
): Promise<ConfigStore> {
  const names = await prepareFolder(path);
  const lock = await takeLock(join(path, LOCK));
  if (typeof lock === 'string') {
    const what = `process ${lock.split(' ')[0]} has the store ${path} open`;
    throw storeError('ERR_STORE_IN_USE', path, what);
  }
  undos.push(() => lock.release());
  // What a sudden end has left of a store that was being made.
  const halves = names.filter((name) => name.startsWith(NEW_FILE));
  for (const name of halves) await removeFile(join(path, name));
  if (!names.includes(FILE)) await create(path, newStoreId);
  const file = await openFile(path);
  undos.push(() => file.close());
  await reserveLock(join(path, FILE));
  const root = openRoot(join(path, FILE));
  undos.push(() => root.close());
  const trees = treesOf(root, false);
  if (trees === null) {
    throw storeError('ERR_STORE_FOREIGN', path, `${FILE} in ${path} is not of this package`);
  }
  const engine = new Engine(path, trees, file);
  const reading = readAll(path, engine);
  await engine.own();
  return new DiskStore(reading, engine, events, () => undo(undos));
}

/** Opens the store in the folder `path`, or makes one there; see `OpenStore`. */
export const openStore: OpenStore = async (path, events, newStoreId) => {
  const undos: Undo[] = [];
  try {
    return await openStep(path, events, newStoreId, undos);
  } catch (error) {
    await undo(undos);
    throw asStoreError(path, error);
  }
};
