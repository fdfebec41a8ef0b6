import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

/** Closes its standard error when it has ended, and all it has started. */
const PROGRAM = fileURLToPath(new URL('./fixtures/endless-job.js', import.meta.url));

test('a job that never ends its turn ends with the program', { timeout: 30_000 }, async (t) => {
  const child = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'ignore', 'pipe'] });
  await once(child.stderr, 'data');
  const { pid } = child;
  const worker = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
  assert.ok(worker > 0);
  let isOver = false;
  t.after(() => isOver || process.kill(worker, 'SIGKILL'));
  child.kill('SIGTERM');
  const [code] = await once(child, 'close');
  isOver = true;
  assert.equal(code, 128 + 15);
});
