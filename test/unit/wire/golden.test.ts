import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { Opener } from '../../../src/link/sealing.js';
import { StreamMap } from '../../../src/link/streams.js';
import { aes256Gcm, hmacSha256, sha256 } from '../../../src/runtime/crypto.js';
import { readBundleHeader } from '../../../src/wire/bundle.js';
import { FrameType } from '../../../src/wire/frame.js';
import {
  decodeHandshakeFrame,
  encodeIntroduction,
  encodeRefuse,
  isRefusalCode,
  type RefusalCode,
} from '../../../src/wire/handshake-frames.js';
import { decodeBody } from '../../../src/wire/payload.js';
import { type LinkRecord, RecordReader } from '../../../src/wire/records.js';
import { projectRoot } from '../rules/sources.js';
import { golden, type records, sessions } from './golden-values.js';

const page = readFileSync(join(projectRoot, 'docs/wire.md'), 'utf8');
const blocks = new Map(
  [...page.matchAll(/^```(?:hex|text) golden:(\S+)\n([^`]*)```$/gm)].map(
    ([, name = '', text = '']) => [name, text],
  ),
);

/** The bytes of a block of the document. */
function shown(name: string): Buffer {
  const text = blocks.get(name);
  assert.ok(text !== undefined, `the document has no block ${name}`);
  const digits = text.replaceAll(/;.*$/gm, '').replaceAll(/\s/g, '');
  assert.match(digits, /^([0-9a-f]{2})+$/, name);
  return Buffer.from(digits, 'hex');
}

function decodeOne(data: Buffer): LinkRecord {
  const reader = new RecordReader();
  reader.start(data);
  const decoded = reader.next();
  assert.ok(decoded !== null && reader.next() === null);
  return decoded;
}

function message(name: keyof typeof records) {
  const decoded = decodeOne(shown(name));
  assert.ok(decoded.type === 'message', name);
  const { kind, id, topic, encoding, body } = decoded;
  return [kind, id, topic, decodeBody(encoding, body)];
}

test('the document shows what the package makes of the inputs stated in it', () => {
  for (const [name, made] of Object.entries(golden)) {
    assert.equal(shown(name).toString('hex'), made.toString('hex'), name);
  }
  assert.deepEqual([...blocks.keys()].sort(), [...Object.keys(golden), 'streams'].sort());
});

test('every type of frame is shown', () => {
  const types = new Set<number>();
  for (const name of Object.keys(golden)) {
    const data = shown(name);
    if (data.toString('latin1', 0, 2) === 'BP') types.add(data[3] as number);
  }
  assert.deepEqual([...types].sort(), Object.values(FrameType).sort());
});

test('both ends of the golden handshake have one session', () => {
  const [ofDialler, ofAcceptor] = sessions;
  assert.equal(sessions.length, 2);
  assert.deepEqual(ofDialler?.secret, ofAcceptor?.secret);
  assert.equal(ofDialler?.peer.name, 'b@two');
  assert.equal(ofAcceptor?.peer.name, 'a@one');
});

test('the golden introductions say what the document says of them', () => {
  for (const [type, name, incarnation, nonce] of [
    ['hello', 'a@one', 1n, 0xa1],
    ['challenge', 'b@two', 2n, 0xb1],
  ] as const) {
    const frame = decodeHandshakeFrame(shown(type));
    assert.ok(frame.type === type);
    const { introduction } = frame;
    const timing = { rtoMinMs: 50, sackDelayMs: 20, beatMs: 200, gapMs: 110, stallMs: 1000 };
    assert.deepEqual(introduction.timing, timing);
    const { offer, linkNumber, label } = introduction;
    assert.deepEqual([offer.versionMin, offer.versionMax, linkNumber, label], [1, 1, 7, 'golden']);
    assert.deepEqual([offer.securityMin, offer.securityMax], [2, 2]);
    assert.deepEqual([introduction.name, introduction.incarnation], [name, incarnation]);
    assert.deepEqual(introduction.nonce, Buffer.alloc(32, nonce));
    assert.deepEqual(encodeIntroduction(type, introduction), shown(type));
  }
});

test('the MACs and the session secret follow from the formulas in the document', () => {
  const clusterKey = Buffer.from(Array.from({ length: 32 }, (_, byte) => byte));
  assert.deepEqual(
    shown('hello').subarray(-21, -13),
    hmacSha256(clusterKey, 'backplane key id 1\n').subarray(0, 8),
  );
  const transcriptHash = sha256(shown('hello'), shown('challenge'));
  assert.deepEqual(shown('transcript-hash'), transcriptHash);
  const made = (text: string) =>
    hmacSha256(clusterKey, text, shown('shared-secret'), transcriptHash);
  assert.deepEqual(shown('session-secret'), made('backplane session 1\n'));
  const macKey = made('backplane handshake 1\n');
  for (const [name, role] of [
    ['response', 'dialler'],
    ['welcome', 'acceptor'],
  ] as const) {
    const mac = hmacSha256(macKey, role);
    assert.deepEqual(decodeHandshakeFrame(shown(name)), { type: name, mac });
  }
});

test('the table of codes is the one of REFUSE, whole', () => {
  const rows = [...page.matchAll(/^\| (\d+) \| `(ERR_[A-Z_]+)` \|$/gm)];
  for (const [, number, code] of rows) {
    const frame = encodeRefuse(code as RefusalCode);
    assert.equal(frame.readUInt16BE(8), Number(number), code);
    assert.deepEqual(decodeHandshakeFrame(frame), { type: 'refuse', code });
  }
  assert.ok(rows.every(([, , code]) => isRefusalCode(code as RefusalCode)));
  const next = encodeRefuse('ERR_NAME_TAKEN');
  next.writeUInt16BE(rows.length + 1, 8);
  assert.deepEqual(decodeHandshakeFrame(next), { type: 'refuse', code: 'ERR_PROTOCOL' });
  assert.deepEqual(decodeHandshakeFrame(shown('refuse')), {
    type: 'refuse',
    code: 'ERR_NAME_TAKEN',
  });
});

test('the golden bundles open, by the keys that are shown and by the session', () => {
  const secret = shown('session-secret');
  const from = { secret, transcriptHash: shown('transcript-hash'), aead: aes256Gcm };
  const reliable = new Opener(from, 'dialler', 4, false).open(shown('bundle'));
  assert.deepEqual(reliable, { sequence: 0, records: shown('send') });
  const loose = new Opener(from, 'acceptor', 2, true).open(shown('loose-bundle'));
  assert.deepEqual(loose, { sequence: 1, records: shown('beat') });
  const open = new Opener({ ...from, aead: null }, 'dialler', 4, false).open(shown('open-bundle'));
  assert.deepEqual(open.records, shown('send'));
  for (const [name, content] of [
    ['bundle', 'send'],
    ['loose-bundle', 'beat'],
  ] as const) {
    const frame = shown(name);
    const { generation, sequence, loose: isLoose } = readBundleHeader(frame);
    assert.equal(generation, isLoose ? 1 : 0);
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(sequence, 8);
    const opened = aes256Gcm.key(shown(`${name}-key`)).open(nonce, frame, 20);
    assert.deepEqual(opened, shown(content));
  }
});

test('the golden records say what the document says of them', () => {
  assert.deepEqual(message('send'), ['send', 0, 'orders', Buffer.from('new')]);
  assert.deepEqual(message('call'), ['call', 77, 'sum', [1, 2, 3]]);
  assert.deepEqual(message('reply'), ['reply', 77, '', 6]);
  const failure = { handled: true, code: 'ERR_NO_SUM', message: 'no' };
  assert.deepEqual(message('failure'), ['failure', 77, '', failure]);
  assert.deepEqual(message('stream'), ['stream', 77, 'count', 3]);
  assert.deepEqual(message('item'), ['item', 77, '', 1]);
  assert.deepEqual(message('publish'), ['publish', 0, 'orders', Buffer.from('new')]);
  const published = decodeOne(shown('publish'));
  assert.ok(published.type === 'message');
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  assert.equal(published.traceparent, trace);
  assert.deepEqual(message('cancel'), ['send', 0, 'backplane:cancel', [77, 'cancelled']]);
  assert.deepEqual(message('stream-credit'), ['send', 0, 'backplane:credit', [77, 262_144]]);
  const names = (name: 'subscriptions' | 'groups') => message(name).slice(2);
  assert.deepEqual(names('subscriptions'), ['backplane:subscriptions', [['orders'], []]]);
  assert.deepEqual(names('groups'), ['backplane:groups', [[], ['workers']]]);
  const sent = shown('send');
  for (const [name, expected] of [
    [
      'first-fragment',
      { type: 'fragment', assembly: 5, totalBytes: 17, piece: sent.subarray(0, 8) },
    ],
    ['next-fragment', { type: 'fragment', assembly: 5, totalBytes: 0, piece: sent.subarray(8) }],
    ['given-up', { type: 'givenUp', assembly: 5 }],
    ['ack', { type: 'ack', stream: 4, sequence: 0 }],
    ['refusal', { type: 'refusal', stream: 4, sequence: 0, index: 1, code: 'ERR_NO_HANDLER' }],
    ['credit', { type: 'credit', smallBytes: 8_388_625, largeBytes: 67_174_400 }],
    ['beat', { type: 'beat' }],
    ['probe', { type: 'probe' }],
    ['leave', { type: 'leave' }],
  ] as const) {
    assert.deepEqual(decodeOne(shown(name)), expected, name);
  }
});

test('the streams of the document are those the package chooses', () => {
  const lines = (blocks.get('streams') ?? '').trim().split('\n');
  assert.ok(lines.length > 5);
  for (const line of lines) {
    const [count, kind, topic, orderKey, stream] = line.split(/\s+/) as string[];
    const map = new StreamMap(Number(count));
    assert.equal(`${map.of(topic!, orderKey!, kind as 'plain')}`, stream, line);
    assert.equal(map.isLoose(Number(stream)), kind === 'loose', line);
    assert.equal(map.rankOf(Number(stream)), kind === 'priority' ? 2 : 3, line);
  }
});

test('the limits of the document are those of the package', () => {
  const rows = [...page.matchAll(/^\| `([a-zA-Z]+)` \| (\d+) \|/gm)];
  assert.ok(rows.length > 15);
  for (const [, name, value] of rows) {
    assert.equal(limits[name as keyof typeof limits], Number(value), name);
  }
});
