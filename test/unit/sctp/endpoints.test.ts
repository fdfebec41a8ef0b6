import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { type Association, connect, listen, SctpError, Server } from '../../../src/sctp/index.js';
import { change, FakeSocket, nativeError } from './fake-addon.js';
import { fakeAddon, peer, recordEvents, turn, withCode } from './support.js';

const callNames = (socket: FakeSocket) =>
  socket.calls.map((call) => call.split(' ')[0]).filter((name) => name !== 'setOption');

test('dialling: options first, then bind, then connect, then reading', () => {
  const addon = fakeAddon();
  connect({ ...peer, localAddresses: ['fe80::1', '10.0.0.1'], localPort: 77 });
  assert.equal(addon.last.family, 6);
  assert.deepEqual(callNames(addon.last), ['bind', 'attach', 'setLimits', 'connect', 'resume']);
  assert.ok(addon.last.calls.includes('bind ["10.0.0.1","fe80::1"] 77'));
  assert.ok(addon.last.calls.includes('connect ["10.0.0.2","10.0.1.2"] 6000'));
});

test('dialling: a local port alone binds the wildcard, nothing binds nothing', () => {
  const addon = fakeAddon();
  connect({ ...peer, localPort: 77 });
  assert.ok(addon.last.calls.includes('bind ["0.0.0.0"] 77'));
  connect({ ...peer });
  assert.equal(callNames(addon.last).includes('bind'), false);
});

test('addresses and ports are checked before any socket is made', () => {
  const addon = fakeAddon();
  const many = Array.from({ length: limits.addresses + 1 }, (_, i) => `10.0.0.${i + 1}`);
  for (const addresses of [[], many, ['localhost'], ['10.0.0.1', '10.0.0.1'], ['::1', '0:0::1']]) {
    assert.throws(() => connect({ addresses, port: 1 }), withCode('ERR_ADDRESS_INVALID'));
    assert.throws(() => listen({ addresses }), withCode('ERR_ADDRESS_INVALID'));
  }
  for (const port of [0, -1, 65_536, 1.5]) {
    assert.throws(() => connect({ ...peer, port }), withCode('ERR_ADDRESS_INVALID'));
  }
  assert.throws(() => listen({ addresses: ['::1'], backlog: 0 }), withCode('ERR_OPTION_REJECTED'));
  assert.equal(addon.sockets.length, 0);
});

test('errors of the system: code, cause, errno, syscall, address; the socket is closed', () => {
  const cases: [string, string, string, string][] = [
    ['bind', 'EADDRNOTAVAIL', 'bind', 'ERR_ADDRESS_NOT_LOCAL'],
    ['bind', 'EADDRINUSE', 'bind', 'ERR_PORT_IN_USE'],
    ['listen', 'ENOSYS', 'listen', 'ERR_NO_HMAC'],
    ['bind', 'EACCES', 'bind', 'ERR_SYSTEM'],
  ];
  for (const [method, errno, syscall, code] of cases) {
    const addon = fakeAddon();
    const native = nativeError(errno, syscall);
    addon.failures.set(method, native);
    assert.throws(
      () => listen({ addresses: ['10.0.0.1'], port: 5000 }),
      (error: SctpError) => {
        assert.ok(error instanceof SctpError);
        assert.equal(error.code, code);
        assert.equal(error.cause, native);
        assert.equal(error.errno, -1);
        assert.equal(error.syscall, syscall);
        assert.equal(error.address, '10.0.0.1 port 5000');
        return true;
      },
    );
    assert.equal(addon.last.closed, true);
  }
});

test('a kernel without SCTP: what to do stands in the message', () => {
  const addon = fakeAddon();
  addon.problem = nativeError('EPROTONOSUPPORT', 'socket');
  for (const act of [() => connect(peer), () => listen({ addresses: ['10.0.0.1'] })]) {
    assert.throws(act, withCode('ERR_NO_SCTP', /modprobe sctp/));
  }
});

test('a server configures before it listens, and knows its port', () => {
  const addon = fakeAddon();
  const server = listen({ addresses: ['10.0.0.1'], noDelay: false, backlog: 5 });
  assert.ok(server instanceof Server);
  assert.equal(server.port, 5000);
  assert.deepEqual(server.addresses, ['10.0.0.1']);
  const { calls } = addon.last;
  const before = calls.slice(0, calls.indexOf('listen 5'));
  assert.ok(before.includes('setOption "noDelay" false'));
  // The accepted ones inherit it, and can be given addresses together only so.
  const [bound] = before.filter((call) => call.startsWith('bind'));
  assert.ok(before.indexOf('setOption "reuseAddress" true') < before.indexOf(bound!));
});

test('a server listens at more addresses and at fewer, as far as the kernel does it', () => {
  const addon = fakeAddon();
  const server = listen({ addresses: ['10.0.0.1'] });
  assert.throws(() => server.addAddresses(['10.0.5.1']), withCode('ERR_OPTION_REJECTED'));
  addon.last.locals.push({ address: '10.0.5.1', port: 5000 });
  server.addAddresses(['10.0.5.1']);
  assert.deepEqual(server.addresses, ['10.0.0.1', '10.0.5.1']);
  addon.last.locals.pop();
  server.removeAddresses(['10.0.5.1']);
  addon.last.failures.set('removeAddresses', nativeError('EBUSY', 'bind'));
  assert.throws(() => server.removeAddresses(['10.0.0.1']), withCode('ERR_SYSTEM'));
  server.close();
  assert.throws(() => server.addAddresses(['10.0.5.1']), withCode('ERR_CLOSED'));
});

test('an accepted association is up, may send in the listener, and is read afterwards', () => {
  const addon = fakeAddon();
  const server = listen({ addresses: ['10.0.0.1'] });
  const accepted = new FakeSocket(addon, 4);
  const seen: string[] = [];
  server.on('association', (association) => {
    seen.push(...recordEvents(association));
    assert.equal(association.state, 'up');
    assert.equal(association.outboundStreams, 7);
    assert.equal(association.remoteAddress, '10.0.0.2');
    assert.equal(association.remotePort, 6000);
    assert.equal(accepted.calls.includes('resume'), false);
    association.send(Buffer.from('hello'));
  });
  addon.last.handlers.onAccept(accepted);
  assert.equal(accepted.calls.at(-1), 'resume');
  assert.equal(accepted.sent.length, 1);
});

test('an accepted association tells up once, from its notification', () => {
  const addon = fakeAddon();
  const server = listen({ addresses: ['10.0.0.1'] });
  const accepted = new FakeSocket(addon, 4);
  let seen: string[] = [];
  server.on('association', (association) => {
    seen = recordEvents(association);
  });
  addon.last.handlers.onAccept(accepted);
  accepted.deliver(change('up'), { data: Buffer.from('x') });
  assert.deepEqual(seen, ['up 10', 'message x']);
});

test('an association that died before it was accepted ends as any other', async () => {
  const addon = fakeAddon();
  const server = listen({ addresses: ['10.0.0.1'] });
  const accepted = new FakeSocket(addon, 4);
  accepted.failures.set('status', nativeError('EINVAL', 'getsockopt'));
  accepted.failures.set('peerAddresses', nativeError('EINVAL', 'getsockopt'));
  let seen: string[] = [];
  server.on('association', (association) => {
    seen = recordEvents(association);
  });
  addon.last.handlers.onAccept(accepted);
  accepted.deliver(change('up'), { data: Buffer.from('x') });
  accepted.handlers.onEnd(nativeError('ECONNRESET', 'recvmsg'));
  await turn();
  assert.deepEqual(seen, ['up 10', 'message x', 'lost aborted ERR_ASSOCIATION_LOST', 'close']);
});

test('accepted without a listener it is aborted; closed in the listener it is not read', () => {
  const addon = fakeAddon();
  const server = listen({ addresses: ['10.0.0.1'] });
  const [first, second] = [new FakeSocket(addon, 4), new FakeSocket(addon, 4)];
  const listener = addon.last;
  listener.handlers.onAccept(first);
  assert.equal(first.calls.at(-1), 'abort');
  server.on('association', (association: Association) => association.close());
  listener.handlers.onAccept(second);
  assert.equal(second.calls.at(-1), 'close');
});

test('a failed accept is told, brings nothing down, and accepting goes on', async () => {
  const addon = fakeAddon();
  const server = listen({ addresses: ['10.0.0.1'] });
  const listener = addon.last;
  listener.handlers.onAcceptError(nativeError('EMFILE', 'accept4'));
  const told = new Promise<SctpError>((resolve) => server.on('acceptFailed', resolve));
  listener.handlers.onAcceptError(nativeError('EMFILE', 'accept4'));
  assert.equal((await told).code, 'ERR_SYSTEM');
  await new Promise<void>((resolve) => {
    listener.resume = resolve;
  });
  server.close();
});

test('a closed server says so once and accepts no more', async () => {
  const addon = fakeAddon();
  const server = listen({ addresses: ['10.0.0.1'] });
  let closes = 0;
  server.on('close', () => {
    closes += 1;
  });
  addon.last.handlers.onAcceptError(nativeError('EMFILE', 'accept4'));
  server.close();
  server.close();
  await turn();
  assert.equal(closes, 1);
  assert.deepEqual(server.addresses, []);
});
