import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { keyId } from '../../../src/link/agreement.js';
import { Handshake, type HandshakeOutput } from '../../../src/link/handshake.js';
import type { LocalIdentity } from '../../../src/link/types.js';
import { EphemeralKey } from '../../../src/runtime/crypto.js';
import { profiles } from '../../../src/timing/profiles.js';
import { solve } from '../../../src/timing/solve.js';
import { FrameType, FrameWriter, frameType, HEADER_BYTES } from '../../../src/wire/frame.js';
import {
  currentOffer,
  decodeHandshakeFrame,
  encodeIntroduction,
  type Introduction,
} from '../../../src/wire/handshake-frames.js';
import { SeededRandom } from '../../random.js';
import { identity, KEY, Pair } from './pair.js';

const names = new Map<number, string>(
  Object.entries(FrameType).map(([name, type]) => [type, name]),
);

function sentTypes(frames: readonly { data: Buffer }[]): string[] {
  return frames.map(({ data }) => `${names.get(frameType(data))} ${data.length}`);
}

function machine(role: 'dialler' | 'acceptor', seed: string, changes: Partial<LocalIdentity> = {}) {
  const random = new SeededRandom(seed);
  const local = identity(role === 'dialler' ? 'a@x' : 'b@y', changes);
  return new Handshake({ role, local, nonce: random.bytes(32), keySeed: random.bytes(32) });
}

function outputs(handshake: Handshake): HandshakeOutput[] {
  const all: HandshakeOutput[] = [];
  for (let next = handshake.poll(); next !== null; next = handshake.poll()) all.push(next);
  return all;
}

function frames(handshake: Handshake): Buffer[] {
  return outputs(handshake).flatMap((output) => (output.type === 'send' ? [output.frame] : []));
}

function endOf(handshake: Handshake): string {
  const last = outputs(handshake).at(-1);
  return last?.type === 'end' ? `${last.end} ${last.error.code}` : `no end but ${last?.type}`;
}

function feed(handshake: Handshake, data: Buffer, nowMs = 0): void {
  handshake.step(nowMs, { type: 'frame', data });
}

/** A dialler and an acceptor that have said HELLO and CHALLENGE. */
function introduced(seed = 'session') {
  const dialler = machine('dialler', `${seed}/a`);
  const acceptor = machine('acceptor', `${seed}/b`);
  dialler.step(0, { type: 'up' });
  acceptor.step(0, { type: 'up' });
  const hello = frames(dialler)[0]!;
  feed(acceptor, hello);
  const challenge = frames(acceptor)[0]!;
  feed(dialler, challenge);
  const response = frames(dialler)[0]!;
  return { dialler, acceptor, hello, challenge, response };
}

test('the transcript: hello, challenge, response, welcome, and a first beat', () => {
  const pair = new Pair({ linkNumber: 7, expectedName: 'b@y' }).connect();
  assert.deepEqual(sentTypes(pair.a.carrier.sent), ['hello 135', 'response 40', 'bundle 40']);
  assert.deepEqual(sentTypes(pair.b.carrier.sent), ['challenge 135', 'welcome 40']);
  assert.deepEqual(pair.a.events, ['up b@y']);
  assert.deepEqual(pair.b.events, ['authenticated a@x 7', 'up a@x']);
  assert.equal(pair.a.link.linkNumber, 7);
  assert.equal(pair.b.link.linkNumber, 7);
  assert.deepEqual(pair.a.link.peer, { name: 'b@y', incarnation: 2n, version: 1, features: 0 });
});

test('the same seed gives the same bytes, another seed others', () => {
  const bytes = (seed: string) =>
    new Pair({ seed }).connect().a.carrier.sent.map(({ data }) => data.toString('hex'));
  assert.deepEqual(bytes('one'), bytes('one'));
  assert.notDeepEqual(bytes('one').slice(0, 2), bytes('two').slice(0, 2));
});

test('both ends derive the same secret and the same transcript', () => {
  const { dialler, acceptor, response } = introduced();
  feed(acceptor, response);
  const authenticated = outputs(acceptor).find((output) => output.type === 'authenticated');
  acceptor.step(0, { type: 'accept' });
  feed(dialler, frames(acceptor)[0]!);
  const up = outputs(dialler).find((output) => output.type === 'up');
  assert.ok(up?.type === 'up' && authenticated?.type === 'authenticated');
  assert.deepEqual(up.session.secret, authenticated.session.secret);
  assert.deepEqual(up.session.transcriptHash, authenticated.session.transcriptHash);
  assert.equal(up.session.secret.length, 32);
});

test('the acceptor is up only when it has heard that the dialler is', () => {
  const { acceptor, response } = introduced();
  feed(acceptor, response);
  acceptor.step(0, { type: 'accept' });
  assert.deepEqual(
    outputs(acceptor).map(({ type }) => type),
    ['authenticated', 'send'],
  );
  assert.equal(acceptor.deadline(), limits.handshakeMs);
  feed(acceptor, new FrameWriter(FrameType.bundle, 5000).frame);
  assert.deepEqual(
    outputs(acceptor).map(({ type }) => type),
    ['up'],
  );
});

const disagreements: readonly (readonly [string, Partial<LocalIdentity>, string])[] = [
  ['another key', { keys: [Buffer.alloc(32, 8)] }, 'ERR_KEY_MISMATCH'],
  ['another label', { label: 'other' }, 'ERR_LABEL_MISMATCH'],
  [
    'newer versions only',
    { offer: { ...currentOffer, versionMin: 2, versionMax: 3 } },
    'ERR_VERSION',
  ],
  ['a required feature', { offer: { ...currentOffer, featuresRequired: 4 } }, 'ERR_FEATURES'],
  ['more security', { offer: { ...currentOffer, securityMin: 3, securityMax: 3 } }, 'ERR_SECURITY'],
  ['less security', { security: 'authenticated' }, 'ERR_SECURITY'],
  ['other timers', { profile: profiles.rfc }, 'ERR_PROFILE_MISMATCH'],
  ['timers for many nodes', { profile: profiles.mesh }, 'ERR_PROFILE_MISMATCH'],
  ['solved timers', { profile: solve({ detectMs: 1000 }).profile }, 'ERR_PROFILE_MISMATCH'],
];

for (const [what, changes, code] of disagreements) {
  test(`${what} at either end: refused with ${code} at both`, () => {
    for (const options of [{ dialler: changes }, { acceptor: changes }]) {
      const pair = new Pair(options).connect().advance(limits.refuseLingerMs);
      assert.deepEqual(pair.a.events, [`end refused ${code}`]);
      assert.deepEqual(pair.b.events, [`end refused ${code}`]);
      assert.equal(pair.a.link.state, 'ended');
    }
  });
}

for (const [what, changes, code] of disagreements) {
  test(`${what}: the dialler checks the CHALLENGE by itself, with ${code}`, () => {
    const { challenge } = introduced();
    const dialler = machine('dialler', 'session/a', changes);
    dialler.step(0, { type: 'up' });
    outputs(dialler);
    feed(dialler, challenge);
    assert.equal(endOf(dialler), `refused ${code}`);
  });
}

test('the same solved timers at both ends: the link comes up', () => {
  for (const wish of [{ detectMs: 1000 }, { detectMs: 1000, rerouteMs: 50, lossRate: 0.001 }]) {
    const { profile } = solve(wish);
    const pair = new Pair({ dialler: { profile }, acceptor: { profile } }).connect();
    assert.deepEqual(pair.a.events, ['up b@y']);
  }
});

test('another name than the one dialled: ERR_NAME_MISMATCH at both ends', () => {
  const pair = new Pair({ expectedName: 'c@z' }).connect();
  assert.deepEqual(pair.a.events, ['end refused ERR_NAME_MISMATCH']);
  assert.deepEqual(pair.b.events, ['end refused ERR_NAME_MISMATCH']);
});

test('a peer with our own name and another incarnation: ERR_NAME_TAKEN', () => {
  const pair = new Pair({ dialler: { name: 'b@y', incarnation: 9n } }).connect();
  assert.deepEqual(pair.a.events, ['end refused ERR_NAME_TAKEN']);
  assert.deepEqual(pair.b.events, ['end refused ERR_NAME_TAKEN']);
});

test('dialling oneself: refused with ERR_PROTOCOL', () => {
  const pair = new Pair({ dialler: { name: 'b@y', incarnation: 2n } }).connect();
  assert.deepEqual(pair.b.events, ['end refused ERR_PROTOCOL']);
});

test('several keys: the dialler uses its first, the acceptor takes any of its own', () => {
  const other = Buffer.alloc(40, 9);
  const pair = new Pair({ dialler: { keys: [other, KEY] }, acceptor: { keys: [KEY, other] } });
  assert.deepEqual(pair.connect().a.events, ['up b@y']);
  const notSecond = new Pair({ dialler: { keys: [other, KEY] }, acceptor: { keys: [KEY] } });
  assert.deepEqual(notSecond.connect().a.events, ['end refused ERR_KEY_MISMATCH']);
});

test('a right key id with a wrong key: the RESPONSE gives it away', () => {
  const { acceptor, response } = introduced();
  response[response.length - 1]! ^= 1;
  feed(acceptor, response);
  assert.equal(endOf(acceptor), 'refused ERR_KEY_MISMATCH');
});

test('an acceptor that proves nothing: the dialler refuses its WELCOME', () => {
  const { dialler, response } = introduced();
  const welcome = new FrameWriter(FrameType.welcome, response.length).bytes(
    response.subarray(HEADER_BYTES),
  );
  feed(dialler, welcome.frame);
  assert.equal(endOf(dialler), 'refused ERR_KEY_MISMATCH');
});

test('any change to HELLO or CHALLENGE on the way breaks the proof', () => {
  const flipped = (frame: Buffer, at: number): Buffer => {
    const changed = Buffer.from(frame);
    changed[at]! ^= 1;
    return changed;
  };
  const { hello, challenge } = introduced();
  for (let at = HEADER_BYTES; at < hello.length + challenge.length; at++) {
    const inHello = at < hello.length;
    const dialler = machine('dialler', 'session/a');
    const acceptor = machine('acceptor', 'session/b');
    dialler.step(0, { type: 'up' });
    acceptor.step(0, { type: 'up' });
    outputs(dialler);
    feed(acceptor, inHello ? flipped(hello, at) : hello);
    const answer = frames(acceptor)[0]!;
    feed(dialler, inHello ? answer : flipped(answer, at - hello.length));
    const [response] = frames(dialler);
    if (response !== undefined) feed(acceptor, response);
    const authenticated = outputs(acceptor).some(({ type }) => type === 'authenticated');
    assert.equal(authenticated, false, `byte ${at}`);
  }
});

test('reflection: a HELLO or a RESPONSE that comes back is refused', () => {
  const { hello, dialler, response } = introduced();
  const fresh = machine('dialler', 'session/a');
  fresh.step(0, { type: 'up' });
  outputs(fresh);
  const reflected = Buffer.from(hello);
  reflected[3] = FrameType.challenge;
  feed(fresh, reflected);
  assert.equal(endOf(fresh), 'refused ERR_PROTOCOL');
  feed(dialler, response);
  assert.equal(endOf(dialler), 'refused ERR_PROTOCOL');
});

test('reflection: our own nonce, or our own public key, under another name is refused', () => {
  const { hello } = introduced();
  const decoded = decodeHandshakeFrame(hello);
  assert.ok(decoded.type === 'hello');
  const other = Buffer.alloc(32, 1);
  for (const changes of [{ nonce: other }, { publicKey: other }]) {
    const copied: Introduction = { ...decoded.introduction, name: 'c@z', ...changes };
    const dialler = machine('dialler', 'session/a');
    dialler.step(0, { type: 'up' });
    outputs(dialler);
    feed(dialler, encodeIntroduction('challenge', copied));
    assert.equal(endOf(dialler), 'refused ERR_PROTOCOL');
  }
});

test('replay: HELLO and RESPONSE of another session do not authenticate', () => {
  const { hello, response } = introduced();
  const acceptor = machine('acceptor', 'later');
  acceptor.step(0, { type: 'up' });
  feed(acceptor, hello);
  feed(acceptor, response);
  assert.equal(endOf(acceptor), 'refused ERR_KEY_MISMATCH');
});

test('a public key of small order is refused: the secret would be all zero', () => {
  const { hello } = introduced();
  const decoded = decodeHandshakeFrame(hello);
  assert.ok(decoded.type === 'hello');
  const weak = { ...decoded.introduction, publicKey: Buffer.alloc(32) };
  const acceptor = machine('acceptor', 'session/b');
  acceptor.step(0, { type: 'up' });
  feed(acceptor, encodeIntroduction('hello', weak));
  feed(acceptor, new FrameWriter(FrameType.response, 40).bytes(Buffer.alloc(32)).frame);
  assert.equal(endOf(acceptor), 'refused ERR_PROTOCOL');
  assert.equal(new EphemeralKey(Buffer.alloc(32, 5)).sharedSecret(Buffer.alloc(32)), null);
});

test('X25519 agrees with the vectors of RFC 7748, 6.1', () => {
  const key = (hex: string) => new EphemeralKey(Buffer.from(hex, 'hex'));
  const alice = key('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a');
  const bob = key('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');
  assert.equal(
    alice.publicKey.toString('hex'),
    '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
  );
  const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
  assert.equal(alice.sharedSecret(bob.publicKey)?.toString('hex'), shared);
  assert.equal(bob.sharedSecret(alice.publicKey)?.toString('hex'), shared);
});

test('limits before authentication: the fifth frame ends it', () => {
  const acceptor = machine('acceptor', 'b');
  acceptor.step(0, { type: 'up' });
  const unknown = new FrameWriter(200, HEADER_BYTES).frame;
  for (let i = 0; i < limits.handshakeFrames; i++) feed(acceptor, unknown);
  assert.deepEqual(outputs(acceptor), []);
  feed(acceptor, unknown);
  assert.equal(endOf(acceptor), 'refused ERR_HANDSHAKE_LIMIT');
});

test('limits before authentication: 2 KiB in all, whatever they are', () => {
  const acceptor = machine('acceptor', 'b');
  acceptor.step(0, { type: 'up' });
  feed(acceptor, new FrameWriter(200, limits.handshakeBytes).frame);
  assert.deepEqual(outputs(acceptor), []);
  feed(acceptor, Buffer.alloc(1));
  assert.equal(endOf(acceptor), 'refused ERR_HANDSHAKE_LIMIT');
});

test('limits before authentication: a slow dialler has 3 seconds in all', () => {
  const pair = new Pair();
  pair.b.carrier.up();
  pair.advance(limits.handshakeMs - 1);
  assert.deepEqual(pair.b.events, []);
  pair.advance(1);
  assert.deepEqual(pair.b.events, ['end refused ERR_HANDSHAKE_LIMIT']);
});

test('an acceptor that says nothing: the dialler gives up as lost with ERR_TIMEOUT', () => {
  const pair = new Pair();
  pair.a.carrier.up();
  pair.b.runtime.frozen = true;
  pair.advance(limits.handshakeMs);
  assert.deepEqual(pair.a.events, ['end lost ERR_TIMEOUT']);
  assert.equal(pair.a.carrier.wasAborted, true);
});

test('the dialler waits for a WELCOME as long as the acceptor may ask another link', () => {
  const pair = new Pair({ onAuthenticated: () => undefined }).connect();
  pair.advance(limits.handshakeMs + profiles.lan.stallMs - 1);
  assert.equal(pair.a.link.state, 'handshake');
  assert.equal(pair.b.link.state, 'waiting');
  pair.b.link.accept();
  pair.settle();
  assert.deepEqual([pair.a.link.state, pair.b.link.state], ['up', 'up']);
});

test('an owner that never answers: the acceptor ends by itself', () => {
  const pair = new Pair({ onAuthenticated: () => undefined }).connect();
  pair.a.runtime.frozen = true;
  pair.advance(limits.handshakeMs + profiles.lan.stallMs + limits.refuseLingerMs);
  assert.equal(pair.b.events.at(-1), 'end refused ERR_TIMEOUT');
});

test('a REFUSE by the owner reaches the dialler with its code', () => {
  const pair = new Pair({ onAuthenticated: (link) => link.refuse('ERR_NAME_TAKEN') }).connect();
  assert.deepEqual(pair.a.events, ['end refused ERR_NAME_TAKEN']);
  assert.deepEqual(pair.b.events, ['authenticated a@x 1', 'end refused ERR_NAME_TAKEN']);
});

test('a REFUSE that nobody is there to take: the acceptor lets go after the linger time', () => {
  const pair: Pair = new Pair({
    onAuthenticated: (link) => {
      pair.a.runtime.frozen = true;
      link.refuse('ERR_NAME_TAKEN');
    },
  });
  pair.b.carrier.shutdown = () => undefined;
  pair.connect().advance(limits.refuseLingerMs - 1);
  assert.deepEqual(pair.b.events, ['authenticated a@x 1']);
  pair.advance(1);
  assert.equal(pair.b.events.at(-1), 'end refused ERR_NAME_TAKEN');
  assert.equal(pair.b.carrier.wasAborted, true);
});

test('garbage instead of a HELLO: refused with ERR_PROTOCOL, nothing thrown', () => {
  for (const garbage of [Buffer.alloc(0), Buffer.from('GET / HTTP/1.1\r\n'), Buffer.alloc(100)]) {
    const pair = new Pair();
    pair.b.carrier.up();
    pair.b.carrier.inbox.push({ stream: 0, data: garbage });
    pair.settle();
    assert.deepEqual(pair.b.events, ['end refused ERR_PROTOCOL']);
  }
});

test('a MESSAGE before authentication is refused with ERR_PROTOCOL', () => {
  const acceptor = machine('acceptor', 'b');
  acceptor.step(0, { type: 'up' });
  feed(acceptor, new FrameWriter(FrameType.bundle, 30).frame);
  assert.equal(endOf(acceptor), 'refused ERR_PROTOCOL');
});

test('a frame out of turn is refused with ERR_PROTOCOL', () => {
  const { hello, acceptor } = introduced();
  feed(acceptor, hello);
  assert.equal(endOf(acceptor), 'refused ERR_PROTOCOL');
});

test('a key under 32 bytes, a name too long, a bad link number never make a handshake', () => {
  const build = (changes: Partial<LocalIdentity>, linkNumber = 1) => {
    const random = new SeededRandom('x');
    const options = { nonce: random.bytes(32), keySeed: random.bytes(32), linkNumber };
    return () => new Handshake({ role: 'dialler', local: identity('a@x', changes), ...options });
  };
  const code = (expected: string) => (error: { code?: string }) => error.code === expected;
  assert.throws(build({ keys: [Buffer.alloc(31)] }), code('ERR_KEY_SHORT'));
  assert.throws(build({ keys: [] }), code('ERR_KEY_SHORT'));
  assert.throws(build({ name: 'n'.repeat(limits.nodeNameBytes + 1) }), code('ERR_ARGUMENT'));
  assert.throws(build({ label: 'l'.repeat(limits.clusterLabelBytes + 1) }), code('ERR_ARGUMENT'));
  assert.throws(build({}, 0), code('ERR_ARGUMENT'));
});

test('a key id is the same for the same key only', () => {
  assert.deepEqual(keyId(KEY), keyId(Buffer.from(KEY)));
  assert.notDeepEqual(keyId(KEY), keyId(Buffer.alloc(32, 8)));
});
