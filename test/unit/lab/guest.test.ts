import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { missingPackages, passedVariables, runGuest } from '../../../src/lab/guest/guest.js';
import { guestDisk, initScript, quote } from '../../../src/lab/guest/init-script.js';
import { idlestProcessor, idleTicks, parseList } from '../../../src/lab/guest/processor.js';
import { spawnSync } from '../../../src/runtime/child-process.js';
import { guest, startGuest } from './fixtures/start-guest.js';
import { Traces } from './fixtures/traces.js';

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
const sh = (text: string): string[] => ['/bin/sh', '-c', text];

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-guest-test-'));
  chmodSync(folder, 0o755);
  return folder;
}

test('a word stays one word in the shell, whatever it holds', () => {
  const words = [`it's`, '$HOME `id` "x"', 'a\nb', '', '\\', `''`];
  const { stdout } = spawnSync('/bin/sh', ['-c', `printf '%s|' ${words.map(quote).join(' ')}`]);
  assert.equal(stdout.toString(), `${words.join('|')}|`);
});

test('the first process is a script that the shell understands', () => {
  const job = { argv: ['/bin/x', `'`], cwd: '/', env: { A: 'b c' }, writable: ['/o'] };
  const text = initScript({ ...job, hasDisk: true });
  const { status, stderr } = spawnSync('/bin/sh', ['-n'], { input: text });
  assert.equal(stderr.toString(), '');
  assert.equal(status, 0);
});

test('the job sees a short list of variables, and no secret of the environment', () => {
  const passed = passedVariables({
    PATH: '/bin',
    HOME: '/root',
    TERM: 'xterm',
    BACKPLANE_X: '1',
    AWS_SECRET_ACCESS_KEY: 'x',
    NODE_TEST_CONTEXT: 'child-v8',
    MY_BACKPLANE_X: '1',
  });
  assert.deepEqual(passed, { TERM: 'xterm', BACKPLANE_X: '1' });
});

test('what is missing is named by package', () => {
  const folder = scratch();
  assert.deepEqual(missingPackages([folder]), ['user-mode-linux', 'kmod', 'iproute2']);
  writeFileSync(join(folder, 'modprobe'), '');
  assert.deepEqual(missingPackages(['/nowhere', folder]), ['user-mode-linux', 'iproute2']);
  rmSync(folder, { recursive: true });
});

test('processors are listed and counted as the kernel writes them', () => {
  assert.deepEqual(parseList('0-2,5,7-8'), [0, 1, 2, 5, 7, 8]);
  const text = 'cpu  9 9 9 99 1\ncpu0 4 0 4 50 1 0\ncpu11 5 9 5 49 0 0\nintr 1 2\n';
  assert.deepEqual(
    [...idleTicks(text)],
    [
      [0, 50],
      [11, 49],
    ],
  );
});

test('a guest gets one of the processors that this process may use', async () => {
  const status = readFileSync('/proc/self/status', 'utf8');
  const allowed = parseList(/^Cpus_allowed_list:\s*(\S+)/m.exec(status)![1]!);
  const processor = await idlestProcessor();
  assert.equal(processor === null || allowed.includes(processor), true);
  assert.equal(processor === null, allowed.length < 2);
});

/** A folder with a kernel of ours, which stands first in the PATH. */
function fakeKernel(folder: string, text: string): NodeJS.ProcessEnv {
  writeFileSync(join(folder, 'linux.uml'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return { ...process.env, PATH: `${folder}:${process.env['PATH']}`, TMPDIR: folder };
}

async function refused(options: Parameters<typeof guest>[0], env?: NodeJS.ProcessEnv) {
  const { exitCode, stderr } = await guest(options, env === undefined ? {} : { env });
  assert.equal(exitCode, 99, stderr.toString());
  return JSON.parse(stderr.toString()) as { code: string; message: string };
}

if (missingPackages().length > 0) {
  test('without the packages a guest is refused, and the error says what to install', async () => {
    const { exitCode, stderr } = await guest({ argv: sh('true') });
    const { code, message } = JSON.parse(stderr.toString()) as { code: string; message: string };
    assert.equal(exitCode, 99);
    assert.equal(code, 'ERR_LAB');
    assert.match(message, /apt-get install -y .*user-mode-linux/);
  });
} else {
  test('output and errors come out apart and byte for byte, then the exit code', async () => {
    const out = '/usr/bin/linux.uml';
    const err = '/bin/bash';
    const text = `head -c 3000000 ${out} & cat ${err} >&2; wait; exit 7`;
    const { exitCode, stdout, stderr } = await guest({ argv: sh(text) });
    assert.equal(exitCode, 7);
    assert.equal(stdout.length, 3_000_000);
    assert.equal(sha256(stdout), sha256(readFileSync(out).subarray(0, 3_000_000)));
    assert.equal(sha256(stderr), sha256(readFileSync(err)));
  });

  test('what a job leaves running does not hold up its end', async () => {
    const { exitCode, stdout } = await guest({ argv: sh('sleep 1000 & echo done') });
    assert.equal(stdout.toString(), 'done\n');
    assert.equal(exitCode, 0);
  });

  test('a guest has SCTP, the checkout and scratch, and writes to named folders only', async () => {
    const folder = scratch();
    const output = join(folder, `it's here`, 'out');
    const probe = `
      cat /proc/net/protocols | grep -c ^SCTP
      pwd
      echo scratch > $TMPDIR/x && cat $TMPDIR/x && df $TMPDIR /dev/shm | grep -c run
      echo kept > ${quote(output)}/kept
      touch ${quote(folder)}/forbidden 2>&1 | grep -o 'Read-only'
      echo "$SECRET:$BACKPLANE_SEEN:$GIVEN:$uml_dir"
    `;
    try {
      const { exitCode, stdout } = await guest(
        { argv: sh(probe), writable: [output], env: { GIVEN: 'b c' } },
        { env: { ...process.env, SECRET: 's', BACKPLANE_SEEN: 'yes' } },
      );
      const seen = `2\n${process.cwd()}\nscratch\n2\nRead-only\n:yes:b c:\n`;
      assert.equal(stdout.toString(), seen);
      assert.equal(exitCode, 0);
      assert.equal(readFileSync(join(output, 'kept'), 'utf8'), 'kept\n');
      assert.deepEqual(readdirSync(folder), [`it's here`]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('what a guest cannot take is refused', async () => {
    const folder = scratch();
    const comma = await refused({ argv: sh('true'), writable: [join(folder, 'a,b')] });
    assert.equal(comma.code, 'ERR_ARGUMENT');
    const disk = await refused({ argv: sh('true'), disk: join(folder, 'disk') });
    assert.equal(disk.code, 'ERR_ARGUMENT');
    const name = await refused({ argv: sh('true'), env: { 'A;id': '1' } });
    assert.equal(name.code, 'ERR_ARGUMENT');
    const large = await refused({ argv: sh(`'`.repeat(40_000)) });
    assert.equal(large.code, 'ERR_LAB');
    rmSync(folder, { recursive: true });
  });

  test('what was flushed to the disk of a guest outlives a cut of its power', async () => {
    const folder = scratch();
    const disk = join(folder, 'disk');
    const made = spawnSync('mkfs.ext4', ['-q', '-F', disk, '16M'], {
      env: { PATH: '/usr/sbin:/sbin' },
    });
    assert.equal(made.status, 0);
    const power = new AbortController();
    const stdout = new Writable({
      write(_data, _encoding, done) {
        power.abort();
        done();
      },
    });
    const job = `echo flushed >${guestDisk}/file; sync; echo ready; sleep 1000`;
    const cut = await runGuest({ argv: sh(job), disk, power: power.signal, stdout });
    assert.deepEqual(cut, { exitCode: 137, signal: 'SIGKILL' });
    const next = await guest({ argv: sh(`cat ${guestDisk}/file`), disk });
    assert.equal(next.stdout.toString(), 'flushed\n');
    rmSync(folder, { recursive: true });
  });

  test('a guest whose power is off from the beginning ends at once', async () => {
    const ended = await runGuest({ argv: sh('sleep 1000'), power: AbortSignal.abort() });
    assert.equal(ended.signal, 'SIGKILL');
  });

  test('a kernel that hangs as it boots is given up, with all it started', async () => {
    const folder = scratch();
    const env = fakeKernel(folder, 'sleep 1000 & sleep 1001');
    const traces = new Traces(folder);
    const { code } = await refused({ argv: sh('true'), bootDeadlineMs: 300 }, env);
    assert.equal(code, 'ERR_TIMEOUT');
    assert.deepEqual(traces.processes(), []);
    assert.deepEqual(traces.files(), ['linux.uml']);
    rmSync(folder, { recursive: true });
  });

  test('a kernel that ends by itself is an error with its last words', async () => {
    const folder = scratch();
    const env = fakeKernel(folder, 'echo no memory for you; exit 1');
    const { code, message } = await refused({ argv: sh('true') }, env);
    assert.equal(code, 'ERR_LAB');
    assert.match(message, /crashed.*console:\nno memory for you/s);
    rmSync(folder, { recursive: true });
  });

  test('the kernel stays on one processor', async () => {
    const folder = scratch();
    const env = fakeKernel(folder, 'grep Cpus_allowed_list /proc/self/status; exit 1');
    const { message } = await refused({ argv: sh('true') }, env);
    assert.match(message, /console:\nCpus_allowed_list:\s\d+$/);
    rmSync(folder, { recursive: true });
  });

  test('an interrupt does not wait for a reader that has stopped', async () => {
    const { child, ended } = startGuest({ argv: sh('cat /usr/bin/linux.uml') });
    await new Promise((resolve) => child.stdout!.once('readable', resolve));
    child.stdout!.removeAllListeners('data');
    child.stdout!.pause();
    child.kill('SIGINT');
    await new Promise((resolve) => child.once('exit', resolve));
    child.stdout!.resume();
    assert.equal((await ended).exitCode, 130);
  });

  test('a program enters the lab: it begins again there, its exit code comes out', async () => {
    const program = fileURLToPath(new URL('./fixtures/enter-lab.js', import.meta.url));
    const env = { ...process.env, BACKPLANE_LAB: 'uml' };
    const child = spawnSync(process.execPath, [program, 'one', 'two words'], { env });
    const { where, args } = JSON.parse(child.stdout.toString()) as Record<string, unknown>;
    assert.deepEqual({ where, args }, { where: 'uml', args: ['one', 'two words'] });
    assert.equal(child.stderr.toString(), 'progress\n');
    assert.equal(child.status, 5);
  });

  test('a job that does not end is ended at its deadline', async () => {
    const { exitCode, stderr } = await guest({ argv: sh('sleep 1000'), deadlineMs: 6000 });
    assert.equal(exitCode, 99);
    assert.equal(JSON.parse(stderr.toString()).code, 'ERR_TIMEOUT');
  });

  test('an ordinary user gets a guest too, whose root writes only what that user can', async () => {
    const folder = scratch();
    const nobody = 65_534;
    // A copy, since the checkout may lie where that user cannot look.
    const dist = fileURLToPath(new URL('../../../', import.meta.url));
    const program = join(folder, 'dist', 'test', 'unit', 'lab', 'fixtures', 'run-guest.js');
    cpSync(join(dist, 'src'), join(folder, 'dist', 'src'), { recursive: true });
    mkdirSync(dirname(program), { recursive: true });
    cpSync(new URL('./fixtures/run-guest.js', import.meta.url), program);
    writeFileSync(join(folder, 'package.json'), '{ "name": "backplane", "type": "module" }');
    const library = join('build', 'Release', 'backplane_guest.so');
    cpSync(join(dist, '..', library), join(folder, library), { recursive: true });
    const own = join(folder, 'own');
    const foreign = join(folder, 'foreign');
    for (const each of [own, foreign]) mkdirSync(each);
    const isRoot = process.getuid!() === 0;
    if (isRoot) chownSync(own, nobody, nobody);
    else chmodSync(foreign, 0o555);
    const ids = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
    try {
      const { exitCode, stdout } = await guest(
        {
          argv: sh(`id -u; echo x > ${own}/x; touch ${foreign}/x || echo refused`),
          cwd: folder,
          writable: [own, foreign],
        },
        {
          prefix: isRoot ? ['setpriv', ...ids] : [],
          script: program,
          cwd: folder,
          env: { ...process.env, TMPDIR: own },
        },
      );
      assert.equal(stdout.toString(), '0\nrefused\n');
      assert.equal(exitCode, 0);
      assert.deepEqual(readdirSync(own), ['x']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
