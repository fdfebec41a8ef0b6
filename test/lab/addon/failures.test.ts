import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { addon, listen, open, until } from './support.js';

test('nobody listens: cannot-start, then ECONNREFUSED', async () => {
  const { socket, recorder } = open(4);
  socket.resume();
  socket.connect(['127.0.0.1'], 9);
  await until(() => recorder.ends.length === 1);
  assert.deepEqual(recorder.order, ['cannot-start', 'end']);
  assert.equal(recorder.ends[0]?.code, 'ECONNREFUSED');
  socket.close();
});

test('nobody answers: the end comes after the attempts', async () => {
  const { socket, recorder } = open(4);
  socket.setOption('init', {
    outboundStreams: 0,
    inboundStreams: 0,
    maxAttempts: 2,
    maxTimeoutMs: 100,
  });
  socket.setOption('rto', { initialMs: 100, minMs: 50, maxMs: 100 });
  socket.setOption('udpEncapsulation', { port: 9 });
  socket.resume();
  // Encapsulated in UDP to a port where nobody is, the INIT gets no answer.
  socket.connect(['127.0.0.1'], 9);
  await until(() => recorder.ends.length === 1);
  assert.match(recorder.ends[0]?.code ?? '', /^(ETIMEDOUT|ECONNREFUSED)$/);
  socket.close();
});

test('an address that is not ours is named, also among others', () => {
  const { socket } = open(4);
  assert.throws(() => socket.bind(['127.0.0.1', '10.9.9.9'], 0), {
    code: 'EADDRNOTAVAIL',
    syscall: 'bind',
    address: '10.9.9.9',
  });
  socket.close();
  const { socket: v6 } = open(6);
  assert.throws(() => v6.bind(['fd00::99'], 0), { code: 'EADDRNOTAVAIL', address: 'fd00::99' });
  v6.close();
});

test('a port that is taken is told', () => {
  const listener = listen(4, ['127.0.0.1']);
  const { socket } = open(4);
  assert.throws(() => socket.bind(['127.0.0.1'], listener.port), {
    code: 'EADDRINUSE',
    syscall: 'bind',
    address: '127.0.0.1',
  });
  socket.close();
  listener.socket.close();
});

test('an IPv6 address does not fit a socket for IPv4', () => {
  const { socket } = open(4);
  assert.throws(() => socket.bind(['::1'], 0), { syscall: 'bind', address: '::1' });
  assert.throws(() => socket.connect(['::1'], 5), { syscall: 'connect', address: '::1' });
  assert.throws(() => socket.shutdown(), { code: 'ENOTCONN' });
  socket.close();
});

test('without descriptors accepting pauses, and goes on after resume', async () => {
  const listener = listen(4, ['127.0.0.1']);
  const clients = [open(4), open(4)];
  const highest = Math.max(...readdirSync('/proc/self/fd').map(Number));
  const limit = (soft: string) =>
    assert.equal(spawnSync('prlimit', [`--pid=${process.pid}`, `--nofile=${soft}:`]).status, 0);
  const [, before] = /^Max open files\s+(\d+)/m.exec(
    spawnSync('cat', [`/proc/${process.pid}/limits`]).stdout.toString(),
  ) ?? ['', ''];
  for (const { socket } of clients) {
    socket.resume();
    socket.connect(['127.0.0.1'], listener.port);
  }
  limit(String(Math.min(highest, 12)));
  await until(() => listener.recorder.acceptErrors.length > 0);
  limit(before ?? '1024');
  assert.equal(listener.recorder.acceptErrors[0]?.code, 'EMFILE');
  assert.equal(listener.recorder.acceptErrors.length, 1);
  listener.socket.resume();
  await until(() => listener.recorder.accepted.length === 2);
  for (const { socket } of clients) socket.abort();
  for (const socket of listener.recorder.accepted) socket.abort();
  listener.socket.close();
});

test('an accepted association that nobody attaches to is closed when it is collected', async () => {
  const listener = listen(4, ['127.0.0.1']);
  const { socket, recorder } = open(4);
  socket.resume();
  socket.connect(['127.0.0.1'], listener.port);
  await until(() => listener.recorder.accepted.length === 1);
  listener.recorder.accepted.length = 0;
  const { collect } = await import('../../unit/addon/support.js');
  await collect();
  await until(() => recorder.ends.length === 1);
  socket.close();
  listener.socket.close();
  assert.equal(addon.probe(), null);
});
