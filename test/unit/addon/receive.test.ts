import assert from 'node:assert/strict';
import test from 'node:test';
import { META_LENGTH, META_STRIDE } from '../../../src/sctp/native.js';
import { addon, openPair, PIECE_BYTES, Recorder, reading, send, until } from './support.js';

test('messages arrive once and in order, many in one crossing', async () => {
  const [a, b] = openPair();
  const received = reading(b);
  reading(a);
  const count = 20_000;
  for (let i = 0; i < count; i++) a.send(Buffer.from(String(i)), 0, 0, 0, 0);
  a.flush();
  await until(() => received.messages.length === count);
  assert.deepEqual(
    received.messages.map((message) => Number(message.toString())),
    Array.from({ length: count }, (_, i) => i),
  );
  assert.ok(received.crossings < count, `${received.crossings} crossings`);
  assert.equal(a.queuedBytes, 0);
  a.close();
  b.close();
});

test('what was received is never written over', async () => {
  const [a, b] = openPair();
  const received = reading(b);
  reading(a);
  // 40 MiB: forty slabs, and some of them come back from the garbage collector meanwhile.
  const sizes = Array.from({ length: 4000 }, (_, i) => 1 + ((i * 7919) % 20_000));
  for (const [i, size] of sizes.entries()) {
    a.send(Buffer.alloc(size, i & 0xff), 0, 0, 0, 0);
    a.flush();
    if (i % 50 === 49) await until(() => received.messages.length === i + 1);
  }
  for (const [i, message] of received.messages.entries()) {
    assert.equal(message.length, sizes[i]);
    assert.ok(message.equals(Buffer.alloc(message.length, i & 0xff)), `message ${i}`);
  }
  a.close();
  b.close();
});

test('parts are put together, whatever their number', async () => {
  const [a, b] = openPair();
  const received = reading(b);
  reading(a);
  const sizes = [PIECE_BYTES + 1, 1, 3 * PIECE_BYTES + 17, 20 * PIECE_BYTES + 5];
  for (const [i, size] of sizes.entries()) {
    const message = Buffer.alloc(size, i + 1);
    for (let at = 0; at < size; at += PIECE_BYTES) {
      a.send(message.subarray(at, at + PIECE_BYTES), 0, 0, 0, 0);
    }
  }
  a.flush();
  await until(() => received.messages.length === sizes.length);
  for (const [i, message] of received.messages.entries()) {
    assert.ok(message.equals(Buffer.alloc(sizes[i] ?? 0, i + 1)), `message ${i}`);
  }
  a.close();
  b.close();
});

test('a message over the limit is told, and the next one arrives', async () => {
  const [a, b] = openPair();
  const received = reading(b);
  reading(a);
  b.setLimits(100_000, 0);
  for (let i = 0; i < 3; i++) a.send(Buffer.alloc(PIECE_BYTES), 0, 0, 0, 0);
  for (const text of ['end of the long one', 'next']) a.send(Buffer.from(text), 0, 0, 0, 0);
  a.flush();
  await until(() => received.messages.length === 1);
  assert.deepEqual(received.oversize, [2 * PIECE_BYTES]);
  assert.equal(received.messages[0]?.toString(), 'next');
  b.setLimits(3, 0);
  send(a, 'four');
  send(a, 'abc');
  await until(() => received.messages.length === 2);
  assert.deepEqual(received.oversize, [2 * PIECE_BYTES, 4]);
  a.close();
  b.close();
});

test('the end comes last and once, after everything that had arrived', async () => {
  const [a, b] = openPair();
  const received = reading(b);
  reading(a);
  for (let i = 0; i < 8; i++) send(a, `message ${i}`);
  a.shutdown();
  await until(() => received.ends.length > 0);
  assert.equal(received.messages.length, 8);
  assert.deepEqual(received.ends, [null]);
  assert.equal(b.drain(4), 0);
  assert.deepEqual(received.ends, [null]);
  assert.throws(() => b.send(Buffer.from('x'), 0, 0, 0, 0), { code: 'EPIPE' });
  a.close();
  b.close();
});

test('an abort has its errno and follows what had arrived; a close is an orderly end', async () => {
  for (const [end, code] of [
    ['abort', 'ECONNRESET'],
    ['close', undefined],
  ] as const) {
    const [a, b] = openPair();
    send(a, 'before');
    // Data that the peer never reads turns its closing into a reset, unless the addon reads it
    // away.
    send(b, 'unread');
    a[end]();
    const received = reading(b);
    await until(() => received.ends.length > 0);
    assert.equal(received.messages.length, 1);
    assert.equal(received.ends.length, 1);
    assert.equal(received.ends[0]?.code, code);
    b.close();
  }
});

test('promises and ticks of a handler run before the next handler', async () => {
  const [a, b] = openPair();
  const order: string[] = [];
  const handlers = new (class extends Recorder {
    override onReceive(): boolean {
      process.nextTick(() => order.push('tick'));
      Promise.resolve().then(() => order.push('promise'));
      order.push('receive');
      return false;
    }
    override onEnd(): void {
      order.push('end');
    }
  })();
  send(a, 'x');
  a.close();
  reading(b, handlers);
  await until(() => order.includes('end'));
  assert.deepEqual(order, ['receive', 'tick', 'promise', 'end']);
  b.close();
});

test('nothing is read before resume, after pause, and drain reads at once', async () => {
  const [a, b] = openPair();
  const received = new Recorder();
  b.attach(received);
  send(a, 'one');
  assert.throws(() => a.resume(), { code: 'EINVAL' });
  assert.equal(received.messages.length, 0);
  assert.equal(b.drain(1), 1);
  assert.equal(received.messages.length, 1);
  b.resume();
  send(a, 'two');
  await until(() => received.messages.length === 2);
  b.pause();
  send(a, 'three');
  await until(() => a.queuedBytes === 0);
  assert.equal(received.messages.length, 2);
  b.resume();
  await until(() => received.messages.length === 3);
  assert.equal(b.drain(1), 0);
  a.close();
  b.close();
});

test('draining another socket in a handler leaves the outer entries as they are', async () => {
  const [a, b] = openPair();
  const [c, d] = openPair();
  const inner = new Recorder();
  d.attach(inner);
  for (let i = 0; i < 8; i++) send(c, 'a longer message of another socket');
  const lengths: number[] = [];
  const handlers = new (class extends Recorder {
    override onReceive(_slab: ArrayBuffer, count: number): boolean {
      for (let i = 0; i < count; i++) {
        lengths.push(addon.meta[i * META_STRIDE + META_LENGTH] ?? 0);
        d.drain(1);
        assert.equal(b.drain(1), 0, 'a socket does not overtake itself');
      }
      return true;
    }
  })();
  b.attach(handlers);
  for (const text of ['1', '22', '333', '4444']) send(a, text);
  assert.equal(b.drain(1), 4);
  assert.deepEqual(lengths, [1, 2, 3, 4]);
  assert.equal(inner.messages.length, 8);
  for (const socket of [a, b, c, d]) socket.close();
});

test('memory is used again when the handler says so, and only then', () => {
  const [a, b] = openPair();
  const [c, d] = openPair();
  const received = new Recorder();
  b.attach(received);
  const inner = new Recorder();
  d.attach(inner);
  const next = (text: string): Buffer => {
    send(a, text);
    b.drain(1);
    return received.messages.at(-1)!;
  };
  const kept = next('kept');
  received.releases = true;
  const first = next('first');
  const second = next('secnd');
  assert.equal(second.byteOffset, first.byteOffset);
  assert.deepEqual([`${kept}`, `${first}`], ['kept', 'secnd']);
  // What another socket received meanwhile lies behind it and is kept: nothing is taken back.
  received.after = () => {
    send(c, 'inner');
    d.drain(1);
  };
  const outer = next('outer');
  received.after = null;
  assert.notEqual(next('later').byteOffset, outer.byteOffset);
  assert.deepEqual([`${outer}`, `${inner.messages[0]}`], ['outer', 'inner']);
  for (const socket of [a, b, c, d]) socket.close();
});
