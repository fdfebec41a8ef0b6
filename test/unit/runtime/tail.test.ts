import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Tail } from '../../../src/runtime/tail.js';

test('what is added to a file is read, also when it is put aside for a new one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-tail-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  const tail = new Tail(path);
  t.after(() => tail.close());
  const more = async (bytes = 100) => String(await tail.more(bytes));
  await tail.passOver(0);
  assert.equal(await more(), '');
  writeFileSync(path, 'one ');
  assert.equal(await more(), 'one ');
  assert.equal(await more(), '');
  appendFileSync(path, 'two three ');
  assert.equal(await more(4), 'two ');
  renameSync(path, `${path}.1`);
  appendFileSync(`${path}.1`, 'four ');
  assert.equal(await more(), 'three four ');
  assert.equal(await more(), '');
  writeFileSync(path, 'five');
  assert.equal(await more(), 'five');
});

test('what is there already can be passed over', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-tail-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  writeFileSync(path, 'old ');
  const tail = new Tail(path);
  t.after(() => tail.close());
  await tail.passOver(0);
  appendFileSync(path, 'new');
  assert.equal(String(await tail.more(10)), 'new');
});
