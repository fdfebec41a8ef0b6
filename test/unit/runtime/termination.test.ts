import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';

const MODULE = new URL('../../../src/runtime/termination.js', import.meta.url).href;

/** A process that runs this, and prints a line when it does. */
async function running(program: string) {
  const text = `import { onTermination } from '${MODULE}'; ${program}; console.log('runs');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text]);
  let output = '';
  let waiting = () => {};
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    output += piece;
    waiting();
  });
  const printed = async (word: string) => {
    while (!output.includes(word)) {
      await new Promise<void>((resolve) => {
        waiting = resolve;
      });
    }
  };
  const ended = once(child, 'close');
  await printed('runs');
  return { child, ended, printed };
}

const WORK = "onTermination(async () => { console.log('ending'); await new Promise(WAIT); });";
const RUNS = 'setInterval(() => {}, 1000);';
const forEver = `${RUNS} ${WORK.replace('WAIT', '() => {}')}`;
const aTurn = `${RUNS} ${WORK.replace('WAIT', '(done) => setImmediate(done)')}`;

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends a process when all is done`, async () => {
    const { child, ended, printed } = await running(aTurn);
    child.kill(signal);
    await printed('ending');
    assert.deepEqual(await ended, [0, null]);
  });
}

test('a second signal ends it at once', async () => {
  const { child, ended, printed } = await running(forEver);
  child.kill('SIGTERM');
  await printed('ending');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [143, null]);
});

test('an end that fails is an error that nobody has caught', async () => {
  const { child, ended } = await running(
    `${RUNS} onTermination(async () => { throw new Error('no'); });`,
  );
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [1, null]);
});

test('signals that were given back end it as ever', async () => {
  const { child, ended } = await running(`${RUNS} onTermination(async () => {})();`);
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [null, 'SIGTERM']);
});
