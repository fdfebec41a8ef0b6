import assert from 'node:assert/strict';
import test from 'node:test';
import type { NativeOptions, NativeSocket } from '../../../src/sctp/native.js';
import { addon, associate } from './support.js';

/** What is set, and what is read back where the kernel keeps something else. */
type Case = {
  [K in keyof NativeOptions]: readonly [
    name: K,
    value: NativeOptions[K],
    reads?: Partial<NativeOptions[K]>,
  ];
}[keyof NativeOptions];

const everywhere: Case[] = [
  ['rto', { initialMs: 100, minMs: 50, maxMs: 400 }],
  ['association', { maxRetransmits: 7, cookieLifeMs: 30_000 }],
  ['path', { heartbeat: true, heartbeatIntervalMs: 500, maxRetransmits: 3 }],
  ['path', { heartbeat: true, heartbeatIntervalMs: 0, maxRetransmits: 4 }],
  // Without heartbeats the interval stays as it was.
  [
    'path',
    { heartbeat: false, heartbeatIntervalMs: 700, maxRetransmits: 5 },
    { heartbeat: false, heartbeatIntervalMs: 0, maxRetransmits: 5 },
  ],
  ['pathThresholds', { maxRetransmits: 9, potentiallyFailed: 1, primarySwitchover: 3 }],
  ['pathThresholds', { maxRetransmits: 9, potentiallyFailed: 0, primarySwitchover: 65535 }],
  ['exposePotentiallyFailed', true],
  ['exposePotentiallyFailed', false],
  ['sack', { delayMs: 20, frequency: 3 }],
  ['sack', { delayMs: 20, frequency: 1 }, { delayMs: 0, frequency: 1 }],
  ['noDelay', true],
  ['noDelay', false],
  ['streamScheduler', 2],
  ['streamScheduler', 0],
  ['reuseAddress', true],
  ['reuseAddress', false],
  ['changeAddresses', false],
  ['events', true],
  ['events', false],
  ['senderDryEvent', true],
  ['receiveInfo', true],
  ['context', 0xfffffff0],
  ['udpEncapsulation', { port: 9899 }],
];

const fresh: Case[] = [
  ['init', { outboundStreams: 64, inboundStreams: 32, maxAttempts: 4, maxTimeoutMs: 400 }],
];

function check(socket: NativeSocket, [name, value, reads]: Case): void {
  socket.setOption(name, value as never);
  assert.deepEqual(socket.getOption(name), reads ?? value, name);
}

test('every option is read back as it was set, on a fresh socket', () => {
  for (const family of [4, 6] as const) {
    const socket = new addon.Socket(family);
    for (const one of [...everywhere, ...fresh]) check(socket, one);
    socket.close();
  }
});

test('every option is read back as it was set, on an association', async () => {
  for (const [family, address] of [
    [4, '127.0.0.1'],
    [6, '::1'],
    [6, '127.0.0.1'],
  ] as const) {
    const pair = await associate(family, [address]);
    for (const one of everywhere) {
      const [name, value] = one;
      // The limit of a live association is at most the sum of its paths' limits.
      if (name === 'association') check(pair.client, [name, { ...value, maxRetransmits: 3 }]);
      else check(pair.client, one);
    }
    const options = { heartbeat: true, heartbeatIntervalMs: 1200, maxRetransmits: 6 };
    pair.client.setOption('path', { address, ...options, heartbeatNow: true });
    assert.deepEqual(pair.client.getOption('path', address), { address, ...options });
    const thresholds = { maxRetransmits: 8, potentiallyFailed: 2, primarySwitchover: 4 };
    pair.client.setOption('pathThresholds', { address, ...thresholds });
    assert.deepEqual(pair.client.getOption('pathThresholds', address), { address, ...thresholds });
    pair.client.setOption('udpEncapsulation', { address, port: 0 });
    assert.deepEqual(pair.client.getOption('udpEncapsulation', address), { address, port: 0 });
    pair.client.setOption('path', { ...options, heartbeatNow: true });
    pair.client.setOption('primary', { address });
    assert.deepEqual(pair.client.getOption('primary'), { address });
    pair.close();
  }
});

test('buffers are doubled by the kernel, and capped unless forced', () => {
  const socket = new addon.Socket(4);
  socket.setOption('sendBuffer', 50_000);
  socket.setOption('receiveBuffer', 60_000);
  assert.equal(socket.getOption('sendBuffer'), 100_000);
  assert.equal(socket.getOption('receiveBuffer'), 120_000);
  socket.setOption('sendBufferForce', 8_000_000);
  socket.setOption('receiveBufferForce', 9_000_000);
  assert.equal(socket.getOption('sendBuffer'), 16_000_000);
  assert.equal(socket.getOption('receiveBuffer'), 18_000_000);
  socket.close();
});

test('what the kernel refuses is told with errno, call and address', async () => {
  const pair = await associate(4, ['127.0.0.1']);
  const refused = { code: 'EINVAL', errno: -22, syscall: 'getsockopt', address: '10.9.9.9' };
  assert.throws(() => pair.client.pathInfo('10.9.9.9'), refused);
  assert.throws(() => pair.client.getOption('path', '10.9.9.9'), refused);
  assert.throws(() => pair.client.setOption('primary', { address: '10.9.9.9' }), {
    ...refused,
    syscall: 'setsockopt',
  });
  assert.throws(() => pair.client.setOption('rto', { initialMs: 1000, minMs: 500, maxMs: 100 }), {
    code: 'EINVAL',
  });
  assert.throws(() => new addon.Socket(4).status(), { code: 'EINVAL' });
  pair.close();
});

test('the state of association and path is told', async () => {
  const pair = await associate(4, ['127.0.0.1']);
  const status = pair.client.status();
  assert.equal(status.state, 'established');
  assert.ok(status.peerWindowBytes > 1_000_000);
  assert.ok(status.outboundStreams >= 10 && status.inboundStreams >= 10);
  assert.ok(status.fragmentationPointBytes > 1000);
  assert.equal(status.primary.address, '127.0.0.1');
  const path = pair.client.pathInfo('127.0.0.1');
  assert.deepEqual(path, status.primary);
  assert.equal(path.state, 'active');
  assert.equal(path.port, pair.client.peerAddresses()[0]?.port);
  assert.ok(path.rtoMs > 0 && path.mtuBytes > 1000 && path.cwndBytes > 1000 && path.rttMs >= 0);
  pair.close();
});
