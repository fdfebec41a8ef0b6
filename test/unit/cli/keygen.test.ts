import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { limits } from '../../../src/limits.js';
import { readKeyFile } from '../../../src/node/key-file.js';
import { backplane } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'backplane-keygen-'));
after(() => rmSync(folder, { recursive: true }));

test('keygen writes a key that a node takes, and prints where', async () => {
  const path = join(folder, 'a.key');
  const { status, stdout, stderr } = backplane('keygen', path);
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: `${path}\n`, stderr: '' });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const [key] = await readKeyFile(path);
  assert.equal(key?.length, limits.keyMinBytes);
});

test('two keys differ, and with json the key stays unseen too', () => {
  const paths = ['b.key', 'c.key'].map((name) => join(folder, name));
  for (const file of paths) {
    const report = JSON.parse(backplane('keygen', file, '--json').stdout);
    assert.deepEqual(report, { command: 'keygen', ok: true, violations: [], file });
  }
  const [one, other] = paths.map((path) => readFileSync(path, 'utf8'));
  assert.notEqual(one, other);
});

test('keygen overwrites nothing', () => {
  const path = join(folder, 'd.key');
  backplane('keygen', path);
  const before = readFileSync(path, 'utf8');
  const { status, stderr } = backplane('keygen', path);
  assert.equal(status, 1);
  assert.match(stderr, /^backplane: ERR_KEY_FILE: /);
  assert.equal(readFileSync(path, 'utf8'), before);
});
