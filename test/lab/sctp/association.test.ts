import assert from 'node:assert/strict';
import test from 'node:test';
import { type Association, connect, listen, sctpSupport } from '../../../src/sctp/index.js';
import { enterOwnNetwork, setSctpSysctl } from './own-network.js';
import { collect, echo, makePair, next, pathEvent } from './support.js';

enterOwnNetwork([
  '10.99.1.1/32',
  '10.99.2.1/32',
  '10.99.1.2/32',
  '10.99.2.2/32',
  'fd99:1::1/128',
  'fd99:1::2/128',
]);

const HERE = ['10.99.1.1', '10.99.2.1'];
const THERE = ['10.99.1.2', '10.99.2.2'];
const multiHomed = [{ addresses: THERE }, { localAddresses: HERE }] as const;

const sorted = (addresses: readonly string[]) => [...addresses].sort();

test('this kernel has SCTP', () => {
  assert.deepEqual(sctpSupport(), { engine: 'kernel', available: true, error: null });
});

test('a multi-homed association knows both addresses of both ends', async (context) => {
  const { near, far, server } = await makePair(context, ...multiHomed);
  assert.deepEqual(sorted(near.localAddresses), HERE);
  assert.deepEqual(sorted(near.remoteAddresses), THERE);
  assert.deepEqual(sorted(far.localAddresses), THERE);
  assert.deepEqual(sorted(far.remoteAddresses), HERE);
  assert.equal(near.remotePort, server.port);
  assert.deepEqual(sorted(server.addresses), THERE);
  assert.equal(near.status().state, 'established');
  assert.equal(far.outboundStreams, 64);
  const paths = near.paths;
  assert.deepEqual(sorted(paths.map((path) => path.address)), THERE);
  assert.deepEqual(
    paths.filter((path) => path.primary).map((path) => path.address),
    ['10.99.1.2'],
  );
  assert.ok(paths.every((path) => path.cwndBytes > 0 && path.rtoMs > 0 && path.mtuBytes > 0));
});

test('the second path is active and can be made the primary', async (context) => {
  const { near } = await makePair(context, ...multiHomed);
  const second = () => near.paths.find((path) => path.address === '10.99.2.2')!;
  if (second().state !== 'active') {
    const confirmed = pathEvent(near, '10.99.2.2', 'confirmed');
    near.heartbeatNow('10.99.2.2');
    await confirmed;
  }
  near.setPrimary('10.99.2.2');
  assert.equal(second().primary, true);
  assert.equal(second().state, 'active');
});

test('echo on 64 streams keeps order, PPID and the mark unordered', async (context) => {
  const { near, far } = await makePair(context, ...multiHomed);
  echo(far);
  const rounds = 50;
  const nextOf = new Array<number>(64).fill(0);
  let left = rounds * 64;
  const done = new Promise<void>((resolve) => {
    near.on('message', (data, info) => {
      assert.equal(info.stream, data.readUInt16BE(0));
      assert.equal(info.ppid, 0xfffffff0 + (info.stream % 16));
      assert.equal(info.unordered, info.stream === 63);
      if (!info.unordered) assert.equal(data.readUInt32BE(2), nextOf[info.stream]);
      nextOf[info.stream]! += 1;
      left -= 1;
      if (left === 0) resolve();
    });
  });
  for (let round = 0; round < rounds; round += 1) {
    for (let stream = 0; stream < 64; stream += 1) {
      const data = Buffer.alloc(100);
      data.writeUInt16BE(stream, 0);
      data.writeUInt32BE(round, 2);
      near.send(data, { stream, ppid: 0xfffffff0 + (stream % 16), unordered: stream === 63 });
    }
  }
  await done;
  assert.ok(nextOf.every((count) => count === rounds));
});

test('one message of 6 MiB arrives whole', async (context) => {
  const { near, far } = await makePair(context, ...multiHomed);
  const big = Buffer.alloc(6 * 1024 * 1024);
  for (let i = 0; i < big.length; i += 4) big.writeUInt32LE(i, i);
  const received = collect(far, 1);
  near.send(big);
  assert.ok(big.equals((await received)[0]!));
});

test('back-pressure: false, then drain, and everything arrives in order', async (context) => {
  const { near, far } = await makePair(context, ...multiHomed);
  const total = 40;
  const received = collect(far, total);
  const piece = (i: number) => Buffer.alloc(512 * 1024, i);
  let [sent, refusals] = [0, 0];
  const fill = () => {
    while (sent < total) {
      sent += 1;
      if (!near.send(piece(sent))) {
        refusals += 1;
        near.once('drain', fill);
        return;
      }
    }
  };
  fill();
  const messages = await received;
  assert.ok(refusals > 1, `${refusals}`);
  messages.forEach((data, i) => {
    assert.ok(data.equals(piece(i + 1)), `message ${i}`);
  });
});

test('a peer that does not read fills our queue, and gets all in the end', async (context) => {
  const { near, far } = await makePair(context, ...multiHomed);
  far.pause();
  let count = 0;
  while (near.queuedBytes < 8 * 1024 * 1024) {
    near.send(Buffer.alloc(256 * 1024, count));
    count += 1;
    if (count % 16 === 0) await new Promise(setImmediate);
  }
  const received = collect(far, count);
  const drained = next(near, 'drain');
  far.resume();
  await drained;
  const messages = await received;
  assert.ok(messages.every((data, i) => data[0] === (i & 0xff)));
});

test('drain() reads at once, without the event loop', async (context) => {
  const { near, far } = await makePair(context, ...multiHomed);
  const received: string[] = [];
  far.on('message', (data) => received.push(data.toString()));
  near.send(Buffer.from('now'));
  await new Promise<void>((resolve) => process.nextTick(resolve));
  const endMs = performance.now() + 1000;
  while (received.length === 0 && performance.now() < endMs) far.drain();
  assert.deepEqual(received, ['now']);
});

test('graceful shutdown delivers everything first, on both sides', async (context) => {
  const { near, far } = await makePair(context, ...multiHomed);
  const seen: string[] = [];
  far.on('message', (data) => seen.push(data.toString()));
  far.on('shutdown', () => seen.push('shutdown'));
  far.on('lost', () => seen.push('lost'));
  const closed = next(far, 'close');
  for (let i = 0; i < 200; i += 1) near.send(Buffer.from(`${i}`));
  assert.equal(await near.shutdown(), true);
  await closed;
  assert.deepEqual(seen, [...Array.from({ length: 200 }, (_, i) => `${i}`), 'shutdown']);
});

test('an abort is seen by the peer as lost, with its cause code', async (context) => {
  const { near, far } = await makePair(context, ...multiHomed);
  const lost = next(far, 'lost');
  const closed = next(far, 'close');
  near.abort();
  const [loss] = await lost;
  assert.equal(loss.reason, 'aborted');
  assert.equal(loss.causeCode, 12);
  assert.equal(loss.error.code, 'ERR_ASSOCIATION_LOST');
  await closed;
  assert.equal(far.state, 'closed');
});

test('what arrived before an abort is delivered before lost', async (context) => {
  const { near, far } = await makePair(context, ...multiHomed);
  const seen: string[] = [];
  far.pause();
  far.on('message', (data) => seen.push(data.toString()));
  far.on('lost', () => seen.push('lost'));
  near.send(Buffer.from('a'));
  near.send(Buffer.from('b'), { sackNow: true });
  await new Promise(setImmediate);
  while (near.status().unackedChunks > 0) await new Promise(setImmediate);
  near.abort();
  const closed = next(far, 'close');
  far.resume();
  await closed;
  assert.deepEqual(seen, ['a', 'b', 'lost']);
});

test('close() leaves an orderly end to the kernel', async (context) => {
  const { near, far } = await makePair(context, ...multiHomed);
  const received = collect(far, 1);
  const shutdown = next(far, 'shutdown');
  near.send(Buffer.from('last'));
  near.close();
  await received;
  await shutdown;
});

test('IPv6, alone and with IPv4', async (context) => {
  for (const [there, here] of [
    [['fd99:1::2'], ['fd99:1::1']],
    [
      ['fd99:1::2', '10.99.1.2'],
      ['fd99:1::1', '10.99.1.1'],
    ],
  ] as const) {
    const { near, far } = await makePair(context, { addresses: there }, { localAddresses: here });
    echo(far);
    const answer = collect(near, 1);
    near.send(Buffer.from('six'));
    assert.equal((await answer)[0]!.toString(), 'six');
    assert.deepEqual(sorted(near.remoteAddresses), sorted(there));
    assert.deepEqual(sorted(far.remoteAddresses), sorted(here));
  }
});

test('with the sysctl off a change of addresses is refused, at either end', async (context) => {
  setSctpSysctl('addip_enable', 0);
  const { near, far } = await makePair(
    context,
    { addresses: THERE },
    { localAddresses: [HERE[0]!] },
  );
  const refused = { code: 'ERR_OPTION_REJECTED' };
  assert.throws(() => near.addLocalAddresses([HERE[1]!]), refused);
  assert.throws(() => far.removeLocalAddresses([THERE[1]!]), refused);
  assert.deepEqual(near.localAddresses, [HERE[0]]);
  assert.deepEqual(sorted(far.localAddresses), THERE);
  assert.deepEqual(sorted(near.remoteAddresses), THERE);
});

test('all associations of a server get a new address, then the server', async (context) => {
  setSctpSysctl('addip_enable', 1);
  setSctpSysctl('addip_noauth_enable', 1);
  const server = listen({ addresses: [THERE[0]!] });
  context.after(() => server.close());
  const accepted: Association[] = [];
  server.on('association', (association) => accepted.push(association));
  const dialled = [0, 1, 2].map(() =>
    connect({ addresses: [THERE[0]!], port: server.port, localAddresses: HERE }),
  );
  for (const association of dialled) {
    context.after(() => association.abort());
    await association.whenUp();
  }
  while (accepted.length < 3) await new Promise(setImmediate);
  const added = dialled.map((association) => pathEvent(association, THERE[1]!, 'added'));
  for (const association of accepted) association.addLocalAddresses([THERE[1]!]);
  server.addAddresses([THERE[1]!]);
  await Promise.all(added);
  const late = connect({ addresses: [THERE[1]!], port: server.port, localAddresses: HERE });
  context.after(() => late.abort());
  await late.whenUp();
  assert.deepEqual(sorted(late.remoteAddresses), THERE);
  const removed = dialled.map((association) => pathEvent(association, THERE[0]!, 'removed'));
  for (const association of accepted.slice(0, 3)) association.removeLocalAddresses([THERE[0]!]);
  server.removeAddresses([THERE[0]!]);
  await Promise.all(removed);
  assert.deepEqual(server.addresses, [THERE[1]]);
  assert.throws(() => server.removeAddresses([THERE[1]!]), { code: 'ERR_SYSTEM' });
  for (const association of accepted) association.abort();
});

test('statistics count chunks once, and those sent again', async (context) => {
  const { near, far } = await makePair(context, ...multiHomed);
  const received = collect(far, 50);
  for (let i = 0; i < 50; i += 1) near.send(Buffer.alloc(1000, i));
  await received;
  const { sentChunks, retransmittedChunks, maxRtoMs, maxRtoAddress } = near.statistics();
  assert.equal(sentChunks, 50);
  assert.equal(retransmittedChunks, 0);
  assert.equal(far.statistics().receivedChunks, 50);
  assert.ok(maxRtoMs > 0);
  assert.ok(THERE.includes(maxRtoAddress));
});

test('local addresses join and leave a living association', async (context) => {
  setSctpSysctl('addip_enable', 1);
  setSctpSysctl('addip_noauth_enable', 1);
  const { near, far } = await makePair(
    context,
    { addresses: THERE },
    { localAddresses: [HERE[0]!] },
  );
  const added = pathEvent(far, HERE[1]!, 'added');
  near.addLocalAddresses([HERE[1]!]);
  await added;
  assert.deepEqual(sorted(far.remoteAddresses), HERE);
  const removed = pathEvent(far, HERE[1]!, 'removed');
  near.removeLocalAddresses([HERE[1]!]);
  await removed;
  assert.deepEqual(far.remoteAddresses, [HERE[0]]);
});

test('twenty associations at one server keep their messages apart', async (context) => {
  const server = listen({ addresses: THERE });
  context.after(() => server.close());
  const accepted: Association[] = [];
  server.on('association', (association) => {
    accepted.push(association);
    echo(association);
  });
  const dialled = Array.from({ length: 20 }, () =>
    connect({ addresses: THERE, port: server.port, localAddresses: HERE }),
  );
  await Promise.all(
    dialled.map(async (association, i) => {
      context.after(() => association.abort());
      await association.whenUp();
      const answers = collect(association, 10);
      for (let k = 0; k < 10; k += 1) association.send(Buffer.from(`${i}.${k}`));
      const texts = (await answers).map((data) => data.toString());
      assert.deepEqual(
        texts,
        Array.from({ length: 10 }, (_, k) => `${i}.${k}`),
      );
    }),
  );
  for (const association of accepted) association.abort();
});
