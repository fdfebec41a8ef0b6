import assert from 'node:assert/strict';
import test from 'node:test';
import {
  type ClusterChange,
  type ClusterInput,
  ClusterState,
  type JudgedStatus,
} from '../../../src/controller/cluster-state.js';
import { limits } from '../../../src/limits.js';

const LOAD_MS = 1000;
const WALL_MS = 1_700_000_000_000;
const ONE = 'controller@one';
const TWO = 'controller@two';

type Input = ClusterInput extends infer T ? (T extends unknown ? Omit<T, 'wallMs'> : never) : never;

const record = {
  masters: [ONE, TWO].map((name) => ({ name, storeId: name })),
} as unknown as NonNullable<JudgedStatus['record']>;

function statusOf(changes: Partial<JudgedStatus>): JudgedStatus {
  const whole = { isWritable: false, isDown: false, missing: [], storeFailure: null };
  return { role: 'slave', record, ...whole, ...changes };
}

/** A machine, with the time as it goes on there. */
class Seat {
  nowMs = 0;
  readonly state: ClusterState;

  constructor(name: string) {
    const host = name.slice(name.indexOf('@') + 1);
    this.state = new ClusterState(0, { name, host, loadMs: LOAD_MS, wallMs: WALL_MS });
  }

  step(input: Input): ClusterChange[] {
    this.state.step(this.nowMs, { ...input, wallMs: WALL_MS + this.nowMs } as ClusterInput);
    const changes: ClusterChange[] = [];
    for (let each = this.state.poll(); each !== null; each = this.state.poll()) changes.push(each);
    return changes;
  }

  status(changes: Partial<JudgedStatus>): ClusterChange[] {
    return this.step({ type: 'configuration', status: statusOf(changes) });
  }

  get condition(): string {
    return this.state.view.condition;
  }
}

test('a cluster is up when all masters are in touch', () => {
  const seat = new Seat('controller@three');
  assert.equal(seat.condition, 'starting');
  const [change, ...more] = seat.status({});
  assert.deepEqual(more, []);
  assert.equal(change?.before, 'starting');
  assert.deepEqual(change?.view, {
    condition: 'up',
    sinceMs: WALL_MS,
    why: 'all masters are in touch',
    missing: [],
  });
  assert.equal(seat.state.deadline(), Number.POSITIVE_INFINITY);
});

test('what is missing at the beginning is waited for', () => {
  const seat = new Seat('controller@three');
  assert.deepEqual(seat.status({ isDown: true, missing: [ONE, TWO] }), []);
  seat.nowMs = LOAD_MS - 1;
  assert.deepEqual(seat.step({ type: 'tick' }), []);
  assert.equal(seat.state.deadline(), LOAD_MS);
  seat.nowMs = LOAD_MS;
  assert.equal(seat.step({ type: 'tick' }).length, 1);
  assert.deepEqual(seat.state.view, {
    condition: 'down',
    sinceMs: WALL_MS + LOAD_MS,
    why: `no master is in touch: ${ONE}, ${TWO}`,
    missing: [ONE, TWO],
  });
});

test('a slave sees a master missing, then all, then none', () => {
  const seat = new Seat('controller@three');
  seat.status({});
  seat.nowMs = 10;
  seat.status({ missing: [TWO] });
  assert.deepEqual(seat.state.view, {
    condition: 'degraded',
    sinceMs: WALL_MS + 10,
    why: `masters are missing, nothing can be written: ${TWO}`,
    missing: [TWO],
  });
  seat.nowMs = 20;
  seat.status({ missing: [ONE, TWO], isDown: true });
  assert.equal(seat.condition, 'down');
  seat.nowMs = 30;
  seat.status({});
  assert.deepEqual([seat.condition, seat.state.view.sinceMs], ['up', WALL_MS + 30]);
});

test('the time is that of the condition, though its reason changes', () => {
  const seat = new Seat('controller@three');
  seat.status({});
  seat.nowMs = 10;
  seat.status({ missing: [TWO] });
  seat.nowMs = 20;
  const [change] = seat.status({ missing: [ONE] });
  assert.deepEqual(change?.view.missing, [ONE]);
  assert.equal(change?.view.sinceMs, WALL_MS + 10);
  seat.nowMs = 30;
  assert.deepEqual(seat.status({ missing: [ONE] }), []);
});

test('a master is never down: it has itself', () => {
  const seat = new Seat(ONE);
  seat.status({ role: 'sequencer', isWritable: true });
  assert.equal(seat.condition, 'up');
  seat.status({ role: 'sequencer', missing: [TWO] });
  assert.equal(seat.condition, 'degraded');
});

test('a sequencer that takes no writes, or a store that has failed, is degraded', () => {
  const seat = new Seat(ONE);
  seat.status({ role: 'sequencer', isWritable: true });
  seat.status({ role: 'sequencer' });
  assert.equal(seat.state.view.why, 'a master cannot store, or does not keep up');
  seat.status({ role: 'sequencer', isWritable: true, storeFailure: 'ERR_STORE_FULL' });
  assert.match(seat.state.view.why, /takes nothing more: ERR_STORE_FULL$/);
  const slave = new Seat('controller@three');
  slave.status({ storeFailure: 'ERR_STORE_FULL' });
  assert.equal(slave.condition, 'up', 'nobody waits for the store of a slave');
});

test('a master that is stalled is missing', () => {
  const seat = new Seat('controller@three');
  seat.step({ type: 'linked', host: 'one' });
  seat.status({});
  seat.step({ type: 'stalled', host: 'one' });
  assert.deepEqual([seat.condition, seat.state.view.missing], ['degraded', [ONE]]);
  seat.step({ type: 'resumed', host: 'one' });
  assert.equal(seat.condition, 'up');
});

test('without a configuration it is down', () => {
  const seat = new Seat(ONE);
  seat.status({ role: 'newcomer', record: null });
  seat.nowMs = LOAD_MS;
  seat.step({ type: 'tick' });
  assert.equal(seat.state.view.why, 'there is no configuration here yet');
  assert.equal(seat.condition, 'down');
});

test('hosts are reached or not, since when', () => {
  const seat = new Seat('controller@three');
  seat.step({ type: 'hosts', hosts: ['two', 'one', 'three'] });
  seat.nowMs = 10;
  seat.step({ type: 'linked', host: 'two' });
  seat.step({ type: 'linked', host: 'stranger' });
  const view = (host: string, isReached: boolean, sinceMs: number) => {
    return { host, isReached, sinceMs: WALL_MS + sinceMs };
  };
  assert.deepEqual(seat.state.hosts, [
    view('one', false, 0),
    view('stranger', true, 10),
    view('two', true, 10),
  ]);
  seat.nowMs = 20;
  seat.step({ type: 'stalled', host: 'two' });
  seat.step({ type: 'unlinked', host: 'stranger' });
  seat.nowMs = 30;
  seat.step({ type: 'unlinked', host: 'two' });
  assert.deepEqual(seat.state.hosts, [view('one', false, 0), view('two', false, 20)]);
  seat.step({ type: 'hosts', hosts: ['one'] });
  assert.deepEqual(seat.state.hosts, [view('one', false, 0)]);
});

test('no more hosts are told apart than there can be links', () => {
  const seat = new Seat(ONE);
  const hosts = Array.from({ length: limits.peers + 10 }, (_, i) => `h${i}`);
  seat.step({ type: 'hosts', hosts });
  assert.equal(seat.state.hosts.length, limits.peers);
});
