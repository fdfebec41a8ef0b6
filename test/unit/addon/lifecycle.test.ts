import assert from 'node:assert/strict';
import test from 'node:test';
import { NATIVE_CONTRACT, type NativeSocket } from '../../../src/sctp/native.js';
import {
  addon,
  collect,
  descriptors,
  openPair,
  Recorder,
  reading,
  send,
  settle,
  until,
} from './support.js';

/** Every method with arguments that it would take. */
const calls: [string, (socket: NativeSocket) => unknown][] = [
  ['attach', (socket) => socket.attach(new Recorder())],
  ['setLimits', (socket) => socket.setLimits(1, 1)],
  ['bind', (socket) => socket.bind(['127.0.0.1'], 0)],
  ['addAddresses', (socket) => socket.addAddresses(['127.0.0.1'])],
  ['removeAddresses', (socket) => socket.removeAddresses(['127.0.0.1'])],
  ['listen', (socket) => socket.listen(1)],
  ['connect', (socket) => socket.connect(['127.0.0.1'], 1)],
  ['resume', (socket) => socket.resume()],
  ['pause', (socket) => socket.pause()],
  ['drain', (socket) => socket.drain(1)],
  ['send', (socket) => socket.send(Buffer.from('x'), 0, 0, 0, 0)],
  ['flush', (socket) => socket.flush()],
  ['shutdown', (socket) => socket.shutdown()],
  ['setOption', (socket) => socket.setOption('noDelay', true)],
  ['getOption', (socket) => socket.getOption('noDelay')],
  ['status', (socket) => socket.status()],
  ['statistics', (socket) => socket.statistics()],
  ['pathInfo', (socket) => socket.pathInfo('127.0.0.1')],
  ['localAddresses', (socket) => socket.localAddresses()],
  ['peerAddresses', (socket) => socket.peerAddresses()],
];

test('the module has what its contract says', () => {
  assert.equal(addon.engine, 'kernel');
  assert.equal(addon.contract, NATIVE_CONTRACT);
  assert.ok(addon.meta instanceof Int32Array);
  const methods = Object.getOwnPropertyNames(addon.Socket.prototype);
  const expected = ['constructor', 'close', 'abort', 'queuedBytes', ...calls.map(([name]) => name)];
  assert.deepEqual(methods.sort(), expected.sort());
});

test('after close every method fails with ERR_CLOSED, and close does nothing', () => {
  for (const end of ['close', 'abort'] as const) {
    const [a, b] = openPair();
    a[end]();
    for (const [name, call] of calls) {
      assert.throws(() => call(a), { name: 'Error', code: 'ERR_CLOSED' }, name);
    }
    assert.equal(a.queuedBytes, 0);
    a.close();
    a.abort();
    b.close();
  }
});

test('wrong arguments are refused, whatever they are', () => {
  const [a, b] = openPair();
  const odd: unknown[] = [undefined, null, 'x', -1, 1.5, Number.NaN, {}, [], () => 0, Symbol('s')];
  const methods: Record<string, (value: unknown) => unknown> = {
    attach: (value) => a.attach(value as never),
    setLimits: (value) => a.setLimits(1, value as never),
    bind: (value) => a.bind(value as never, 0),
    addresses: (value) => a.bind([value as never], 0),
    port: (value) => a.bind(['127.0.0.1'], value as never),
    listen: (value) => a.listen(value as never),
    drain: (value) => a.drain(value as never),
    data: (value) => a.send(value as never, 0, 0, 0, 0),
    stream: (value) => a.send(Buffer.from('x'), value as never, 0, 0, 0),
    option: (value) => a.setOption(value as never, 1 as never),
    rto: (value) => a.setOption('rto', { initialMs: value, minMs: 1, maxMs: 1 } as never),
    noDelay: (value) => a.setOption('noDelay', value as never),
    family: (value) => new addon.Socket(value as never),
  };
  for (const [name, call] of Object.entries(methods)) {
    for (const value of odd) {
      const isText = name === 'addresses' && value === 'x';
      assert.throws(() => call(value), isText ? { code: 'EINVAL' } : TypeError, name);
    }
  }
  assert.throws(() => a.send(new Uint8Array(0), 0, 0, 0, 0), { code: 'EINVAL' });
  assert.throws(() => a.send(new Uint16Array(2) as never, 0, 0, 0, 0), TypeError);
  assert.throws(() => a.bind(Array(65).fill('127.0.0.1'), 0), TypeError);
  assert.throws(() => a.getOption('sendBufferForce'), TypeError);
  assert.throws(() => addon.Socket.prototype.close.call({}), TypeError);
  assert.throws(() => (addon.Socket as unknown as () => void)(), TypeError);
  a.attach(new Recorder());
  assert.throws(() => a.attach(new Recorder()), { code: 'EALREADY' });
  a.close();
  b.close();
});

test('a handler may close its own socket, and hears nothing more', async () => {
  for (const end of ['close', 'abort'] as const) {
    const [a, b] = openPair();
    const received = new Recorder();
    received.after = () => b[end]();
    for (let i = 0; i < 8; i++) send(a, 'x'.repeat(i + 1));
    reading(b, received);
    const peer = reading(a);
    await until(() => peer.ends.length > 0);
    assert.equal(received.crossings, 1);
    assert.equal(received.ends.length, 0);
    a.close();
  }
});

test('a handler may close other sockets that have something to say', async () => {
  const pairs = Array.from({ length: 10 }, openPair);
  const recorders = pairs.map(([a, b]) => {
    send(a, 'hello');
    a.close();
    const recorder = new Recorder();
    recorder.after = () => {
      for (const [, other] of pairs) if (other !== b) other.close();
    };
    return reading(b, recorder);
  });
  await until(() => recorders.some((recorder) => recorder.ends.length > 0));
  await settle();
  assert.equal(recorders.filter((recorder) => recorder.messages.length > 0).length, 1);
  for (const [, b] of pairs) b.close();
});

test('onDrain comes at the low-water mark of the queue, never from within a method', async () => {
  const [a, b] = openPair();
  const sender = reading(a);
  a.setLimits(1 << 20, 50_000);
  for (let i = 0; i < 1000; i++) a.send(Buffer.alloc(1000), 0, 0, 0, 0);
  assert.equal(a.queuedBytes, 1_000_000);
  a.flush();
  assert.ok(a.queuedBytes > 50_000, 'the stand-in holds about a hundred messages');
  const received = reading(b);
  await until(() => sender.drains > 0);
  assert.ok(a.queuedBytes <= 50_000);
  await until(() => received.messages.length === 1000);
  assert.equal(sender.drains, 1);
  a.setLimits(1 << 20, 10);
  send(a, 'more than ten bytes');
  assert.equal(a.queuedBytes, 0);
  assert.equal(sender.drains, 1, 'not from within flush');
  await until(() => sender.drains === 2);
  a.close();
  b.close();
});

test('an association that is over keeps the queue, and ends', async () => {
  const [a, b] = openPair();
  const sender = new Recorder();
  a.attach(sender);
  b.close();
  await settle();
  send(a, 'nobody is there');
  assert.ok(a.queuedBytes > 0);
  assert.equal(sender.ends.length, 0, 'nothing is told before resume');
  a.resume();
  await until(() => sender.ends.length > 0);
  assert.equal(sender.ends.length, 1);
  a.close();
});

test('shutdown waits until the queue is empty', async () => {
  const [a, b] = openPair();
  reading(a);
  for (let i = 0; i < 500; i++) a.send(Buffer.from('x'), 0, 0, 0, 0);
  a.shutdown();
  assert.ok(a.queuedBytes > 0);
  assert.throws(() => a.send(Buffer.from('late'), 0, 0, 0, 0), { code: 'EPIPE' });
  const received = reading(b);
  await until(() => received.ends.length > 0);
  assert.equal(received.messages.length, 500);
  a.close();
  b.close();
});

test('without handlers a socket is closed when collected, with them it lives on', async () => {
  await collect();
  const before = descriptors();
  const received = new Recorder();
  const ends: Recorder[] = [];
  (() => {
    for (let i = 0; i < 20; i++) {
      const [kept] = openPair();
      ends.push(reading(kept));
    }
  })();
  const peer = (() => {
    const [a, b] = openPair();
    reading(b, received);
    return a;
  })();
  await collect();
  await until(() => ends.every((end) => end.ends.length === 1));
  send(peer, 'still there');
  await until(() => received.messages.length === 1);
  assert.equal(descriptors(), before + 22);
  peer.close();
});

test('thousands of sockets leave no descriptor and no memory', async () => {
  const openSome = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const [a, b] = openPair();
      reading(b);
      send(a, 'x');
      if (i % 3 === 0) await settle(1);
      a.close();
      b.abort();
    }
    await collect();
  };
  await openSome(500);
  const descriptorsBefore = descriptors();
  const residentBefore = process.memoryUsage.rss();
  await openSome(2000);
  assert.equal(descriptors(), descriptorsBefore);
  const grown = process.memoryUsage.rss() - residentBefore;
  // A leak of one receive buffer or one queue per socket would be hundreds of MiB.
  assert.ok(grown < 64 * 1024 * 1024, `resident memory grew by ${grown} bytes`);
});
