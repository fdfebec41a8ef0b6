import assert from 'node:assert/strict';
import test from 'node:test';
import { BackplaneError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { BORROWED_BYTES } from '../../../src/link/outbox.js';
import { FrameType } from '../../../src/wire/frame.js';
import { Pair, say, send } from './pair.js';

const code = (expected: string) => (error: unknown) =>
  error instanceof BackplaneError && error.code === expected;
const bodies = (pair: Pair) => pair.b.messages.map(({ body }) => Buffer.from(body).toString());
const large = (fill: string, bytes = 5 * limits.fragmentBytes) => ({
  ...send(''),
  body: Buffer.alloc(bytes, fill),
});

/** Time enough for an acknowledgement. */
const ACK = limits.ackDelayMs;

test('messages of one turn leave as one bundle, a small one for each stream', () => {
  const pair = new Pair().connect();
  const before = pair.a.carrier.sent.length;
  for (let i = 0; i < 100; i++) say(pair.a, `${i}`);
  assert.equal(pair.a.carrier.sent.length, before, 'nothing leaves before the end of the turn');
  pair.settle();
  assert.equal(pair.a.carrier.sent.length, before + 1);
  assert.equal(pair.b.messages.length, 100);
});

test('an outcome comes after the handler has run, and not before', () => {
  const seen: string[] = [];
  const pair = new Pair({
    handlers: {
      onMessage: () => {
        seen.push('handled');
        return undefined;
      },
    },
  }).connect();
  pair.a.link.send(send('x'), { orderKey: '' }, ({ type }) => seen.push(type));
  pair.advance(ACK);
  assert.deepEqual(seen, ['handled', 'delivered']);
});

test('what the peer refuses is delivered with its code, the others without', () => {
  const pair = new Pair({
    handlers: {
      onMessage: ({ body }) =>
        Buffer.from(body).toString() === 'no' ? 'ERR_NO_HANDLER' : undefined,
    },
  }).connect();
  for (const body of ['yes', 'no', 'yes too']) say(pair.a, body);
  pair.advance(ACK);
  assert.deepEqual(pair.a.outcomes, [
    'yes: delivered',
    'no: delivered ERR_NO_HANDLER',
    'yes too: delivered',
  ]);
});

test('thousands of refusals do not fit one bundle, and all arrive before their outcome', () => {
  const pair = new Pair({ handlers: { onMessage: () => 'ERR_NO_HANDLER' } }).connect();
  for (let i = 0; i < 3000; i++) say(pair.a, `${i}`);
  pair.advance(20 * ACK);
  assert.equal(pair.a.outcomes.length, 3000);
  assert.ok(pair.a.outcomes.every((line) => line.endsWith('delivered ERR_NO_HANDLER')));
  const longest = Math.max(...pair.b.carrier.sent.map(({ data }) => data.length));
  assert.ok(longest <= limits.bundleAckBytes + 100, `${longest}`);
});

test('acknowledgements ride with what goes the other way', () => {
  const pair = new Pair({
    handlers: {
      onMessage: (message) => {
        if (message.kind === 'call')
          pair.b.link.send({ ...send('', ''), kind: 'reply', id: 1 }, { orderKey: '' });
        return undefined;
      },
    },
  }).connect();
  const before = pair.b.carrier.sent.length;
  let outcome = '';
  pair.a.link.send({ ...send('?'), kind: 'call', id: 1 }, { orderKey: '' }, ({ type }) => {
    outcome = type;
  });
  pair.settle();
  assert.equal(outcome, 'delivered');
  assert.equal(pair.b.carrier.sent.length, before + 1);
});

test('a large message leaves in fragments, and other keys pass between them', () => {
  const pair = new Pair().connect();
  pair.a.link.send(large('x'), { orderKey: 'large' });
  for (let i = 0; i < 20; i++) say(pair.a, `small ${i}`, { orderKey: `key ${i}` });
  pair.settle();
  assert.equal(pair.b.messages.length, 21);
  assert.equal(pair.b.messages.at(-1)?.body.length, 5 * limits.fragmentBytes);
  const longest = Math.max(...pair.a.carrier.sent.map(({ data }) => data.length));
  assert.ok(longest <= limits.fragmentBytes + 100, `${longest}`);
});

test('one turn sends no more than its share, and what comes meanwhile is heard', () => {
  const pair = new Pair().connect();
  const before = pair.a.carrier.sent.length;
  pair.a.link.send(large('x'), { orderKey: 'large' });
  pair.a.runtime.endTurn();
  assert.equal(pair.a.carrier.sent.length, before + limits.flushBytes / limits.fragmentBytes);
  say(pair.b, 'heard');
  pair.settle();
  assert.equal(pair.a.messages.length, 1);
  assert.equal(pair.b.messages.length, 1);
});

test('a message does not overtake a large one of its own key', () => {
  const pair = new Pair().connect();
  say(pair.a, 'before', { orderKey: 'k' });
  pair.a.link.send(large('x'), { orderKey: 'k' });
  say(pair.a, 'after', { orderKey: 'k' });
  pair.a.link.send(large('y'), { orderKey: 'k' });
  say(pair.a, 'last', { orderKey: 'k' });
  pair.advance(ACK);
  const order = pair.b.messages.map(({ body }) => (body.length > 100 ? body[0] : body.toString()));
  assert.deepEqual(order, ['before', 0x78, 'after', 0x79, 'last']);
});

test('records of every size around the limits of bundle and fragment arrive', () => {
  const pair = new Pair().connect();
  const sizes = [0, 1, limits.bundleBytes - 10, limits.bundleBytes - 9, limits.bundleBytes - 8];
  for (const size of [...sizes, 2 * limits.fragmentBytes - 9, 2 * limits.fragmentBytes]) {
    pair.b.messages.length = 0;
    const body = Buffer.alloc(size, 'z');
    pair.a.link.send({ ...send(''), body }, { orderKey: 'k' });
    pair.advance(ACK);
    assert.deepEqual(pair.b.messages[0]?.body, body);
  }
});

test('a handler that takes its time holds the sender by its credit, not the link', async () => {
  let release = () => {};
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  const pair = new Pair({
    handlers: { onMessage: ({ topic }) => (topic === 'slow' ? slow : undefined) },
  }).connect();
  const body = Buffer.alloc(60_000);
  let delivered = 0;
  const count = Math.ceil((2 * limits.smallCreditBytes) / body.length);
  for (let i = 0; i < count; i++) {
    pair.a.link.send({ ...send('', 'slow'), body }, { orderKey: '' }, () => delivered++);
  }
  pair.advance(60_000);
  assert.ok(delivered * body.length <= limits.smallCreditBytes);
  assert.ok(delivered * body.length > 0.9 * limits.smallCreditBytes);
  assert.deepEqual(pair.a.events, ['up b@y']);
  release();
  // Credit comes back when the promises' own callbacks run.
  for (let round = 0; round < 5; round++) {
    await slow;
    pair.advance(100);
  }
  assert.equal(delivered, count);
});

test('a large message whose memory is given away is unsent, and holds up nothing', () => {
  const pair = new Pair().connect();
  const handled: string[] = [];
  const toSend = (name: string) => {
    const body = Buffer.alloc(5 * limits.fragmentBytes, name);
    pair.a.link.send({ ...send(''), body }, { orderKey: 'k' }, (outcome) => {
      const code = outcome.type === 'unsent' ? ` ${outcome.code}` : '';
      handled.push(`${name}: ${outcome.type}${code}`);
    });
    return body;
  };
  const giveAway = ({ buffer }: Buffer) => structuredClone(buffer, { transfer: [buffer as never] });
  // Of the first, pieces are on their way; of the second, none.
  const [first, second] = [toSend('a'), toSend('b')];
  say(pair.a, 'c', { orderKey: 'k' });
  pair.a.carrier.hasRoom = false;
  pair.a.runtime.endTurn();
  giveAway(first);
  giveAway(second);
  pair.a.carrier.hasRoom = true;
  pair.a.carrier.handlers!.onDrain();
  pair.advance(ACK);
  assert.deepEqual(handled, ['a: unsent ERR_ARGUMENT', 'b: unsent ERR_ARGUMENT']);
  assert.deepEqual(pair.a.outcomes, ['c: delivered']);
  assert.deepEqual(
    pair.b.messages.map(({ body }) => body.toString()),
    ['c'],
  );
  // All of the credit is there again.
  const whole = Buffer.alloc(limits.messageBytes);
  pair.a.link.send({ ...send(''), body: whole }, { orderKey: 'k' }, ({ type }) => {
    handled.push(type);
  });
  pair.advance(1000);
  assert.equal(handled.at(-1), 'delivered');
  assert.equal(pair.a.link.traffic.queuedBytes, 0);
  assert.equal(pair.a.link.state, 'up');
});

test('a small body that waits is copied', () => {
  const pair = new Pair().connect();
  pair.a.carrier.hasRoom = false;
  const body = Buffer.alloc(BORROWED_BYTES - 1, 1);
  // Four of them fit into the bundle that is open.
  for (let i = 0; i < 6; i++) {
    pair.a.link.send({ ...send(''), body }, { orderKey: '' });
    pair.a.runtime.endTurn();
    body.fill(i + 2);
  }
  pair.a.carrier.hasRoom = true;
  pair.a.carrier.handlers!.onDrain();
  pair.advance(ACK);
  assert.deepEqual(
    pair.b.messages.map((message) => message.body[0]),
    [1, 2, 3, 4, 5, 6],
  );
});

test('messages of the node go without credit', () => {
  const never = new Promise(() => {});
  const pair = new Pair({
    handlers: {
      onMessage: ({ topic }) => (topic.startsWith('backplane:') ? undefined : never),
    },
  }).connect();
  const body = 'x'.repeat(60_000);
  const count = Math.ceil((2 * limits.smallCreditBytes) / body.length);
  for (let i = 0; i < count; i++) say(pair.a, body);
  pair.advance(1000);
  assert.ok(pair.a.outcomes.length < count);
  const before = pair.a.outcomes.length;
  say(pair.a, 'configuration', { topic: 'backplane:any', own: 'configuration' });
  say(pair.a, 'control', { topic: 'backplane:any', own: 'link' });
  pair.advance(10 * limits.ackDelayMs);
  const order = ['control: delivered', 'configuration: delivered'];
  assert.deepEqual(pair.a.outcomes.slice(before), order);
});

test('messages of the configuration are acknowledged with the next beat, or when asked', () => {
  const pair = new Pair().connect();
  const options = { topic: 'backplane:any', own: 'configuration' } as const;
  say(pair.a, 'one', options);
  pair.advance(10 * limits.ackDelayMs);
  assert.deepEqual(bodies(pair), ['one']);
  assert.deepEqual(pair.a.outcomes, []);
  pair.advance(pair.a.link.profile.beatMs);
  assert.deepEqual(pair.a.outcomes, ['one: delivered']);
  say(pair.a, 'two', options);
  pair.advance(10 * limits.ackDelayMs);
  pair.a.link.leave();
  pair.advance(10 * limits.ackDelayMs);
  assert.deepEqual(pair.a.outcomes, ['one: delivered', 'two: delivered']);
  assert.equal(pair.a.link.state, 'ended');
});

test('messages of the node wait for a carrier that is full, and are one bundle at most', () => {
  const pair = new Pair().connect();
  pair.a.carrier.hasRoom = false;
  say(pair.a, 'first');
  pair.settle();
  const { length } = pair.a.carrier.sent;
  for (const body of ['one', 'two']) say(pair.a, body, { topic: 'backplane:any', own: 'link' });
  pair.advance(10);
  assert.ok(pair.a.carrier.sent.slice(length).every(({ data }) => data.length < 100));
  assert.deepEqual(pair.a.outcomes, ['first: delivered']);
  pair.a.carrier.hasRoom = true;
  pair.a.carrier.handlers!.onDrain();
  pair.advance(10 * limits.ackDelayMs);
  assert.deepEqual(pair.a.outcomes, ['first: delivered', 'one: delivered', 'two: delivered']);
  const large = 'x'.repeat(limits.bundleBytes);
  const options = { topic: 'backplane:any', own: 'configuration' } as const;
  assert.throws(() => say(pair.a, large, options), { code: 'ERR_MESSAGE_TOO_LARGE' });
});

test('a ttl: what has not left in time is expired, what has is delivered', () => {
  const pair = new Pair().connect();
  say(pair.a, 'in time', { ttlMs: 10 });
  pair.advance(ACK);
  pair.a.carrier.hasRoom = false;
  say(pair.a, 'fills the carrier', { ttlMs: 10 });
  pair.settle();
  say(pair.a, 'late', { ttlMs: 10 });
  say(pair.a, 'reliable');
  pair.advance(11);
  pair.a.carrier.hasRoom = true;
  pair.a.carrier.handlers!.onDrain();
  pair.advance(ACK);
  assert.deepEqual(pair.a.outcomes.toSorted(), [
    'fills the carrier: delivered',
    'in time: delivered',
    'late: expired',
    'reliable: delivered',
  ]);
  assert.ok(!bodies(pair).includes('late'));
  const loose = pair.a.carrier.sent.filter(({ data }) => data[3] === FrameType.looseBundle);
  assert.equal(loose.length, 2, 'they share no bundle with reliable ones');
});

test('what an outcome makes a program send may fill the carrier, and then nothing follows', () => {
  const pair = new Pair().connect();
  const { carrier, link } = pair.a;
  carrier.hasRoom = false;
  say(pair.a, 'fills');
  pair.settle();
  link.send(send('late'), { orderKey: '', ttlMs: 10 }, () => {
    carrier.hasRoom = false;
    // The second does not fit into the bundle of the first, which leaves at once.
    for (const fill of 'ab')
      link.send(large(fill, limits.bundleBytes - 100), { orderKey: 'other' });
  });
  link.send(send('waits'), { orderKey: '', unordered: true });
  pair.advance(11);
  const before = carrier.sent.length;
  carrier.hasRoom = true;
  carrier.handlers!.onDrain();
  assert.equal(carrier.sent.length, before + 1);
  carrier.hasRoom = true;
  carrier.handlers!.onDrain();
  pair.settle();
  assert.equal(
    bodies(pair)
      .filter((body) => body.length < 10)
      .join(),
    'fills,waits',
  );
  assert.equal(bodies(pair).length, 4);
});

test('a loose stream waits for its peer rather than leave its window behind', () => {
  const pair = new Pair().connect();
  pair.cut();
  for (let i = 0; i < limits.replayWindow + 10; i++) {
    say(pair.a, `${i}`, { unordered: true });
    pair.a.runtime.endTurn();
  }
  const loose = pair.a.carrier.sent.filter(({ data }) => data[3] === FrameType.looseBundle);
  assert.equal(loose.length, limits.replayWindow);
});

test('an unordered message or one with a ttl is one bundle at most', () => {
  const pair = new Pair().connect();
  const message = large('x', limits.bundleBytes);
  for (const options of [{ unordered: true }, { ttlMs: 5 }]) {
    assert.throws(
      () => pair.a.link.send(message, { orderKey: '', ...options }),
      code('ERR_MESSAGE_TOO_LARGE'),
    );
  }
});

test('priority goes first when there is room again', () => {
  const pair = new Pair().connect();
  pair.a.carrier.hasRoom = false;
  say(pair.a, 'fills');
  pair.settle();
  say(pair.a, 'plain');
  say(pair.a, 'urgent', { priority: true });
  pair.settle();
  pair.a.carrier.hasRoom = true;
  pair.a.carrier.handlers!.onDrain();
  pair.settle();
  assert.deepEqual(bodies(pair), ['fills', 'urgent', 'plain']);
});

test('beats and acknowledgements go though the carrier is full', () => {
  const pair = new Pair().connect();
  pair.b.carrier.hasRoom = false;
  pair.b.link.send(send('fills'), { orderKey: '' });
  pair.settle();
  say(pair.a, 'x');
  pair.advance(ACK);
  assert.deepEqual(pair.a.outcomes, ['x: delivered']);
});

// --- the end of a link

test('an acknowledged message is delivered, one that left unknown, one that did not unsent', () => {
  const pair = new Pair().connect();
  say(pair.a, 'acknowledged');
  pair.advance(ACK);
  pair.cut();
  say(pair.a, 'on its way');
  pair.settle();
  pair.a.carrier.hasRoom = false;
  say(pair.a, 'the last that left');
  pair.settle();
  say(pair.a, 'waits');
  pair.a.carrier.end('lost');
  pair.a.carrier.deliver();
  assert.deepEqual(pair.a.outcomes, [
    'acknowledged: delivered',
    'on its way: unknown',
    'the last that left: unknown',
    'waits: unsent',
  ]);
});

test('outcomes come before the end of the link', () => {
  const seen: string[] = [];
  const pair = new Pair({ handlers: { onEnd: () => void seen.push('end') } }).connect();
  pair.cut();
  pair.a.link.send(send('x'), { orderKey: '' }, ({ type }) => seen.push(type));
  pair.settle();
  pair.a.carrier.end('lost');
  pair.a.carrier.deliver();
  assert.deepEqual(seen, ['unknown', 'end']);
});

test('abort tells the outcomes from within', () => {
  const pair = new Pair().connect();
  say(pair.a, 'not yet sent');
  pair.a.link.abort();
  assert.deepEqual(pair.a.outcomes, ['not yet sent: unsent']);
});

test('what the carrier still held, or gave back whole, is unsent', () => {
  const pair = new Pair().connect();
  pair.cut();
  for (const body of ['taken', 'given back', 'given back in part', 'held']) {
    say(pair.a, body);
    pair.settle();
  }
  const [, back, part, held] = pair.a.carrier.sent.slice(-4);
  pair.a.carrier.handlers!.onUnsent(back!.context, 10);
  pair.a.carrier.handlers!.onUnsent(back!.context, back!.data.length - 10);
  pair.a.carrier.handlers!.onUnsent(part!.context, 10);
  pair.a.carrier.queuedBytes = held!.data.length;
  pair.a.carrier.end('lost');
  pair.a.carrier.deliver();
  assert.deepEqual(pair.a.outcomes, [
    'taken: unknown',
    'given back: unsent',
    'given back in part: unknown',
    'held: unsent',
  ]);
});

test('a large message whose last fragment did not leave is unsent', () => {
  const pair = new Pair().connect();
  const outcomes: string[] = [];
  let sent = 0;
  const { carrier } = pair.a;
  const plain = carrier.send.bind(carrier);
  carrier.send = (...frame) => {
    plain(...frame);
    return ++sent < 3;
  };
  pair.a.link.send(large('x'), { orderKey: '' }, ({ type }) => outcomes.push(type));
  pair.settle();
  carrier.end('lost');
  carrier.deliver();
  assert.deepEqual(outcomes, ['unsent']);
  assert.equal(pair.b.messages.length, 0);
});

test('a carrier that takes no more: what it refused is unsent', () => {
  const pair = new Pair().connect();
  pair.a.carrier.failure = new BackplaneError('ERR_CLOSED', 'closed');
  say(pair.a, 'refused');
  pair.settle();
  pair.a.carrier.end('lost');
  pair.a.carrier.deliver();
  assert.deepEqual(pair.a.outcomes, ['refused: unsent']);
});

test('keys are renewed in time, and nothing else changes', () => {
  const pair = new Pair().connect();
  say(pair.a, 'old key');
  pair.advance(ACK);
  pair.advance(limits.rekeyMs + 1000);
  say(pair.a, 'new key');
  pair.advance(ACK);
  assert.deepEqual(pair.a.outcomes, ['old key: delivered', 'new key: delivered']);
  const generations = pair.a.carrier.sent
    .filter(({ data }) => data[3] === FrameType.bundle)
    .map(({ data }) => data.readUInt32BE(8));
  assert.deepEqual([generations[0], Math.max(...generations)], [0, 1]);
});
