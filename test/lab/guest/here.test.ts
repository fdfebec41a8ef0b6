import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { labHere, runInLab } from '../../../src/lab/index.js';
import { spawn } from '../../../src/runtime/child-process.js';

const limit = { timeout: 30_000 };

class Text extends Writable {
  text = '';
  override _write(data: Buffer, _encoding: string, done: () => void): void {
    this.text += data;
    done();
  }
}

test('where the lab is, a program runs right here, by the same contract', limit, async () => {
  const [stdout, stderr] = [new Text(), new Text()];
  const code = `
    console.error('progress', process.env.GIVEN);
    console.log(require('node:os').uptime());
    process.exitCode = 3;
  `;
  const argv = ['-e', code];
  const result = await runInLab({ argv, env: { GIVEN: 'x' }, stdout, stderr });
  assert.deepEqual(result, { exitCode: 3, signal: null, where: labHere() });
  assert.equal(stderr.text, 'progress x\n');
  assert.match(stdout.text, /^[\d.]+\n$/);
});

test('a deadline ends it', limit, async () => {
  const stop = runInLab({ argv: ['-e', 'setInterval(() => {}, 1e6)'], deadlineMs: 1500 });
  await assert.rejects(stop, { code: 'ERR_TIMEOUT' });
});

test('a signal to this process ends it', limit, async () => {
  const stdout = new Text();
  const argv = ['-e', 'console.log("ready"); setInterval(() => {}, 1e6)'];
  const running = runInLab({ argv, stdout });
  while (stdout.text === '') await new Promise((resolve) => setImmediate(resolve));
  process.kill(process.pid, 'SIGTERM');
  const { exitCode, signal } = await running;
  assert.deepEqual({ exitCode, signal }, { exitCode: 143, signal: 'SIGTERM' });
});

test('when the owner of a lab is killed, the processes on its hosts go too', limit, async () => {
  const program = fileURLToPath(new URL('./fixtures/lab-owner.js', import.meta.url));
  const owner = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(owner.stdout!, 'data')) as [Buffer];
  const { pid } = JSON.parse(line.toString()) as { pid: number };
  const name = () => {
    try {
      return /\((.*)\) [^Z]/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? null;
    } catch {
      return null;
    }
  };
  // setpriv becomes sleep; either may still be there under the number.
  assert.match(name() ?? 'gone', /^(setpriv|sleep|node)$/);
  while (name() !== 'sleep') await new Promise((resolve) => setImmediate(resolve));
  owner.kill('SIGKILL');
  while (name() !== null) await new Promise((resolve) => setImmediate(resolve));
});
