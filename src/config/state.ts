/**
 * The replicated state of the configuration: the tree, and the request ids that are remembered, as
 * the items of a snapshot or a store. The first byte of a key tells which:
 *
 * | key | value |
 * |---|---|
 * | `r`, revision (8) | request id (16) |
 * | `t`, key of the tree | revisions that created it (8) and put it (8), version (8), value |
 */
import { BackplaneError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import type { Entry } from './entry.js';
import { ID_DIGITS } from './entry.js';
import { keyProblem } from './path.js';
import { isBound, rightsRefusal, type Writer } from './rights.js';
import { Schemas } from './schema.js';
import type {
  LoadState,
  Proposal,
  Remembered,
  ReplicatedState,
  SnapshotPart,
} from './state-contract.js';
import type { BaseItem } from './store-contract.js';
import { decodeOperations, decodeTransaction, encodeOperations, evaluate } from './transaction.js';
import { type Item, Tree } from './tree.js';
import { checkValueBytes } from './value.js';

const REQUEST = 0x72;
const TREE = 0x74;
const REQUEST_KEY_BYTES = 9;
const VALUE_HEAD_BYTES = 24;

/** The tree and what is remembered. */
export class ConfigState implements ReplicatedState {
  readonly tree: Tree;
  readonly #schemas = new Schemas();
  /** Revisions by request id, and the other way round; from `#floor` on. */
  readonly #revisions = new Map<string, number>();
  readonly #ids = new Map<number, string>();

  constructor(revision = 0) {
    this.tree = new Tree(revision);
  }

  get revision(): number {
    return this.tree.revision;
  }

  propose(transaction: Buffer, writer: Writer | null): Proposal {
    try {
      const { conditions, operations } = decodeTransaction(transaction);
      const { tree } = this;
      // Before the conditions: whether one holds is no reason for what may not be.
      const forbidden = rightsRefusal(tree, operations, writer);
      if (forbidden !== null) return { type: 'refused', error: forbidden };
      const verdict = evaluate(tree, conditions);
      if (!verdict.succeeded) return { type: 'failed', failed: verdict.failed };
      const error = tree.refusal(operations) ?? this.#schemas.refusal(tree, operations);
      if (error !== null) return { type: 'refused', error };
      return { type: 'entry', body: encodeOperations(operations) };
    } catch (error) {
      if (!(error instanceof BackplaneError)) throw error;
      return { type: 'refused', error };
    }
  }

  isBound(writer: Writer): boolean {
    return isBound(this.tree, writer);
  }

  remembered(requestId: string, since: number): Remembered {
    const revision = this.#revisions.get(requestId);
    if (revision !== undefined) return { type: 'known', revision };
    return { type: since < this.#floor ? 'forgotten' : 'unknown' };
  }

  apply({ kind, revision, body, requestId }: Entry): void {
    // An epoch record takes a revision, and changes nothing in the tree.
    this.tree.apply(revision, kind === 'epoch' ? [] : decodeOperations(body));
    this.#remember(revision, requestId);
  }

  part(revision: number, after: Uint8Array | null, bytes: number): SnapshotPart {
    const items: BaseItem[] = [];
    let sum = 0;
    for (const item of this.#itemsAfter(revision, after)) {
      sum += item.key.length + item.value.length;
      const isFull = items.length >= limits.configPieceItems || sum > bytes;
      if (items.length > 0 && isFull) return { items, next: items.at(-1)?.key ?? null };
      items.push(item);
    }
    return { items, next: null };
  }

  compact(revision: number): { puts: BaseItem[]; deletes: Uint8Array[] } {
    const puts: BaseItem[] = [];
    const deletes: Uint8Array[] = [];
    const changed = new Set<string>();
    for (let at = this.tree.compacted + 1; at <= revision; at++) {
      puts.push(requestItem(at, this.#ids.get(at) as string));
      for (const { key } of this.tree.changesOf(at)) changed.add(key);
      const old = at - limits.configRequestIds;
      const id = this.#ids.get(old);
      if (id === undefined) continue;
      deletes.push(requestKey(old));
      this.#ids.delete(old);
      this.#revisions.delete(id);
    }
    for (const key of changed) {
      const now = this.tree.get(key, revision);
      if (now === undefined || now.value === null) deletes.push(treeKey(key));
      else puts.push(treeItem(now));
    }
    this.tree.compact(revision);
    return { puts, deletes };
  }

  /** Takes an item, before anything is applied. @throws ProtocolError: there is no such item. */
  load({ key, value }: BaseItem): void {
    const keyBytes = asBuffer(key);
    const bytes = asBuffer(value);
    if (keyBytes[0] === TREE) this.#loadTree(keyBytes, bytes);
    else if (keyBytes[0] === REQUEST) this.#loadRequest(keyBytes, bytes);
    else throw malformed('of an unknown kind');
  }

  /** Requests of revisions up to here may be forgotten. */
  get #floor(): number {
    return this.tree.compacted - limits.configRequestIds;
  }

  #remember(revision: number, requestId: string): void {
    this.#revisions.set(requestId, revision);
    this.#ids.set(revision, requestId);
  }

  *#itemsAfter(revision: number, after: Uint8Array | null): Generator<BaseItem> {
    const last = after === null ? null : asBuffer(after);
    if (last === null || last[0] === REQUEST) {
      const oldest = Math.max(1, revision - limits.configRequestIds + 1);
      const from = last === null ? oldest : Number(last.readBigUInt64BE(1)) + 1;
      for (let at = from; at <= revision; at++) {
        const id = this.#ids.get(at);
        if (id !== undefined) yield requestItem(at, id);
      }
    }
    const behind = last?.[0] === TREE ? last.toString('latin1', 1) : '';
    const limit = limits.configPieceItems + 1;
    for (const item of this.tree.range('', { revision, after: behind, limit })) {
      yield treeItem(item);
    }
  }

  #loadRequest(key: Buffer, value: Buffer): void {
    if (key.length !== REQUEST_KEY_BYTES || value.length * 2 !== ID_DIGITS) {
      throw malformed('a request that is none');
    }
    const revision = Number(key.readBigUInt64BE(1));
    if (revision > this.revision) throw malformed('a request of a revision to come');
    this.#remember(revision, value.toString('hex'));
  }

  #loadTree(keyBytes: Buffer, bytes: Buffer): void {
    const key = keyBytes.toString('latin1', 1);
    if (keyProblem(key) !== null) throw malformed('a key that is none');
    if (bytes.length < VALUE_HEAD_BYTES) throw malformed('it ends within its head');
    const item: Item = {
      key,
      createRevision: Number(bytes.readBigUInt64BE(0)),
      modRevision: Number(bytes.readBigUInt64BE(8)),
      version: Number(bytes.readBigUInt64BE(16)),
      value: Buffer.from(bytes.subarray(VALUE_HEAD_BYTES)),
    };
    const { createRevision, modRevision, version, value } = item;
    const isPossible =
      createRevision >= 1 &&
      version >= 1 &&
      createRevision + version - 1 <= modRevision &&
      modRevision <= this.revision;
    if (!isPossible) throw malformed('revisions that cannot be');
    if (this.tree.get(key) !== undefined) throw malformed('a key twice');
    checkValueBytes(value);
    const size = this.tree.liveBytes + key.length + value.length;
    if (this.tree.liveKeys >= limits.configKeys || size > limits.configBytes) {
      throw malformed('more than a tree may hold');
    }
    this.tree.load(item);
  }
}

/** As `LoadState` says. */
export const loadState: LoadState = (revision, items) => {
  const state = new ConfigState(revision);
  for (const item of items) state.load(item);
  return state;
};

function malformed(what: string): ProtocolError {
  return new ProtocolError('ERR_PROTOCOL', `malformed item of a snapshot: ${what}`);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function requestKey(revision: number): Buffer {
  const key = Buffer.allocUnsafe(REQUEST_KEY_BYTES);
  key.writeUInt8(REQUEST, 0);
  key.writeBigUInt64BE(BigInt(revision), 1);
  return key;
}

function requestItem(revision: number, id: string): BaseItem {
  return { key: requestKey(revision), value: Buffer.from(id, 'hex') };
}

function treeKey(key: string): Buffer {
  return Buffer.from(`t${key}`, 'latin1');
}

function treeItem({ key, value, createRevision, modRevision, version }: Item): BaseItem {
  const bytes = Buffer.allocUnsafe(VALUE_HEAD_BYTES + value.length);
  bytes.writeBigUInt64BE(BigInt(createRevision), 0);
  bytes.writeBigUInt64BE(BigInt(modRevision), 8);
  bytes.writeBigUInt64BE(BigInt(version), 16);
  bytes.set(value, VALUE_HEAD_BYTES);
  return { key: treeKey(key), value: bytes };
}
