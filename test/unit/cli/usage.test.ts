import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../rules/sources.js';

/** Runs a program of dist/ that has to end before it has done anything. */
function run(program: string, ...args: string[]) {
  const path = fileURLToPath(new URL(`../../../${program}`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

test('a benchmark of no case is refused, with the names of the cases', () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['messaging', '--only', 'text'], /there are: kernel vs raw C; .*unprivileged vs privileged\./],
    [['config', '--only', 'text'], /there are: visible vs etcd watch; .*; watchers; keys\./],
    [['sctp', '--size', '64', '--size', '65'], /there are: 64, 1024, 16384\./],
  ];
  for (const [args, names] of cases) {
    const { status, stdout, stderr } = run('bench/main.js', ...args, '--json');
    assert.equal(status, 2, stderr);
    assert.match(stderr, names);
    const { violations, ...report } = JSON.parse(stdout);
    assert.deepEqual(report, { command: 'bench', ok: false, code: 'ERR_ARGUMENT' });
    assert.match(violations[0], names);
  }
});

test('every program of a checkout refuses wrong use as backplane does', () => {
  const programs = {
    bench: 'bench/main.js',
    sim: 'test/sim/main.js',
    crash: 'test/crash/main.js',
    fuzz: 'test/fuzz/main.js',
    'fuzz:native': 'test/fuzz/native.js',
    adversary: 'test/security/main.js',
    lifecycle: 'test/lifecycle/main.js',
  };
  for (const [command, program] of Object.entries(programs)) {
    const { status, stdout, stderr } = run(program, '--sedes', '3', '--json');
    assert.equal(status, 2, command);
    assert.match(stderr, /^error: unknown option '--sedes'/, command);
    const { code, ok, ...report } = JSON.parse(stdout);
    assert.deepEqual(
      { code, ok, command: report.command },
      {
        code: 'ERR_ARGUMENT',
        ok: false,
        command,
      },
    );
    const help = run(program, '--help');
    assert.equal(help.status, 0, command);
  }
});

test('checks of the whole package refuse options that they do not have', () => {
  for (const command of ['nodes', 'fresh']) {
    const script = join(projectRoot, 'scripts', `check-${command}.mjs`);
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--jsno', '--json'], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    assert.equal(status, 2, command);
    assert.match(stderr, /^error: unknown option '--jsno'; there are: --json/);
    assert.equal(JSON.parse(stdout).code, 'ERR_ARGUMENT');
  }
});

test('the test command refuses a path that no test has', () => {
  const { status, stdout, stderr } = run('test/run.js', 'unit/cli/usage', 'unit/cli/usgae');
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.equal(stderr, 'error: no test has in its path: unit/cli/usgae\n');
});
