import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { LinkError, ProtocolError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { timingOf } from '../../../src/timing/check.js';
import { profiles } from '../../../src/timing/profiles.js';
import { bareFrame, FrameType, HEADER_BYTES } from '../../../src/wire/frame.js';
import {
  currentOffer,
  decodeHandshakeFrame,
  encodeIntroduction,
  encodeProof,
  encodeRefuse,
  type Introduction,
  isRefusalCode,
} from '../../../src/wire/handshake-frames.js';
import {
  decodeLinkFrame,
  encodeMessage,
  type MessageFields,
} from '../../../src/wire/link-frames.js';

const SEED = 42;
const malformed = (error: unknown) =>
  error instanceof ProtocolError && error.code === 'ERR_PROTOCOL';
const code = (expected: string) => (error: unknown) =>
  error instanceof LinkError && error.code === expected;

const introduction = (changes: Partial<Introduction> = {}): Introduction => ({
  offer: currentOffer,
  timing: timingOf(profiles.lan),
  linkNumber: 3,
  incarnation: 2n ** 64n - 1n,
  nonce: Buffer.alloc(32, 1),
  publicKey: Buffer.alloc(32, 2),
  keyId: Buffer.alloc(8, 3),
  name: 'kölle@host',
  label: 'l',
  ...changes,
});

const message = (changes: Partial<MessageFields> = {}): MessageFields => ({
  kind: 'send',
  id: 0,
  topic: 'topic',
  encoding: 'bytes',
  body: Buffer.from('body'),
  ...changes,
});

test('HELLO and CHALLENGE carry every field', () => {
  for (const type of ['hello', 'challenge'] as const) {
    const frame = decodeHandshakeFrame(encodeIntroduction(type, introduction()));
    assert.deepEqual(frame, { type, introduction: introduction() });
  }
});

test('RESPONSE, WELCOME and REFUSE carry their field', () => {
  const mac = Buffer.alloc(32, 9);
  assert.deepEqual(decodeHandshakeFrame(encodeProof('response', mac)), { type: 'response', mac });
  assert.deepEqual(decodeHandshakeFrame(encodeProof('welcome', mac)), { type: 'welcome', mac });
  const refuse = decodeHandshakeFrame(encodeRefuse('ERR_NAME_TAKEN'));
  assert.deepEqual(refuse, { type: 'refuse', code: 'ERR_NAME_TAKEN' });
  assert.equal(isRefusalCode('ERR_LAB'), false);
});

test('a REFUSE for a reason of a newer version is ERR_PROTOCOL', () => {
  const frame = encodeRefuse('ERR_NAME_TAKEN');
  frame.writeUInt16BE(999, HEADER_BYTES);
  assert.deepEqual(decodeHandshakeFrame(frame), { type: 'refuse', code: 'ERR_PROTOCOL' });
});

test('a name and a label at their limit fit, a byte more is malformed', () => {
  const name = 'n'.repeat(limits.nodeNameBytes);
  const label = 'l'.repeat(limits.clusterLabelBytes);
  const decoded = decodeHandshakeFrame(encodeIntroduction('hello', introduction({ name, label })));
  assert.ok(decoded.type === 'hello' && decoded.introduction.name === name);
  for (const long of [{ name: `${name}n` }, { label: `${label}l` }, { name: '' }]) {
    const frame = encodeIntroduction('hello', introduction(long));
    assert.throws(() => decodeHandshakeFrame(frame), malformed);
  }
});

test('two introductions at their limit stay within what a stranger may send', () => {
  const name = 'n'.repeat(limits.nodeNameBytes);
  const label = 'l'.repeat(limits.clusterLabelBytes);
  const bytes = encodeIntroduction('hello', introduction({ name, label })).length;
  assert.ok(2 * bytes + 40 <= limits.handshakeBytes);
});

test('a range that ends before it begins is malformed', () => {
  for (const offer of [
    { ...currentOffer, versionMin: 2 },
    { ...currentOffer, securityMin: 2 },
  ]) {
    const frame = encodeIntroduction('hello', introduction({ offer }));
    assert.throws(() => decodeHandshakeFrame(frame), malformed);
  }
});

test('text that is not UTF-8 is malformed, U+FFFD itself is not', () => {
  const frame = encodeIntroduction('hello', introduction({ label: '\uFFFD' }));
  assert.equal(decodeHandshakeFrame(frame).type, 'hello');
  frame[frame.length - 1] = 0xff;
  assert.throws(() => decodeHandshakeFrame(frame), malformed);
  const topic = encodeMessage(message({ topic: 'ab' }));
  topic.set([0xc0, 0x80], HEADER_BYTES + 12);
  assert.throws(() => decodeLinkFrame(topic), malformed);
});

test('BEAT, PROBE and LEAVE are headers only', () => {
  for (const type of ['beat', 'probe', 'leave'] as const) {
    assert.deepEqual(decodeLinkFrame(bareFrame(FrameType[type])), { type });
    const longer = Buffer.concat([bareFrame(FrameType[type]), Buffer.alloc(1)]);
    longer.writeUInt32BE(longer.length, 4);
    assert.throws(() => decodeLinkFrame(longer), malformed);
  }
});

test('messages of every kind come back equal', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('send', 'call', 'reply', 'failure') as fc.Arbitrary<MessageFields['kind']>,
      fc.maxSafeNat(),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
      fc.constantFrom('bytes', 'cbor') as fc.Arbitrary<MessageFields['encoding']>,
      fc.uint8Array({ maxLength: 300 }),
      (kind, number, text, encoding, bytes) => {
        const answers = kind === 'reply' || kind === 'failure';
        const id = kind === 'send' ? 0 : Math.max(1, number);
        const fields = { kind, id, topic: answers ? '' : text, encoding, body: Buffer.from(bytes) };
        assert.deepEqual(decodeLinkFrame(encodeMessage(fields)), { type: 'message', ...fields });
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
    { topic: '' },
  ];
  for (const changes of wrong) {
    assert.throws(
      () => encodeMessage(message(changes)),
      code('ERR_ARGUMENT'),
      JSON.stringify(changes),
    );
  }
  const frame = encodeMessage(message());
  for (const [at, value] of [
    [8, 0],
    [8, 5],
    [8, 2],
    [8, 3],
    [9, 2],
    [10, 0],
    [10, 200],
    [11, 1],
    [12, 1],
  ] as const) {
    const changed = Buffer.from(frame);
    changed[at] = value;
    assert.throws(() => decodeLinkFrame(changed), malformed, `byte ${at} = ${value}`);
  }
  const call = encodeMessage(message({ kind: 'call', id: 1 }));
  call.writeUInt32BE(2 ** 21, 12);
  assert.throws(() => decodeLinkFrame(call), malformed, 'a number of 2^53');
});

test('limits of a message: topic and body', () => {
  encodeMessage(message({ topic: 't'.repeat(limits.topicBytes) }));
  const long = message({ topic: 'ü'.repeat(128) });
  assert.throws(() => encodeMessage(long), code('ERR_ARGUMENT'));
  const body = Buffer.alloc(limits.messageBytes + 1);
  assert.throws(() => encodeMessage(message({ body })), code('ERR_MESSAGE_TOO_LARGE'));
  const frame = encodeMessage(message({ body: body.subarray(1) }));
  assert.equal(decodeLinkFrame(frame).type, 'message');
  const over = Buffer.concat([frame, Buffer.alloc(1)]);
  over.writeUInt32BE(over.length, 4);
  assert.throws(() => decodeLinkFrame(over), malformed);
});

const samples = [
  encodeIntroduction('hello', introduction()),
  encodeIntroduction('challenge', introduction()),
  encodeProof('response', Buffer.alloc(32)),
  encodeRefuse('ERR_VERSION'),
  encodeMessage(message()),
  encodeMessage(message({ kind: 'call', id: 77, encoding: 'cbor' })),
  bareFrame(FrameType.beat),
];

for (const [name, decode] of [
  ['handshake', decodeHandshakeFrame],
  ['link', decodeLinkFrame],
] as const) {
  const onlyProtocolErrors = (data: Buffer): void => {
    try {
      decode(data);
    } catch (error) {
      assert.ok(malformed(error), String(error));
    }
  };

  test(`fuzz: the ${name} decoder throws ProtocolErrors only, on any bytes (seed ${SEED})`, () => {
    const property = fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      onlyProtocolErrors(Buffer.from(bytes));
    });
    fc.assert(property, { seed: SEED, numRuns: 5000 });
  });

  test(`fuzz: the ${name} decoder, on changed, cut and stretched frames (seed ${SEED})`, () => {
    const change = fc.tuple(fc.nat(400), fc.nat(255));
    const property = fc.property(
      fc.constantFrom(...samples),
      fc.array(change, { maxLength: 4 }),
      fc.integer({ min: -20, max: 20 }),
      fc.boolean(),
      (sample, changes, stretch, fixLength) => {
        const length = Math.max(0, sample.length + stretch);
        const data = Buffer.concat([sample, Buffer.alloc(20, 0x41)]).subarray(0, length);
        for (const [at, value] of changes) if (at < length) data[at] = value;
        if (fixLength && length >= HEADER_BYTES) data.writeUInt32BE(length, 4);
        onlyProtocolErrors(data);
      },
    );
    fc.assert(property, { seed: SEED, numRuns: 20_000 });
  });

  test(`every proper prefix of a frame is refused by the ${name} decoder`, () => {
    for (const sample of samples) {
      for (let length = 0; length < sample.length; length++) {
        assert.throws(() => decode(Buffer.from(sample.subarray(0, length))), malformed);
      }
    }
  });
}
