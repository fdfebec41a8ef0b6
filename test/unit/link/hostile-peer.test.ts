/** A peer that holds the cluster key and does not keep to the protocol, or strains it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { BUNDLE_HEADER_BYTES, writeBundleHeader } from '../../../src/wire/bundle.js';
import {
  GIVEN_UP_BYTES,
  writeCredit,
  writeFragmentHead,
  writeGivenUp,
  writeRefusal,
  writeSign,
} from '../../../src/wire/records.js';
import { encode, message } from '../wire/sample-records.js';
import { inject, Pair, say, send } from './pair.js';

/** Nothing is sealed, so that a test can put bundles in. */
const OPEN = {
  dialler: { security: 'authenticated' },
  acceptor: { security: 'authenticated' },
} as const;

function refusal(stream: number, sequence: number, index: number): Buffer {
  const data = Buffer.alloc(64);
  const code = 'ERR_NO_HANDLER';
  return data.subarray(0, writeRefusal(data, 0, { stream, sequence, index, code }));
}

test('a refusal of more messages than a bundle has ends the link', () => {
  for (const [index, events] of [
    [1, ['up b@y']],
    [2, ['up b@y', 'end lost ERR_PROTOCOL']],
  ] as const) {
    const pair = new Pair(OPEN).connect();
    pair.cut();
    say(pair.a, 'one');
    say(pair.a, 'two');
    pair.settle();
    const { stream } = pair.a.carrier.sent.at(-1)!;
    inject(pair.a, 0, refusal(stream, 0, index));
    pair.a.carrier.deliver();
    assert.deepEqual(pair.a.events, events);
  }
});

test('refusals of many bundles find theirs', () => {
  const pair = new Pair({ ...OPEN, handlers: { onMessage: () => 'ERR_NO_HANDLER' } }).connect();
  for (let i = 0; i < 50; i++) {
    say(pair.a, `${i}`, { unordered: i % 2 === 0 });
    pair.a.runtime.endTurn();
  }
  pair.advance(10 * limits.ackDelayMs);
  assert.equal(pair.a.outcomes.length, 50);
  assert.ok(pair.a.outcomes.every((line) => line.endsWith('delivered ERR_NO_HANDLER')));
});

test("what is no message of the node ends the link on a stream of the nodes' own", () => {
  const own = { topic: 'backplane:any' };
  const piece = Buffer.alloc(64);
  const fragment = piece.subarray(0, writeFragmentHead(piece, 0, 1, 100, 10) + 10);
  for (const [record, isTaken] of [
    [encode(message(own)), true],
    [encode(message({ topic: 'any' })), false],
    [encode(message({ ...own, kind: 'call', id: 1 })), false],
    [encode(message({ ...own, kind: 'publish' })), false],
    [fragment, false],
  ] as const) {
    for (const stream of [0, 1]) {
      const pair = new Pair(OPEN).connect();
      inject(pair.a, stream, record);
      pair.a.carrier.deliver();
      const events = isTaken ? ['up b@y'] : ['up b@y', 'end lost ERR_PROTOCOL'];
      assert.deepEqual(pair.a.events.slice(-events.length), events);
      assert.equal(pair.a.messages.length, isTaken ? 1 : 0);
    }
  }
});

test('giving up a large message that never began ends the link', () => {
  const pair = new Pair(OPEN).connect();
  const record = Buffer.alloc(GIVEN_UP_BYTES);
  writeGivenUp(record, 0, 7);
  inject(pair.a, 7, record);
  pair.a.carrier.deliver();
  assert.deepEqual(pair.a.events.slice(-1), ['end lost ERR_PROTOCOL']);
});

test('all probes of a bundle are answered by one beat', () => {
  const pair = new Pair(OPEN).connect();
  const before = pair.a.carrier.sent.length;
  const probes = Buffer.alloc(400);
  for (let at = 0; at < probes.length; ) at = writeSign(probes, at, 'probe');
  inject(pair.a, 0, probes);
  pair.a.carrier.deliver();
  assert.equal(pair.a.carrier.sent.length, before + 1);
});

test('a peer that gives credit and never acknowledges does not fill our memory', () => {
  const pair = new Pair(OPEN).connect();
  const { carrier, link } = pair.a;
  const credit = Buffer.alloc(20);
  writeCredit(credit, 0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  inject(pair.a, 0, credit);
  carrier.deliver();
  // Nothing of what leaves is kept by the test either.
  carrier.send = () => true;
  const empty = send('');
  const options = { orderKey: '' };
  for (let i = 0; i < limits.outboxMessages; i++) link.send(empty, options);
  assert.throws(() => link.send(empty, options), { code: 'ERR_QUEUE_FULL' });
  pair.a.runtime.endTurn();
  assert.throws(() => link.send(empty, options), { code: 'ERR_QUEUE_FULL' });
});

test('loose bundles that nobody can have acknowledged yet are bounded', () => {
  const pair = new Pair(OPEN).connect();
  const { carrier, events } = pair.a;
  const most = carrier.inboundStreams * limits.replayWindow;
  const record = encode(message());
  for (let sequence = 0; sequence <= most; sequence++) {
    assert.deepEqual(events, ['up b@y']);
    const bundle = Buffer.concat([Buffer.alloc(BUNDLE_HEADER_BYTES), record]);
    writeBundleHeader(bundle, bundle.length, { loose: true, generation: 0, sequence });
    carrier.inbox.push({ stream: 2, data: bundle });
    carrier.deliver();
  }
  assert.deepEqual(events, ['up b@y', 'end lost ERR_PROTOCOL']);
});
