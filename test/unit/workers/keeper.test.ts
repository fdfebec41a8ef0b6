import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { getPriority, userInfo } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { SeededRandom } from '../../random.js';
import { eventually, HandKept, isThere, programs, say } from './keepers.js';

/** A shell that goes on until it is ended. */
const STAYS = 'while :; do sleep 1000; done';
/** When the other end has closed a talk, in whatever way. */
function closed(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  socket.resume();
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}

for (const [how, find] of programs) {
  const it = (name: string, run: (kept: HandKept, program: string) => Promise<void>) =>
    test(`${name}, ${how}`, async (t) => run(new HandKept(t), await find()));

  it('how a worker ended is on the disk before its keeper ends', async (kept, program) => {
    await kept.start(program, 'exit 3');
    await kept.until(({ ending }) => ending?.kind === 'code' && ending.code === 3);
    assert.equal(await kept.ended(), 'code 3 -');
    assert.match(kept.file('exit'), / \d{13} 0\n/);
  });

  it('a signal that ended a worker is told', async (kept, program) => {
    await kept.start(program, STAYS);
    await kept.until(({ isReady, isStarted }) => isReady && isStarted);
    kept.send('signal 15');
    await kept.until(({ signalled }) => signalled === 15);
    assert.equal(await kept.ended(), 'signal 15 -');
    assert.match(kept.file('exit'), / \d{13} 15\n/);
  });

  it('what cannot be started says at what it failed', async (kept, program) => {
    await kept.start(program, '', { command: ['/nowhere/program'] });
    assert.equal(await kept.ended(), 'failed 2 exec');
  });

  it('a folder or a user that is not there is told', async (kept, program) => {
    await kept.start(program, 'exit 0', { cwd: '/nowhere', user: userInfo().username });
    assert.equal(await kept.ended(), 'failed 2 chdir');
  });

  it('an unknown user is told', async (kept, program) => {
    await kept.start(program, 'exit 0', { user: 'no-such-user' });
    assert.match(await kept.ended(), /^failed \d+ user$/);
  });

  it('a file of the keeper that is none ends it with a word', async (kept, program) => {
    await kept.run(program, 'argument=x\0nonsense');
    assert.equal(await kept.ended(), 'failed 22 spec');
  });

  it('fields that cannot be meant are refused', async (kept, program) => {
    await kept.run(program, 'argument=true\0limit=nofile:many\0');
    assert.equal(await kept.ended(), 'failed 22 spec');
  });

  it('whatever its file holds, it ends in an orderly way', async (kept, program) => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32));
    const dice = new SeededRandom(seed);
    const whole =
      'argument=/nowhere/x\0variable=A=b\0limit=nofile:9\0folder=/\0beatMs=5\0outputFiles=2\0';
    for (let i = 0; i < 40; i++) {
      const bytes = Buffer.from(whole);
      for (let n = dice.below(6); n > 0; n--) bytes[dice.below(bytes.length)] = dice.below(256);
      const file = bytes.subarray(0, dice.once(3) ? dice.below(bytes.length) : bytes.length);
      await kept.run(program, file);
      assert.match(await kept.ended(), /^failed \d+ (exec|spec|chdir|setrlimit)$/, `SEED=${seed}`);
      kept.again();
    }
  });

  it('arguments, variables, folder and limits are the worker’s', async (kept, program) => {
    const script = 'printf "%s|" "$A" "$PWD" "$(ulimit -n)" "$(ulimit -c)"; env | grep -c ASAN';
    const limits = { files: 77, coreBytes: 0 };
    await kept.start(program, script, { env: { A: 'b c' }, cwd: '/usr', limits });
    assert.equal(await kept.ended(), 'code 1 -');
    assert.equal(kept.said, 'b c|/usr|77|0|0\n');
  });

  it('worker and keeper are as nice as is said, not as the controller', async (kept, program) => {
    const script = 'nice; cut -d " " -f 19 "/proc/$PPID/stat"';
    const isRoot = process.getuid?.() === 0;
    for (const [nice, expected] of [
      [19, 19],
      [undefined, isRoot ? 0 : getPriority()],
      [-5, isRoot ? -5 : null],
    ] as const) {
      await kept.start(program, script, nice === undefined ? {} : { nice });
      assert.equal(await kept.ended(), expected === null ? 'failed 13 nice' : 'code 0 -');
      const said = kept.said.trim().split('\n').slice(-2).map(Number);
      if (expected !== null) assert.deepEqual(said, [expected, expected]);
      kept.again();
    }
  });

  it('it joins its control group before there is a worker', async (kept, program) => {
    const group = join(kept.folder, 'cgroup.procs');
    writeFileSync(group, '-');
    await kept.start(program, `cat ${group}`, {}, group);
    assert.equal(await kept.ended(), 'code 0 -');
    assert.equal(kept.said, '0');
    kept.again();
    await kept.start(program, 'true', {}, '/nowhere/cgroup.procs');
    assert.equal(await kept.ended(), 'failed 2 cgroup');
  });

  it('output goes on into new files, and the oldest one goes', async (kept, program) => {
    const script = 'i=0; while [ $i -lt 500 ]; do echo "line $i"; i=$((i+1)); sleep 0.001; done';
    await kept.start(program, script, { output: { maxBytes: 1024, files: 2 } });
    assert.equal(await kept.ended(), 'code 0 -');
    const texts = ['.2', '.1', ''].map((end) => readFileSync(`${kept.output}${end}`, 'utf8'));
    const lines = texts.join('').trim().split('\n');
    const first = 500 - lines.length;
    assert.deepEqual(
      lines,
      lines.map((_, index) => `line ${first + index}`),
    );
    for (const text of texts) assert.ok(text.length <= 1024 && text.length > 0);
    assert.throws(() => statSync(`${kept.output}.3`));
  });

  it('a flood of output keeps nobody waiting', async (kept, program) => {
    await kept.start(program, 'yes', { output: { maxBytes: 65_536, files: 1 } });
    await kept.until(({ isReady }) => isReady);
    const next = await kept.connect();
    const [piece] = (await once(next, 'data')) as [Buffer];
    assert.match(piece.toString(), /started=1/);
    await eventually(() => kept.said !== '');
    next.write('signal 9\n');
    assert.equal(await kept.ended(), 'signal 9 -');
    assert.ok(kept.said.startsWith('y\n') || kept.said.startsWith('\n'));
  });

  it('output that cannot be written is counted, and told of later', async (kept, program) => {
    const most = (size: string) =>
      spawnSync('prlimit', ['--pid', `${kept.pid}`, `--fsize=${size}:unlimited`]).status;
    await kept.start(program, 'while :; do echo "a line of output"; sleep 0.001; done');
    await kept.until(({ isReady }) => isReady);
    assert.equal(most('4096'), 0);
    await kept.until(({ droppedBytes }) => droppedBytes > 0);
    assert.equal(most('unlimited'), 0);
    await eventually(() => /\n\[\d+ bytes of output could not be written\]\n/.test(kept.said));
    kept.send('signal 9');
    assert.equal(await kept.ended(), 'signal 9 -');
  });

  it('an ending that cannot be stored waits for somebody who knows it', async (kept, program) => {
    await kept.start(program, STAYS);
    await kept.until(({ isReady }) => isReady);
    spawnSync('prlimit', ['--pid', `${kept.pid}`, '--fsize=0:unlimited']);
    kept.send('signal 15');
    await kept.until(({ ending }) => ending?.kind === 'signal' && ending.signal === 15);
    const next = await kept.connect();
    const [piece] = (await once(next, 'data')) as [Buffer];
    assert.match(piece.toString(), / ended=signal,15,- /);
    next.write('taken\n');
    await assert.rejects(kept.ended(), { code: 'ENOENT' });
    next.destroy();
  });

  it('without its folder it goes when its worker does', async (kept, program) => {
    await kept.start(program, STAYS);
    await kept.until(({ isReady }) => isReady);
    rmSync(kept.folder, { recursive: true });
    kept.send('signal 15');
    await assert.rejects(kept.ended(), { code: 'ENOENT' });
  });

  it('what a worker leaves behind ends with it', async (kept, program) => {
    const script = 'setsid sleep 1000 & (sleep 1000 & echo $!); echo $!; exit 0';
    await kept.start(program, script);
    assert.equal(await kept.ended(), 'code 0 -');
    const pids = kept.said.trim().split('\n').map(Number);
    assert.equal(pids.length, 2);
    assert.deepEqual(pids.filter(isThere), []);
  });

  it('a worker that closes all it has is kept still', async (kept, program) => {
    await kept.start(program, `exec >&- 2>&-; ${say('STATUS=quiet')}; ${STAYS}`);
    await kept.until(({ text }) => text === 'quiet');
    kept.send('signal 9');
    assert.equal(await kept.ended(), 'signal 9 -');
  });

  it('a worker says that it is ready, what it does, and that it stops', async (kept, program) => {
    const words = say('READY=1\nSTATUS=100 % of 2\nUNKNOWN=1');
    const script = `${words}; ${say('STOPPING=1')}; exit 0`;
    await kept.start(program, script, { ready: 'notify' });
    const first = await kept.until(({ isStarted }) => isStarted);
    assert.equal(first.isReady, false);
    await kept.until(({ isReady, text }) => isReady && text === '100 % of 2');
    await kept.until(({ saysStopping }) => saysStopping);
    await kept.ended();
  });

  it('silence is a stall, from readiness on, until the next beat', async (kept, program) => {
    await kept.start(program, STAYS, { ready: 'notify', beatMs: 40 });
    await kept.until(({ isStarted }) => isStarted);
    const voice = createConnection(join(kept.folder, 'notify.stream'));
    voice.write('READY=1\n');
    await kept.until(({ isReady }) => isReady);
    await kept.until(({ isStalled }) => isStalled);
    assert.equal(kept.states.find(({ isStalled }) => isStalled)?.isReady, true);
    kept.states.length = 0;
    voice.write('WATCHDOG=1\n');
    await kept.until(({ isStalled }) => !isStalled);
    voice.destroy();
    kept.send('signal 9');
    await kept.ended();
  });

  it('a worker may say itself that it is stalled', async (kept, program) => {
    await kept.start(program, STAYS, { ready: 'notify', beatMs: 20_000 });
    await kept.until(({ isStarted }) => isStarted);
    const voice = createConnection(join(kept.folder, 'notify.stream'));
    voice.write('READY=1\nWATCHDOG=trigger\n');
    await kept.until(({ isReady, isStalled }) => isReady && isStalled);
    voice.destroy();
    kept.send('signal 9');
    await kept.ended();
  });

  it('garbage at its sockets ends nothing but that talk', async (kept, program) => {
    await kept.start(program, STAYS);
    await kept.until(({ isStarted }) => isStarted);
    for (const text of ['signal\n', 'signal 0\n', 'signal 99\n', '\0\n', 'x'.repeat(5000)]) {
      const bad = await kept.connect();
      bad.write(text);
      await closed(bad);
    }
    const talker = createConnection(join(kept.folder, 'notify.stream'));
    talker.write('\xff'.repeat(4000));
    await closed(talker);
    kept.send('status');
    kept.send('signal 9');
    assert.equal(await kept.ended(), 'signal 9 -');
  });

  it('of many clients the oldest goes, and nobody is waited for', async (kept, program) => {
    await kept.start(program, STAYS);
    await kept.until(({ isStarted }) => isStarted);
    const all = [];
    for (let i = 0; i < 12; i++) {
      const each = await kept.connect();
      each.on('error', () => {});
      each.pause();
      each.write('status\n'.repeat(20));
      all.push(each);
    }
    const last = await kept.connect();
    await once(last, 'data');
    last.write('signal 15\n');
    assert.equal(await kept.ended(), 'signal 15 -');
    for (const each of [...all, last]) each.destroy();
  });

  it('it stays when its controller goes, and the next one finds all', async (kept, program) => {
    await kept.start(program, STAYS);
    const { pid } = await kept.until(({ isStarted }) => isStarted);
    kept.leave();
    const next = await kept.connect();
    const [piece] = (await once(next, 'data')) as [Buffer];
    assert.ok(piece.toString().startsWith(`pid=${pid} `));
    assert.match(
      kept.file('state'),
      new RegExp(`^keeper ${kept.pid} \\d+\\nworker ${pid} \\d+\\n`),
    );
    next.write('signal 15\n');
    assert.equal(await kept.ended(), 'signal 15 -');
  });

  it('killed, it takes its worker with it', async (kept, program) => {
    await kept.start(program, 'exec sleep 1000');
    const { pid } = await kept.until(({ isStarted }) => isStarted);
    kept.kill();
    await eventually(() => !isThere(pid));
  });

  it('SIGTERM to it is passed on', async (kept, program) => {
    await kept.start(program, 'exec sleep 1000');
    await kept.until(({ isStarted }) => isStarted);
    process.kill(kept.pid, 'SIGTERM');
    assert.equal(await kept.ended(), 'signal 15 -');
  });
}
