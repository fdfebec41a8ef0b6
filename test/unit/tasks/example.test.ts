import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { projectRoot } from '../rules/sources.js';

const EXAMPLE = 'examples/tasks.mjs';

test('the example of docs/tasks.md is the one that is tested, and does what it says', () => {
  const page = readFileSync(join(projectRoot, 'docs/tasks.md'), 'utf8');
  assert.ok(page.includes(EXAMPLE));
  const shown = /```js\n([\s\S]*?)```/.exec(page)?.[1];
  assert.equal(shown, readFileSync(join(projectRoot, EXAMPLE), 'utf8'));
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(projectRoot, EXAMPLE)], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(status, 0, stderr);
  assert.equal(stdout, 'asking the bank\n');
});
