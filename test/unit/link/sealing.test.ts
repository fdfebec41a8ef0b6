import assert from 'node:assert/strict';
import test from 'node:test';
import { ProtocolError } from '../../../src/errors.js';
import { limits } from '../../../src/limits.js';
import { Opener, Sealer, type SealingSecret } from '../../../src/link/sealing.js';
import { aes256Gcm, chacha20Poly1305 } from '../../../src/runtime/crypto.js';
import { BUNDLE_HEADER_BYTES } from '../../../src/wire/bundle.js';

const secret = (changes: Partial<SealingSecret> = {}): SealingSecret => ({
  secret: Buffer.alloc(32, 1),
  transcriptHash: Buffer.alloc(32, 2),
  aead: aes256Gcm,
  ...changes,
});

const refused = (error: unknown) => error instanceof ProtocolError && error.code === 'ERR_PROTOCOL';

function seal(sealer: Sealer, text: string): Buffer {
  const frame = Buffer.alloc(BUNDLE_HEADER_BYTES + text.length + 16);
  frame.write(text, BUNDLE_HEADER_BYTES);
  return Buffer.from(sealer.seal(frame, BUNDLE_HEADER_BYTES + text.length));
}

const open = (opener: Opener, bundle: Buffer): string =>
  opener.open(Buffer.from(bundle)).records.toString();

for (const [name, aead] of Object.entries({ aes256Gcm, chacha20Poly1305, open: null })) {
  test(`${name}: bundles open in their order, each once`, () => {
    const from = secret({ aead });
    const sealer = new Sealer(from, 'dialler', 4, false);
    const opener = new Opener(from, 'dialler', 4, false);
    const [one, two] = [seal(sealer, 'one'), seal(sealer, 'two')];
    assert.equal(one.includes('one'), aead === null);
    assert.throws(() => opener.open(two), refused);
    assert.equal(open(opener, one), 'one');
    assert.throws(() => opener.open(one), refused);
    assert.equal(open(opener, two), 'two');
  });
}

test('a bundle of another session, direction, stream or kind does not open', () => {
  const bundle = seal(new Sealer(secret(), 'dialler', 4, false), 'text');
  const others: readonly Opener[] = [
    new Opener(secret({ secret: Buffer.alloc(32, 9) }), 'dialler', 4, false),
    new Opener(secret({ transcriptHash: Buffer.alloc(32, 9) }), 'dialler', 4, false),
    new Opener(secret({ aead: chacha20Poly1305 }), 'dialler', 4, false),
    new Opener(secret(), 'acceptor', 4, false),
    new Opener(secret(), 'dialler', 5, false),
    new Opener(secret(), 'dialler', 4, true),
  ];
  for (const opener of others) assert.throws(() => opener.open(Buffer.from(bundle)), refused);
  assert.equal(open(new Opener(secret(), 'dialler', 4, false), bundle), 'text');
});

test('no bit of a bundle can be changed, and none be cut off', () => {
  const bundle = seal(new Sealer(secret(), 'dialler', 4, false), 'text');
  for (let bit = 0; bit < bundle.length * 8; bit++) {
    const changed = Buffer.from(bundle);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    const opener = new Opener(secret(), 'dialler', 4, false);
    assert.throws(() => opener.open(changed), refused, `bit ${bit}`);
  }
  for (let length = 0; length < bundle.length; length++) {
    const cut = Buffer.from(bundle.subarray(0, length));
    if (length >= 8) cut.writeUInt32BE(length, 4);
    assert.throws(() => new Opener(secret(), 'dialler', 4, false).open(cut), refused);
  }
});

test('rekeying goes on in the same sequence, one generation at a time', () => {
  const sealer = new Sealer(secret(), 'dialler', 4, false);
  const opener = new Opener(secret(), 'dialler', 4, false);
  sealer.rekey();
  const first = seal(sealer, 'first');
  assert.equal(first.readUInt32BE(8), 0, 'a key that was not used needs no other');
  sealer.rekey();
  const second = seal(sealer, 'second');
  assert.equal(second.readUInt32BE(8), 1);
  sealer.rekey();
  const third = seal(sealer, 'third');
  assert.equal(open(opener, first), 'first');
  assert.throws(() => opener.open(third), refused);
  assert.equal(open(opener, second), 'second');
  assert.equal(open(opener, third), 'third');
});

test('the count of bundles brings a new key by itself', () => {
  const sealer = new Sealer(secret({ aead: null }), 'dialler', 4, false);
  const frame = Buffer.alloc(BUNDLE_HEADER_BYTES);
  for (let i = 0; i < limits.rekeyBundles; i++) sealer.seal(frame, frame.length);
  assert.equal(frame.readUInt32BE(8), 0);
  sealer.seal(frame, frame.length);
  assert.equal(frame.readUInt32BE(8), 1);
});

test('loose: any order within the window, each once, and the generation before', () => {
  const sealer = new Sealer(secret(), 'dialler', 2, true);
  const opener = new Opener(secret(), 'dialler', 2, true);
  const bundles = Array.from({ length: limits.replayWindow + 1 }, (_, i) => {
    if (i === 2) sealer.rekey();
    return seal(sealer, `${i}`);
  });
  assert.equal(open(opener, bundles[2]!), '2');
  assert.equal(open(opener, bundles[0]!), '0', 'sealed with the key before');
  assert.throws(() => opener.open(bundles[0]!), refused);
  assert.equal(open(opener, bundles.at(-1)!), `${limits.replayWindow}`);
  assert.equal(open(opener, bundles[1]!), '1', 'the oldest the window holds');
  assert.throws(() => opener.open(bundles[0]!), refused, 'older than the window');
  for (const [i, bundle] of bundles.entries()) {
    if (i < 3 || i === limits.replayWindow) continue;
    assert.equal(open(opener, bundle), `${i}`);
    assert.throws(() => opener.open(bundle), refused);
  }
});
