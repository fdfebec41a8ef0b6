import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { LinkError, ProtocolError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import {
  type LinkRecord,
  type MessageFields,
  type MessageKind,
  RecordReader,
  writeFragmentHead,
} from '../../../src/wire/records.js';
import { isTraceparent } from '../../../src/wire/trace-context.js';
import { encode, everyRecord, message } from './sample-records.js';

const SEED = 42;
const KINDS = ['send', 'call', 'reply', 'failure', 'item', 'publish', 'stream'] as const;
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const malformed = (error: unknown) =>
  error instanceof ProtocolError && error.code === 'ERR_PROTOCOL';
const code = (expected: string) => (error: unknown) =>
  error instanceof LinkError && error.code === expected;

function decode(data: Buffer): LinkRecord[] {
  const reader = new RecordReader();
  reader.start(data);
  const records: LinkRecord[] = [];
  for (;;) {
    const record = reader.next();
    if (record === null) return records;
    records.push(record);
  }
}

function decodeOne(data: Buffer): LinkRecord {
  const [record, ...more] = decode(data);
  assert.ok(record !== undefined && more.length === 0);
  return record;
}

test('every record comes back as it was written', () => {
  const [call, ...others] = decode(everyRecord());
  assert.equal(call?.type === 'message' && call.id, 77);
  assert.deepEqual(others, [
    { type: 'ack', stream: 7, sequence: 2 ** 40 },
    { type: 'refusal', stream: 3, sequence: 9, index: 2, code: 'ERR_NO_HANDLER' },
    { type: 'credit', smallBytes: 2 ** 33, largeBytes: 5 },
    { type: 'fragment', assembly: 5, totalBytes: 1000, piece: Buffer.alloc(3) },
    { type: 'fragment', assembly: 5, totalBytes: 0, piece: Buffer.alloc(2) },
    { type: 'givenUp', assembly: 5 },
    { type: 'beat' },
    { type: 'probe' },
    { type: 'leave' },
  ]);
});

test('a topic that is not UTF-8 is malformed, whatever the one before it was', () => {
  const good = encode(message({ topic: 'ab' }));
  const bad = Buffer.from(good);
  bad.set([0xc0, 0x80], 8);
  assert.equal(decode(Buffer.concat([good, good])).length, 2);
  assert.throws(() => decode(Buffer.concat([good, bad])), malformed);
});

test('messages of every kind come back equal', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<MessageKind>(...KINDS),
      fc.maxSafeNat(),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
      fc.constantFrom('bytes', 'cbor') as fc.Arbitrary<MessageFields['encoding']>,
      fc.uint8Array({ maxLength: 300 }),
      fc.boolean(),
      (kind, number, text, encoding, bytes, isTraced) => {
        const answers = kind === 'reply' || kind === 'failure' || kind === 'item';
        const id = kind === 'send' || kind === 'publish' ? 0 : Math.max(1, number);
        const topic = answers ? '' : text;
        const traceparent = isTraced && !answers ? TRACE : undefined;
        const fields = { kind, id, topic, encoding, body: Buffer.from(bytes), traceparent };
        const decoded = { type: 'message', release: undefined, ...fields };
        assert.deepEqual(decodeOne(encode(fields)), decoded);
      },
    ),
    { seed: SEED, numRuns: 2000 },
  );
});

test('a message that contradicts its kind is refused at both ends', () => {
  const wrong: Partial<MessageFields>[] = [
    { id: 1 },
    { kind: 'call', id: 0 },
    { kind: 'call', id: -1 },
    { kind: 'call', id: 2 ** 53 },
    { kind: 'call', id: 1.5 },
    { kind: 'reply', id: 1 },
    { kind: 'failure', id: 1 },
    { kind: 'item', id: 1 },
    { kind: 'item', id: 0, topic: '' },
    { kind: 'reply', id: 1, topic: '', traceparent: TRACE },
    { kind: 'publish', id: 1 },
    { kind: 'publish', topic: '' },
    { kind: 'stream', id: 0 },
    { kind: 'stream', id: 1, topic: '' },
    { topic: '' },
  ];
  for (const changes of wrong) {
    assert.throws(() => encode(message(changes)), code('ERR_ARGUMENT'), JSON.stringify(changes));
  }
  const frame = encode(message());
  for (const [at, value] of [
    [0, 0],
    [0, 5],
    [0, 2],
    [0, 3],
    [1, 2],
    [2, 0],
    [2, 200],
    [0, 7],
    [3, 1],
    [3, 2],
    [4, 1],
  ] as const) {
    const changed = Buffer.from(frame);
    changed[at] = value;
    assert.throws(() => decodeOne(changed), malformed, `byte ${at} = ${value}`);
  }
  const call = encode(message({ kind: 'call', id: 1 }));
  call.writeUInt32BE(2 ** 21, 8);
  assert.throws(() => decodeOne(call), malformed, 'a number of 2^53');
});

test('a trace context is one of W3C, also as it comes', () => {
  assert.ok(isTraceparent(TRACE));
  const wrong = [
    TRACE.toUpperCase(),
    `${TRACE}-00`,
    TRACE.replace('00-', 'ff-'),
    TRACE.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
    TRACE.replace('00f067aa0ba902b7', '0'.repeat(16)),
    '',
    7,
  ];
  assert.deepEqual(wrong.filter(isTraceparent), []);
  const traced = encode(message({ traceparent: TRACE }));
  assert.equal(traced.length, encode(message()).length + 26);
  for (const [from, to, value] of [
    [8, 9, 0xff],
    [9, 25, 0],
    [25, 33, 0],
  ] as const) {
    const changed = Buffer.from(traced).fill(value, from, to);
    assert.throws(() => decodeOne(changed), malformed, `bytes ${from} to ${to}`);
  }
  assert.throws(() => decodeOne(traced.subarray(0, 20)), malformed);
});

test('limits of a message: topic and body', () => {
  encode(message({ topic: 't'.repeat(limits.topicBytes) }));
  const long = message({ topic: 'ü'.repeat(128) });
  assert.throws(() => encode(long), code('ERR_ARGUMENT'));
  const body = Buffer.alloc(limits.messageBytes + 1);
  assert.throws(() => encode(message({ body })), code('ERR_MESSAGE_TOO_LARGE'));
  const frame = encode(message({ body: body.subarray(1) }));
  assert.equal(decodeOne(frame).type, 'message');
  frame.writeUInt32BE(limits.messageBytes + 1, 4);
  assert.throws(() => decodeOne(Buffer.concat([frame, Buffer.alloc(1)])), malformed);
});

test('the first fragment says how long the whole is, and no fragment is empty', () => {
  for (const [total, piece] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const data = Buffer.alloc(12 + piece);
    writeFragmentHead(data, 0, 1, total, piece);
    assert.throws(() => decode(data), malformed);
  }
});

function onlyProtocolErrors(data: Buffer): void {
  try {
    decode(data);
  } catch (error) {
    assert.ok(malformed(error), String(error));
  }
}

test(`fuzz: any bytes give records or a ProtocolError (seed ${SEED})`, () => {
  const property = fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
    onlyProtocolErrors(Buffer.from(bytes));
  });
  fc.assert(property, { seed: SEED, numRuns: 5000 });
});

test(`fuzz: so do changed, cut and stretched records (seed ${SEED})`, () => {
  const sample = everyRecord();
  const change = fc.tuple(fc.nat(sample.length), fc.nat(255));
  const property = fc.property(
    fc.array(change, { maxLength: 4 }),
    fc.integer({ min: -20, max: 20 }),
    (changes, stretch) => {
      const data = Buffer.concat([sample, Buffer.alloc(20, 0x41)]);
      for (const [at, value] of changes) data[at] = value;
      onlyProtocolErrors(data.subarray(0, sample.length + stretch));
    },
  );
  fc.assert(property, { seed: SEED, numRuns: 20_000 });
});
