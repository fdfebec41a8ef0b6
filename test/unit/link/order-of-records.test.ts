/** What two ends of a link must agree on though streams do not wait for each other. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { Inbox, type InboxHandlers } from '../../../src/link/inbox.js';
import { Outbox } from '../../../src/link/outbox.js';
import type { SealingSecret } from '../../../src/link/sealing.js';
import { LINK_STREAM, MIN_STREAMS, StreamMap } from '../../../src/link/streams.js';
import type { Outcome } from '../../../src/link/types.js';
import { RecordReader } from '../../../src/wire/records.js';

const streams = new StreamMap(MIN_STREAMS);
const open: SealingSecret = {
  secret: Buffer.alloc(32),
  transcriptHash: Buffer.alloc(32),
  aead: null,
};
const PLAIN = streams.of('t', '', 'plain');

interface Bundle {
  readonly stream: number;
  readonly data: Buffer;
}

/** An outbox without acknowledgements of its own, and the bundles it gave away. */
function sender(): { outbox: Outbox; bundles: Bundle[] } {
  const bundles: Bundle[] = [];
  const outbox = new Outbox({
    streams,
    secret: open,
    direction: 'dialler',
    acks: { bytes: 0, write: (_, at) => at },
    nowMs: () => 0,
    carry: (stream, bundle) => {
      bundles.push({ stream, data: Buffer.from(bundle) });
      return 'room';
    },
  });
  return { outbox, bundles };
}

function receiver(onMessage: InboxHandlers['onMessage']): Inbox {
  return new Inbox(streams, open, 'dialler', {
    onMessage,
    onSign: () => {},
    onAck: () => {},
    onRefusal: () => {},
    onCredit: () => {},
    onReturned: () => {},
    isOver: () => false,
  });
}

function message(body: Buffer) {
  return { kind: 'send', id: 0, topic: 't', encoding: 'bytes', body } as const;
}

/** The types of the records that an inbox writes into a bundle of its own, or of another stream. */
function written(inbox: Inbox, isOwn: boolean): string[] {
  const data = Buffer.alloc(inbox.bytes + 64);
  const reader = new RecordReader();
  reader.start(data.subarray(0, inbox.write(data, 0, isOwn)));
  const types: string[] = [];
  for (let record = reader.next(); record !== null; record = reader.next()) types.push(record.type);
  return types;
}

test('an acknowledgement takes the same stream as the refusals before it', () => {
  const { outbox, bundles } = sender();
  let refuses = true;
  const inbox = receiver(() => (refuses ? 'ERR_NO_HANDLER' : undefined));
  const deliver = () => {
    outbox.add(message(Buffer.alloc(8)), { orderKey: '' }, undefined);
    outbox.flush();
    for (const { stream, data } of bundles.splice(0)) inbox.receive(stream, data);
  };
  deliver();
  assert.deepEqual(written(inbox, false), []);
  assert.deepEqual(written(inbox, true), ['refusal', 'ack']);
  // The next acknowledgement speaks for the refused message too, so it must not overtake.
  refuses = false;
  deliver();
  assert.deepEqual(written(inbox, false), []);
  assert.deepEqual(written(inbox, true), ['ack']);
});

test('without a refusal acknowledgements ride on any stream', () => {
  const { outbox, bundles } = sender();
  const inbox = receiver(() => undefined);
  outbox.add(message(Buffer.alloc(8)), { orderKey: '' }, undefined);
  outbox.flush();
  assert.deepEqual(
    bundles.map(({ stream }) => stream),
    [PLAIN],
  );
  assert.notEqual(PLAIN, LINK_STREAM);
  inbox.receive(PLAIN, (bundles[0] as Bundle).data);
  assert.deepEqual(written(inbox, false), ['ack']);
});

test('a refusal names a message that was sent, and is forgotten with it', () => {
  const { outbox, bundles } = sender();
  const told: Outcome[] = [];
  const none = { name: 'ProtocolError', code: 'ERR_PROTOCOL' };
  outbox.add(message(Buffer.alloc(8)), { orderKey: '' }, undefined);
  outbox.add(message(Buffer.alloc(8)), { orderKey: '' }, (outcome) => told.push(outcome));
  outbox.flush();
  assert.equal(bundles.length, 1);
  assert.throws(() => outbox.refused(PLAIN, 0, 2, 'ERR_NO_HANDLER'), none);
  assert.throws(() => outbox.refused(PLAIN, 1, 0, 'ERR_NO_HANDLER'), none);
  outbox.refused(PLAIN, 0, 0, 'ERR_HANDLER');
  outbox.refused(PLAIN, 0, 1, 'ERR_NO_HANDLER');
  outbox.acknowledged(PLAIN, 0);
  assert.deepEqual(told, [{ type: 'delivered', code: 'ERR_NO_HANDLER' }]);
  assert.throws(() => outbox.refused(PLAIN, 0, 1, 'ERR_NO_HANDLER'), none);
});

test('no more large messages are under way than the peer puts together at once', () => {
  const { outbox, bundles } = sender();
  const handled: number[] = [];
  const inbox = receiver(({ body }) => {
    handled.push(body[0] as number);
    return undefined;
  });
  const count = 3 * limits.reassemblies;
  for (let i = 0; i < count; i++) {
    const body = Buffer.alloc(3 * limits.fragmentBytes, i);
    outbox.add(message(body), { orderKey: `${i}` }, undefined);
  }
  while (outbox.isCutShort) outbox.flush();
  for (const { stream, data } of bundles) inbox.receive(stream, data);
  assert.deepEqual(
    handled.sort((a, b) => a - b),
    Array.from({ length: count }, (_, i) => i),
  );
});
