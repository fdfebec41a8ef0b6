/** The driver with real keepers and real processes. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { keeperProgram } from '../../../src/workers/keeper-program.js';
import type { WorkerEvent } from '../../../src/workers/options.js';
import { eventually, folderFor, isThere, say } from './keepers.js';
import { Host, LEFT, of, STAYS } from './one-host.js';

test('workers run, say what they do, and what they put out can be read', async (t) => {
  const host = new Host(t);
  const workers = await host.start({ environment: () => ({ EXTRA: 'more' }) });
  const script = 'echo "$BACKPLANE_WORKER $BACKPLANE_HOST $EXTRA $PWD"; exec sleep 1000000';
  host.desire({ a: { command: ['sh', '-c', script] } });
  await host.told('ready', 'a');
  await eventually(() => isThere(host.pid('a')));
  let log = '';
  while (log === '') log = await workers.logs('a');
  assert.equal(log, 'a h more /\n');
  const [view] = workers.view().workers;
  assert.equal(view?.state, 'ready');
  assert.equal(view?.instance, host.instances[0]);
  await assert.rejects(workers.logs('b'), { code: 'ERR_WORKER_UNKNOWN', worker: 'b' });
  assert.throws(() => workers.restart('b'), { code: 'ERR_WORKER_UNKNOWN' });
  assert.ok(host.lines.includes('info a is ready'));
});

test('one controller at a time has a folder; the next adopts what runs', async (t) => {
  const host = new Host(t);
  const first = await host.start();
  host.desire({ a: STAYS, b: STAYS });
  await host.told('ready', 'b');
  const pids = ['a', 'b'].map((name) => host.pid(name));
  await assert.rejects(host.start(), (error: Error & { code?: string }) => {
    return error.code === 'ERR_STATE' && error.message.includes(`${process.pid}`);
  });
  await first.close();
  await host.start();
  assert.deepEqual(host.events.map((event) => `${event.type} ${of(event)}`).sort(), [
    'adopted a',
    'adopted b',
  ]);
  host.desire({ a: STAYS, b: STAYS });
  assert.deepEqual(
    ['a', 'b'].map((name) => host.pid(name)),
    pids,
  );
});

test('what ended without a controller is told to the next one, once', async (t) => {
  const host = new Host(t);
  const first = await host.start();
  const script = 'while [ ! -e "$0" ]; do sleep 0.01; done; exit 7';
  const go = join(host.folder, 'go');
  const wanted = { a: { command: ['sh', '-c', script, go], restart: 'temporary' } };
  host.desire(wanted);
  const { instance } = await host.told('ready', 'a');
  await first.close();
  writeFileSync(go, '');
  await eventually(() => existsSync(join(host.folder, 'run', `${instance}`, 'exit')));
  const second = await host.start();
  const ended = (await host.told('ended', 'a')) as Extract<WorkerEvent, { type: 'ended' }>;
  assert.deepEqual([ended.ending, ended.instance], [{ kind: 'code', code: 7 }, instance]);
  // Not known yet whether it is desired: what it left stays.
  assert.deepEqual(host.instances, [instance]);
  host.desire(wanted);
  await host.told('finished', 'a');
  await second.close();
  await host.start();
  host.desire(wanted);
  assert.deepEqual(host.events, []);
  assert.equal(host.workers?.view().workers[0]?.state, 'finished');
  host.workers?.start('a');
  await host.told('starting', 'a');
});

test('one that was asked to stop and ends without a controller has not failed', async (t) => {
  const host = new Host(t);
  const first = await host.start();
  const go = join(host.folder, 'go');
  const wait = 'while [ ! -e "$0" ]; do sleep 0.01; done; exit 7';
  const script = `trap '${wait}' TERM; ${say('READY=1')}; while :; do sleep 0.01; done`;
  const wanted = { a: { command: ['sh', '-c', script, go], ready: 'notify' } };
  host.desire(wanted);
  const { instance } = await host.told('ready', 'a');
  first.restart('a');
  await first.close();
  writeFileSync(go, '');
  await eventually(() => existsSync(join(host.folder, 'run', `${instance}`, 'exit')));
  await host.start();
  const ended = (await host.told('ended', 'a')) as Extract<WorkerEvent, { type: 'ended' }>;
  assert.deepEqual([ended.ending, ended.isExpected], [{ kind: 'code', code: 7 }, true]);
  host.desire(wanted);
  await host.told('ready', 'a');
  assert.deepEqual(
    host.events.filter(({ type }) => type === 'restarting'),
    [],
  );
});

test('an ending is kept until who was told has done with it', async (t) => {
  const host = new Host(t);
  let done = () => {};
  const heard = new Promise<void>((resolve) => {
    done = resolve;
  });
  let isTold = false;
  await host.start({
    tell: (event) => {
      if (event.type !== 'ended') return;
      isTold = true;
      return heard;
    },
  });
  host.desire({ a: { command: ['true'], restart: 'transient' } });
  await eventually(() => isTold);
  const [instance] = host.instances;
  await eventually(() => existsSync(join(host.folder, 'run', `${instance}`, 'exit')));
  host.desire({});
  done();
  await eventually(() => !existsSync(join(host.folder, 'run', `${instance}`, 'exit')));
});

test('a keeper that is killed is told as lost, and its worker starts again', async (t) => {
  const host = new Host(t);
  await host.start();
  host.desire({ a: STAYS });
  await host.told('ready', 'a');
  const pid = host.pid('a');
  const state = join(host.folder, 'run', `${host.instances[0]}`, 'state');
  const [, keeper] = /^keeper (\d+)/.exec(readFileSync(state, 'utf8')) ?? [];
  process.kill(Number(keeper), 'SIGKILL');
  const ended = (await host.told('ended', 'a')) as Extract<WorkerEvent, { type: 'ended' }>;
  assert.deepEqual(ended.ending, { kind: 'lost' });
  await host.told('restarting', 'a');
  await eventually(() => host.pid('a') !== 0 && host.pid('a') !== pid && !isThere(pid));
});

test('what an operator has stopped stays so for the next controller', async (t) => {
  const host = new Host(t);
  const first = await host.start();
  host.desire({ a: STAYS });
  await host.told('ready', 'a');
  first.stop('a');
  await host.told('ended', 'a');
  await first.close();
  const second = await host.start();
  host.desire({ a: STAYS });
  assert.equal(second.view().workers[0]?.isHeld, true);
  second.start('a');
  await host.told('ready', 'a');
  await second.close();
  await host.start();
  assert.equal(host.workers?.view().workers[0]?.isHeld, false);
});

test('leftovers of controllers that were killed in between are cleared away', async (t) => {
  const host = new Host(t);
  const run = join(host.folder, 'run');
  for (const [name, files] of [
    ['00000000000a', []],
    ['00000000000b', ['draft']],
    ['00000000000c', ['spec']],
    ['gone-00000000000d', ['keeper.1.1']],
  ] as const) {
    mkdirSync(join(run, name), { recursive: true });
    for (const file of files) writeFileSync(join(run, name, file), 'argument=true\0');
  }
  await host.start();
  assert.deepEqual(host.instances, []);
  assert.deepEqual(host.events, []);
});

test('of two that have ended the one that is remembered is the newest', async (t) => {
  const host = new Host(t);
  host.leave('00000000000a', 'a', 'exit', 'code 7');
  host.leave('00000000000b', 'a', 'told', 'code 0');
  await host.start();
  const ended = (await host.told('ended', 'a')) as Extract<WorkerEvent, { type: 'ended' }>;
  assert.deepEqual([ended.ending, ended.instance], [{ kind: 'code', code: 7 }, '00000000000a']);
  host.desire(LEFT);
  await eventually(() => !host.instances.includes('00000000000a'));
  const [view] = host.workers?.view().workers ?? [];
  assert.deepEqual([view?.state, view?.lastEnding], ['finished', { kind: 'code', code: 0 }]);
});

test('a worker that starts again as it is told to have finished is not remembered', async (t) => {
  const host = new Host(t);
  host.leave('00000000000a', 'a', 'exit', 'code 0');
  host.leave('00000000000b', 'b', 'exit', 'code 1');
  const first = await host.start();
  const together = { default: { strategy: 'one-for-all' } };
  host.desire(LEFT, together);
  await host.told('ready', 'b');
  await eventually(() => !host.instances.includes('00000000000b'));
  const state = () => host.workers?.view().workers[0]?.state;
  const before = state();
  await first.close();
  await host.start();
  host.desire(LEFT, together);
  assert.equal(state(), before);
});

test('a worker that is another user reaches its keeper', async (t) => {
  const host = new Host(t);
  await host.start();
  const user = userInfo().uid === 0 ? 'nobody' : userInfo().username;
  const command = ['sh', '-c', `${say('READY=1')}; id -un; exec sleep 1000000`];
  host.desire({ a: { command, user, ready: 'notify' } });
  await host.told('ready', 'a');
  let log = '';
  while (log === '') log = (await host.workers?.logs('a')) ?? '';
  assert.equal(log, `${user}\n`);
});

test('a file that cannot be read is that of a worker nobody desires', async (t) => {
  const host = new Host(t);
  const folder = join(host.folder, 'run', '00000000000e');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'keeper.1.1'), 'argument=true\0memo={\0');
  await host.start();
  host.desire({});
  await host.told('forgotten', 'unknown-00000000000e');
  await eventually(() => host.instances.length === 0);
});

test('a keeper that does not answer is believed to be well', async (t) => {
  const host = new Host(t);
  const first = await host.start();
  host.desire({ a: STAYS });
  await host.told('ready', 'a');
  const state = join(host.folder, 'run', `${host.instances[0]}`, 'state');
  const keeper = Number(/^keeper (\d+)/.exec(readFileSync(state, 'utf8'))?.[1]);
  await first.close();
  process.kill(keeper, 'SIGSTOP');
  const startMs = performance.now();
  await host.start();
  assert.ok(performance.now() - startMs >= limits.keeperAnswerMs - 10);
  host.desire({ a: STAYS });
  assert.deepEqual(
    host.events.map(({ type }) => type),
    ['adopted'],
  );
  process.kill(keeper, 'SIGCONT');
  await eventually(() => host.pid('a') !== 0);
});

test('a worker that was asked to stop has to, however late its keeper says so', async (t) => {
  const host = new Host(t);
  const first = await host.start();
  const heard = join(host.folder, 'heard');
  const script = `trap ': >"$0"' TERM; ${say('READY=1')}; while :; do sleep 0.01; done`;
  const wanted = { a: { command: ['sh', '-c', script, heard], ready: 'notify', stopMs: 2000 } };
  host.desire(wanted);
  await host.told('ready', 'a');
  const state = join(host.folder, 'run', `${host.instances[0]}`, 'state');
  const keeper = Number(/^keeper (\d+)/.exec(readFileSync(state, 'utf8'))?.[1]);
  first.restart('a');
  await eventually(() => existsSync(heard));
  await first.close();
  process.kill(keeper, 'SIGSTOP');
  await host.start();
  host.desire(wanted);
  process.kill(keeper, 'SIGCONT');
  const ended = (await host.told('ended', 'a')) as Extract<WorkerEvent, { type: 'ended' }>;
  assert.deepEqual([ended.ending, ended.isExpected], [{ kind: 'signal', signal: 9 }, true]);
  await host.told('ready', 'a');
});

test('a keeper that runs and is not reached is tried again, and believed in', async (t) => {
  const host = new Host(t);
  const first = await host.start();
  host.desire({ a: STAYS });
  await host.told('ready', 'a');
  const pid = host.pid('a');
  const control = join(host.folder, 'run', `${host.instances[0]}`, 'control');
  await first.close();
  renameSync(control, `${control}.away`);
  await host.start();
  host.desire({ a: STAYS });
  assert.deepEqual(
    host.events.map(({ type }) => type),
    ['adopted'],
  );
  assert.equal(host.pid('a'), 0);
  renameSync(`${control}.away`, control);
  await eventually(() => host.pid('a') === pid);
});

test('where what runs cannot be found, the folder is free for the next one', async (t) => {
  const host = new Host(t);
  const instance = join(host.folder, 'run', '00000000000f');
  mkdirSync(join(host.folder, 'run'), { recursive: true });
  writeFileSync(instance, 'no folder');
  await assert.rejects(host.start(), { code: 'ENOTDIR' });
  rmSync(instance);
  await host.start();
});

test('who never has done with what was told does not keep the folder', async (t) => {
  const host = new Host(t);
  const told: WorkerEvent[] = [];
  const workers = await host.start({
    tell: (event) => {
      if (event.type !== 'ended') return;
      told.push(event);
      return new Promise(() => {});
    },
  });
  host.desire({ a: { command: ['true'], restart: 'temporary' } });
  await eventually(() => told.length === 1);
  await workers.close();
  await host.start();
  host.desire({ a: { command: ['true'], restart: 'temporary' } });
  const again = await host.told('ended', 'a');
  assert.equal(again.instance, told[0]?.instance);
});

test('what whoever is told throws ends nothing but itself', async (t) => {
  const host = new Host(t);
  const thrown: unknown[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error.message));
  t.after(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener);
  });
  await host.start({
    tell: ({ type }) => {
      if (type === 'starting') throw new Error('told');
      return Promise.reject(new Error(`told of ${type}`));
    },
  });
  host.desire({ a: STAYS, b: STAYS });
  await eventually(() => isThere(host.pid('a')) && isThere(host.pid('b')));
  await eventually(() => thrown.length === 2);
  assert.deepEqual(thrown, ['told', 'told']);
  assert.ok(host.lines.includes('error the folder of the workers'));
});

test('without a keeper, or with too long a path, there is a code', async (t) => {
  const host = new Host(t);
  await assert.rejects(keeperProgram(host.folder), {
    code: 'ERR_KEEPER',
    message: /run "npm run build"/,
  });
  await assert.rejects(host.start({ folder: `/tmp/${'x'.repeat(limits.socketPathBytes)}` }), {
    code: 'ERR_KEEPER',
  });
});

test('a keeper that does not begin is a failure of its worker', async (t) => {
  const wrong = join(folderFor(t), 'wrong');
  writeFileSync(wrong, 'exit 1');
  chmodSync(wrong, 0o755);
  for (const [keeper, errno] of [
    ['/nowhere', 2],
    [wrong, 0],
  ] as const) {
    const host = new Host(t);
    await host.start({ keeper });
    host.desire({ a: STAYS }, { default: { intensity: 0 } });
    const ended = (await host.told('ended', 'a')) as Extract<WorkerEvent, { type: 'ended' }>;
    assert.deepEqual(ended.ending, { kind: 'failed', errno, at: 'keeper' });
    await host.told('given-up');
    await eventually(() => host.instances.length === 0);
  }
});

test('of output over several files the newest part is read, in whole lines', async (t) => {
  const host = new Host(t);
  const workers = await host.start();
  const lines = Array.from({ length: 400 }, (_, i) => `line ${i}`);
  const output = { maxBytes: 1024, files: limits.workerOutputFiles };
  const script = 'i=0; while [ $i -lt 400 ]; do echo "line $i"; i=$((i+1)); done; sleep 1000000';
  host.desire({ a: { command: ['sh', '-c', script], output } });
  await host.told('ready', 'a');
  let all = '';
  while (!all.endsWith('line 399\n')) all = await workers.logs('a', limits.workerLogMostBytes + 1);
  assert.deepEqual(all.trim().split('\n'), lines);
  assert.equal(await workers.logs('a', 12), 'line 399\n');
});

test('output is followed until the follower has enough', async (t) => {
  const host = new Host(t);
  const workers = await host.start();
  host.desire({ a: { command: ['sh', '-c', 'while :; do echo more; sleep 0.01; done'] } });
  await host.told('ready', 'a');
  let text = '';
  const enough = new AbortController();
  for await (const piece of workers.follow('a', enough.signal)) {
    text += piece;
    if (text.length > 50) enough.abort();
  }
  assert.match(text, /^(more\n){11,}$/);
  assert.throws(() => workers.follow('b', enough.signal), { code: 'ERR_WORKER_UNKNOWN' });
});

test('it is followed from the end of what there is, in whole lines', async (t) => {
  const host = new Host(t);
  const workers = await host.start();
  host.desire({
    a: { command: ['sh', '-c', 'echo first; echo second; echo third; sleep 1000000'] },
  });
  await host.told('ready', 'a');
  let all = '';
  while (!all.endsWith('third\n')) all = await workers.logs('a');
  for (const [lastBytes, wanted] of [
    [10, 'third\n'],
    [1000, 'first\nsecond\nthird\n'],
  ] as const) {
    const enough = new AbortController();
    let text = '';
    for await (const piece of workers.follow('a', enough.signal, lastBytes)) {
      text += piece;
      enough.abort();
    }
    assert.equal(text, wanted);
  }
});
