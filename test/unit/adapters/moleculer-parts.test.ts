import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import {
  type Grant,
  IncomingStreams,
  OutgoingStreams,
} from '../../../src/adapters/moleculer/flow.js';
import type { Packet, Transit } from '../../../src/adapters/moleculer/framework.js';
import { laneOf } from '../../../src/adapters/moleculer/lanes.js';
import { Roster } from '../../../src/adapters/moleculer/roster.js';
import { limits } from '../../../src/limits.js';

const piece = (seq: number, stream = true): Packet => ({
  type: 'RES',
  target: 'b',
  payload: { id: 'r1', seq, stream },
});

test('every packet class has an order of its own, and those of the cluster go first', () => {
  const of = (type: string, payload = {}, bytes = 100) => laneOf({ type, payload }, bytes);
  const control = ['INFO', 'DISCOVER', 'HEARTBEAT', 'PING', 'PONG', 'DISCONNECT', 'GOSSIP_REQ'];
  for (const type of control) assert.deepEqual(of(type), { orderKey: type, priority: true });
  for (const type of ['REQ', 'RES', 'EVENT']) assert.deepEqual(of(type), { orderKey: type });
});

test('streams and what travels in fragments have an order of their own', () => {
  assert.deepEqual(laneOf(piece(0), 100), { orderKey: 'r1' });
  assert.deepEqual(laneOf(piece(3, false), 100), { orderKey: 'r1' });
  const plain = (type: string, bytes: number) => laneOf({ type, payload: { id: 'r2' } }, bytes);
  assert.deepEqual(plain('REQ', limits.fragmentBytes), { orderKey: 'REQ' });
  assert.deepEqual(plain('REQ', limits.fragmentBytes + 1), { orderKey: 'r2' });
  assert.deepEqual(plain('EVENT', limits.fragmentBytes + 1), { orderKey: 'EVENT' });
});

test('a nodeID is where its packets come from, until it is forgotten', () => {
  const roster = new Roster();
  assert.equal(roster.nodeOf('a'), undefined);
  assert.equal(roster.learn('a', 'n1'), null);
  assert.equal(roster.learn('a', 'n1'), null);
  assert.match(roster.learn('a', 'n2') ?? '', /that of a broker at n1/);
  assert.equal(roster.nodeOf('a'), 'n1');
  roster.forget('a');
  roster.forget('a');
  assert.equal(roster.learn('a', 'n2'), null);
  assert.deepEqual(roster.takeAll('n1'), []);
  assert.deepEqual(roster.takeAll('n2'), ['a']);
  assert.equal(roster.nodeOf('a'), undefined);
});

test('a node has a bounded number of nodeIDs', () => {
  const roster = new Roster();
  for (let i = 0; i < limits.nodeIdsPerNode; i += 1) assert.equal(roster.learn(`b${i}`, 'n'), null);
  assert.match(roster.learn('one more', 'n') ?? '', /has 16 brokers already/);
  roster.forget('b0');
  assert.equal(roster.learn('one more', 'n'), null);
  assert.equal(roster.takeAll('n').length, limits.nodeIdsPerNode);
});

test('a writer waits once it is a window ahead, until the reader has come on', async () => {
  const streams = new OutgoingStreams();
  const half = limits.streamWindowBytes / 2;
  assert.equal(streams.sent('n', piece(0), half), null);
  assert.equal(streams.sent('n', piece(1), half), null);
  let isWaiting = true;
  const waiting = streams.sent('n', piece(2), half)?.then(() => {
    isWaiting = false;
  });
  assert.ok(waiting !== undefined);
  streams.granted('n', { stream: 'RES:r1', seq: 0 });
  streams.granted('n', { stream: 'RES:other', seq: 9 });
  streams.granted('other', { stream: 'RES:r1', seq: 9 });
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(isWaiting);
  streams.granted('n', { stream: 'RES:r1', seq: 1 });
  await waiting;
});

test('a node that goes keeps no writer waiting, and an end closes the window', async () => {
  const streams = new OutgoingStreams();
  const first = streams.sent('n', piece(1), limits.streamWindowBytes);
  assert.ok(first !== null);
  streams.forget('n');
  await first;
  assert.equal(streams.sent('n', piece(2), 1), null);
  assert.equal(streams.sent('n', piece(3, false), limits.streamWindowBytes), null);
  const second = streams.sent('n', piece(1), limits.streamWindowBytes);
  streams.clear();
  await second;
});

/** A transit with one stream of an answer. */
function transitWith(stream: PassThrough): Transit {
  return {
    pendingReqStreams: new Map(),
    pendingResStreams: new Map([['r1', stream]]),
  } as unknown as Transit;
}

test('a reader tells how far it has come, and not at every piece', async () => {
  const stream = new PassThrough();
  const incoming = new IncomingStreams(transitWith(stream));
  const grants: Grant[] = [];
  const tell = (grant: Grant) => grants.push(grant);
  const quarter = limits.streamWindowBytes / 4;
  incoming.received(piece(0), quarter, tell);
  incoming.received(piece(1), quarter - 1, tell);
  assert.deepEqual(grants, []);
  incoming.received(piece(2), 1, tell);
  assert.deepEqual(grants, [{ stream: 'RES:r1', seq: 2 }]);
  // Nobody reads: the writer hears nothing, until somebody does.
  stream.write(Buffer.alloc(1024 * 1024));
  incoming.received(piece(3), quarter, tell);
  incoming.received(piece(4), quarter, tell);
  assert.equal(grants.length, 1);
  stream.resume();
  await new Promise((resolve) => stream.once('drain', resolve));
  assert.deepEqual(grants.at(-1), { stream: 'RES:r1', seq: 4 });
});

test('a reader that is gone lets the writer finish', () => {
  const stream = new PassThrough();
  const incoming = new IncomingStreams(transitWith(stream));
  const grants: Grant[] = [];
  const tell = (grant: Grant) => grants.push(grant);
  stream.destroy();
  incoming.received(piece(1), 1, tell);
  incoming.received({ type: 'REQ', payload: { id: 'none', seq: 7, stream: true } }, 1, tell);
  incoming.received(piece(2, false), 1, tell);
  incoming.received({ type: 'EVENT', payload: { id: 'r1', seq: 1, stream: true } }, 1, tell);
  assert.deepEqual(grants, [
    { stream: 'RES:r1', seq: 1 },
    { stream: 'REQ:none', seq: 7 },
  ]);
});
