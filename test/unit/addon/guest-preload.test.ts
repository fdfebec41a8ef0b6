import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { builtCandidates, packageRoot } from '../../../src/sctp/load-addon.js';
import { run } from './compiler.js';

test('registers are set from a buffer shorter than the state of the host', async (t) => {
  const root = packageRoot();
  const folder = mkdtempSync(join(tmpdir(), 'backplane-preload-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = join(folder, 'set-registers');
  const source = join(root, 'test/unit/addon/fixtures/set-registers.c');
  assert.deepEqual(await run('gcc', ['-D_GNU_SOURCE', '-Wall', source, '-o', program]), {
    code: 0,
    output: '',
  });
  assert.deepEqual(await run(program, []), { code: 0, output: 'EFAULT\n' });
  const [, library] = builtCandidates('backplane_guest.so', root);
  const env = { ...process.env, LD_PRELOAD: library };
  assert.deepEqual(await run(program, [], { env }), { code: 0, output: 'set\n' });
});
