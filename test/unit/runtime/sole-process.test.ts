import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { claimSole } from '../../../src/runtime/sole-process.js';

const module = fileURLToPath(new URL('../../../src/runtime/sole-process.js', import.meta.url));

const PROGRAM = `
  import { claimSole } from ${JSON.stringify(module)};
  const claim = await claimSole(process.argv[1]);
  console.log('pid' in claim ? claim.pid : 'mine');
  if (!('pid' in claim)) setInterval(() => {}, 1000);
`;

const nameOf = (what: string) => `backplane-test-${process.pid}-${what}`;

function claimant(context: TestContext, name: string): ChildProcess {
  const args = ['--input-type=module', '-e', PROGRAM, name];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => child.kill('SIGKILL'));
  return child;
}

/** What a claimant was told. */
async function toldTo(child: ChildProcess): Promise<string> {
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  return line;
}

test('of processes that start together one has the name, others its number', async (context) => {
  for (let round = 1; round <= 20; round++) {
    const children = [1, 2, 3].map(() => claimant(context, nameOf('race')));
    const told = await Promise.all(children.map(toldTo));
    const winner = told.indexOf('mine');
    assert.ok(winner >= 0, `${told}`);
    const expected = told.map((_, i) => (i === winner ? 'mine' : String(children[winner]!.pid)));
    assert.deepEqual(told, expected, `round ${round}`);
    const ended = once(children[winner]!, 'exit');
    children[winner]!.kill('SIGKILL');
    await ended;
  }
});

test('the name of a process that was killed is free at once', async (context) => {
  const first = claimant(context, nameOf('killed'));
  assert.equal(await toldTo(first), 'mine');
  assert.deepEqual(await claimSole(nameOf('killed')), { pid: first.pid });
  const ended = once(first, 'exit');
  first.kill('SIGKILL');
  await ended;
  const claim = await claimSole(nameOf('killed'));
  assert.ok('release' in claim);
  assert.deepEqual(await claimSole(nameOf('killed')), { pid: process.pid });
  await claim.release();
  const again = await claimSole(nameOf('killed'));
  assert.ok('release' in again);
  await again.release();
});

test('a process that is stopped has its name still, and its number is known', async (context) => {
  const first = claimant(context, nameOf('stopped'));
  assert.equal(await toldTo(first), 'mine');
  first.kill('SIGSTOP');
  assert.deepEqual(await claimSole(nameOf('stopped')), { pid: first.pid });
});
