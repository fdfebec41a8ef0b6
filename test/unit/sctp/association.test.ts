import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import {
  connect,
  type Loss,
  type MessageInfo,
  SctpError,
  type SendFailure,
} from '../../../src/sctp/index.js';
import { change, nativeError } from './fake-addon.js';
import { fakeAddon, peer, recordEvents, turn, upAssociation, withCode } from './support.js';

const text = (data: string) => ({ data: Buffer.from(data) });

test('messages of one turn are queued one by one and flushed once', async () => {
  const { association, socket } = upAssociation();
  const options = { stream: 3, ppid: 0xffffffff, unordered: true, sackNow: true, context: 9 };
  assert.equal(association.send(Buffer.from('a'), options), true);
  assert.equal(association.send(Buffer.from('b')), true);
  assert.equal(socket.calls.includes('flush'), false);
  await turn();
  assert.equal(socket.calls.filter((call) => call === 'flush').length, 1);
  const [first, second] = socket.sent;
  assert.deepEqual(first, {
    data: Buffer.from('a'),
    stream: 3,
    ppid: 0xffffffff,
    flags: 3,
    context: 9,
  });
  assert.deepEqual(second, { data: Buffer.from('b'), stream: 0, ppid: 0, flags: 0, context: 0 });
});

test('bad sends are refused by code', () => {
  const { association } = upAssociation({ maxMessageBytes: 10 });
  const one = Buffer.alloc(1);
  assert.throws(() => association.send(Buffer.alloc(0)), withCode('ERR_MESSAGE_EMPTY'));
  assert.throws(() => association.send(Buffer.alloc(11)), withCode('ERR_MESSAGE_TOO_LARGE', /10/));
  assert.throws(() => association.send('text' as never), withCode('ERR_ARGUMENT', /data/));
  for (const stream of [-1, 10, 0.5, Number.NaN]) {
    assert.throws(() => association.send(one, { stream }), withCode('ERR_ARGUMENT', /stream/));
  }
  assert.equal(association.maxMessageBytes, 10);
});

test('no message is longer than the send buffer, whatever the option says', () => {
  const { association } = upAssociation({ sendBufferBytes: 5000 });
  assert.equal(association.maxMessageBytes, 10_000);
});

test('sending needs an association that is up', async () => {
  const { association, addon } = upAssociation();
  association.abort();
  assert.throws(() => association.send(Buffer.alloc(1)), withCode('ERR_CLOSED'));
  const { connect } = await import('../../../src/sctp/index.js');
  const dialling = connect({ addresses: ['10.0.0.2'], port: 1 });
  assert.equal(dialling.state, 'connecting');
  assert.throws(() => dialling.send(Buffer.alloc(1)), withCode('ERR_STATE', /not up yet/));
  addon.last.deliver(change('up'));
  assert.equal(dialling.send(Buffer.alloc(1)), true);
});

test('back-pressure: false above the high-water mark, ERR_QUEUE_FULL, then drain', () => {
  const { association, socket } = upAssociation();
  const seen = recordEvents(association);
  const mib = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 4; i += 1) assert.equal(association.send(mib), true);
  assert.equal(association.send(mib), false);
  while (socket.queuedBytes < limits.sendQueueHardBytes) association.send(mib);
  assert.throws(() => association.send(mib), withCode('ERR_QUEUE_FULL'));
  socket.queuedBytes = limits.sendQueueHighWaterBytes / 4;
  socket.handlers.onDrain();
  assert.deepEqual(seen, ['drain']);
  assert.equal(association.send(mib), true);
  socket.handlers.onDrain();
  assert.deepEqual(seen, ['drain']);
});

test('a batch: messages and notifications in their order, payloads as views', () => {
  const { association, socket } = upAssociation();
  const seen = recordEvents(association);
  const infos: MessageInfo[] = [];
  const payloads: Buffer[] = [];
  association.on('message', (data, info) => {
    payloads.push(data);
    infos.push(info);
  });
  socket.deliver(
    { data: Buffer.from('one'), stream: 5, ppid: -1 },
    { type: 'path', address: '10.0.0.2', change: 'unreachable', error: 0 },
    { data: Buffer.from('two'), stream: 6 },
  );
  assert.deepEqual(seen, ['message one', 'path 10.0.0.2 unreachable inactive', 'message two']);
  assert.deepEqual(
    { ...infos[0] },
    {
      stream: 5,
      ppid: 0xffffffff,
      unordered: false,
      tsn: 0xfffffffe,
      ssn: 0,
    },
  );
  assert.equal(payloads[0]!.buffer, payloads[1]!.buffer);
});

test('a listener that ends the association gets nothing more of the batch', async () => {
  for (const end of ['abort', 'close'] as const) {
    const { association, socket } = upAssociation();
    const seen = recordEvents(association);
    association.once('message', () => association[end]());
    socket.deliver(text('one'), text('two'), { type: 'shutdown' });
    await turn();
    assert.deepEqual(seen, ['message one', 'close']);
    assert.equal(socket.closed, true);
  }
});

test('what a listener throws is uncaught, and the rest of the batch still comes', async () => {
  const { association, socket } = upAssociation();
  const seen = recordEvents(association);
  association.once('message', () => {
    throw new Error('from a listener');
  });
  const uncaught = new Promise<Error>((resolve) => {
    process.setUncaughtExceptionCaptureCallback(resolve);
  });
  socket.deliver(text('one'), text('two'));
  assert.deepEqual(seen, ['message one', 'message two']);
  assert.equal((await uncaught).message, 'from a listener');
  process.setUncaughtExceptionCaptureCallback(null);
});

test('drain reads what waits, but never from inside a listener of any association', () => {
  const { association, socket } = upAssociation();
  const seen = recordEvents(association);
  socket.waiting.push(() => socket.deliver(text('one'), text('two')));
  const inner: number[] = [];
  association.on('message', () => inner.push(association.drain()));
  assert.equal(association.drain(), 1);
  assert.deepEqual(inner, [0, 0]);
  assert.deepEqual(seen, ['message one', 'message two']);
});

test('up says the streams; a restart says them anew and the association goes on', () => {
  const { association, socket } = upAssociation();
  const seen = recordEvents(association);
  assert.equal(association.outboundStreams, 10);
  assert.equal(association.inboundStreams, 12);
  socket.deliver(change('restart', { outboundStreams: 4 }), text('new'));
  assert.deepEqual(seen, ['restart', 'message new']);
  assert.equal(association.outboundStreams, 4);
  assert.equal(association.state, 'up');
});

test('the peer shuts down: all messages, shutdown, close, each once', async () => {
  const { association, socket } = upAssociation();
  const seen = recordEvents(association);
  socket.deliver(text('last'), { type: 'shutdown' }, change('shutdown-complete'));
  assert.throws(() => association.send(Buffer.alloc(1)), withCode('ERR_STATE', /shut down/));
  socket.handlers.onEnd(null);
  await turn();
  assert.deepEqual(seen, ['message last', 'shutdown', 'close']);
  assert.equal(await association.shutdown(), true);
});

test('losses are told apart', async () => {
  const abortChunk = new Uint8Array([6, 0, 0, 8, 0, 12, 0, 4]);
  const cases: [string | null, Parameters<typeof change> | null, string, number][] = [
    ['ECONNRESET', ['lost', { error: 12, info: abortChunk }], 'aborted ERR_ASSOCIATION_LOST', 12],
    ['ECONNRESET', null, 'aborted ERR_ASSOCIATION_LOST', 0],
    ['ETIMEDOUT', ['lost'], 'timeout ERR_ASSOCIATION_LOST', 0],
    [null, ['lost'], 'failed ERR_ASSOCIATION_LOST', 0],
    ['EHOSTUNREACH', null, 'failed ERR_ASSOCIATION_LOST', 0],
  ];
  for (const [errno, notification, expected, causeCode] of cases) {
    const { association, socket } = upAssociation();
    const seen = recordEvents(association);
    let loss: Loss | null = null;
    association.on('lost', (event) => {
      loss = event;
    });
    const unsent: SendFailure = {
      sent: false,
      error: 0,
      stream: 1,
      ppid: 2,
      context: 77,
      data: Buffer.from('x'),
    };
    socket.deliver(text('last'), ...(notification === null ? [] : [change(...notification)]), {
      type: 'send-failed',
      ...unsent,
    });
    socket.handlers.onEnd(errno === null ? null : nativeError(errno, 'recvmsg'));
    await turn();
    assert.deepEqual(seen, ['message last', 'sendFailed 77', `lost ${expected}`, 'close']);
    assert.equal(loss!.causeCode, causeCode);
    assert.equal(loss!.wasUp, true);
    assert.equal(loss!.error.address, '10.0.0.2');
    assert.equal(await association.shutdown(), false);
  }
});

test('a dial that fails is refused, timed out, or failed with the system error', async () => {
  const cases: [string, string][] = [
    ['ECONNREFUSED', 'refused ERR_REFUSED'],
    ['ETIMEDOUT', 'timeout ERR_TIMEOUT'],
    ['EHOSTUNREACH', 'failed ERR_SYSTEM'],
  ];
  for (const [errno, expected] of cases) {
    const { addon } = upAssociation();
    const { connect } = await import('../../../src/sctp/index.js');
    const association = connect({ addresses: ['10.0.0.2'], port: 1 });
    const seen = recordEvents(association);
    const up = association.whenUp();
    addon.last.deliver(change('cannot-start'));
    addon.last.handlers.onEnd(nativeError(errno, 'connect'));
    await assert.rejects(up, (error) => error instanceof SctpError);
    await turn();
    assert.deepEqual(seen, [`lost ${expected}`, 'close']);
  }
});

test('a loss nobody listens to throws nothing', async () => {
  const { association, socket } = upAssociation();
  socket.handlers.onEnd(nativeError('ECONNRESET', 'recvmsg'));
  await turn();
  assert.equal(association.state, 'closed');
});

test('a message beyond the limit of reassembly aborts the association', async () => {
  const { association, socket } = upAssociation();
  const seen = recordEvents(association);
  socket.handlers.onOversize(17_000_000);
  await turn();
  assert.deepEqual(seen, ['lost oversize ERR_MESSAGE_TOO_LARGE', 'close']);
  assert.equal(socket.calls.at(-1), 'abort');
});

test('a failed flush loses the association', async () => {
  const { association, socket } = upAssociation();
  const seen = recordEvents(association);
  socket.failures.set('flush', nativeError('EINVAL', 'sendmmsg'));
  association.send(Buffer.alloc(1));
  await turn();
  assert.deepEqual(seen, ['lost failed ERR_ASSOCIATION_LOST', 'close']);
});

test('shutdown flushes, waits for the end, and says that it was orderly', async () => {
  const { association, socket } = upAssociation();
  const seen = recordEvents(association);
  association.send(Buffer.from('x'));
  const done = association.shutdown();
  assert.deepEqual(socket.calls.slice(-2), ['flush', 'shutdown']);
  assert.equal(association.state, 'closing');
  socket.deliver(text('late'));
  socket.handlers.onEnd(null);
  assert.equal(await done, true);
  assert.deepEqual(seen, ['message late', 'close']);
});

test('shutdown past its deadline aborts, and says so', async () => {
  const { association, socket } = upAssociation();
  const [first, second] = [association.shutdown({ deadlineMs: 1 }), association.shutdown()];
  assert.deepEqual(await Promise.all([first, second]), [false, false]);
  assert.equal(socket.calls.filter((call) => call === 'shutdown').length, 1);
  assert.equal(socket.calls.at(-1), 'abort');
});

test('paths are read on demand, with the primary marked', () => {
  const { association, socket } = upAssociation();
  socket.pathStates['10.0.1.2'] = 'potentially-failed';
  const shown = association.paths.map(({ address, state, primary }) => [address, state, primary]);
  assert.deepEqual(shown, [
    ['10.0.0.2', 'active', true],
    ['10.0.1.2', 'potentially-failed', false],
  ]);
  association.setPrimary('10.0.1.2');
  assert.deepEqual(
    association.paths.map((path) => path.primary),
    [false, true],
  );
  assert.throws(() => association.setPrimary('10.0.9.9'), withCode('ERR_ADDRESS_INVALID'));
});

test('which paths there are is asked once, and again when that may have changed', () => {
  const { association, socket } = upAssociation();
  const asked = () => {
    const before = socket.calls.length;
    const { length } = association.paths;
    return [length, socket.calls.slice(before).filter((call) => call === 'peerAddresses').length];
  };
  const tell = (address: string, change: 'added' | 'removed' | 'available') =>
    socket.deliver({ type: 'path', address, change, error: 0 });
  assert.deepEqual(asked(), [2, 1]);
  tell('10.0.1.2', 'available');
  assert.deepEqual(asked(), [2, 0]);
  socket.peers.push({ address: '10.0.2.2', port: 6000 });
  tell('10.0.2.2', 'added');
  assert.deepEqual(asked(), [3, 1]);
  assert.deepEqual(asked(), [3, 0]);
  socket.peers.splice(1, 1);
  // It goes before we are told.
  assert.deepEqual(asked(), [2, 0]);
  assert.deepEqual(asked(), [2, 1]);
  tell('10.0.1.2', 'removed');
  assert.deepEqual(asked(), [2, 1]);
  socket.peers.push({ address: '10.0.3.2', port: 6000 });
  tell('10.0.3.2', 'available');
  assert.deepEqual(asked(), [3, 1]);
  socket.deliver(change('restart'));
  assert.deepEqual(asked(), [3, 1]);
});

test('path events say the state, asking the kernel where the change does not tell', () => {
  const { association, socket } = upAssociation();
  const seen = recordEvents(association);
  socket.pathStates['10.0.1.2'] = 'unconfirmed';
  const path = (address: string, what: 'added' | 'removed' | 'made-primary' | 'available') =>
    ({ type: 'path', address, change: what, error: 0 }) as const;
  socket.deliver(
    path('10.0.1.2', 'added'),
    path('10.0.0.2', 'made-primary'),
    path('10.0.1.2', 'available'),
    path('10.0.7.7', 'removed'),
    path('10.0.7.7', 'made-primary'),
  );
  assert.deepEqual(seen, [
    'path 10.0.1.2 added unconfirmed',
    'path 10.0.0.2 made-primary active',
    'path 10.0.1.2 available active',
    'path 10.0.7.7 removed inactive',
    'path 10.0.7.7 made-primary unknown',
  ]);
});

test('a heartbeat is asked for with the values the path has', () => {
  const { association, socket } = upAssociation();
  association.heartbeatNow('10.0.1.2');
  const call = socket.calls.at(-1)!;
  const path = JSON.parse(call.slice(call.indexOf('{')));
  assert.equal(path.address, '10.0.1.2');
  assert.equal(path.heartbeatNow, true);
  assert.equal(path.heartbeatIntervalMs, 30_000);
});

test('local addresses change where both ends do that, and are read back when they came', () => {
  const { association, socket } = upAssociation();
  const changes = () => socket.calls.filter((call) => /^(add|remove)Addresses /.test(call));
  const refused = withCode('ERR_OPTION_REJECTED', /addip_enable/);
  assert.throws(() => association.addLocalAddresses(['10.0.5.1']), refused);
  assert.throws(() => association.removeLocalAddresses(['10.0.0.1']), refused);
  assert.deepEqual(changes(), []);
  socket.held.set('changeAddresses', true);
  assert.throws(
    () => association.addLocalAddresses(['10.0.5.1']),
    withCode('ERR_OPTION_REJECTED', /did not take 10\.0\.5\.1/),
  );
  socket.locals.push({ address: '10.0.5.1', port: 5000 });
  association.addLocalAddresses(['10.0.5.1']);
  // It stays until the peer has agreed.
  association.removeLocalAddresses(['10.0.5.1']);
  assert.equal(changes().at(-1), 'removeAddresses ["10.0.5.1"]');
  socket.failures.set('removeAddresses', nativeError('EBUSY', 'bind'));
  assert.throws(() => association.removeLocalAddresses(['10.0.0.1']), withCode('ERR_SYSTEM'));
});

test('addresses do not change before the association is up', () => {
  fakeAddon();
  const early = connect(peer);
  assert.throws(() => early.addLocalAddresses(['10.0.5.1']), withCode('ERR_STATE'));
  assert.throws(() => early.removeLocalAddresses(['10.0.5.1']), withCode('ERR_STATE'));
});

test("statistics are the kernel's own counts", () => {
  const { association, socket } = upAssociation();
  socket.counted = { ...socket.counted, sentChunks: 7, retransmittedChunks: 2 };
  assert.equal(association.statistics().sentChunks, 7);
  assert.equal(association.statistics().retransmittedChunks, 2);
  socket.failures.set('statistics', nativeError('EINVAL', 'getsockopt'));
  assert.throws(() => association.statistics(), withCode('ERR_SYSTEM'));
  association.close();
  assert.throws(() => association.statistics(), withCode('ERR_CLOSED'));
});

test('after the end everything answers, with emptiness or ERR_CLOSED', async () => {
  const { association } = upAssociation();
  association.close();
  association.close();
  association.abort();
  association.pause();
  association.resume();
  assert.deepEqual(association.paths, []);
  assert.deepEqual(association.remoteAddresses, []);
  assert.equal(association.queuedBytes, 0);
  assert.equal(association.drain(), 0);
  assert.throws(() => association.status(), withCode('ERR_CLOSED'));
  assert.throws(() => association.setPrimary('10.0.0.2'), withCode('ERR_CLOSED'));
  await assert.rejects(association.whenUp(), withCode('ERR_CLOSED'));
  assert.equal(await association.shutdown(), false);
});
