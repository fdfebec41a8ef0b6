import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  digestOf,
  SnapshotDigest,
  snapshotPiece,
  TreeLoader,
} from '../../../src/config/snapshot.js';
import type { Tree } from '../../../src/config/tree.js';
import { ConfigError, ProtocolError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { anyOperations, fullValue, put, readAll, remove, treeOf } from './trees.js';

const SEED = 13;
const malformed = (error: unknown) =>
  error instanceof ProtocolError && error.code === 'ERR_PROTOCOL';

function piecesOf(tree: Tree, revision: number, between = () => {}): Buffer[] {
  const pieces: Buffer[] = [];
  for (let after: string | null = ''; after !== null; between()) {
    const piece = snapshotPiece(tree, revision, after);
    pieces.push(piece.bytes);
    after = piece.next;
  }
  return pieces;
}

function load(revision: number, pieces: readonly Buffer[], digest: string): Tree {
  const loader = new TreeLoader(revision);
  for (const piece of pieces) loader.add(piece);
  return loader.finish(digest);
}

test('a tree goes out and comes in, at any revision that is kept (seed 13)', () => {
  const property = fc.property(
    fc.array(anyOperations, { maxLength: 12 }),
    fc.nat(12),
    (...drawn) => {
      const [entries, wanted] = drawn;
      const tree = treeOf(...entries);
      const revision = Math.min(wanted, tree.revision);
      const digest = digestOf(tree, revision);
      const copy = load(revision, piecesOf(tree, revision), digest);
      assert.deepEqual(readAll(copy), readAll(tree, '', revision));
      assert.deepEqual([copy.revision, copy.compacted], [revision, revision]);
      assert.equal(digestOf(copy, revision), digest);
      // Both go on alike.
      for (const [index, operations] of entries.slice(revision).entries()) {
        copy.apply(revision + index + 1, operations);
      }
      assert.equal(digestOf(copy, tree.revision), digestOf(tree, tree.revision));
    },
  );
  fc.assert(property, { seed: SEED, numRuns: 300 });
});

test('pieces are bounded, a long item goes alone, and what comes between them is no matter', () => {
  const small = Array.from({ length: 9000 }, (_, i) => put(`cluster/a/${i}`, i));
  const tree = treeOf(small, [put('cluster/b', fullValue), put('cluster/c', fullValue)]);
  const digest = digestOf(tree, 2);
  const pieces = piecesOf(tree, 2, () => {
    tree.apply(tree.revision + 1, [remove('cluster/b'), put(`cluster/a/x${tree.revision}`, 1)]);
  });
  assert.ok(pieces.length >= 5);
  const most = limits.configValueBytes + limits.configKeyBytes + 30;
  assert.ok(pieces.every(({ length }) => length > 0 && length <= most));
  assert.equal(pieces.filter(({ length }) => length > limits.configPieceBytes).length, 2);
  const copy = load(2, pieces, digest);
  assert.equal(copy.liveKeys, 9002);
  // Where a piece ends is no matter.
  assert.equal(digestOf(load(2, [Buffer.concat(pieces)], digest), 2), digest);
});

test('a snapshot ends where its revision is compacted', () => {
  const tree = treeOf([put('cluster/a', 1)], [put('cluster/a', 2)]);
  tree.compact(2);
  assert.throws(
    () => snapshotPiece(tree, 1, ''),
    (error: unknown) => error instanceof ConfigError && error.code === 'ERR_COMPACTED',
  );
});

test('the digest tells every difference', () => {
  const digests = [
    digestOf(treeOf([]), 0),
    digestOf(treeOf([]), 1),
    digestOf(treeOf([put('cluster/a', 1)]), 1),
    digestOf(treeOf([put('cluster/a', 2)]), 1),
    digestOf(treeOf([put('cluster/b', 1)]), 1),
    digestOf(treeOf([put('cluster/a', 1)], [put('cluster/a', 1)]), 2),
    digestOf(treeOf([put('cluster/a', 1)], []), 2),
    digestOf(treeOf([], [put('cluster/a', 1)]), 2),
  ];
  assert.equal(new Set(digests).size, digests.length);
});

test('another digest is refused', () => {
  const tree = treeOf([put('cluster/a', 1)]);
  const pieces = piecesOf(tree, 1);
  assert.throws(() => load(1, pieces, digestOf(tree, 0)), malformed);
  assert.throws(() => load(1, [], digestOf(tree, 1)), malformed);
});

/** The record of `cluster/a` with the value 1, of revision 1. */
function record(change: (record: Buffer) => void = () => {}): Buffer {
  const [piece = Buffer.alloc(0)] = piecesOf(treeOf([put('cluster/a', 1)]), 1);
  change(piece);
  return piece;
}

test('a piece that is not one is refused', () => {
  const bad: [string, Buffer][] = [
    ['a head cut short', record().subarray(0, 29)],
    ['a value cut short', record().subarray(0, -1)],
    ['no key', record((r) => r.writeUInt8(0xe4, 30))],
    ['a key in UTF-8', record((r) => r.writeUInt8(0xe4, 38))],
    ['created by revision 0', record((r) => r.writeUInt8(0, 13))],
    ['created after it was put', record((r) => r.writeUInt8(2, 13))],
    ['put after the snapshot', record((r) => r.writeUInt8(3, 21))],
    ['no version', record((r) => r.writeUInt8(0, 29))],
    ['more versions than revisions', record((r) => r.writeUInt8(2, 29))],
    ['a number over 2^53', record((r) => r.writeUInt8(0xff, 6))],
    ['a value that is not CBOR', record((r) => r.writeUInt8(0xff, r.length - 1))],
    ['a key twice', Buffer.concat([record(), record()])],
  ];
  for (const [what, piece] of bad)
    assert.throws(() => new TreeLoader(1).add(piece), malformed, what);
  new TreeLoader(1).add(record());
});

test('a value over its limit is refused', () => {
  const head = record().subarray(0, 39);
  const value = Buffer.concat([Buffer.from('5a00040000', 'hex'), Buffer.alloc(2 ** 18)]);
  head.writeUInt32BE(value.length, 2);
  assert.throws(() => new TreeLoader(1).add(Buffer.concat([head, value])), malformed);
});

test('more keys, or more bytes, than a tree may hold are refused', () => {
  const row = (key: string, value: Buffer) => {
    const head = Buffer.concat([record().subarray(0, 30), Buffer.from(key), value]);
    head.writeUInt16BE(key.length, 0);
    head.writeUInt32BE(value.length, 2);
    return head;
  };
  const number = (i: number) => `cluster/${String(i).padStart(7, '0')}`;
  const keys = new TreeLoader(1);
  const one = Buffer.from([0]);
  for (let i = 0; i < limits.configKeys; i += 1024) {
    keys.add(Buffer.concat(Array.from({ length: 1024 }, (_, j) => row(number(i + j), one))));
  }
  assert.throws(() => keys.add(row('cluster/a', one)), malformed);
  const bytes = new TreeLoader(1);
  const value = Buffer.concat([Buffer.from('5a0003fffb', 'hex'), fullValue]);
  const count = Math.floor(limits.configBytes / (value.length + number(0).length));
  for (let i = 0; i < count; i++) bytes.add(row(number(i), value));
  assert.throws(() => bytes.add(row('cluster/a', value)), malformed);
});

test('any bytes are a piece, or a ProtocolError (seed 13)', () => {
  const whole = record();
  const flip = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }));
  const property = fc.property(fc.array(flip, { minLength: 1, maxLength: 4 }), (flips) => {
    const bytes = Buffer.from(whole);
    for (const [at, byte] of flips) bytes[at] = byte;
    try {
      new TreeLoader(1).add(bytes);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  });
  fc.assert(property, { seed: SEED, numRuns: 3000 });
});

test('a digest made piece by piece is that of the whole', () => {
  const tree = treeOf([put('cluster/a', 1), put('cluster/b', 2)]);
  const digest = new SnapshotDigest(1);
  for (const piece of piecesOf(tree, 1)) digest.add(piece);
  assert.equal(digest.hex(), digestOf(tree, 1));
});
