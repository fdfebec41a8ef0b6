import assert from 'node:assert/strict';
import test from 'node:test';
import { BackplaneError, LinkError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { StreamMap } from '../../../src/link/streams.js';
import type { UserMessage } from '../../../src/link/types.js';
import { profiles } from '../../../src/timing/profiles.js';
import { worstCase } from '../../../src/timing/worst-case.js';
import { allocateFrame, FrameType, FrameWriter, frameType } from '../../../src/wire/frame.js';
import { writeSign } from '../../../src/wire/records.js';
import { inject, Pair, say, send } from './pair.js';

const code = (expected: string) => (error: unknown) =>
  error instanceof BackplaneError && error.code === expected;

/** Nothing is sealed, so that a test can put bundles in. */
const OPEN = {
  dialler: { security: 'authenticated' },
  acceptor: { security: 'authenticated' },
} as const;

function sign(what: 'beat' | 'probe' | 'leave'): Buffer {
  const record = Buffer.alloc(4);
  writeSign(record, 0, what);
  return record;
}

function bodies(messages: readonly UserMessage[]): string[] {
  return messages.map(({ body }) => Buffer.from(body).toString());
}

test('messages go both ways in order, with kind, number, topic and encoding', () => {
  const pair = new Pair().connect();
  const call: UserMessage = { ...send('x'), kind: 'call', id: 2 ** 40, encoding: 'cbor' };
  pair.a.link.send(send('one'), { orderKey: '' });
  pair.a.link.send(call, { orderKey: '' });
  pair.b.link.send({ ...send('back', ''), kind: 'reply', id: 3 }, { orderKey: '' });
  pair.settle();
  assert.deepEqual(bodies(pair.b.messages), ['one', 'x']);
  const { kind, id, topic, encoding } = pair.b.messages[1]!;
  assert.deepEqual(
    { kind, id, topic, encoding },
    { kind: 'call', id: 2 ** 40, topic: 't', encoding: 'cbor' },
  );
  assert.deepEqual(bodies(pair.a.messages), ['back']);
});

test('a topic and order key keep to one stream, others spread over those of their class', () => {
  const pair = new Pair().connect();
  const streamsOf = (count: number, key: (i: number) => string, priority: boolean) => {
    const before = pair.a.carrier.sent.length;
    for (let i = 0; i < count; i++) {
      pair.a.link.send(send(`${i}`), { orderKey: key(i), priority });
      pair.a.runtime.endTurn();
    }
    return [...new Set(pair.a.carrier.sent.slice(before).map(({ stream }) => stream))].sort();
  };
  assert.equal(streamsOf(50, () => 'same', false).length, 1);
  assert.deepEqual(
    streamsOf(200, (i) => `key ${i}`, false),
    [4, 5, 6, 7],
  );
  assert.deepEqual(
    streamsOf(200, (i) => `key ${i}`, true),
    [3],
  );
});

test('streams: five are the least, and each class has its own', () => {
  assert.throws(() => new StreamMap(4), code('ERR_PROTOCOL'));
  const map = new StreamMap(5);
  assert.deepEqual(
    (['loose', 'priority', 'plain'] as const).map((kind) => map.of('t', 'k', kind)),
    [2, 3, 4],
  );
  const wide = new StreamMap(64);
  assert.notEqual(wide.of('ab', 'c', 'plain'), wide.of('a', 'bc', 'plain'));
  const loose = Array.from({ length: 64 }, (_, stream) => wide.isLoose(stream));
  assert.equal(loose.filter(Boolean).length, 4);
});

test('an association with too few streams is no link', () => {
  const pair = new Pair();
  pair.a.carrier.outboundStreams = 4;
  pair.connect();
  assert.equal(pair.a.events.at(-1), 'end lost ERR_PROTOCOL');
});

test('ERR_NO_LINK: before the link is up, and after it ended', () => {
  const pair = new Pair();
  assert.throws(() => pair.a.link.send(send('x'), { orderKey: '' }), code('ERR_NO_LINK'));
  pair.connect();
  pair.a.link.abort();
  assert.throws(() => pair.a.link.send(send('x'), { orderKey: '' }), code('ERR_NO_LINK'));
});

test('send fails with ERR_MESSAGE_TOO_LARGE over the limit, not at it', () => {
  const pair = new Pair().connect();
  const body = Buffer.alloc(limits.messageBytes + 1);
  assert.throws(
    () => pair.a.link.send({ ...send(''), body }, { orderKey: '' }),
    code('ERR_MESSAGE_TOO_LARGE'),
  );
  pair.a.link.send({ ...send(''), body: body.subarray(1) }, { orderKey: '' });
  pair.settle();
  assert.equal(pair.b.messages[0]!.body.length, limits.messageBytes);
});

test('send says when the outbox is over its mark, drain follows; ERR_QUEUE_FULL', () => {
  const pair = new Pair().connect();
  pair.a.carrier.hasRoom = false;
  const body = Buffer.alloc(60_000);
  const message = { ...send(''), body };
  // The first bundle finds out that there is no room for another.
  pair.a.link.send(message, { orderKey: '' });
  pair.settle();
  let taken = 0;
  while (pair.a.link.send(message, { orderKey: '' })) taken += body.length;
  assert.ok(taken > limits.outboxHighWaterBytes - 2 * body.length, `${taken}`);
  pair.settle();
  assert.equal(pair.b.messages.length, 1);
  pair.a.carrier.hasRoom = true;
  pair.a.carrier.handlers!.onDrain();
  pair.settle();
  assert.equal(pair.a.events.at(-1), 'drain');
  pair.a.carrier.hasRoom = false;
  const large = { ...send(''), body: Buffer.alloc(limits.messageBytes) };
  for (let i = 0; i < 2; i++) pair.a.link.send(large, { orderKey: 'large' });
  assert.throws(() => {
    for (let i = 0; i < 2; i++) pair.a.link.send(large, { orderKey: 'large' });
  }, code('ERR_QUEUE_FULL'));
});

test('a beat that finds the queue full is skipped, and the link stays up', () => {
  const pair = new Pair().connect();
  pair.a.carrier.failure = new LinkError('ERR_QUEUE_FULL', 'full');
  pair.advance(profiles.lan.beatMs * 2);
  assert.equal(pair.a.link.state, 'up');
});

test('two idle ends keep each other alive by beats alone', () => {
  const pair = new Pair().connect();
  const before = pair.a.carrier.sent.length;
  pair.advance(60_000);
  const sent = pair.a.carrier.sent.slice(before);
  assert.ok(sent.every(({ data }) => frameType(data) === FrameType.bundle));
  assert.equal(sent.length, 60_000 / profiles.lan.beatMs);
  assert.deepEqual(pair.a.events, ['up b@y']);
});

test('messages take the place of beats, and are carried without reading the clock', () => {
  const pair = new Pair().connect();
  const before = pair.a.carrier.sent.length;
  const reads = pair.b.runtime.clockReads;
  for (let i = 0; i < 500; i++) {
    for (let k = 0; k < 10; k++) pair.a.link.send(send('x'), { orderKey: '' });
    pair.advance(10);
  }
  const sent = pair.a.carrier.sent.slice(before);
  assert.ok(sent.every(({ data }) => frameType(data) === FrameType.bundle));
  assert.equal(pair.b.messages.length, 5000);
  assert.ok(pair.b.runtime.clockReads - reads < 5000 / 20);
});

test('a stopped process is stalled within the promised time, then resumed', () => {
  const pair = new Pair().connect();
  pair.b.runtime.frozen = true;
  pair.a.link.send(send('meanwhile'), { orderKey: '' });
  pair.advance(worstCase(profiles.lan).stalledMs);
  assert.deepEqual(pair.a.events, ['up b@y', 'stalled']);
  assert.equal(pair.a.link.stalled, true);
  pair.advance(60_000);
  pair.b.runtime.frozen = false;
  pair.advance(profiles.lan.beatMs);
  assert.deepEqual(pair.a.events, ['up b@y', 'stalled', 'resumed']);
  assert.deepEqual(pair.b.events, ['authenticated a@x 1', 'up a@x']);
  assert.deepEqual(bodies(pair.b.messages), ['meanwhile']);
});

test('profile mesh: a link keeps up by its seldom beats alone, each early by chance', () => {
  const { mesh } = profiles;
  const pair = new Pair({ dialler: { profile: mesh }, acceptor: { profile: mesh } }).connect();
  const times: number[] = [];
  pair.a.carrier.filter = (_stream, data) => {
    times.push(pair.time.nowMs);
    return [data];
  };
  pair.advance(60_000);
  assert.deepEqual(pair.a.events, ['up b@y']);
  const gaps = times.slice(1).map((at, i) => at - times[i]!);
  assert.ok(gaps.length >= 60_000 / mesh.beatMs - 1);
  assert.ok(Math.max(...gaps) <= mesh.beatMs + 1);
  assert.ok(Math.max(...gaps) - Math.min(...gaps) > mesh.beatJitterMs / 2, gaps.join());
  pair.b.runtime.frozen = true;
  pair.advance(worstCase(mesh).stalledMs);
  assert.deepEqual(pair.a.events, ['up b@y', 'stalled']);
});

test('a process that was stopped itself does not call its peer stalled', () => {
  const pair = new Pair().connect();
  pair.b.runtime.frozen = true;
  pair.advance(30_000);
  pair.b.runtime.frozen = false;
  pair.advance(5000);
  assert.ok(!pair.b.events.includes('stalled'));
});

test('both planes dead: both ends call the link lost within the promised time, and abort', () => {
  const pair = new Pair().connect().advance(777);
  pair.cut();
  const cutAt = pair.time.nowMs;
  const { beatMs } = profiles.lan;
  const promise = worstCase(profiles.lan);
  pair.advance(beatMs + 2 * promise.backedOffGapMs);
  for (const { carrier } of [pair.a, pair.b])
    carrier.setPaths('potentially-failed', 'potentially-failed');
  pair.advance(cutAt + promise.allPathsDeadMs - pair.time.nowMs);
  for (const { events, carrier } of [pair.a, pair.b]) {
    assert.equal(events.at(-1), 'end lost ERR_LINK_DOWN');
    assert.equal(carrier.wasAborted, true);
  }
});

test('both planes dead for less than the outage: the link stays and loses nothing', () => {
  const pair = new Pair().connect();
  const heal = pair.cut();
  pair.a.link.send(send('through'), { orderKey: '' });
  for (const { carrier } of [pair.a, pair.b]) carrier.setPaths('inactive', 'unreachable');
  pair.advance(profiles.lan.outageMs - 100);
  heal();
  for (const { carrier } of [pair.a, pair.b]) carrier.setPaths('active', 'available');
  pair.advance(5000);
  assert.deepEqual([pair.a.link.state, pair.b.link.state], ['up', 'up']);
  assert.deepEqual(bodies(pair.b.messages), ['through']);
  assert.ok(!pair.a.events.includes('stalled'));
});

test('path events are passed on', () => {
  const pair = new Pair().connect();
  pair.a.carrier.setPaths('active', 'confirmed');
  assert.deepEqual(pair.a.events.slice(-2), ['path 10.1.0.2 confirmed', 'path 10.2.0.2 confirmed']);
});

test('leave: all is delivered and acknowledged, the peer sees left, this end closed', () => {
  const pair = new Pair().connect();
  say(pair.a, 'last');
  pair.a.link.leave();
  assert.equal(pair.a.link.state, 'ended');
  pair.advance(limits.ackDelayMs);
  assert.deepEqual(bodies(pair.b.messages), ['last']);
  assert.deepEqual(pair.a.outcomes, ['last: delivered']);
  assert.equal(pair.b.events.at(-1), 'end left -');
  assert.equal(pair.a.events.at(-1), 'end closed -');
});

test('messages that LEAVE has overtaken are still handled', () => {
  const pair = new Pair(OPEN).connect();
  inject(pair.b, 0, sign('leave'));
  inject(pair.b, 4, Buffer.from([1, 0, 1, 0, 0, 0, 0, 1, 0x74, 0x78]));
  pair.settle();
  assert.deepEqual(bodies(pair.b.messages), ['x']);
});

test('a peer that left takes no message, and is gone within the leave time', () => {
  const pair = new Pair(OPEN).connect();
  pair.b.carrier.inbox = [];
  inject(pair.b, 0, sign('leave'));
  pair.settle();
  assert.throws(() => pair.b.link.send(send('x'), { orderKey: '' }), code('ERR_NO_LINK'));
  pair.advance(limits.leaveMs);
  assert.equal(pair.b.events.at(-1), 'end left -');
  assert.equal(pair.b.carrier.wasAborted, true);
});

test('an acceptor waits for a dialler whose process is slow, as long as a path is active', () => {
  const slow = () => {
    const pair = new Pair();
    // The dialler has WELCOME in its socket, and does not read it.
    pair.a.carrier.filter = (_stream, data) => {
      pair.a.runtime.frozen = data[3] === FrameType.response;
      return [data];
    };
    pair.connect().advance(4 * limits.handshakeMs);
    assert.deepEqual(pair.b.events, ['authenticated a@x 1']);
    pair.a.runtime.frozen = false;
    return pair;
  };
  const resumed = slow().advance(1);
  assert.deepEqual(resumed.a.events, ['up b@y']);
  assert.equal(resumed.b.events.at(-1), 'up a@x');
  const cut = slow();
  cut.a.runtime.frozen = true;
  cut.b.carrier.setPaths('inactive', 'unreachable');
  cut.advance(limits.handshakeMs);
  assert.equal(cut.b.events.at(-1), 'end lost ERR_TIMEOUT');
});

test('leave has a deadline: a peer that does not let go is aborted', () => {
  const pair = new Pair().connect();
  pair.a.carrier.shutdown = () => undefined;
  pair.a.link.leave();
  pair.advance(limits.leaveMs - 1);
  assert.equal(pair.a.events.at(-1), 'up b@y');
  pair.advance(1);
  assert.equal(pair.a.events.at(-1), 'end closed ERR_TIMEOUT');
  assert.equal(pair.a.carrier.wasAborted, true);
});

test('an orderly end without LEAVE is closed, an abort is lost', () => {
  const closed = new Pair().connect();
  closed.a.carrier.end('closed');
  assert.equal(closed.settle().a.events.at(-1), 'end closed -');
  const lost = new Pair().connect();
  lost.b.link.abort();
  assert.equal(lost.settle().a.events.at(-1), 'end lost ERR_ASSOCIATION_LOST');
});

test('a restart of the association always ends the link, and the association', () => {
  const pair = new Pair().connect();
  pair.a.carrier.end('restarted');
  pair.settle();
  assert.equal(pair.a.events.at(-1), 'end restarted -');
  assert.equal(pair.a.carrier.wasAborted, true);
});

test('an error of the carrier that is not ours gets a code', () => {
  const pair = new Pair().connect();
  pair.a.carrier.end('lost', new Error('ECONNRESET'));
  assert.equal(pair.settle().a.events.at(-1), 'end lost ERR_ASSOCIATION_LOST');
});

test('abort: no callback follows, whatever still arrives', () => {
  const pair = new Pair().connect();
  pair.b.link.send(send('late'), { orderKey: '' });
  const events = [...pair.a.events];
  pair.a.link.probe(100, () => events.push('probe'));
  pair.a.link.abort();
  pair.advance(60_000);
  assert.deepEqual(pair.a.events, events);
  assert.deepEqual(pair.a.messages, []);
  assert.equal(pair.a.runtime.waiting, 0);
});

const nonsense: readonly (readonly [string, number, Buffer])[] = [
  ['garbage', 0, Buffer.from('nonsense nonsense')],
  ['an empty frame', 0, Buffer.alloc(0)],
  ['an unknown type', 0, allocateFrame(99, 8)],
  ['a frame of the handshake', 0, new FrameWriter(FrameType.refuse, 10).uint16(1).frame],
];

for (const [what, stream, data] of nonsense) {
  test(`${what} on a link that is up ends it as lost with ERR_PROTOCOL`, () => {
    const pair = new Pair().connect();
    pair.a.carrier.inbox.push({ stream, data });
    pair.settle();
    assert.equal(pair.a.events.at(-1), 'end lost ERR_PROTOCOL');
    assert.equal(pair.b.events.at(-1), 'end lost ERR_ASSOCIATION_LOST');
  });
}

const wrongRecords: readonly (readonly [string, Buffer])[] = [
  ['of an unknown type', Buffer.alloc(4, 99)],
  ['that contradicts itself', Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])],
  ['that ends early', Buffer.from([1, 0, 1, 0, 0, 0, 0, 9, 0x74])],
  ['that acknowledges what was never sent', Buffer.from([16, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 7])],
  ['of a fragment that never began', Buffer.from([9, 0, 0, 1, 0, 0, 0, 1, 1])],
  ['of a fragment beyond its message', Buffer.from([8, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1])],
];

for (const [what, records] of wrongRecords) {
  test(`a record ${what} ends the link as lost with ERR_PROTOCOL`, () => {
    const pair = new Pair(OPEN).connect();
    inject(pair.a, 4, records);
    pair.settle();
    assert.equal(pair.a.events.at(-1), 'end lost ERR_PROTOCOL');
  });
}

test('probe: true with the first frame; false in time, before the link; none at its end', () => {
  const answers: string[] = [];
  const pair = new Pair();
  pair.a.link.probe(100, (alive) => answers.push(`early ${alive}`));
  pair.advance(0);
  pair.connect();
  pair.a.link.probe(100, (alive) => answers.push(`first ${alive}`));
  pair.settle();
  pair.b.runtime.frozen = true;
  pair.a.link.probe(100, (alive) => answers.push(`second ${alive}`));
  pair.advance(100);
  pair.a.link.probe(100, (alive) => answers.push(`third ${alive}`));
  pair.a.carrier.end('lost');
  pair.settle();
  assert.deepEqual(answers, ['early false', 'first true', 'second false']);
});

test('probe: an answer that waits in the socket when the time is up counts', () => {
  const pair = new Pair().connect();
  const answers: boolean[] = [];
  pair.a.link.probe(100, (alive) => answers.push(alive));
  pair.a.runtime.frozen = true;
  pair.settle();
  pair.advance(5000);
  pair.a.runtime.frozen = false;
  pair.time.step();
  assert.deepEqual(answers, [true]);
});

test('a refusal is no error where the peer is shutting the association down', () => {
  const pair = new Pair({ onAuthenticated: () => {} }).connect();
  pair.b.carrier.failure = new LinkError('ERR_STATE', 'the association is being shut down');
  pair.b.link.refuse('ERR_NAME_TAKEN');
  assert.equal(pair.b.link.state, 'ended');
});

test('accept and refuse: only an authenticated peer, only with a reason for it', () => {
  const pair = new Pair();
  assert.throws(() => pair.b.link.accept(), code('ERR_STATE'));
  assert.throws(() => pair.b.link.refuse('ERR_LAB'), code('ERR_ARGUMENT'));
  pair.connect();
  assert.throws(() => pair.b.link.refuse('ERR_NAME_TAKEN'), code('ERR_STATE'));
  pair.b.link.abort();
  pair.b.link.accept();
  pair.b.link.refuse('ERR_NAME_TAKEN');
  assert.equal(pair.b.link.state, 'ended');
});

test('a peer that vanishes while the owner thinks ends the link once', () => {
  const pair = new Pair({ onAuthenticated: () => undefined }).connect();
  pair.a.link.abort();
  pair.settle();
  pair.b.link.accept();
  assert.deepEqual(pair.b.events, ['authenticated a@x 1', 'end lost ERR_ASSOCIATION_LOST']);
});

test('leave before the link is up closes it', () => {
  const pair = new Pair({ onAuthenticated: () => undefined }).connect();
  pair.a.link.leave();
  pair.settle();
  assert.deepEqual(pair.a.events, ['end closed -']);
  assert.equal(pair.b.events.at(-1), 'end closed -');
});

test('no timer is left behind by a link that is over', () => {
  const pair = new Pair().connect();
  pair.a.link.leave();
  pair.settle();
  assert.deepEqual([pair.a.runtime.waiting, pair.b.runtime.waiting], [0, 0]);
});
