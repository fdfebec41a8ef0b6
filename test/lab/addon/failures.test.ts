import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { collect, settle } from '../../unit/addon/support.js';
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
  const prlimit = (soft: number) => `prlimit --pid=${process.pid} --nofile=${soft}:`;
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const before = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
  // Sockets of the tests before are let go of.
  await settle();
  // It waits ready: nothing can be started without descriptors.
  const restore = spawn('sh', ['-c', `read line; ${prlimit(before)}`]);
  for (const { socket } of clients) {
    socket.resume();
    socket.connect(['127.0.0.1'], listener.port);
  }
  const highest = Math.max(...readdirSync('/proc/self/fd').map(Number));
  const filling = [openSync('/dev/null', 'r')];
  while ((filling.at(-1) ?? 0) <= highest) filling.push(openSync('/dev/null', 'r'));
  // Now every number below the limit is taken.
  assert.equal(spawnSync('sh', ['-c', prlimit((filling.at(-1) ?? 0) + 1)]).status, 0);
  await until(() => listener.recorder.acceptErrors.length > 0);
  restore.stdin.end('\n');
  assert.deepEqual(await once(restore, 'close'), [0, null]);
  assert.equal(listener.recorder.acceptErrors[0]?.code, 'EMFILE');
  assert.equal(listener.recorder.acceptErrors.length, 1);
  listener.socket.resume();
  await until(() => listener.recorder.accepted.length === 2);
  for (const fd of filling) closeSync(fd);
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
  await collect();
  await until(() => recorder.ends.length === 1);
  socket.close();
  listener.socket.close();
  assert.equal(addon.probe(), null);
});
