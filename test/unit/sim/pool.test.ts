import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

/** Whether a process is there; one that has only to be reaped is not. */
function isThere(pid: string): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('a job that never ends its turn ends with the program', async () => {
  const program = fileURLToPath(new URL('./fixtures/endless-job.js', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'ignore', 'pipe'] });
  await once(child.stderr, 'data');
  const { pid } = child;
  const worker = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  assert.match(worker, /^\d+$/);
  assert.ok(isThere(worker));
  child.kill('SIGTERM');
  // Its standard error is the worker's too: closed when both have ended.
  const [code] = await once(child, 'close');
  assert.equal(code, 128 + 15);
  assert.ok(!isThere(worker));
});
