import assert from 'node:assert/strict';
import test from 'node:test';
import { workerSpec } from '../../../src/workers/worker-spec.js';
import { Bench, CLEAN, CRASH, desired, KILLED } from './bench.js';

const ABC = { a: {}, b: {}, c: {} };
const TOGETHER = { default: { strategy: 'one-for-all' } };
const REST = { default: { strategy: 'rest-for-one' } };

test('workers start in their order, each when the one before is ready', () => {
  const bench = new Bench();
  bench.desire({ a: { order: 2 }, b: { order: 1 }, c: {} });
  assert.deepEqual(bench.asked, ['start c']);
  bench.ready('c');
  assert.deepEqual(bench.asked, ['start b']);
  bench.ready('b');
  assert.deepEqual(bench.asked, ['start a']);
  assert.equal(bench.state('a'), 'starting');
  bench.ready('a');
  assert.equal(bench.state('a'), 'ready');
});

test('groups do not wait for each other', () => {
  const bench = new Bench();
  bench.desire({ a: { group: 'one' }, b: { group: 'one' }, c: { group: 'two' } });
  assert.deepEqual(bench.asked, ['start a', 'start c']);
});

test('workers stop in reverse order, one at a time, and are killed when they do not', () => {
  const bench = new Bench();
  bench.up({ a: {}, b: { stopSignal: 'SIGINT', stopMs: 500 }, c: {} });
  bench.step({ type: 'suspend', reason: 'drain', isOn: true });
  assert.deepEqual(bench.asked, ['15 c']);
  bench.end('c', CLEAN);
  assert.deepEqual(bench.asked, ['2 b']);
  bench.pass(499);
  assert.deepEqual(bench.asked, []);
  bench.pass(1);
  assert.deepEqual(bench.asked, ['9 b']);
  assert.deepEqual(bench.told('killed'), [{ type: 'killed', worker: 'b', why: 'stop' }]);
  bench.end('b', KILLED);
  bench.end('a', CLEAN);
  assert.equal(bench.told('suspended').length, 1);
  assert.equal(bench.told('restarting').length, 0);
  bench.step({ type: 'suspend', reason: 'drain', isOn: false });
  assert.deepEqual(bench.asked, ['15 a', 'start a']);
});

test('two reasons to run nothing have both to go', () => {
  const bench = new Bench();
  bench.up({ a: {} });
  bench.step({ type: 'suspend', reason: 'drain', isOn: true });
  bench.step({ type: 'suspend', reason: 'down', isOn: true });
  bench.end('a', CLEAN);
  assert.deepEqual(bench.machine.view(0).suspended, ['drain', 'down']);
  bench.step({ type: 'suspend', reason: 'drain', isOn: false });
  assert.deepEqual(bench.asked, ['15 a']);
  bench.step({ type: 'suspend', reason: 'down', isOn: false });
  assert.deepEqual(bench.asked, ['start a']);
});

test('permanent workers always start again, transient ones after failures, others never', () => {
  const kinds = ['permanent', 'transient', 'temporary'] as const;
  const cases = { permanent: [true, true], transient: [false, true], temporary: [false, false] };
  for (const restart of kinds) {
    for (const [index, ending] of [CLEAN, CRASH].entries()) {
      const bench = new Bench();
      bench.up({ a: { restart } });
      bench.end('a', ending);
      const starts = cases[restart][index] === true;
      assert.deepEqual(bench.asked, starts ? ['start a'] : [], `${restart} ${index}`);
      assert.equal(bench.told('finished').length, starts ? 0 : 1);
      if (!starts) assert.equal(bench.state('a'), 'finished');
    }
  }
});

test('one-for-one restarts only the worker that failed, and others do not wait for it', () => {
  const bench = new Bench();
  bench.up(ABC);
  bench.end('a');
  bench.end('c');
  assert.deepEqual(bench.asked, ['start a', 'start c']);
});

test('one-for-all stops all others in reverse order, then starts all in order', () => {
  const bench = new Bench();
  bench.up(ABC, TOGETHER);
  bench.end('b');
  assert.deepEqual(bench.asked, ['15 c']);
  bench.end('c', CLEAN);
  assert.deepEqual(bench.asked, ['15 a']);
  bench.end('a', CLEAN);
  assert.deepEqual(bench.asked, ['start a']);
  bench.ready('a');
  bench.ready('b');
  assert.deepEqual(bench.asked, ['start b', 'start c']);
});

test('one-for-all: who fails because another has is not counted', () => {
  const bench = new Bench();
  bench.up(ABC, { default: { strategy: 'one-for-all', intensity: 1 } });
  bench.end('b');
  bench.end('a');
  bench.end('c', KILLED);
  assert.equal(bench.told('restarting').length, 1);
  assert.equal(bench.told('given-up').length, 0);
  bench.ready('a', 'b', 'c');
  assert.deepEqual(bench.asked, ['15 c', 'start a', 'start b', 'start c']);
});

test('rest-for-one restarts those after the one that failed', () => {
  const bench = new Bench();
  bench.up(ABC, REST);
  bench.end('b');
  assert.deepEqual(bench.asked, ['15 c']);
  bench.end('c', CLEAN);
  assert.deepEqual(bench.asked, ['start b']);
  bench.ready('b');
  assert.deepEqual(bench.asked, ['start c']);
});

test('in a restart of all, temporary workers go and transient ones come again', () => {
  const bench = new Bench();
  const workers = { a: {}, b: { restart: 'temporary' }, c: { restart: 'transient' } };
  bench.up(workers, TOGETHER);
  bench.end('c', CLEAN);
  assert.equal(bench.state('c'), 'finished');
  bench.end('a');
  bench.end('b', CLEAN);
  bench.ready('a', 'c');
  assert.deepEqual(bench.asked, ['15 b', 'start a', 'start c']);
  assert.equal(bench.state('b'), 'finished');
});

test('a group is given up at one restart more than its intensity within the period', () => {
  const bench = new Bench();
  bench.up({ a: {}, b: {}, x: { group: 'other' } }, { default: { intensity: 2, periodMs: 1000 } });
  for (let i = 0; i < 2; i++) {
    bench.end('a');
    bench.pass(400);
    bench.ready('a');
  }
  bench.end('a');
  assert.deepEqual(bench.told('given-up'), [{ type: 'given-up', group: 'default', worker: 'a' }]);
  assert.deepEqual(bench.asked, ['start a', 'start a', '15 b']);
  bench.end('b', CLEAN);
  assert.equal(bench.state('a'), 'given-up');
  assert.equal(bench.state('b'), 'given-up');
  assert.equal(bench.state('x'), 'ready');
  assert.deepEqual(bench.machine.view(0).groups[0]?.givenUp, { sinceMs: 800, worker: 'a' });
  bench.pass(1_000_000);
  assert.deepEqual(bench.asked, []);
});

test('restarts that lie further apart than the period are none too many', () => {
  const bench = new Bench();
  bench.up({ a: {} }, { default: { intensity: 1, periodMs: 1000 } });
  for (let i = 0; i < 10; i++) {
    bench.pass(1001);
    bench.end('a');
    bench.ready('a');
  }
  assert.equal(bench.told('given-up').length, 0);
});

test('an operator or a new description takes a group up again, in order', () => {
  const group = { default: { intensity: 0 } };
  const acts: ((bench: Bench) => void)[] = [
    (bench) => bench.step({ type: 'command', command: 'start', worker: 'b' }),
    (bench) => bench.desire({ a: { args: ['new'] }, b: {} }, group),
    (bench) => bench.desire({ a: {}, b: {} }, { default: { intensity: 1 } }),
    (bench) => bench.desire({ a: {}, b: {}, c: {} }, group),
  ];
  for (const act of acts) {
    const bench = new Bench();
    bench.up({ a: {}, b: {} }, group);
    bench.end('a');
    bench.end('b', CLEAN);
    void bench.asked;
    act(bench);
    assert.deepEqual(bench.asked, ['start a']);
    assert.deepEqual(bench.told('taken-up'), [{ type: 'taken-up', group: 'default' }]);
    bench.ready('a');
    assert.deepEqual(bench.asked, ['start b']);
  }
});

test('pauses between restarts double up to the greatest, until nothing fails for a while', () => {
  const bench = new Bench();
  const backoff = { minMs: 100, maxMs: 500 };
  bench.up({ a: {} }, { default: { intensity: 100, periodMs: 10_000, backoff } });
  for (const pauseMs of [0, 100, 200, 400, 500, 500]) {
    bench.end('a');
    if (pauseMs > 0) {
      assert.equal(bench.state('a'), 'pausing');
      bench.pass(pauseMs - 1);
      assert.deepEqual(bench.asked, []);
      bench.pass(1);
    }
    assert.deepEqual(bench.asked, ['start a'], `${pauseMs}`);
    bench.ready('a');
  }
  bench.pass(10_000);
  bench.end('a');
  assert.deepEqual(bench.asked, ['start a']);
  const delays = bench.told('restarting').map((event) => (event as { delayMs: number }).delayMs);
  assert.deepEqual(delays, [0, 100, 200, 400, 500, 500, 0]);
});

test('a worker that is not ready in time is killed and has failed', () => {
  const bench = new Bench();
  bench.desire({ a: { ready: 'notify', readyMs: 300 } });
  bench.step({ type: 'started', worker: 'a', pid: 7 });
  bench.pass(299);
  assert.deepEqual(bench.asked, ['start a']);
  bench.pass(1);
  assert.deepEqual(bench.asked, ['9 a']);
  assert.deepEqual(bench.told('killed'), [{ type: 'killed', worker: 'a', why: 'late' }]);
  bench.ready('a');
  bench.end('a', KILLED);
  assert.deepEqual(bench.asked, ['start a']);
  assert.equal(bench.told('restarting').length, 1);
});

test('a stalled worker is killed and started again; one that stops is left to', () => {
  const bench = new Bench();
  bench.up({ a: {}, b: {} });
  bench.step({ type: 'stalled', worker: 'a' });
  assert.deepEqual(bench.asked, ['9 a']);
  bench.end('a', KILLED);
  assert.deepEqual(bench.asked, ['start a']);
  bench.step({ type: 'command', command: 'stop', worker: 'b' });
  bench.step({ type: 'stalled', worker: 'b' });
  assert.deepEqual(bench.asked, ['15 b']);
});

test('a worker that was up for a period before it stalled has not failed in a row', () => {
  const bench = new Bench();
  bench.up({ a: {} }, { default: { periodMs: 1000 } });
  for (let stalls = 1; stalls <= 5; stalls++) {
    bench.pass(1000);
    bench.step({ type: 'stalled', worker: 'a' });
    bench.pass(1);
    bench.end('a', KILLED);
    assert.deepEqual(bench.asked, ['9 a', 'start a'], `${stalls}`);
    bench.ready('a');
  }
});

test('what could not be started, and a lost keeper, are failures', () => {
  const bench = new Bench();
  bench.up({ a: { restart: 'transient' } });
  bench.end('a', { kind: 'lost' });
  bench.end('a', { kind: 'failed', errno: 2, at: 'exec' });
  bench.pass(100);
  assert.deepEqual(bench.asked, ['start a', 'start a']);
  assert.equal(bench.machine.view(0).workers[0]?.restarts, 2);
});

test('those that are desired no more stop, and are forgotten', () => {
  const bench = new Bench();
  bench.up(ABC);
  bench.desire({ b: {} });
  assert.deepEqual(bench.asked, ['15 c']);
  bench.end('c', CLEAN);
  bench.end('a', CLEAN);
  assert.deepEqual(bench.asked, ['15 a']);
  assert.deepEqual(
    bench.told('forgotten').map((event) => (event as { worker: string }).worker),
    ['c', 'a'],
  );
  assert.equal(bench.machine.has('a'), false);
});

test('one that is desired again while it stops starts when it has', () => {
  const bench = new Bench();
  bench.up({ a: {} });
  bench.desire({});
  bench.desire({ a: {} });
  assert.deepEqual(bench.asked, ['15 a']);
  bench.end('a', CLEAN);
  assert.deepEqual(bench.asked, ['start a']);
});

test('a description that cannot be used leaves its worker and its group as they are', () => {
  const bench = new Bench();
  bench.up(ABC, TOGETHER);
  const refused = ['workers/b', 'groups/default'];
  bench.step({ type: 'desire', desired: { ...desired({ a: {}, c: {} }), refused } });
  assert.deepEqual(bench.asked, []);
  bench.end('b');
  assert.deepEqual(bench.asked, ['15 c']);
});

test('changed workers are replaced one at a time, the next when the one before is ready', () => {
  const bench = new Bench();
  bench.up(ABC);
  const args = ['new'];
  bench.desire({ a: { args }, b: {}, c: { args } });
  assert.deepEqual(bench.asked, ['15 a']);
  assert.equal(bench.machine.view(0).workers[2]?.isStale, true);
  bench.end('a', CLEAN);
  assert.deepEqual(bench.asked, ['start a']);
  assert.deepEqual(bench.running.get('a')?.command, ['run', 'a', 'new']);
  bench.ready('a');
  assert.deepEqual(bench.asked, ['15 c']);
  bench.end('c', CLEAN);
  bench.ready('c');
  assert.equal(bench.machine.view(0).workers[2]?.isStale, false);
});

test('a change that does not start stops the replacing of the others', () => {
  const bench = new Bench();
  bench.up(ABC);
  const args = ['bad'];
  bench.desire({ a: { args }, b: { args }, c: { args } });
  bench.end('a', CLEAN);
  bench.end('a');
  bench.pass(50);
  assert.deepEqual(bench.asked, ['15 a', 'start a', 'start a']);
  assert.equal(bench.state('b'), 'ready');
});

test('what only the supervisor looks at changes without a restart', () => {
  const bench = new Bench();
  bench.up({ a: {}, b: {} });
  bench.desire({ a: { stopSignal: 'SIGINT', order: 5 }, b: { restart: 'temporary' } });
  assert.deepEqual(bench.asked, []);
  bench.desire({});
  assert.deepEqual(bench.asked, ['2 a']);
});

test('an operator stops, starts and restarts a worker', () => {
  const bench = new Bench();
  bench.up(ABC);
  bench.step({ type: 'command', command: 'stop', worker: 'b' });
  bench.end('b', CLEAN);
  assert.equal(bench.state('b'), 'stopped');
  bench.end('a');
  assert.deepEqual(bench.asked, ['15 b', 'start a']);
  bench.step({ type: 'command', command: 'start', worker: 'b' });
  assert.deepEqual(bench.asked, ['start b']);
  bench.step({ type: 'command', command: 'restart', worker: 'c' });
  bench.end('c', CLEAN);
  assert.deepEqual(bench.asked, ['15 c', 'start c']);
  assert.equal(bench.told('restarting').length, 1);
});

test('nothing is started or stopped before it is known what is desired', () => {
  const bench = new Bench();
  const adopted = (name: string, isReady = true, isStopping = false) =>
    bench.step({
      type: 'adopted',
      spec: workerSpec(name, { command: ['run', name], readyMs: 10 }),
      pid: 5,
      isReady,
      isStopping,
    });
  adopted('a');
  adopted('b', false);
  adopted('c', true, true);
  adopted('d');
  adopted('e');
  bench.step({ type: 'ended', worker: 'd', ending: CRASH });
  bench.step({ type: 'stalled', worker: 'e' });
  bench.pass(1_000_000);
  assert.deepEqual(bench.asked, []);
  bench.desire({ a: {}, c: {}, d: {}, e: {} });
  assert.deepEqual(bench.asked, ['9 b', '9 c', '9 e', 'start d']);
  assert.equal(bench.told('adopted').length, 5);
  assert.equal(bench.told('restarting').length, 1);
});

test('whose keeper says late that it was asked to stop has to, and starts again', () => {
  const bench = new Bench();
  const { workers } = desired({ a: { stopMs: 10 } });
  bench.step({ type: 'adopted', spec: workers[0]!, pid: 5, isReady: true, isStopping: false });
  bench.desire({ a: { stopMs: 10 } });
  bench.step({ type: 'asked', worker: 'a' });
  assert.equal(bench.state('a'), 'stopping');
  bench.pass(10);
  bench.end('a', KILLED);
  assert.deepEqual(bench.asked, ['9 a', 'start a']);
  assert.equal(bench.told('restarting').length, 0);
});

test('an adopted worker of an older description is replaced', () => {
  const bench = new Bench();
  const spec = workerSpec('a', { command: ['old'] });
  bench.step({ type: 'adopted', spec, pid: 5, isReady: true, isStopping: false });
  bench.desire({ a: {} });
  bench.step({ type: 'ended', worker: 'a', ending: CLEAN });
  assert.deepEqual(bench.asked, ['15 a', 'start a']);
});

test('the next controller waits for whom the one before had begun to replace', () => {
  const bench = new Bench();
  const adopted = (name: string, isStopping: boolean) => {
    const spec = workerSpec(name, { command: ['old'] });
    bench.step({ type: 'adopted', spec, pid: 5, isReady: true, isStopping });
  };
  // One has gone, one is about to, and one was not asked yet.
  adopted('b', true);
  adopted('c', false);
  bench.desire(ABC);
  assert.deepEqual(bench.asked, ['start a']);
  bench.ready('a');
  bench.end('b', CLEAN);
  assert.deepEqual(bench.asked, ['start b']);
  bench.ready('b');
  assert.deepEqual(bench.asked, ['15 c']);
});

test('who is never ready holds up neither its own change nor, once failed, those of others', () => {
  const bench = new Bench();
  bench.up({ a: {} });
  bench.desire({ a: {}, b: { readyMs: 10 } });
  assert.deepEqual(bench.asked, ['start b']);
  const args = ['new'];
  bench.desire({ a: { args }, b: { args, readyMs: 10 } });
  assert.deepEqual(bench.asked, ['15 b']);
  bench.end('b', CLEAN);
  bench.ready('b');
  assert.deepEqual(bench.asked, ['start b', '15 a']);
  bench.end('a', CLEAN);
  bench.ready('a');
  bench.desire({ a: { args }, b: { args }, c: { readyMs: 10 } });
  bench.desire({ a: {}, b: { args }, c: { readyMs: 10 } });
  assert.deepEqual(bench.asked, ['start a', 'start c']);
  bench.pass(10);
  bench.end('c', KILLED);
  assert.deepEqual(bench.asked, ['9 c', '15 a', 'start c']);
});

test('who has ended for good does not start with the next controller, unless changed', () => {
  const spec = workerSpec('a', { command: ['run', 'a'], restart: 'temporary' });
  for (const [args, asked] of [
    [[], []],
    [['new'], ['start a']],
  ]) {
    const bench = new Bench();
    bench.step({ type: 'remembered', spec, ending: CLEAN });
    bench.desire({ a: { restart: 'temporary', args } });
    assert.deepEqual(bench.asked, asked);
    assert.deepEqual(bench.machine.view(0).workers[0]?.lastEnding, CLEAN);
  }
});

test('what an operator has stopped is kept as long as somebody may desire it', () => {
  const bench = new Bench();
  bench.step({ type: 'held', workers: ['a', 'b', 'c'] });
  bench.step({ type: 'desire', desired: { ...desired({ a: {} }), refused: ['workers/b'] } });
  // Nobody desires it, and nothing is known of it.
  assert.deepEqual(bench.told('forgotten'), [{ type: 'forgotten', worker: 'c' }]);
  bench.desire(ABC);
  assert.deepEqual(bench.asked, ['start c']);
  assert.deepEqual([bench.state('a'), bench.state('b')], ['stopped', 'stopped']);
});

test('a temporary worker that went with others has ended for good, and that is told', () => {
  const bench = new Bench();
  bench.up({ a: {}, b: { restart: 'temporary' } }, TOGETHER);
  bench.end('a');
  bench.end('b', CLEAN);
  assert.deepEqual(bench.told('finished'), [{ type: 'finished', worker: 'b' }]);
});

test('what ended before the process that is adopted is not judged', () => {
  const bench = new Bench();
  const spec = workerSpec('a', { command: ['run', 'a'], restart: 'temporary' });
  const adopted = { type: 'adopted', spec, pid: 5, isReady: true, isStopping: false } as const;
  bench.step(adopted);
  bench.step({ type: 'ended', worker: 'a', ending: CRASH });
  bench.step(adopted);
  bench.desire({ a: { restart: 'temporary' } });
  assert.deepEqual(bench.asked, []);
  assert.equal(bench.state('a'), 'ready');
});

test('what ended before this controller, of an older description, is no end of the new one', () => {
  const bench = new Bench();
  const spec = workerSpec('a', { command: ['old'], restart: 'temporary' });
  bench.step({ type: 'adopted', spec, pid: 5, isReady: true, isStopping: false });
  bench.step({ type: 'ended', worker: 'a', ending: CLEAN });
  bench.desire({ a: { restart: 'temporary' } });
  assert.deepEqual(bench.asked, ['start a']);
  assert.deepEqual(bench.told('finished'), []);
});
