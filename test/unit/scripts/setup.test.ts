import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../rules/sources.js';

/** The scripts are plain JavaScript outside of dist: found by address, without types. */
function urlOf(name: string): string {
  return pathToFileURL(join(projectRoot, 'scripts', 'lib', name)).href;
}

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-setup-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a stamp holds until an input or an output changes or goes', async (t) => {
  const { hashInputs, stampHolds, writeStamp } = await import(urlOf('stamp.mjs'));
  const root = folderFor(t);
  const write = (name: string, text: string) => writeFileSync(join(root, name), text);
  const holds = () => stampHolds(root, 's.json', hashInputs(root, ['in']), ['out']);
  const stamp = () => writeStamp(root, 's.json', hashInputs(root, ['in']), ['out']);
  write('in', '1');
  assert.equal(stamp(), false);
  write('out', 'a');
  assert.equal(holds(), false);
  assert.equal(stamp(), true);
  assert.equal(holds(), true);
  write('in', '2');
  assert.equal(holds(), false);
  write('in', '1');
  assert.equal(holds(), true);
  write('out', 'ab');
  assert.equal(holds(), false);
  assert.equal(stamp(), true);
  rmSync(join(root, 'out'));
  assert.equal(holds(), false);
});

test('packages count as installed when npm says so and their folders are there', async (t) => {
  const { packagesInstalled } = await import(urlOf('npm-packages.mjs'));
  const root = folderFor(t);
  const folder = join(root, 'node_modules', 'a');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{}');
  const lock = (file: string, packages: object) =>
    writeFileSync(join(root, file), JSON.stringify({ packages }));
  const a = { version: '1.0.0', integrity: 'x' };
  assert.equal(packagesInstalled(root), false);
  lock('package-lock.json', { '': {}, 'node_modules/a': a, 'node_modules/b': { optional: true } });
  lock('node_modules/.package-lock.json', { 'node_modules/a': a });
  assert.equal(packagesInstalled(root), true);
  lock('node_modules/.package-lock.json', { 'node_modules/a': { ...a, version: '1.0.1' } });
  assert.equal(packagesInstalled(root), false);
  lock('node_modules/.package-lock.json', { 'node_modules/a': a });
  rmSync(folder, { recursive: true });
  assert.equal(packagesInstalled(root), false);
});

test('what may not be installed is named, with one command that does it', async () => {
  const { installPackages } = await import(urlOf('system-packages.mjs'));
  await assert.rejects(installPackages(['make', 'kmod'], false), (error: Error) => {
    assert.equal((error as Error & { exitCode: number }).exitCode, 69);
    assert.match(error.message, /^missing: make, kmod\b/);
    return true;
  });
  await installPackages([], false);
});

/** Takes the lock of argv[1], says so, and holds it until it is killed. */
const HOLDER = `
import { withLock } from '${urlOf('lock.mjs')}';
const alive = setInterval(() => {}, 60_000);
await withLock(process.argv[1], () => console.log('waiting'), () => {
  console.log('holding');
  return new Promise(() => {});
});
`;

test('one set-up of a folder at a time, also when the one before was killed', async (t) => {
  const root = folderFor(t);
  const elsewhere = folderFor(t);
  symlinkSync(root, join(elsewhere, 'link'));
  const start = (folder: string) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    child.stdout.setEncoding('utf8');
    return child;
  };
  const says = async (child: ReturnType<typeof start>) => String(await once(child.stdout, 'data'));
  const first = start(root);
  assert.equal(await says(first), 'holding\n');
  assert.equal(await says(start(elsewhere)), 'holding\n');
  const second = start(join(elsewhere, 'link'));
  assert.equal(await says(second), 'waiting\n');
  const taken = says(second);
  first.kill('SIGKILL');
  assert.equal(await taken, 'holding\n');
});

/** Runs a shell that starts another process, as make does, and prints its pid. */
const RUNNER = `
import { run } from '${urlOf('tool.mjs')}';
const command = ['sh', '-c', 'sleep 60 & echo $!; wait'];
await run(command, { onOutput: (chunk) => process.stdout.write(chunk) }).catch((error) => {
  console.log(error.message);
  process.exitCode = error.exitCode;
});
`;

test('a signal to the set-up ends what its tools started', { timeout: 20_000 }, async (t) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', RUNNER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  child.stdout.setEncoding('utf8');
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const [pid] = await once(child.stdout, 'data');
  child.kill('SIGTERM');
  const [code] = await once(child, 'close');
  assert.equal(code, 143);
  // The output of the tool ends, and with it the set-up, only when each process that held it has.
  assert.equal(output, `${pid}ended by SIGTERM\n`);
});
