import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeValue } from '../../../src/config/value.js';
import { piecesOf, SettingsReader } from '../../../src/join/settings-pieces.js';
import { limits } from '../../../src/limits.js';
import { decodeBody, encodeBody } from '../../../src/wire/payload.js';

const encoded = (values: object) =>
  new Map(Object.entries(values).map(([key, value]) => [key, encodeValue(value)]));

const place = { lineage: 'l', revision: 7 };

/** What a reader makes of pieces that have been on their way. */
function readBy(reader: SettingsReader, pieces: Iterable<unknown>): unknown[] {
  return Array.from(pieces, (piece) => {
    const { body } = encodeBody(piece);
    const read = reader.take(decodeBody('cbor', Buffer.from(body)));
    assert.deepEqual(read?.place ?? place, place);
    return read === null ? null : Object.fromEntries(read.values);
  });
}

test('all is told first, also where there is nothing, and then what is news', () => {
  const reader = new SettingsReader();
  const steps: readonly (readonly [before: object | null, now: object, told: unknown[]])[] = [
    [null, {}, [{}]],
    [{}, {}, []],
    [{}, { b: 1, a: { c: Buffer.from('x') } }, [{ a: { c: Buffer.from('x') }, b: 1 }]],
    [{ a: 1, b: 1 }, { a: 1, b: 1 }, []],
    [{ a: 1, b: 1 }, { b: 2, d: undefined }, [{ b: 2, d: undefined }]],
    // Another controller, which knows nothing of what was told before.
    [null, { e: 1 }, [{ e: 1 }]],
  ];
  for (const [before, now, told] of steps) {
    const pieces = piecesOf(before === null ? null : encoded(before), encoded(now), place);
    assert.deepEqual(readBy(reader, pieces), told);
  }
});

test('what is more than one body takes comes in pieces, and counts when all is there', () => {
  const value = 'v'.repeat(limits.configValueBytes - 10);
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key${i}`, value]));
  const reader = new SettingsReader();
  const told = readBy(reader, piecesOf(null, encoded(many), place));
  assert.ok(told.length >= 10);
  assert.ok(told.slice(0, -1).every((values) => values === null));
  assert.deepEqual(Object.keys(told.at(-1) as object).sort(), Object.keys(many).sort());
  const key = 'k'.repeat(limits.configKeyBytes - 10);
  const keys = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`${key}${i}`, 1]));
  const left = encoded({ left: 1 });
  const gone = readBy(reader, piecesOf(encoded({ ...many, ...keys }), left, place));
  assert.ok(gone.length >= 2);
  assert.deepEqual(gone.at(-1), { left: 1 });
});

test('what is no piece is refused', () => {
  const piece = { place, isFirst: true, isLast: true, set: [['a', encodeValue(1)]], gone: [] };
  const bad: unknown[] = [null, 'text', { ...piece, isLast: 1 }, { ...piece, gone: [1] }];
  bad.push(
    { ...piece, place: { lineage: 'l' } },
    { ...piece, set: [['a', 1]] },
    { ...piece, set: [[1, encodeValue(1)]] },
  );
  bad.push({ ...piece, set: [['a', Buffer.from([0xff])]] }, { ...piece, set: {} });
  for (const each of bad) {
    const take = () => new SettingsReader().take(each);
    assert.throws(take, { code: 'ERR_PROTOCOL' }, JSON.stringify(each));
  }
});
