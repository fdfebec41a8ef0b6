import assert from 'node:assert/strict';
import test from 'node:test';
import { associationOptions } from '../../../src/link/sctp-carrier.js';
import { configureSocket, forgetAll } from '../../../src/sctp/configure.js';
import { listen, type SctpOptions, THRESHOLD_OFF } from '../../../src/sctp/index.js';
import { loadAddon } from '../../../src/sctp/load-addon.js';
import { resolveOptions } from '../../../src/sctp/options.js';
import { profiles } from '../../../src/timing/profiles.js';
import { enterOwnNetwork } from './own-network.js';
import { makePair } from './support.js';

enterOwnNetwork();

const odd: SctpOptions = {
  streams: { outbound: 3, inbound: 5 },
  init: { maxAttempts: 2, maxTimeoutMs: 777 },
  rto: { initialMs: 123, minMs: 77, maxMs: 4321 },
  association: { maxRetransmits: 60_000, cookieLifeMs: 12_345 },
  heartbeat: { enabled: false, intervalMs: 1111 },
  pathMaxRetransmits: 7,
  pfThreshold: 2,
  primarySwitchover: 4,
  sack: { delayMs: 33, frequency: 3 },
  noDelay: false,
  streamScheduler: 'round-robin',
  sendBufferBytes: 300_000,
  receiveBufferBytes: 400_000,
  udpEncapsulationPort: 9899,
};

test('the kernel holds every option as asked for: defaults, odd values, off', () => {
  const { Socket } = loadAddon();
  const sets: SctpOptions[] = [
    {},
    odd,
    { pathMaxRetransmits: 1, pfThreshold: THRESHOLD_OFF },
    { sack: { frequency: 1 }, heartbeat: { intervalMs: 0 } },
  ];
  for (const family of [4, 6] as const) {
    for (const options of sets) {
      forgetAll();
      const socket = new Socket(family);
      const resolved = resolveOptions(options);
      assert.equal(configureSocket(socket, resolved), resolved.sendBufferBytes * 2);
      socket.close();
    }
  }
});

test('the kernel takes every profile', () => {
  for (const profile of Object.values(profiles)) {
    listen({ addresses: ['127.0.0.1'], ...associationOptions(profile) }).close();
  }
});

test('a living association takes every profile, at both ends and on each path', async (t) => {
  const addresses = ['127.0.0.1', '127.0.0.2'];
  const options = associationOptions(profiles.wan);
  const localAddresses = addresses;
  const { near, far } = await makePair(
    t,
    { addresses, ...options },
    { localAddresses, ...options },
  );
  for (const profile of [profiles.lan, profiles.rfc, profiles.wan, profiles.lan]) {
    for (const end of [near, far]) end.retime(associationOptions(profile));
  }
  // A round trip under the new RTO.Min, which the old one would have raised to 200 ms.
  for (const end of [near, far]) end.heartbeatNow();
  for (const end of [near, far]) {
    assert.equal(end.paths.length, 2);
    for (;;) {
      if (end.paths.every(({ rtoMs }) => rtoMs <= profiles.lan.rtoMaxMs)) break;
      await new Promise((resolve) => end.once('path', resolve));
    }
  }
});

test('what was asked for is in force: streams, RTO of the path', async (context) => {
  const { near, far } = await makePair(
    context,
    { addresses: ['127.0.0.1'], rto: { initialMs: 200, minMs: 200 } },
    { streams: { outbound: 3, inbound: 5 }, rto: { initialMs: 500, minMs: 400 } },
  );
  assert.equal(near.outboundStreams, 3);
  assert.equal(far.inboundStreams, 3);
  assert.equal(near.inboundStreams, 5);
  assert.equal(far.outboundStreams, 5);
  const [path] = near.paths;
  assert.ok(path!.rtoMs >= 400 && path!.rtoMs <= 510, `${path!.rtoMs}`);
});
