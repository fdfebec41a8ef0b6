import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { backplane } from './support.js';

test('a shell completes commands, commands of commands, and options', () => {
  const { stdout: script, status } = backplane('completion', 'bash');
  assert.equal(status, 0);
  const complete = (...words: string[]): string[] => {
    const program = `${script}
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _backplane; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', program, 'bash', ...words], {
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    return stdout.split('\n').filter((line) => line !== '');
  };
  assert.deepEqual(complete('backplane', 'sta'), ['start', 'status']);
  assert.deepEqual(complete('backplane', 'masters', 'bo'), ['bootstrap']);
  assert.deepEqual(complete('backplane', 'task', ''), ['run', 'list', 'cancel', '--help']);
  assert.deepEqual(complete('backplane', 'task', 'run', '--prio'), ['--priority']);
  assert.deepEqual(complete('backplane', 'status', '--w'), ['--watch']);
  assert.deepEqual(complete('backplane', 'config', '--config', 'x', 'put', '--ye'), ['--yes']);
});

test('there are scripts for zsh and fish', () => {
  const zsh = backplane('completion', 'zsh').stdout;
  assert.ok(zsh.startsWith('#compdef backplane\n') && zsh.includes('\n_backplane() {\n'));
  const fish = backplane('completion', 'fish').stdout;
  assert.match(fish, /^complete -c backplane -f -n 'not __fish_seen.*' -a status -d /m);
  assert.match(fish, /-n '__fish_seen_subcommand_from status' -l watch -d /);
});

test('another shell is wrong use', () => {
  const { status, stderr } = backplane('completion', 'tcsh');
  assert.equal(status, 2);
  assert.match(stderr, /Allowed choices are bash, zsh, fish/);
});
