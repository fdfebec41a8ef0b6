import assert from 'node:assert/strict';
import test from 'node:test';
import { type ErrorCode, LinkError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { type AlarmDefinition, alarmCodes } from '../../../src/observe/alarm-codes.js';
import { Bench, PEER } from './alarm-bench.js';

test('a lost plane is an alarm, raised once and cleared once', () => {
  const bench = new Bench();
  bench.redundancy('lost', ['a']);
  bench.nowMs = 1000;
  bench.redundancy('lost', ['a']);
  assert.deepEqual(bench.alarms.active, [
    {
      id: 1,
      code: 'redundancy-lost',
      severity: 'major',
      object: PEER,
      plane: 'a',
      text: 'no active path on plane a',
      count: 2,
      since: '2026-01-02T00:00:00.000Z',
      cleared: null,
    },
  ]);
  bench.nowMs = 2000;
  bench.redundancy('restored', []);
  assert.deepEqual(bench.alarms.active, []);
  assert.deepEqual(bench.take(), [
    `raise redundancy-lost ${PEER} a`,
    `clear redundancy-lost ${PEER} a`,
  ]);
  const [cleared] = bench.alarms.history;
  assert.deepEqual([cleared?.id, cleared?.cleared], [1, '2026-01-02T00:00:02.000Z']);
});

test('each plane is an alarm of its own, and ends with its own path', () => {
  const bench = new Bench();
  bench.redundancy('lost', ['a']);
  bench.redundancy('lost', ['a', 'b']);
  bench.path('a', 'active');
  bench.path('b', 'potentially-failed');
  assert.deepEqual(bench.take(), [
    `raise redundancy-lost ${PEER} a`,
    `raise redundancy-lost ${PEER} b`,
    `clear redundancy-lost ${PEER} a`,
  ]);
  bench.redundancy('lost', ['a']);
  assert.deepEqual(bench.take(), [
    `clear redundancy-lost ${PEER} b`,
    `raise redundancy-lost ${PEER} a`,
  ]);
});

test('a path that was never confirmed has a code of its own', () => {
  const bench = new Bench();
  bench.redundancy('lost', ['b'], ['b']);
  assert.deepEqual(bench.take(), [`raise path-never-confirmed ${PEER} b`]);
  bench.path('b', 'active');
  assert.deepEqual(bench.take(), [`clear path-never-confirmed ${PEER} b`]);
  bench.redundancy('lost', ['b']);
  assert.deepEqual(bench.take(), [`raise redundancy-lost ${PEER} b`]);
});

test('what is true of a link ends with it; then the node is lost until it is up', () => {
  const bench = new Bench();
  bench.redundancy('lost', ['b']);
  bench.event('stalled', { name: PEER });
  bench.take();
  bench.down('lost');
  assert.deepEqual(bench.take().sort(), [
    `clear node-stalled ${PEER}`,
    `clear redundancy-lost ${PEER} b`,
    `raise node-lost ${PEER}`,
  ]);
  assert.equal(bench.alarms.active[0]?.severity, 'critical');
  bench.up();
  assert.deepEqual(bench.take(), [`clear node-lost ${PEER}`]);
});

test('a node that leaves, restarts, or is left by us, is not lost', () => {
  const bench = new Bench();
  bench.down('left');
  bench.down('restarted');
  bench.down('closed', true);
  bench.down('lost', true);
  assert.deepEqual(bench.take(), []);
  bench.down('closed');
  assert.deepEqual(bench.take(), [`raise node-lost ${PEER}`]);
});

test('stalled is cleared when it answers', () => {
  const bench = new Bench();
  bench.event('stalled', { name: PEER });
  bench.event('resumed', { name: PEER });
  assert.deepEqual(bench.take(), [`raise node-stalled ${PEER}`, `clear node-stalled ${PEER}`]);
});

test('who cannot be reached for ten seconds is an alarm; who comes before is none', () => {
  const bench = new Bench();
  bench.dialFailed('ERR_REFUSED');
  bench.pass(9_999);
  bench.up();
  bench.pass(60_000);
  assert.deepEqual(bench.take(), []);
  bench.dialFailed('ERR_TIMEOUT');
  bench.pass(5_000);
  bench.dialFailed('ERR_TIMEOUT');
  bench.pass(4_999);
  assert.deepEqual(bench.take(), []);
  bench.pass(1);
  assert.deepEqual(bench.take(), [`raise node-unreachable ${PEER}`]);
  bench.pass(100_000);
  bench.dialFailed('ERR_REFUSED');
  assert.equal(bench.alarms.active[0]?.text, 'it cannot be reached: ERR_REFUSED: why');
  bench.pass(299_999);
  assert.deepEqual(bench.take(), []);
  bench.pass(1);
  assert.deepEqual(bench.take(), [`clear node-unreachable ${PEER}`]);
});

test('a lost node is not unreachable besides', () => {
  const bench = new Bench();
  bench.down('lost');
  bench.dialFailed('ERR_TIMEOUT');
  bench.pass(20_000);
  assert.deepEqual(bench.take(), [`raise node-lost ${PEER}`]);
});

test('what keeps two nodes apart for good has codes of its own, at both ends', () => {
  const cases: [ErrorCode, string][] = [
    ['ERR_PROFILE_MISMATCH', 'profile-mismatch'],
    ['ERR_LABEL_MISMATCH', 'peer-mismatch'],
    ['ERR_VERSION', 'peer-mismatch'],
    ['ERR_SECURITY', 'peer-mismatch'],
  ];
  for (const [error, code] of cases) {
    const bench = new Bench();
    bench.dialFailed(error);
    bench.refused(error, null);
    assert.deepEqual(bench.take(), [`raise ${code} ${PEER}`, `raise ${code} 10.1.0.9`]);
    bench.up();
    assert.deepEqual(bench.take(), [`clear ${code} ${PEER}`]);
    bench.pass(60_000);
    assert.deepEqual(bench.take(), [`clear ${code} 10.1.0.9`]);
  }
});

test('another key is told of the node that is dialled, and of strangers as one', () => {
  const bench = new Bench();
  bench.dialFailed('ERR_KEY_MISMATCH');
  for (let i = 0; i < 1000; i++) bench.refused('ERR_KEY_MISMATCH', null, `10.0.0.${i}`);
  bench.refused('ERR_PROTOCOL', null);
  assert.deepEqual(bench.take(), [
    `raise key-mismatch ${PEER}`,
    'raise stranger-refused one@host1',
  ]);
  const { count, text, severity } = bench.alarms.active[1]!;
  assert.deepEqual(
    [count, text, severity],
    [1001, 'the last one came from 10.1.0.9: ERR_PROTOCOL', 'warning'],
  );
});

test('a name that is taken is told under that name', () => {
  const bench = new Bench();
  bench.dialFailed('ERR_NAME_TAKEN');
  bench.refused('ERR_NAME_TAKEN', PEER);
  assert.deepEqual(bench.take(), ['raise name-taken one@host1', `raise name-taken ${PEER}`]);
});

test('a handler that fails is an alarm of its topic until it has been quiet', () => {
  const bench = new Bench();
  const fail = () =>
    bench.event('handlerError', { name: PEER, topic: 'orders', error: new Error('x') });
  fail();
  bench.pass(59_999);
  fail();
  bench.pass(59_999);
  assert.deepEqual(bench.take(), ['raise handler-errors orders']);
  bench.pass(1);
  assert.deepEqual(bench.take(), ['clear handler-errors orders']);
});

test('a queue that is high for ten seconds is an alarm, until it is low', () => {
  const bench = new Bench();
  const queue = (queuedBytes: number) => bench.sample({ name: PEER, queuedBytes, rejected: 0 });
  const high = limits.outboxHighWaterBytes + 1;
  for (let second = 0; second < 9; second++) {
    queue(high);
    bench.pass(1000);
  }
  queue(limits.outboxLowWaterBytes);
  bench.pass(60_000);
  assert.deepEqual(bench.take(), []);
  queue(high);
  bench.pass(10_000);
  assert.deepEqual(bench.take(), [`raise back-pressure ${PEER}`]);
  queue(limits.outboxLowWaterBytes + 1);
  assert.deepEqual(bench.take(), []);
  queue(0);
  assert.deepEqual(bench.take(), [`clear back-pressure ${PEER}`]);
});

test('messages that were not taken are an alarm; those from before it looked are none', () => {
  const bench = new Bench();
  const queue = (rejected: number) => bench.sample({ name: PEER, queuedBytes: 0, rejected });
  queue(7);
  queue(7);
  assert.deepEqual(bench.take(), []);
  queue(8);
  assert.deepEqual(bench.take(), [`raise queue-full ${PEER}`]);
  bench.pass(60_000);
  assert.deepEqual(bench.take(), [`clear queue-full ${PEER}`]);
  // Its counts were forgotten, and it came again.
  bench.sample();
  queue(1);
  assert.deepEqual(bench.take(), [`raise queue-full ${PEER}`]);
});

test('alarms of a peer that is not wanted any more are over; all are at the end', () => {
  const bench = new Bench();
  bench.down('lost');
  bench.event('disconnected', { name: 'three@host3' });
  bench.event('disconnected', { name: PEER });
  assert.deepEqual(bench.take(), [`raise node-lost ${PEER}`, `clear node-lost ${PEER}`]);
  bench.dialFailed('ERR_REFUSED');
  bench.refused('ERR_PROTOCOL', null);
  bench.event('closed', {});
  bench.pass(60_000);
  assert.deepEqual(bench.take(), [
    'raise stranger-refused one@host1',
    'clear stranger-refused one@host1',
  ]);
  assert.equal(bench.alarms.deadline(), null);
});

test('pairs that do not reach each other are one alarm until all do', () => {
  const bench = new Bench();
  const pair = (a: string, b: string) =>
    ({ nodes: [a, b], via: 'three@host3', lastedMs: 20_000 }) as const;
  const view = { nodes: [], matrix: [] };
  bench.event('partition', { ...view, state: 'detected', pairs: [pair('one@a', 'two@b')] });
  assert.equal(bench.alarms.active[0]?.text, 'no link between one@a and two@b (three@host3 both)');
  const four = ['1@x', '2@x', '3@x', '4@x'].map((name) => pair('one@a', name));
  bench.event('partition', { ...view, state: 'changed', pairs: four });
  assert.match(bench.alarms.active[0]?.text ?? '', /, and 1 more pairs$/);
  bench.event('partition', { ...view, state: 'cleared', pairs: [] });
  assert.deepEqual(bench.take(), [
    'raise partition-overlap cluster',
    'clear partition-overlap cluster',
  ]);
});

test('a gray path is an alarm until it is clear, also while it fails and comes back', () => {
  const bench = new Bench();
  const found = {
    reasons: ['slow', 'lossy'],
    rttMs: 120,
    baselineRttMs: 1,
    lossShare: 0.05,
  } as const;
  const change = (word: 'gray' | 'clear' | 'removed', plane: string) =>
    bench.event('path', {
      name: PEER,
      plane,
      address: 'x',
      change: word,
      state: word === 'removed' ? 'removed' : 'active',
      primary: true,
      figures: word === 'gray' ? found : { ...found, reasons: [] },
    });
  change('gray', 'a');
  assert.equal(bench.alarms.active[0]?.text, 'slow and lossy: round trip 120 ms, 5.0 % sent again');
  bench.path('a', 'inactive');
  bench.path('a', 'active');
  change('clear', 'b');
  assert.deepEqual(bench.take(), [`raise path-gray ${PEER} a`]);
  change('clear', 'a');
  change('gray', 'b');
  change('removed', 'b');
  change('gray', 'a');
  bench.down('left');
  assert.deepEqual(bench.take(), [
    `clear path-gray ${PEER} a`,
    `raise path-gray ${PEER} b`,
    `clear path-gray ${PEER} b`,
    `raise path-gray ${PEER} a`,
    `clear path-gray ${PEER} a`,
  ]);
});

test('a source of peers that fails is an alarm until it names others, or is quiet', () => {
  const bench = new Bench();
  const error = new LinkError('ERR_PEER_SOURCE', 'no server');
  const fail = () => bench.event('peersFailed', { source: 'dns', code: error.code, error });
  const change = { source: 'dns', added: [], changed: [] };
  fail();
  bench.event('peers', { ...change, removed: [] });
  fail();
  bench.pass(300_000);
  assert.deepEqual(bench.take(), [
    'raise peer-source-failed dns',
    'clear peer-source-failed dns',
    'raise peer-source-failed dns',
    'clear peer-source-failed dns',
  ]);
  bench.down('lost');
  bench.event('peers', { ...change, removed: [PEER] });
  assert.deepEqual(bench.take(), [`raise node-lost ${PEER}`, `clear node-lost ${PEER}`]);
});

test('a plane that a link could not follow is a warning until the link ends', () => {
  const bench = new Bench();
  const error = new LinkError('ERR_PLANE_DEFERRED', 'the kernel does not');
  const { code } = error;
  const change = 'added' as const;
  bench.event('planeDeferred', { name: PEER, plane: 'c', address: 'x', change, code, error });
  bench.down('left');
  assert.deepEqual(bench.take(), [
    `raise plane-deferred ${PEER} c`,
    `clear plane-deferred ${PEER} c`,
  ]);
});

test('alarms can be raised and cleared by hand', () => {
  const bench = new Bench();
  const hand = { code: 'path-gray', object: PEER } as const;
  const { wallMs } = bench;
  for (const plane of ['a', 'b']) {
    bench.alarms.step(0, { type: 'raise', wallMs, ...hand, plane, text: '30 % loss' });
  }
  bench.alarms.step(0, { type: 'clear', wallMs, ...hand, plane: 'a' });
  bench.alarms.step(0, { type: 'raise', wallMs, ...hand, text: 'all' });
  bench.alarms.step(0, { type: 'clear', wallMs, ...hand });
  bench.alarms.step(0, { type: 'raise', wallMs, ...hand, code: 'none' as 'path-gray', text: '' });
  bench.poll();
  assert.deepEqual(bench.take(), [
    `raise path-gray ${PEER} a`,
    `raise path-gray ${PEER} b`,
    `clear path-gray ${PEER} a`,
    `raise path-gray ${PEER}`,
    `clear path-gray ${PEER} b`,
    `clear path-gray ${PEER}`,
  ]);
});

test('the worst come first, then the oldest', () => {
  const bench = new Bench();
  bench.refused('ERR_PROTOCOL', null);
  bench.event('handlerError', { name: PEER, topic: 't', error: null });
  bench.redundancy('lost', ['b', 'a']);
  bench.down('lost');
  bench.event('stalled', { name: 'three@host3' });
  const codes = bench.alarms.active.map(({ code, severity }) => `${severity} ${code}`);
  assert.deepEqual(codes, [
    'critical node-lost',
    'major node-stalled',
    'minor handler-errors',
    'warning stranger-refused',
  ]);
});

test('of one code only so many alarms are active, and only so many remembered', () => {
  const bench = new Bench();
  const count = limits.alarmsPerCode + 5;
  for (let i = 0; i < count; i++) bench.event('stalled', { name: `n${i}@h` });
  assert.equal(bench.alarms.active.length, limits.alarmsPerCode);
  assert.equal(bench.alarms.dropped, 5);
  // Other codes have room.
  bench.down('lost');
  assert.equal(bench.alarms.active[0]?.code, 'node-lost');
  bench.event('closed', {});
  assert.equal(bench.alarms.history.length, limits.alarmHistory);
  assert.equal(bench.alarms.history.at(-1)?.code, 'node-stalled');
  assert.equal(bench.alarms.history[0]?.object, 'n0@h');
});

test('a code is added in one place', () => {
  const mine: AlarmDefinition = {
    severity: 'minor',
    summary: 'a test',
    rules: {
      stalled: ({ name }) => [{ type: 'raise', object: name, plane: null, text: 'mine' }],
    },
  };
  const bench = new Bench({ ...alarmCodes, mine });
  bench.event('stalled', { name: PEER });
  assert.deepEqual(bench.take(), [`raise node-stalled ${PEER}`, `raise mine ${PEER}`]);
});
