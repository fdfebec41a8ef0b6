import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { connect, listen, type SctpError } from '../../../src/sctp/index.js';
import { enterOwnNetwork, run } from './own-network.js';
import { collect, makePair, next } from './support.js';

enterOwnNetwork(['10.99.1.1/32', '10.99.1.2/32']);
run('ip', 'route', 'add', '10.99.9.0/24', 'dev', 'lo');

const HERE = '10.99.1.1';
const THERE = '10.99.1.2';

const withCode = (code: string, text?: RegExp) => (error: SctpError) => {
  assert.equal(error.code, code, error.message);
  assert.equal(error.name, 'SctpError');
  if (text !== undefined) assert.match(error.message, text);
  return true;
};

test('nobody listens: lost, refused, ERR_REFUSED', async () => {
  const association = connect({ addresses: [THERE], port: 9, localAddresses: [HERE] });
  const closed = next(association, 'close');
  const [loss] = await next(association, 'lost');
  assert.equal(loss.reason, 'refused');
  assert.equal(loss.wasUp, false);
  assert.equal(loss.error.code, 'ERR_REFUSED');
  assert.equal(loss.error.address, THERE);
  await closed;
});

test('nobody answers: lost, timeout, ERR_TIMEOUT', async () => {
  const association = connect({
    addresses: ['10.99.9.9'],
    port: 9,
    localAddresses: [HERE],
    rto: { initialMs: 50, minMs: 50, maxMs: 100 },
    init: { maxAttempts: 2, maxTimeoutMs: 100 },
  });
  const [loss] = await next(association, 'lost');
  assert.equal(loss.reason, 'timeout');
  assert.equal(loss.error.code, 'ERR_TIMEOUT');
});

test('an address that is not of this host', () => {
  assert.throws(
    () => listen({ addresses: ['10.99.7.7'], port: 4000 }),
    (error: SctpError) => {
      assert.equal(error.syscall, 'bind');
      assert.ok((error.errno ?? 0) < 0);
      assert.match(error.address ?? '', /10\.99\.7\.7/);
      return withCode('ERR_ADDRESS_NOT_LOCAL')(error);
    },
  );
  assert.throws(
    () => listen({ addresses: [HERE, '10.99.7.7'], port: 4000 }),
    withCode('ERR_ADDRESS_NOT_LOCAL'),
  );
  assert.throws(
    () => connect({ addresses: [THERE], port: 4000, localAddresses: ['10.99.7.7'] }),
    withCode('ERR_ADDRESS_NOT_LOCAL'),
  );
});

test('a port that is taken, and free again when its server has closed', async () => {
  const server = listen({ addresses: [HERE] });
  assert.throws(
    () => listen({ addresses: [HERE], port: server.port }),
    withCode('ERR_PORT_IN_USE', new RegExp(`port ${server.port}`)),
  );
  server.close();
  await once(server, 'close');
  listen({ addresses: [HERE], port: server.port }).close();
});

test('a message over the limit is refused where it is sent', async (context) => {
  const { near } = await makePair(context, { addresses: [THERE] }, { maxMessageBytes: 1000 });
  assert.throws(() => near.send(Buffer.alloc(1001)), withCode('ERR_MESSAGE_TOO_LARGE', /1000/));
  assert.equal(near.send(Buffer.alloc(1000)), true);
  assert.throws(() => near.send(Buffer.alloc(0)), withCode('ERR_MESSAGE_EMPTY'));
});

test('a message over the send buffer is refused, one of just its size arrives', async (context) => {
  const { near, far } = await makePair(
    context,
    { addresses: [THERE] },
    { sendBufferBytes: 100_000 },
  );
  assert.equal(near.maxMessageBytes, 200_000);
  assert.throws(() => near.send(Buffer.alloc(200_001)), withCode('ERR_MESSAGE_TOO_LARGE'));
  const received = collect(far, 1);
  near.send(Buffer.alloc(200_000, 7));
  assert.equal((await received)[0]!.length, 200_000);
});

test('a message over the limit ends the association where it is received', async (context) => {
  const { near, far } = await makePair(context, {
    addresses: [THERE],
    maxMessageBytes: 50_000,
    receiveBufferBytes: 40_000,
  });
  const [atFar, atNear] = [next(far, 'lost'), next(near, 'lost')];
  const messages: Buffer[] = [];
  far.on('message', (data) => messages.push(data));
  near.send(Buffer.alloc(40_000));
  near.send(Buffer.alloc(1_000_000));
  const [loss] = await atFar;
  assert.equal(loss.reason, 'oversize');
  assert.equal(loss.error.code, 'ERR_MESSAGE_TOO_LARGE');
  assert.equal((await atNear)[0].reason, 'aborted');
  assert.deepEqual(
    messages.map((data) => data.length),
    [40_000],
  );
});

test('a dial or a loss that nobody listens to brings nothing down', async (context) => {
  const dialled = connect({ addresses: [THERE], port: 9, localAddresses: [HERE] });
  await next(dialled, 'close');
  const { near, far } = await makePair(context, { addresses: [THERE] });
  far.abort();
  await next(near, 'close');
  assert.equal(near.state, 'closed');
});

test('messages the peer never took come back as sendFailed, before lost', async (context) => {
  const { near, far } = await makePair(context, { addresses: [THERE] });
  far.pause();
  const seen = new Map<number, boolean>();
  near.on('sendFailed', ({ context: cookie, sent, stream, ppid, data }) => {
    assert.equal(stream, 5);
    assert.equal(ppid, 77);
    assert.ok(data.length > 0);
    seen.set(cookie, sent);
  });
  const size = 512 * 1024;
  for (let cookie = 1; cookie <= 24; cookie += 1) {
    near.send(Buffer.alloc(size), { stream: 5, ppid: 77, context: cookie });
  }
  await new Promise(setImmediate);
  const lost = next(near, 'lost');
  far.abort();
  const before = seen.size;
  await lost;
  assert.equal(before, 0);
  assert.ok(seen.size > 0);
  assert.ok([...seen.values()].includes(false), 'some were never sent');
});
