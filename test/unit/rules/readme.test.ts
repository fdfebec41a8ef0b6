import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { projectRoot } from './sources.js';

const EXAMPLE = 'examples/two-nodes.mjs';

test('the example in the README is the one that is tested', () => {
  const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');
  const section = readme.split('\n## Example\n')[1] ?? '';
  assert.ok(section.includes(EXAMPLE), `the section does not name ${EXAMPLE}`);
  const shown = /```js\n([\s\S]*?)```/.exec(section)?.[1];
  assert.equal(shown, readFileSync(join(projectRoot, EXAMPLE), 'utf8'));
});
