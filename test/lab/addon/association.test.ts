import assert from 'node:assert/strict';
import test from 'node:test';
import { SEND_SACK_NOW, SEND_UNORDERED } from '../../../src/sctp/native.js';
import { addon, associate, BUFFER_BYTES, listen, open, until } from './support.js';

const families: [4 | 6, string[]][] = [
  [4, ['127.0.0.1']],
  [6, ['::1']],
  [6, ['127.0.0.1']],
  [6, ['::1', '127.0.0.1']],
];

test('this kernel has SCTP', () => {
  assert.equal(addon.probe(), null);
});

for (const [family, addresses] of families) {
  test(`messages of 1 byte to 1 MiB come back, family ${family} on ${addresses}`, async () => {
    const pair = await associate(family, addresses);
    const shown = (list: readonly { address: string }[]) => list.map((one) => one.address).sort();
    assert.deepEqual(shown(pair.client.localAddresses()), [...addresses].sort());
    assert.deepEqual(shown(pair.client.peerAddresses()), [...addresses].sort());
    assert.deepEqual(shown(pair.server.peerAddresses()), [...addresses].sort());
    const sizes = [1, 2, 63, 64, 1452, 1453, 65535, 65536, 65537, 131072, 300_000, 1024 * 1024];
    for (const [i, size] of sizes.entries()) {
      pair.client.send(Buffer.alloc(size, i + 1), i % 10, 0xf0000000 + i, SEND_SACK_NOW, 0);
      pair.client.flush();
      await until(() => pair.fromClient.messages.length === i + 1);
      const message = pair.fromClient.messages[i];
      assert.ok(message !== undefined);
      assert.ok(message.data.equals(Buffer.alloc(size, i + 1)), `${size} bytes`);
      assert.equal(message.stream, i % 10);
      assert.equal(message.ppid, 0xf0000000 + i);
      assert.equal(message.unordered, false);
      pair.server.send(message.data, message.stream, message.ppid, SEND_UNORDERED, 0);
      pair.server.flush();
      await until(() => pair.fromServer.messages.length === i + 1);
      assert.ok(pair.fromServer.messages[i]?.data.equals(message.data));
      assert.equal(pair.fromServer.messages[i]?.unordered, true);
    }
    assert.deepEqual(pair.fromClient.oversize, []);
    pair.close();
  });
}

test('thousands of messages keep their order on each stream', async () => {
  const pair = await associate(4, ['127.0.0.1']);
  const count = 20_000;
  for (let i = 0; i < count; i++) pair.client.send(Buffer.from(String(i)), i % 8, 1, 0, i);
  assert.ok(pair.client.queuedBytes > 0);
  pair.client.flush();
  await until(() => pair.fromClient.messages.length === count);
  const next = Array.from({ length: 8 }, (_, stream) => stream);
  for (const { data, stream, ssn } of pair.fromClient.messages) {
    assert.equal(Number(data.toString()), next[stream]);
    assert.equal(ssn, Math.floor((next[stream] ?? 0) / 8) & 0xffff);
    next[stream] = (next[stream] ?? 0) + 8;
  }
  assert.equal(pair.client.queuedBytes, 0);
  pair.close();
});

test('what is queued before the association is up leaves when it is', async () => {
  const listener = listen(4, ['127.0.0.1']);
  const { socket: client, recorder } = open(4);
  client.send(Buffer.from('before connect'), 1, 2, 0, 0);
  client.flush();
  client.connect(['127.0.0.1'], listener.port);
  client.send(Buffer.from('before up'), 1, 2, 0, 0);
  client.flush();
  client.resume();
  await until(() => listener.recorder.accepted.length === 1);
  const server = listener.recorder.accepted[0];
  const received = open(4).recorder;
  server?.attach(received);
  server?.resume();
  await until(() => received.messages.length === 2);
  assert.deepEqual(
    received.messages.map(({ data }) => data.toString()),
    ['before connect', 'before up'],
  );
  assert.equal(recorder.ends.length, 0);
  for (const socket of [client, server, listener.socket]) socket?.abort();
});

test('a graceful shutdown delivers everything and ends both sides without an error', async () => {
  const pair = await associate(4, ['127.0.0.1']);
  for (let i = 0; i < 2000; i++) pair.client.send(Buffer.alloc(500), 0, 0, 0, 0);
  pair.client.shutdown();
  await until(() => pair.fromClient.ends.length === 1 && pair.fromServer.ends.length === 1);
  assert.equal(pair.fromClient.messages.length, 2000);
  assert.ok(pair.fromClient.order.includes('shutdown'));
  assert.deepEqual([...pair.fromClient.ends, ...pair.fromServer.ends], [null, null]);
  assert.equal(pair.fromClient.order.at(-1), 'end');
  assert.ok(pair.fromServer.order.includes('shutdown-complete'));
  pair.close();
});

test('after an abort everything that had arrived is read, then lost, then the error', async () => {
  const pair = await associate(4, ['127.0.0.1']);
  pair.server.pause();
  for (let i = 0; i < 300; i++) pair.client.send(Buffer.alloc(1000, i), 0, 0, 0, 0);
  pair.client.flush();
  // Acknowledged and not pending: all of it lies in the other socket, unread.
  await until(() => {
    const { unackedChunks, pendingChunks } = pair.client.status();
    return pair.client.queuedBytes + unackedChunks + pendingChunks === 0;
  });
  pair.client.abort();
  assert.equal(pair.fromClient.messages.length, 0);
  pair.server.resume();
  await until(() => pair.fromClient.ends.length === 1);
  assert.equal(pair.fromClient.messages.length, 300);
  assert.deepEqual(pair.fromClient.order.slice(-2), ['lost', 'end']);
  assert.equal(pair.fromClient.ends[0]?.code, 'ECONNRESET');
  const lost = pair.fromClient.notifications.at(-1);
  assert.ok(lost?.type === 'association' && lost.error === 12, 'user-initiated abort');
  assert.ok(lost.info.length > 0, 'the ABORT chunk');
  pair.close();
});

test('sending on a lost association leaves the queue as it is, and onEnd follows', async () => {
  const pair = await associate(4, ['127.0.0.1']);
  pair.client.pause();
  pair.server.abort();
  await until(() => {
    pair.client.send(Buffer.from('x'), 0, 0, 0, 0);
    pair.client.flush();
    return pair.client.queuedBytes > 10;
  });
  assert.equal(pair.fromServer.ends.length, 0);
  pair.client.resume();
  await until(() => pair.fromServer.ends.length === 1);
  assert.equal(pair.fromServer.ends[0]?.code, 'ECONNRESET');
  pair.close();
});

test('a message that can never be sent comes back, and the next one leaves', async () => {
  const pair = await associate(4, ['127.0.0.1']);
  const streams = pair.client.status().outboundStreams;
  pair.client.send(Buffer.from('nowhere'), streams, 5, 0, 77);
  pair.client.send(Buffer.from('next'), 0, 5, 0, 78);
  pair.client.flush();
  await until(() => pair.fromClient.messages.length === 1 && pair.fromServer.order.length === 2);
  assert.equal(pair.fromClient.messages[0]?.data.toString(), 'next');
  const [, failed] = pair.fromServer.notifications;
  assert.ok(failed?.type === 'send-failed');
  assert.deepEqual(
    [failed.sent, failed.error, failed.stream, failed.ppid, failed.context],
    [false, 22, streams, 5, 77],
  );
  assert.equal(Buffer.from(failed.data).toString(), 'nowhere');
  const held = pair.client.getOption('sendBuffer');
  assert.equal(held, 2 * BUFFER_BYTES);
  assert.throws(() => pair.client.send(Buffer.alloc(held + 1), 0, 0, 0, 0), { code: 'EMSGSIZE' });
  pair.close();
});

test('wherever a small message of a batch is refused, no other is held back', async () => {
  const pair = await associate(4, ['127.0.0.1']);
  const nowhere = pair.client.status().outboundStreams;
  const batches = [
    [0, nowhere],
    [0, nowhere, 0],
    [0, 0, nowhere],
    [0, 1, nowhere, nowhere, 1],
    [nowhere, 0, 1, 0, nowhere],
  ];
  for (const batch of batches) {
    // What an earlier batch held back must not leave with a later one: each is waited for.
    const wanted = batch.filter((stream) => stream !== nowhere);
    const before = pair.fromClient.messages.length;
    for (const stream of batch) pair.client.send(Buffer.from('small'), stream, 1, 0, 0);
    pair.client.flush();
    await until(() => pair.fromClient.messages.length === before + wanted.length);
    assert.deepEqual(
      pair.fromClient.messages.slice(before).map(({ stream }) => stream),
      wanted,
    );
  }
  pair.close();
});

test('a message over the limit is told, and the association goes on', async () => {
  const pair = await associate(4, ['127.0.0.1']);
  pair.server.setLimits(200_000, 0);
  pair.client.send(Buffer.alloc(1024 * 1024), 0, 0, 0, 0);
  pair.client.send(Buffer.from('small'), 0, 0, 0, 0);
  pair.client.flush();
  await until(() => pair.fromClient.messages.length === 1);
  assert.equal(pair.fromClient.messages[0]?.data.toString(), 'small');
  assert.equal(pair.fromClient.oversize.length, 1);
  assert.ok((pair.fromClient.oversize[0] ?? 0) > 200_000);
  pair.close();
});
