import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { projectRoot } from '../rules/sources.js';

const EXAMPLE = 'examples/test-network.mjs';

test('the example of docs/testing.md is the one that is tested, and passes', () => {
  const page = readFileSync(join(projectRoot, 'docs/testing.md'), 'utf8');
  assert.ok(page.includes(EXAMPLE));
  const shown = /```js\n([\s\S]*?)```/.exec(page)?.[1];
  assert.equal(shown, readFileSync(join(projectRoot, EXAMPLE), 'utf8'));
  // A program of its own, not a part of this run.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, [join(projectRoot, EXAMPLE)], {
    encoding: 'utf8',
    timeout: 30_000,
    env,
  });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /pass 1/);
});
