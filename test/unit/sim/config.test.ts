/** The simulation of the configuration in short, and what its judges judge by. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { makeEntry, ORIGIN } from '../../../src/config/entry.js';
import { type EpochRecord, encodeRecord, forcedRecord } from '../../../src/config/epoch-record.js';
import type { StoreOperation } from '../../../src/config/store-contract.js';
import { limits } from '../../../src/limits.js';
import { VirtualTime } from '../../../src/testing/virtual-time.js';
import { SeededRandom } from '../../random.js';
import { Bus, type LinkEvent, type Linked } from '../../sim/config/bus.js';
import { emptyImage, SimDisk } from '../../sim/config/disk.js';
import { History } from '../../sim/config/history.js';
import { runJob } from '../../sim/jobs.js';

const SEEDS = 20;
const EVENTS = 3000;
const MUST_HAPPEN = [
  ...[
    'committed',
    'failed',
    'reads',
    'freshReads',
    'shownAgain',
    'downs',
    'done',
    'forces',
    'adds',
  ],
  ...['kills', 'reopens', 'cuts', 'stalls', 'replaced', 'lostMessages'],
  ...['failedFlushes', 'lostBatches', 'installs', 'compactions'],
];

test('a configuration under faults keeps every promise, and every seed replays', async () => {
  const counts: Record<string, number> = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const done = await runJob({ world: 'config', seed, leastEvents: EVENTS, twice: seed <= 2 });
    assert.deepEqual(done.violations, [], `seed ${seed}\n${done.lines.join('\n')}`);
    assert.ok(done.events >= EVENTS);
    assert.equal(done.diverged, false, `seed ${seed} left another trace`);
    for (const [name, count] of Object.entries(done.counts)) {
      counts[name] = (counts[name] ?? 0) + count;
    }
  }
  // A world in which nothing of a kind ever happens tests nothing of it.
  for (const name of MUST_HAPPEN) assert.ok((counts[name] ?? 0) > 0, name);
});

test('one seed is not the other, and limits are as they were', async () => {
  const before = { ...limits };
  const run = (seed: number) => runJob({ world: 'config', seed, leastEvents: 500, twice: false });
  const [first, second] = [await run(1), await run(2)];
  assert.notEqual(first.hash, second.hash);
  assert.deepEqual({ ...limits }, before);
});

// --- the model of a store

const ID = (letter: string) => letter.repeat(32);
const RECORD: EpochRecord = {
  clusterId: ID('c'),
  lineage: ID('1'),
  epoch: 1,
  masters: [
    { name: 'a@h', storeId: ID('a') },
    { name: 'b@h', storeId: ID('b') },
  ],
  parent: null,
  ancestors: [],
  cause: { kind: 'bootstrap', by: 'test', atMs: 0 },
};
const FIRST = makeEntry(ORIGIN, {
  kind: 'epoch',
  epoch: 1,
  requestId: ID('e'),
  body: encodeRecord(RECORD),
});

interface Bench {
  readonly time: VirtualTime;
  readonly history: History;
  readonly violations: string[];
  disk(name: string): SimDisk;
}

function makeBench(seed = 1): Bench {
  const time = new VirtualTime();
  const violations: string[] = [];
  const violated = (what: string) => violations.push(what);
  const history = new History(violated);
  history.bootstraps.add(RECORD.lineage);
  const random = new SeededRandom(seed);
  const setup = { time, random, history, flushMs: 5, violated, note: () => {} };
  const disk = (name: string) => new SimDisk(name, emptyImage(ID(name)), setup);
  return { time, history, violations, disk };
}

function appended(bytes: Buffer, revision: number): StoreOperation {
  return { type: 'append', revision, bytes };
}

/** The next transaction after an entry, which a client has asked for. */
function nextEntry(history: History, before: typeof FIRST, digit: string) {
  history.asks(ID(digit), [{ key: 'cluster/k', value: digit }]);
  return makeEntry(before, {
    kind: 'transaction',
    epoch: 1,
    requestId: ID(digit),
    body: Buffer.from(digit),
  });
}

test('a store answers late and in order, and keeps a first part at a crash', () => {
  const kept = new Set<number>();
  for (let seed = 1; seed <= 40; seed++) {
    const { time, history, violations, disk } = makeBench(seed);
    const store = disk('a');
    const told: number[] = [];
    const answers = { persisted: (token: number) => told.push(token), failed: () => told.push(-1) };
    store.open(answers);
    let last = FIRST;
    for (let token = 1; token <= 4; token++) {
      if (token > 1) last = nextEntry(history, last, `${token}`);
      store.persist({ token, operations: [appended(last.bytes, last.revision)] });
    }
    assert.deepEqual(told, [], 'not from within persist');
    for (let steps = seed % 4; steps > 0; steps--) time.step();
    store.crash();
    const { log } = store.open(answers);
    assert.ok(log.length >= told.length, 'what was told is there');
    assert.deepEqual(told, [1, 2, 3, 4].slice(0, told.length));
    kept.add(log.length);
    assert.deepEqual(violations, []);
  }
  assert.deepEqual([...kept].sort(), [0, 1, 2, 3, 4]);
});

test('a store that has failed takes nothing until it is opened anew', () => {
  const { time, disk } = makeBench();
  const store = disk('a');
  const told: string[] = [];
  const answers = {
    persisted: (token: number) => told.push(`${token}`),
    failed: (token: number, code: string) => told.push(`${token} ${code}`),
  };
  store.open(answers);
  store.failure = 'ERR_STORE_FULL';
  store.persist({ token: 1, operations: [appended(FIRST.bytes, 1)] });
  while (time.step());
  store.failure = null;
  store.persist({ token: 2, operations: [] });
  while (time.step());
  assert.equal(told[0], '1 ERR_STORE_FULL');
  assert.match(told[1] as string, /^2 ERR_STORE/);
  store.crash();
  store.open(answers);
  store.persist({ token: 1, operations: [] });
  while (time.step());
  assert.equal(told[2], '1');
});

test('a store tells of what must not be: a gap, a note too early, a foreign snapshot', () => {
  const { time, history, violations, disk } = makeBench();
  const [a, b] = [disk('a'), disk('b')];
  const answers = { persisted: () => {}, failed: () => {} };
  a.open(answers);
  b.open(answers);
  a.persist({ token: 1, operations: [appended(FIRST.bytes, 1)] });
  while (time.step());
  a.persist({ token: 2, operations: [{ type: 'committed', revision: 1 }] });
  assert.match(violations.pop() ?? '', /committed, and not all masters have it/);
  b.persist({ token: 1, operations: [appended(FIRST.bytes, 1)] });
  while (time.step());
  b.persist({ token: 2, operations: [{ type: 'committed', revision: 1 }] });
  assert.deepEqual(violations, []);
  const second = nextEntry(history, FIRST, '2');
  const third = nextEntry(history, second, '3');
  a.persist({ token: 3, operations: [appended(second.bytes, 2)] });
  b.persist({ token: 3, operations: [appended(second.bytes, 2), appended(third.bytes, 3)] });
  a.persist({ token: 4, operations: [appended(third.bytes, 3)] });
  assert.deepEqual(violations, []);
  a.persist({ token: 5, operations: [appended(second.bytes, 2)] });
  assert.match(violations.pop() ?? '', /no continuation/);
});

test('the history tells of two entries in one place, a force that loses, and a refusal', () => {
  const { history, violations } = makeBench();
  const first = history.learn(FIRST, false);
  assert.ok(first);
  const one = history.learn(nextEntry(history, FIRST, '2'), false);
  assert.ok(one);
  history.durable(one, ID('a'));
  assert.equal(one.isCommitted, false);
  history.durable(one, ID('b'));
  assert.equal(one.isCommitted, true);
  assert.equal(first.isCommitted, true);
  history.acknowledged(one, RECORD.lineage);
  assert.deepEqual(violations, []);
  history.refused(ID('2'), 'ERR_REPLICAS');
  assert.match(violations.pop() ?? '', /refused with ERR_REPLICAS, and appended/);
  const record = forcedRecord(RECORD, FIRST, [RECORD.masters[0] as never], RECORD.cause, ID('9'));
  const forced = { ...record, cause: { ...record.cause, kind: 'force' as const } };
  const fields = {
    kind: 'epoch',
    epoch: 2,
    requestId: ID('f'),
    body: encodeRecord(forced),
  } as const;
  history.learn(makeEntry(FIRST, fields), false);
  assert.match(violations.pop() ?? '', /a force leaves its lineage at 1, 2 was acknowledged/);
  history.learn(nextEntry(history, FIRST, '4'), false);
  assert.match(violations.pop() ?? '', /two entries of revision 2/);
  assert.deepEqual(violations, []);
});

// --- the model of links

class Party implements Linked {
  isAlive = true;
  isStalled = false;
  readonly heard: string[] = [];
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  linkEvent(event: LinkEvent): void {
    this.heard.push(event.type === 'message' ? event.body.toString() : event.type);
  }
}

test('links give messages in order, lose the last of them, and tell the end after the rest', () => {
  const losses = new Set<number>();
  for (let seed = 1; seed <= 30; seed++) {
    const time = new VirtualTime();
    const random = new SeededRandom(seed);
    const setup = { time, random, latencyMs: 2, jitterMs: 3, dialMs: 5, wanted: () => true };
    const bus = new Bus(setup);
    const [a, b] = [new Party('a'), new Party('b')];
    bus.began(a);
    bus.began(b);
    while (!bus.isUp(a, 'b') || !bus.isUp(b, 'a')) time.step();
    for (let number = 0; number < 6; number++) bus.send(a, 'b', Buffer.from(`${number}`));
    for (let steps = random.below(4); steps > 0; steps--) time.step();
    bus.fail('a', 'b');
    bus.send(a, 'b', Buffer.from('too late'));
    while (b.heard.filter((what) => what === 'up').length < 2) time.step();
    const down = b.heard.indexOf('down');
    const came = b.heard.slice(1, down);
    assert.deepEqual(came, ['0', '1', '2', '3', '4', '5'].slice(0, came.length));
    assert.equal(b.heard[down + 1], 'up');
    losses.add(6 - came.length);
  }
  assert.ok(losses.has(0) && losses.size > 3);
});

test('a cut that is short holds messages up; a long one ends the link', () => {
  const time = new VirtualTime();
  const random = new SeededRandom(3);
  const setup = { time, random, latencyMs: 1, jitterMs: 1, dialMs: 5, wanted: () => true };
  const bus = new Bus(setup);
  const [a, b] = [new Party('a'), new Party('b')];
  bus.began(a);
  bus.began(b);
  while (!bus.isUp(a, 'b') || !bus.isUp(b, 'a')) time.step();
  bus.cut('a', 'b');
  bus.send(a, 'b', Buffer.from('held up'));
  time.after(100, () => bus.heal('a', 'b'));
  while (b.heard.length < 2) time.step();
  assert.deepEqual(b.heard, ['up', 'held up']);
  bus.cut('a', 'b');
  while (b.heard.length < 3) time.step();
  assert.deepEqual(b.heard.slice(2), ['down']);
  bus.heal('a', 'b');
  while (b.heard.length < 4) time.step();
  assert.deepEqual(b.heard.slice(3), ['up']);
});
