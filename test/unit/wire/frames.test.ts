import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { ProtocolError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { timingOf } from '../../../src/timing/check.js';
import { profiles } from '../../../src/timing/profiles.js';
import {
  BUNDLE_HEADER_BYTES,
  readBundleHeader,
  writeBundleHeader,
} from '../../../src/wire/bundle.js';
import { allocateFrame, FrameType, HEADER_BYTES } from '../../../src/wire/frame.js';
import {
  currentOffer,
  decodeHandshakeFrame,
  encodeIntroduction,
  encodeProof,
  encodeRefuse,
  type Introduction,
  isRefusalCode,
} from '../../../src/wire/handshake-frames.js';

const SEED = 42;
const malformed = (error: unknown) =>
  error instanceof ProtocolError && error.code === 'ERR_PROTOCOL';

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
    { ...currentOffer, securityMin: 3 },
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
});

const samples = [
  encodeIntroduction('hello', introduction()),
  encodeIntroduction('challenge', introduction()),
  encodeProof('response', Buffer.alloc(32)),
  encodeRefuse('ERR_VERSION'),
];

const bundle = allocateFrame(FrameType.bundle, 40).fill(0, HEADER_BYTES);
const loose = allocateFrame(FrameType.looseBundle, 20).fill(0, HEADER_BYTES);

test('the header of a bundle carries kind, generation and a sequence of 53 bits', () => {
  const header = { loose: true, generation: 2 ** 32 - 1, sequence: Number.MAX_SAFE_INTEGER };
  const frame = Buffer.alloc(BUNDLE_HEADER_BYTES);
  writeBundleHeader(frame, frame.length, header);
  assert.deepEqual(readBundleHeader(frame), header);
  frame.writeUInt32BE(2 ** 21, 12);
  assert.throws(() => readBundleHeader(frame), malformed, 'a sequence of 2^53');
  assert.throws(() => readBundleHeader(samples[0] as Buffer), malformed);
});

test('a bundle has a greatest length', () => {
  const frame = (bytes: number) => allocateFrame(FrameType.bundle, bytes).fill(0, HEADER_BYTES);
  assert.equal(readBundleHeader(frame(limits.bundleFrameBytes)).sequence, 0);
  assert.throws(() => readBundleHeader(frame(limits.bundleFrameBytes + 1)), malformed);
});

for (const [name, decode, valid] of [
  ['handshake', decodeHandshakeFrame, samples],
  ['bundle header', readBundleHeader, [bundle, loose]],
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
      fc.constantFrom(...valid),
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
    for (const sample of valid) {
      for (let length = 0; length < sample.length; length++) {
        assert.throws(() => decode(Buffer.from(sample.subarray(0, length))), malformed);
      }
    }
  });
}
