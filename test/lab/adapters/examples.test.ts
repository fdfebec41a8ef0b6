import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { enterOwnNetwork } from '../sctp/own-network.js';

enterOwnNetwork(['10.1.0.1/24', '10.2.0.1/24']);

function run(name: string): string[] {
  const example = fileURLToPath(new URL(`../../../../examples/${name}.mjs`, import.meta.url));
  const args = [example, '10.1.0.1', '10.2.0.1'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, FORCE_COLOR: '0' },
  });
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split('\n');
}

test("Moleculer's own examples run over links", () => {
  assert.deepEqual(run('moleculer'), [
    '5 + 3 = 8',
    'saved 1048576',
    'mail to John',
    'nodes one@here two',
  ]);
});

test("socket.io's own examples run over links", () => {
  assert.deepEqual(run('socket.io'), [
    'one@here: hello',
    'answers [ 42, 42 ]',
    "[ 'pong of two@here' ]",
    'sockets 2',
  ]);
});
