import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import test from 'node:test';

test('without privilege: works with what the kernel grants, and warns once', async () => {
  const program = new URL('./unprivileged-program.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const answer = JSON.parse(await text(child.stdout)) as {
    user: number;
    warnings: { code: string; message: string }[];
    maxMessageBytes: number;
    echoed: number;
  };
  assert.equal(answer.user, 65534);
  assert.deepEqual(
    answer.warnings.map((warning) => warning.code),
    ['BACKPLANE_BUFFERS_CAPPED'],
  );
  const granted = Number(readFileSync('/proc/sys/net/core/wmem_max', 'utf8'));
  assert.match(answer.warnings[0]!.message, new RegExp(`4194304 .*${granted}.*rmem_max=4194304`));
  assert.equal(answer.maxMessageBytes, granted * 2);
  assert.equal(answer.echoed, 100);
});
