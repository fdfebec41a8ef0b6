/**
 * Usage: npm run check:fresh -- [--json] [--worktree]
 *
 * Proves that the README's two commands work on a fresh machine: a bare Debian 12 with Node, npm
 * and Node's headers copied in, a clone of this repository's HEAD (with --worktree: of the files as
 * they lie here), then `npm run demo -- --json` and `npm test` as root. Needs root. Leaves logs in
 * build/check-fresh and nothing else.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onlyOptions } from './lib/arguments.mjs';
import { carryNetwork, installDebian, installNode, runInside } from './lib/fresh-root.mjs';
import { installPackages } from './lib/system-packages.mjs';
import { EXIT_UNAVAILABLE, findProgram, run, SetupError, say, tail } from './lib/tool.mjs';
import { root } from './setup.mjs';

onlyOptions('check:fresh', ['--json', '--worktree']);

const CHECKOUT = '/srv/backplane';
const LOGS = join(root, 'build', 'check-fresh');
/** Generous: the first command installs and builds, the second may take ten minutes. */
const COMMAND_LIMIT_MS = 20 * 60_000;
/** With nothing to do, the set-up and npm around it stay below this. */
const SECOND_SETUP_LIMIT_MS = 3000;

const json = process.argv.includes('--json');
const worktree = process.argv.includes('--worktree');

async function git(...args) {
  const result = await run(['git', '-C', root, ...args]);
  if (result.code !== 0) throw new SetupError(`git ${args[0]} failed: ${result.output}`);
  return result.stdout;
}

/** Puts the repository into the new root. */
async function installCheckout(folder) {
  const target = join(folder, CHECKOUT);
  if (!worktree) {
    if ((await git('status', '--porcelain')).trim() !== '') {
      say('check:fresh: what is not committed here is not in the clone');
    }
    const result = await run(['git', 'clone', '--quiet', '--no-hardlinks', root, target]);
    if (result.code !== 0) throw new SetupError(`git clone failed: ${result.output}`);
    return;
  }
  const files = await git('ls-files', '-z', '--cached', '--others', '--exclude-standard');
  for (const file of files.split('\0').filter((name) => name !== '')) {
    // Listed also when it was deleted here and that is not committed.
    if (statSync(join(root, file), { throwIfNoEntry: false }) === undefined) continue;
    mkdirSync(dirname(join(target, file)), { recursive: true });
    copyFileSync(join(root, file), join(target, file));
  }
}

/**
 * Runs one of the two commands inside and judges it by `judge(stdout)`, which returns what is wrong
 * with it, or null.
 */
async function prove(name, folder, variables, command, judge) {
  say(`check:fresh: ${command.join(' ')}`);
  const startedMs = performance.now();
  const result = await runInside(folder, CHECKOUT, variables, command, {
    timeoutMs: COMMAND_LIMIT_MS,
    onOutput: (chunk) => process.stderr.write(chunk),
  });
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  writeFileSync(join(LOGS, `${name}.log`), result.output);
  let violation = null;
  if (result.timedOut) violation = `did not end within ${COMMAND_LIMIT_MS / 60_000} minutes`;
  else if (result.code !== 0) violation = `ended with code ${result.code}`;
  else violation = judge(result.stdout);
  if (violation !== null) {
    say(`\ncheck:fresh: ${command.join(' ')} ${violation}; the end of its output:`);
    say(tail(result.output, 60));
  }
  return { seconds, stdout: result.stdout, violation };
}

function lastLine(stdout) {
  return tail(stdout, 1);
}

function judgeDemo(stdout) {
  try {
    return JSON.parse(lastLine(stdout)).ok === true ? null : 'says ok: false';
  } catch {
    return 'did not end with a line of JSON';
  }
}

const TEST_SUMMARY = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;

function judgeTests(stdout) {
  const [, passed, failed, skipped] = TEST_SUMMARY.exec(lastLine(stdout)) ?? [];
  if (passed === undefined) return 'did not end with "N passed, N failed, N skipped"';
  if (Number(passed) === 0) return 'ran no test';
  return failed === '0' && skipped === '0' ? null : `says ${lastLine(stdout)}`;
}

/** Everything that happens in the new root; `folder` is removed by the caller. */
async function proveIn(folder) {
  say('check:fresh: Debian 12, minbase');
  const debian = [];
  try {
    await installDebian(folder, (chunk) => debian.push(chunk));
  } catch (error) {
    say(tail(Buffer.concat(debian).toString(), 30));
    throw error;
  }
  installNode(folder);
  const variables = await carryNetwork(folder);
  await installCheckout(folder);
  const versions = await runInside(folder, '/', variables, ['sh', '-c', 'node -v && npm -v']);
  if (versions.code !== 0) throw new SetupError(`Node does not run there: ${versions.output}`);
  const [node, npm] = versions.stdout.trim().split('\n');
  const prepareSeconds = Math.round(performance.now() / 100) / 10;

  const demo = await prove(
    'demo',
    folder,
    variables,
    ['npm', 'run', 'demo', '--', '--json'],
    judgeDemo,
  );
  const test = await prove('test', folder, variables, ['npm', 'test'], judgeTests);
  const again = await prove('again', folder, variables, ['npm', 'run', '-s', 'build'], (stdout) =>
    stdout === '' ? null : 'wrote to standard output',
  );
  const secondSetupMs = Math.round(again.seconds * 1000);
  const violations = [];
  if (demo.violation !== null) violations.push(`npm run demo ${demo.violation}`);
  if (test.violation !== null) violations.push(`npm test ${test.violation}`);
  if (again.violation !== null) violations.push(`npm run build ${again.violation}`);
  else if (secondSetupMs > SECOND_SETUP_LIMIT_MS) {
    violations.push(`the second set-up took ${secondSetupMs} ms, not ${SECOND_SETUP_LIMIT_MS}`);
  }
  return {
    violations,
    demoOk: demo.violation === null,
    testOk: test.violation === null,
    prepareSeconds,
    demoSeconds: demo.seconds,
    testSeconds: test.seconds,
    secondSetupMs,
    tests: TEST_SUMMARY.test(lastLine(test.stdout)) ? lastLine(test.stdout) : null,
    node,
    npm,
  };
}

async function main() {
  if (process.getuid() !== 0) {
    throw new SetupError(
      'a new root needs root: sudo npm run -s check:fresh -- --json',
      EXIT_UNAVAILABLE,
    );
  }
  if (findProgram('mmdebstrap') === null) await installPackages(['mmdebstrap']);
  mkdirSync(LOGS, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'backplane-fresh-'));
  try {
    return await proveIn(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function print(report) {
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  for (const [name, value] of Object.entries(report)) {
    process.stdout.write(`${name.padEnd(16)} ${Array.isArray(value) ? value.join('; ') : value}\n`);
  }
}

// A signal while files are copied waits for the next command, which it ends; the new root is then
// removed.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
const commit = worktree ? 'the files as they lie here' : (await git('rev-parse', 'HEAD')).trim();
const figures = await main().catch((error) => {
  if (!(error instanceof SetupError)) throw error;
  say(`check:fresh: ${error.message}`);
  process.exitCode = error.exitCode;
  return { violations: [error.message], demoOk: false, testOk: false, node: process.version };
});
const ok = figures.violations.length === 0;
const seconds = Math.round(performance.now() / 100) / 10;
print({ command: 'check:fresh', ok, commit, seconds, kernel: release(), ...figures });
if (!ok) process.exitCode ??= 1;
