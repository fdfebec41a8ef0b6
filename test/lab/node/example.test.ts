import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { enterOwnNetwork } from '../sctp/own-network.js';

enterOwnNetwork(['10.1.0.1/24', '10.2.0.1/24']);

const example = fileURLToPath(new URL('../../../../examples/two-nodes.mjs', import.meta.url));

function run(...addresses: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [example, ...addresses], {
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...process.env, FORCE_COLOR: '0' },
  });
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split('\n');
}

test('the example runs on one address', () => {
  assert.deepEqual(run(), ['two heard hello', 'two says 6']);
});

test('the example runs on two planes', () => {
  const lines = run('10.1.0.1', '10.2.0.1');
  // Paths are confirmed in their own time; what the nodes say stays in order.
  assert.deepEqual(
    lines.filter((line) => !line.startsWith('path to two@here on ')),
    ['two heard hello', 'two says 6'],
  );
});
