import assert from 'node:assert/strict';
import test from 'node:test';
import { type Entry, makeEntry, ORIGIN, type Position } from '../../../src/config/entry.js';
import { ConfigState, loadState } from '../../../src/config/state.js';
import type { BaseItem } from '../../../src/config/store-contract.js';
import {
  checkTransaction,
  encodeOperations,
  encodeTransaction,
  type Transaction,
} from '../../../src/config/transaction.js';
import { decodeValue } from '../../../src/config/value.js';
import { limits } from '../../../src/limits.js';
import { idOf } from './cluster.js';

/** A state to which transactions are applied one after the other. */
class Applied {
  state = new ConfigState();
  #last: Position = ORIGIN;

  apply(transaction: Transaction): Entry {
    const { operations } = checkTransaction(transaction);
    const requestId = idOf(`request ${this.#last.revision + 1}`);
    const fields = { kind: 'transaction', epoch: 1, requestId } as const;
    const entry = makeEntry(this.#last, { ...fields, body: encodeOperations(operations) });
    this.#last = entry;
    this.state.apply(entry);
    return entry;
  }
}

const put = (key: string, value: unknown): Transaction => ({ write: [{ put: key, value }] });

function itemsAt(state: ConfigState, revision: number, bytes = 1000): BaseItem[] {
  const items: BaseItem[] = [];
  for (let after: Uint8Array | null = null; ; ) {
    const part = state.part(revision, after, bytes);
    items.push(...part.items);
    if (part.next === null) return items;
    after = part.next;
  }
}

const inHex = (items: Iterable<BaseItem>) =>
  Array.from(items, ({ key, value }) =>
    [key, value].map((bytes) => Buffer.from(bytes).toString('hex')).join(' '),
  );

test('a proposal is judged on all that was applied', () => {
  const { state, apply } = bound();
  apply(put('cluster/x', 1));
  const propose = (transaction: Transaction) =>
    state.propose(encodeTransaction(checkTransaction(transaction)), null);
  const compare = [{ key: 'cluster/x', revision: 1 }];
  assert.equal(propose({ compare, ...put('cluster/x', 2) }).type, 'entry');
  apply(put('cluster/x', 2));
  assert.deepEqual(propose({ compare, ...put('cluster/x', 3) }), { type: 'failed', failed: 0 });
  const refused = state.propose(Buffer.from('ff', 'hex'), null);
  assert.ok(refused.type === 'refused' && refused.error.code === 'ERR_PROTOCOL');
});

test('a state that is loaded from a snapshot is the same, also after more was applied', () => {
  const one = new Applied();
  for (let count = 1; count <= 300; count++) one.apply(put(`cluster/k${count % 40}`, count));
  one.apply({ write: [{ delete: 'cluster/k7' }] });
  const { state } = one;
  const at = 290;
  const items = itemsAt(state, at);
  const loaded = loadState(at, items) as ConfigState;
  assert.deepEqual(inHex(itemsAt(loaded, at)), inHex(items));
  assert.deepEqual(inHex(itemsAt(state, at, 1)), inHex(items), 'pieces of one item each');
  assert.deepEqual(inHex(items), inHex(items).toSorted(), 'in the order of their keys');
  assert.deepEqual(loaded.remembered(idOf('request 5'), 0), { type: 'known', revision: 5 });
  assert.deepEqual(loaded.remembered(idOf('request 291'), 0), { type: 'unknown' });
  const found = loaded.tree.get('cluster/k7');
  assert.equal(found?.version, 8);
  assert.equal(decodeValue(found?.value as Buffer), 287);
});

test('what compaction tells is what makes the items at one revision those at the next', () => {
  const one = new Applied();
  const items = new Map<string, string>();
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  for (let count = 1; count <= 200; count++) {
    one.apply(put(`cluster/k${count % 17}`, count));
    if (count % 5 === 0) one.apply({ write: [{ delete: `cluster/k${count % 13}` }] });
  }
  const { state } = one;
  for (const revision of [1, 2, 60, 61, 200, state.revision]) {
    const { puts, deletes } = state.compact(revision);
    for (const { key, value } of puts) items.set(hex(key), hex(value));
    for (const key of deletes) items.delete(hex(key));
    const now = itemsAt(state, revision);
    assert.deepEqual(
      new Map([...items].toSorted()),
      new Map(now.map(({ key, value }) => [hex(key), hex(value)] as const)),
    );
  }
});

test('items that no state gives are refused', () => {
  const one = new Applied();
  one.apply(put('cluster/x', 1));
  const items = itemsAt(one.state, 1);
  const tree = items.find(({ key }) => key[0] === 0x74) as BaseItem;
  const request = items.find(({ key }) => key[0] === 0x72) as BaseItem;
  const changed = ({ key, value }: BaseItem, at: number, byte: number): BaseItem => {
    const copy = Buffer.from(value);
    copy[at] = byte;
    return { key, value: copy };
  };
  const wrong: BaseItem[][] = [
    [{ key: Buffer.from('q'), value: Buffer.alloc(1) }],
    [{ key: Buffer.from('tnowhere'), value: tree.value }],
    [{ key: tree.key, value: Buffer.alloc(3) }],
    [changed(tree, 7, 0)],
    [changed(tree, 15, 9)],
    [changed(tree, 23, 9)],
    [tree, tree],
    [{ key: tree.key, value: Buffer.concat([tree.value, Buffer.alloc(1)]) }],
    [{ key: request.key.subarray(1), value: request.value }],
    [{ key: request.key, value: Buffer.alloc(15) }],
    [{ key: Buffer.from('72ffff000000000000', 'hex'), value: request.value }],
  ];
  for (const each of wrong) assert.throws(() => loadState(1, each), { code: 'ERR_PROTOCOL' });
});

test('one part has no more than so many items', () => {
  const one = new Applied();
  for (let count = 0; count < limits.configPieceItems + 10; count++) one.apply(put('cluster/x', 1));
  const { items, next } = one.state.part(one.state.revision, null, Number.POSITIVE_INFINITY);
  assert.equal(items.length, limits.configPieceItems);
  assert.notEqual(next, null);
});

function bound() {
  const applied = new Applied();
  return { state: applied.state, apply: applied.apply.bind(applied) };
}
