import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { runLifecycle } from '../../lifecycle/run.js';
import { run } from './compiler.js';
import {
  FINDING_EXIT_CODE,
  findingIn,
  sanitizedAddon,
  sanitizedEnvironment,
} from './sanitized-addon.js';

test('the lifecycle tests pass with address and undefined-behaviour sanitizers', async () => {
  const env = await sanitizedEnvironment(await sanitizedAddon());
  for (const name of ['receive', 'lifecycle', 'environment', 'aead']) {
    const file = fileURLToPath(new URL(`./${name}.test.js`, import.meta.url));
    // The default reporter is another one in later versions of Node.js.
    const args = ['--test-reporter=tap', file];
    const { code, output } = await run(process.execPath, args, { env });
    assert.equal(code, 0, output);
    assert.match(output, /^# fail 0$/m, output);
  }
});

test('a sanitizer that finds something is heard', async () => {
  const env = await sanitizedEnvironment(await sanitizedAddon());
  const program = "process.kill(process.pid, 'SIGSEGV')";
  const { code, output } = await run(process.execPath, ['-e', program], { env });
  assert.equal(code, FINDING_EXIT_CODE, output);
  assert.match(findingIn(output) ?? '', /AddressSanitizer/);
  assert.equal(findingIn('a plain line\nError: the end'), null);
});

test('a worker that is terminated while it makes a socket does not lose it', async () => {
  const env = await sanitizedEnvironment(await sanitizedAddon(), true);
  const program = fileURLToPath(new URL('../../lifecycle/program.js', import.meta.url));
  // One termination of thirty comes where it matters.
  const args = [program, 'terminate', 'opening', '60'];
  const { code, output } = await run(process.execPath, args, { env });
  assert.equal(code, 0, output);
  assert.equal(findingIn(output), null, output);
});

test('sockets, workers and ends in every state leave nothing behind', async (t) => {
  const { violations, ...figures } = await runLifecycle({
    opened: 4000,
    workers: 20,
    exitsPerState: 1,
    seed: Date.now() % 2 ** 32,
    progress: (line) => t.diagnostic(line),
  });
  assert.deepEqual(violations, [], JSON.stringify(figures, null, 2));
  assert.ok(figures.opened >= 4000 && figures.closed === figures.opened);
});
