import assert from 'node:assert/strict';
import test from 'node:test';
import { addonAes256Gcm } from '../../../src/node/addon-aead.js';
import { AEAD_NONCE_BYTES, aes256Gcm, KEY_BYTES } from '../../../src/runtime/crypto.js';
import { replaceAddon } from '../../../src/sctp/load-addon.js';
import { SeededRandom } from '../../random.js';
import { addon } from './support.js';

replaceAddon(addon);
const random = new SeededRandom(7);
const TAG_BYTES = 16;
const HEADER_BYTES = 16;

/** A frame: a header, `bytes` of content, and room for the tag. */
function frameOf(bytes: number): Buffer {
  return random.bytes(HEADER_BYTES + bytes + TAG_BYTES);
}

test('what the addon seals node:crypto opens, and the other way round', () => {
  const key = random.bytes(KEY_BYTES);
  const nonce = random.bytes(AEAD_NONCE_BYTES);
  for (const bytes of [0, 1, 15, 16, 17, 100, 65_552]) {
    const plain = frameOf(bytes);
    const content = plain.subarray(HEADER_BYTES, HEADER_BYTES + bytes);
    const [ours, theirs] = [Buffer.from(plain), Buffer.from(plain)];
    addonAes256Gcm.key(key).seal(nonce, ours, HEADER_BYTES, HEADER_BYTES + bytes);
    aes256Gcm.key(key).seal(nonce, theirs, HEADER_BYTES, HEADER_BYTES + bytes);
    assert.ok(ours.equals(theirs));
    assert.ok(aes256Gcm.key(key).open(nonce, ours, HEADER_BYTES)?.equals(content));
    assert.ok(addonAes256Gcm.key(key).open(nonce, theirs, HEADER_BYTES)?.equals(content));
  }
});

test('nothing opens that is not whole: any bit, another key or nonce, a short frame', () => {
  const key = addonAes256Gcm.key(random.bytes(KEY_BYTES));
  const nonce = random.bytes(AEAD_NONCE_BYTES);
  const sealed = frameOf(40);
  key.seal(nonce, sealed, HEADER_BYTES, HEADER_BYTES + 40);
  const opens = (frame: Buffer, with_ = key, under = nonce) =>
    with_.open(under, Buffer.from(frame), HEADER_BYTES) !== null;
  assert.equal(opens(sealed), true);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = Buffer.from(sealed);
    altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.equal(opens(altered), false, `bit ${bit}`);
  }
  assert.equal(opens(sealed, addonAes256Gcm.key(random.bytes(KEY_BYTES))), false);
  assert.equal(opens(sealed, key, random.bytes(AEAD_NONCE_BYTES)), false);
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(opens(sealed.subarray(0, length)), false, `${length} bytes`);
  }
});

test('wrong arguments are refused, whatever they are', () => {
  const key = random.bytes(KEY_BYTES);
  const nonce = random.bytes(AEAD_NONCE_BYTES);
  const frame = frameOf(8);
  const detached = new Uint8Array(64);
  structuredClone(detached, { transfer: [detached.buffer] });
  assert.throws(() => addon.sealAes256Gcm(key, nonce, detached, 0, 8), TypeError);
  assert.equal(addon.openAes256Gcm(key, nonce, detached, 0), false);
  const odd: unknown[] = [undefined, null, 'x', -1, 1.5, {}, [], new Uint16Array(16)];
  for (const one of odd) {
    const value = one as never;
    assert.throws(() => addon.sealAes256Gcm(value, nonce, frame, 0, 8), TypeError);
    assert.throws(() => addon.sealAes256Gcm(key, value, frame, 0, 8), TypeError);
    assert.throws(() => addon.sealAes256Gcm(key, nonce, value, 0, 8), TypeError);
    assert.throws(() => addon.sealAes256Gcm(key, nonce, frame, value, 8), TypeError);
    assert.throws(() => addon.sealAes256Gcm(key, nonce, frame, 0, value), TypeError);
    assert.throws(() => addon.openAes256Gcm(key, nonce, value, 0), TypeError);
    assert.throws(() => addon.openAes256Gcm(key, nonce, frame, value), TypeError);
  }
  assert.throws(() => addon.sealAes256Gcm(key, nonce, frame, 9, 8), TypeError);
  const beyond = frame.length - TAG_BYTES + 1;
  assert.throws(() => addon.sealAes256Gcm(key, nonce, frame, 0, beyond), TypeError);
  assert.equal(addon.openAes256Gcm(key, nonce, frame, frame.length), false);
  assert.throws(() => addonAes256Gcm.key(random.bytes(KEY_BYTES - 1)), RangeError);
});
