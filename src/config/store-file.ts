/**
 * Looks at a file of LMDB before LMDB does. LMDB maps its file into memory and trusts it: measured
 * with lmdb 3.5.6, a file cut short ends the process with SIGBUS, one whose first pages are garbage
 * with SIGSEGV, and an empty one becomes a new store. What is read here is the layout of LMDB's
 * data version 2 on a 64-bit little-endian machine, as `mdb.c` in that package has it: every page
 * that a reader or writer can reach has to be where it says, of the kind it says, with all it holds
 * inside of it. What the values say is not judged here: each has a checksum of its own.
 */

import { isDeepStrictEqual } from 'node:util';

/** `length` bytes from `offset` of the file; fewer where it ends. */
export type ReadFile = (offset: number, length: number) => Buffer;

/** What was found. */
export type FileVerdict =
  | { readonly state: 'sound'; readonly lastPage: number; readonly pageBytes: number }
  /** Another layout than the one known here: an older or newer LMDB, or another processor's. */
  | { readonly state: 'unknown'; readonly why: string }
  | { readonly state: 'broken'; readonly why: string };

const META_PAGES = 2;
const PAGE_HEAD_BYTES = 24;
const META_BYTES = 136;
const NODE_HEAD_BYTES = 8;
const TREE_BYTES = 48;
const OVERFLOW_BYTES = 24;
const ID_BYTES = 8;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const MIN_PAGE_BYTES = 512;
const MAX_PAGE_BYTES = 65536;
/** A tree of any size LMDB can hold is less deep. */
const MAX_DEPTH = 32;

/** Kinds of pages (`mp_flags`). */
const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
const META = 0x08;
/** Kinds of leaves (`mn_flags`). */
const BIG_DATA = 0x01;
const SUB_TREE = 0x02;
/** Keys that are whole numbers; of the file, that it is not a folder. */
const FREE_TREE_FLAGS = 0x4008;
/** lmdb's own flag of a tree whose values have versions. */
const VERSIONS = 0x100;
/** The root of an empty tree (`P_INVALID`): all bits set. */
const NO_PAGE = -1;

/** A page or what it holds is not what it has to be. */
class Broken extends Error {}

/** What LMDB notes of a tree (`MDB_db`). */
interface Tree {
  readonly root: number;
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
}

interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: number;
  readonly free: Tree;
  readonly main: Tree;
}

/** One entry of a leaf. */
interface Leaf {
  readonly flags: number;
  readonly keyBytes: number;
  /** Its value, or where that lies. */
  readonly data: Buffer;
  readonly dataBytes: number;
  /** Of its own, when the value is that large. */
  readonly pages: number;
}

/** An unsigned number of 64 bits; NO_PAGE where it is all ones. */
function readPage(bytes: Buffer, at: number): number {
  const value = bytes.readBigInt64LE(at);
  if (value === -1n) return NO_PAGE;
  if (value < 0n || value > Number.MAX_SAFE_INTEGER) throw new Broken(`page number ${value}`);
  return Number(value);
}

function treeOf(bytes: Buffer, at: number): Tree {
  return {
    depth: bytes.readUInt16LE(at + 6),
    branches: readPage(bytes, at + 8),
    leaves: readPage(bytes, at + 16),
    overflows: readPage(bytes, at + 24),
    entries: readPage(bytes, at + 32),
    root: readPage(bytes, at + 40),
  };
}

function metaOf(page: Buffer, index: number): Meta {
  if (page.length < PAGE_HEAD_BYTES + META_BYTES) throw new Broken('the file ends in its head');
  if ((page.readUInt16LE(18) & META) === 0) throw new Broken(`page ${index} is no head`);
  const at = PAGE_HEAD_BYTES;
  if (page.readUInt32LE(at) !== MAGIC) throw new Broken('this is not a file of LMDB');
  const freeTree = at + 24;
  const mainTree = freeTree + TREE_BYTES;
  const flags = [page.readUInt16LE(freeTree + 4), page.readUInt16LE(mainTree + 4)];
  if (flags[0] !== FREE_TREE_FLAGS || flags[1] !== 0 || page.readUInt32LE(mainTree) !== 0) {
    throw new Broken(`page ${index} tells of trees that this package never wrote`);
  }
  return {
    pageBytes: page.readUInt32LE(freeTree),
    free: treeOf(page, freeTree),
    main: treeOf(page, mainTree),
    lastPage: readPage(page, mainTree + TREE_BYTES),
    transaction: readPage(page, mainTree + TREE_BYTES + 8),
  };
}

/** Everything reachable from the newer of the two heads. */
class Walk {
  readonly #read: ReadFile;
  readonly #meta: Meta;
  readonly #seen: Uint8Array;

  constructor(read: ReadFile, meta: Meta) {
    this.#read = read;
    this.#meta = meta;
    this.#seen = new Uint8Array(meta.lastPage + 1);
  }

  run(): void {
    const named: Leaf[] = [];
    this.#tree(this.#meta.main, (leaf) => {
      if (leaf.flags === SUB_TREE) named.push(leaf);
    });
    for (const leaf of named) this.#tree(this.#named(leaf), (inner) => this.#plain(inner));
    const free: Leaf[] = [];
    this.#tree(this.#meta.free, (leaf) => free.push(leaf));
    // Once all pages in use are known: one that is in use and free would be written over.
    for (const leaf of free) {
      if (leaf.keyBytes !== ID_BYTES) throw new Broken('a list of free pages has no number');
      this.#freePages(this.#valueOf(leaf));
    }
  }

  /** The main tree holds what is noted of the named ones. */
  #named({ data }: Leaf): Tree {
    if (data.length !== TREE_BYTES) throw new Broken('a tree without a root');
    const flags = data.readUInt16LE(4);
    if (data.readUInt32LE(0) !== 0 || (flags !== 0 && flags !== VERSIONS)) {
      throw new Broken('a tree of a kind that this package never wrote');
    }
    return treeOf(data, 0);
  }

  #plain(leaf: Leaf): void {
    if (leaf.flags === SUB_TREE) throw new Broken('a tree within a tree');
  }

  /** What is noted of a tree has to be what is found: LMDB asserts some of it, and aborts. */
  #tree(noted: Tree, onLeaf: (leaf: Leaf) => void): void {
    const found = { depth: 0, branches: 0, leaves: 0, overflows: 0, entries: 0 };
    const stack = noted.root === NO_PAGE ? [] : [{ page: noted.root, depth: 1 }];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { page, depth } = next;
      if (depth > MAX_DEPTH) throw new Broken(`page ${page} lies too deep`);
      const bytes = this.#page(page, 1);
      const kind = bytes.readUInt16LE(18);
      if (kind === BRANCH) {
        found.branches++;
        for (const child of this.#children(page, bytes)) {
          stack.push({ page: child, depth: depth + 1 });
        }
      } else if (kind === LEAF) {
        if (found.depth !== 0 && found.depth !== depth) throw new Broken('a tree is uneven');
        found.depth = depth;
        found.leaves++;
        for (const leaf of this.#leaves(page, bytes)) {
          found.entries++;
          found.overflows += leaf.pages;
          onLeaf(leaf);
        }
      } else {
        throw new Broken(`page ${page} is neither branch nor leaf`);
      }
    }
    if (!isDeepStrictEqual({ root: noted.root, ...found }, { ...noted })) {
      throw new Broken(`a tree is not as it is noted: ${JSON.stringify([noted, found])}`);
    }
  }

  /** A page and those that follow it as one; each may be met once. */
  #page(page: number, count: number): Buffer {
    const { lastPage, pageBytes, transaction } = this.#meta;
    if (page < META_PAGES || count < 1 || page + count - 1 > lastPage) {
      throw new Broken(`page ${page} is outside of the file`);
    }
    for (let at = page; at < page + count; at++) {
      if (this.#seen[at] === 1) throw new Broken(`page ${at} is in use twice`);
      this.#seen[at] = 1;
    }
    const bytes = this.#read(page * pageBytes, pageBytes);
    if (bytes.length !== pageBytes) throw new Broken(`the file ends in page ${page}`);
    if (readPage(bytes, 0) !== page) throw new Broken(`page ${page} says it is another`);
    // Of a page of a later one, LMDB believes that it may be written where it is mapped read-only.
    if (readPage(bytes, 8) > transaction)
      throw new Broken(`page ${page} is of a later transaction`);
    return bytes;
  }

  /** Where the entries of a page begin. */
  #nodes(page: number, bytes: Buffer): number[] {
    const room = bytes.length - PAGE_HEAD_BYTES;
    const lower = bytes.readUInt16LE(20);
    const upper = bytes.readUInt16LE(22);
    if (lower > upper || upper > room || lower % 2 !== 0) throw new Broken(`page ${page} is torn`);
    return Array.from({ length: lower / 2 }, (_, index) => {
      const at = bytes.readUInt16LE(PAGE_HEAD_BYTES + 2 * index);
      if (at < upper || at + NODE_HEAD_BYTES > room) throw new Broken(`page ${page} is torn`);
      return PAGE_HEAD_BYTES + at;
    });
  }

  *#children(page: number, bytes: Buffer): Generator<number> {
    const nodes = this.#nodes(page, bytes);
    if (nodes.length === 0) throw new Broken(`page ${page} leads nowhere`);
    for (const at of nodes) {
      if (at + NODE_HEAD_BYTES + bytes.readUInt16LE(at + 6) > bytes.length) {
        throw new Broken(`page ${page} is torn`);
      }
      yield bytes.readUIntLE(at, 6);
    }
  }

  *#leaves(page: number, bytes: Buffer): Generator<Leaf> {
    for (const at of this.#nodes(page, bytes)) {
      const flags = bytes.readUInt16LE(at + 4);
      const keyBytes = bytes.readUInt16LE(at + 6);
      const start = at + NODE_HEAD_BYTES + keyBytes;
      const isBig = flags === BIG_DATA;
      if (!isBig && flags !== 0 && flags !== SUB_TREE) {
        throw new Broken(`page ${page} holds what this package never wrote`);
      }
      const length = bytes.readUInt32LE(at);
      const end = start + (isBig ? OVERFLOW_BYTES : length);
      if (end > bytes.length) throw new Broken(`page ${page} is torn`);
      const data = bytes.subarray(start, end);
      const pages = isBig ? this.#overflow(data, length) : 0;
      yield { flags, keyBytes, data, dataBytes: length, pages };
    }
  }

  /** The pages of a value that is larger than a page. */
  #overflow(reference: Buffer, length: number): number {
    const page = readPage(reference, 0);
    const count = readPage(reference, 16);
    const bytes = this.#page(page, count);
    const isOverflow = (bytes.readUInt16LE(18) & OVERFLOW) !== 0;
    const room = count * bytes.length - PAGE_HEAD_BYTES;
    if (!isOverflow || bytes.readUInt32LE(20) !== count || length > room) {
      throw new Broken(`page ${page} does not hold the value it has to`);
    }
    return count;
  }

  #valueOf({ flags, data, dataBytes }: Leaf): Buffer {
    if (flags !== BIG_DATA) return data;
    const offset = readPage(data, 0) * this.#meta.pageBytes + PAGE_HEAD_BYTES;
    const bytes = this.#read(offset, dataBytes);
    if (bytes.length !== dataBytes) throw new Broken('the file ends in a value');
    return bytes;
  }

  /** Pages that may be used again: 0 is a gap, one below it tells how many the next stands for. */
  #freePages(ids: Buffer): void {
    const room = ids.length / ID_BYTES;
    const count = Number.isInteger(room) && room >= 1 ? Number(ids.readBigInt64LE(0)) : -1;
    if (count < 0 || count >= room) throw new Broken('a list of free pages is torn');
    let length = 1;
    for (let index = 1; index <= count; index++) {
      const id = Number(ids.readBigInt64LE(index * ID_BYTES));
      if (id > 0) this.#markFree(id, length);
      else if (length > 1) throw new Broken('a list of free pages is torn');
      length = id < 0 ? -id : 1;
    }
  }

  #markFree(first: number, length: number): void {
    if (first < META_PAGES || first + length - 1 > this.#meta.lastPage) {
      throw new Broken(`free page ${first} is outside of the file`);
    }
    for (let page = first; page < first + length; page++) {
      if (this.#seen[page] === 1)
        throw new Broken(`page ${page} is in use and free, or free twice`);
      this.#seen[page] = 1;
    }
  }
}

function versionOf(page: Buffer): number {
  return page.readUInt32LE(PAGE_HEAD_BYTES + 4) & 0xffff;
}

/** The two heads; the one that is written next may be torn only in the time of an earlier boot. */
function newerMeta(read: ReadFile): Meta | { readonly version: number } {
  const first = read(0, MIN_PAGE_BYTES);
  const one = metaOf(first, 0);
  if (versionOf(first) !== DATA_VERSION) return { version: versionOf(first) };
  const { pageBytes } = one;
  if (pageBytes < MIN_PAGE_BYTES || pageBytes > MAX_PAGE_BYTES || pageBytes % 512 !== 0) {
    throw new Broken(`pages of ${pageBytes} bytes`);
  }
  const second = read(pageBytes, MIN_PAGE_BYTES);
  const two = metaOf(second, 1);
  if (versionOf(second) !== DATA_VERSION || two.pageBytes !== pageBytes) {
    throw new Broken('the two heads contradict each other');
  }
  return one.transaction >= two.transaction ? one : two;
}

/** The last page of a sound file that is in use, or was. */
export function lastPageOf(read: ReadFile): number {
  const meta = newerMeta(read);
  if ('version' in meta) throw new Broken(`LMDB's data version is ${meta.version}`);
  return meta.lastPage;
}

/**
 * Judges a file that LMDB is about to open.
 * @param fileBytes its length
 */
export function checkFile(fileBytes: number, read: ReadFile): FileVerdict {
  try {
    const meta = newerMeta(read);
    if ('version' in meta) {
      return { state: 'unknown', why: `LMDB's data version is ${meta.version}` };
    }
    const { lastPage, pageBytes } = meta;
    const needBytes = (lastPage + 1) * pageBytes;
    if (lastPage < META_PAGES - 1 || needBytes > fileBytes) {
      throw new Broken(`it has ${fileBytes} bytes of ${needBytes}`);
    }
    new Walk(read, meta).run();
    return { state: 'sound', lastPage, pageBytes };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return { state: 'broken', why: error.message };
  }
}
