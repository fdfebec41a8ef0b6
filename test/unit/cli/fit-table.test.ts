import assert from 'node:assert/strict';
import test from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { fitTable, wrap } from '../../../src/cli/fit-table.js';
import { fitOf } from '../../../src/cli/terminal.js';

const plain = (columns: number) => ({ columns, hasColours: false });

test('a text is broken between words, and a long word itself', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrap('abcdefghij kl', 4), ['abcd', 'efgh', 'ij', 'kl']);
  assert.deepEqual(wrap('', 4), ['']);
});

test('a table that has room is as wide as it has to be', () => {
  assert.deepEqual(fitTable(['a', 'b'], [['long', 'x']], plain(80)), ['a     b', 'long  x']);
});

test('the widest column gives way, and nothing is lost', () => {
  const text = 'a text of some length that does not fit into the line';
  const lines = fitTable(['name', 'text'], [['h1', text]], plain(30));
  assert.ok(lines.every(({ length }) => length <= 30));
  const words = lines
    .slice(1)
    .join(' ')
    .split(/\s+/)
    .filter((word) => word !== 'h1');
  assert.equal(words.join(' ').trim(), text);
});

test('colours take no room', () => {
  const rows = [[{ text: 'red', colour: 'red' as const }, 'x']];
  const lines = fitTable(['a', 'b'], rows, { columns: 80, hasColours: true });
  assert.equal(lines[1], '\u001b[31mred\u001b[39m  x');
  const bare = fitTable(['a', 'b'], rows, plain(80));
  assert.deepEqual(lines.map(stripVTControlCharacters), bare);
});

test('colours are for terminals, and for those who want them', () => {
  assert.deepEqual(fitOf({ isTTY: true, columns: 140 }, {}), { columns: 140, hasColours: true });
  assert.deepEqual(fitOf({ columns: 140 }, {}), plain(80));
  assert.deepEqual(fitOf({}, { COLUMNS: '120' }), plain(120));
  assert.deepEqual(fitOf({ isTTY: true, columns: 0 }, { NO_COLOR: '1' }), plain(80));
  assert.equal(fitOf({ isTTY: true }, { TERM: 'dumb' }).hasColours, false);
});
