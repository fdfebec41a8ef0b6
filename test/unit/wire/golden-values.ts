/**
 * What docs/wire.md shows in its golden blocks, made by the package from the inputs stated there.
 */
import { Handshake, type HandshakeOptions, type Session } from '../../../src/link/handshake.js';
import { type Direction, Sealer, type SealingSecret } from '../../../src/link/sealing.js';
import type { LocalIdentity } from '../../../src/link/types.js';
import {
  CANCEL_TOPIC,
  CREDIT_TOPIC,
  GROUPS_TOPIC,
  SUBSCRIPTIONS_TOPIC,
} from '../../../src/node/control.js';
import { aes256Gcm, deriveKey, EphemeralKey } from '../../../src/runtime/crypto.js';
import type { Profile } from '../../../src/timing/profiles.js';
import { BUNDLE_HEADER_BYTES } from '../../../src/wire/bundle.js';
import { encodeRefuse } from '../../../src/wire/handshake-frames.js';
import { encodeBody } from '../../../src/wire/payload.js';
import {
  writeAck,
  writeCredit,
  writeFragmentHead,
  writeGivenUp,
  writeRefusal,
  writeSign,
} from '../../../src/wire/records.js';
import { encode, message } from './sample-records.js';

/** Stated here, so that the profiles of the package may change. */
const profile: Profile = {
  name: 'golden',
  rtoInitialMs: 100,
  rtoMinMs: 50,
  rtoMaxMs: 100,
  sackDelayMs: 20,
  sackFrequency: 1,
  heartbeatIntervalMs: 500,
  pathMaxRetransmits: 3,
  pfThreshold: 0,
  primarySwitchover: 65535,
  associationMaxRetransmits: 200,
  initMaxAttempts: 4,
  initMaxTimeoutMs: 400,
  beatMs: 200,
  beatJitterMs: 0,
  stallMs: 1000,
  outageMs: 1600,
  callDeadlineMs: 5000,
  configurationDeadlineMs: 10_000,
};

function identity(name: string, incarnation: bigint): LocalIdentity {
  const key = Buffer.from(Array.from({ length: 32 }, (_, byte) => byte));
  return { name, incarnation, label: 'golden', keys: [key], profile };
}

const dialler: HandshakeOptions = {
  role: 'dialler',
  local: identity('a@one', 1n),
  linkNumber: 7,
  nonce: Buffer.alloc(32, 0xa1),
  keySeed: Buffer.alloc(32, 0xa2),
};
const acceptor: HandshakeOptions = {
  role: 'acceptor',
  local: identity('b@two', 2n),
  nonce: Buffer.alloc(32, 0xb1),
  keySeed: Buffer.alloc(32, 0xb2),
};

/** Two handshake machines with each other: the four frames, and the session that both end with. */
function handshake(): { frames: Buffer[]; sessions: Session[] } {
  const machines = [new Handshake(dialler), new Handshake(acceptor)] as const;
  const frames: Buffer[] = [];
  const sessions: Session[] = [];
  const run = (from: 0 | 1): void => {
    for (let output = machines[from].poll(); output; output = machines[from].poll()) {
      if (output.type === 'authenticated') machines[from].step(0, { type: 'accept' });
      if (output.type === 'up') sessions.push(output.session);
      if (output.type === 'end') throw output.error;
      if (output.type !== 'send') continue;
      frames.push(output.frame);
      machines[1 - from]?.step(0, { type: 'frame', data: output.frame });
    }
  };
  for (const machine of machines) machine.step(0, { type: 'up' });
  for (let turn = 0; turn < 5; turn++) run((turn % 2) as 0 | 1);
  // Any frame of a link tells the acceptor that the dialler is up.
  const bundle = seal(sessions[0] as Session, 'dialler', 0, false, records.beat);
  machines[1].step(0, { type: 'frame', data: bundle });
  run(1);
  return { frames, sessions };
}

const record = (bytes: number, write: (data: Buffer) => number): Buffer => {
  const data = Buffer.alloc(bytes);
  return data.subarray(0, write(data));
};
const sign = (what: 'beat' | 'probe' | 'leave') => record(4, (data) => writeSign(data, 0, what));
const answer = (kind: 'reply' | 'failure' | 'item', value: unknown) =>
  encode(message({ kind, id: 77, topic: '', ...encodeBody(value) }));
const control = (topic: string, value: unknown) => encode(message({ topic, ...encodeBody(value) }));
const sent = encode(message({ topic: 'orders', body: Buffer.from('new') }));

function fragment(from: number, to: number): Buffer {
  const data = Buffer.alloc(64);
  const total = from === 0 ? sent.length : null;
  const at = writeFragmentHead(data, 0, 5, total, to - from);
  return data.subarray(0, at + sent.copy(data, at, from, to));
}

/** Every record, by its name in the document. */
export const records = {
  send: sent,
  call: encode(message({ kind: 'call', id: 77, topic: 'sum', ...encodeBody([1, 2, 3]) })),
  reply: answer('reply', 6),
  failure: answer('failure', { handled: true, code: 'ERR_NO_SUM', message: 'no' }),
  stream: encode(message({ kind: 'stream', id: 77, topic: 'count', ...encodeBody(3) })),
  item: answer('item', 1),
  publish: encode(
    message({
      kind: 'publish',
      topic: 'orders',
      body: Buffer.from('new'),
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    }),
  ),
  cancel: control(CANCEL_TOPIC, [77, 'cancelled']),
  'stream-credit': control(CREDIT_TOPIC, [77, 262_144]),
  subscriptions: control(SUBSCRIPTIONS_TOPIC, [['orders'], []]),
  groups: control(GROUPS_TOPIC, [[], ['workers']]),
  'first-fragment': fragment(0, 8),
  'next-fragment': fragment(8, 17),
  'given-up': record(4, (data) => writeGivenUp(data, 0, 5)),
  ack: record(12, (data) => writeAck(data, 0, 4, 0)),
  refusal: record(80, (data) => {
    return writeRefusal(data, 0, { stream: 4, sequence: 0, index: 1, code: 'ERR_NO_HANDLER' });
  }),
  credit: record(20, (data) => writeCredit(data, 0, 8_388_625, 67_174_400)),
  beat: sign('beat'),
  probe: sign('probe'),
  leave: sign('leave'),
} as const;

/** The first bundle with these records; of a loose stream the second, under the next key. */
function seal(
  { secret, transcriptHash }: Session,
  direction: Direction,
  stream: number,
  loose: boolean,
  content: Buffer,
  aead: SealingSecret['aead'] = aes256Gcm,
): Buffer {
  const sealer = new Sealer({ secret, transcriptHash, aead }, direction, stream, loose);
  const frame = Buffer.alloc(256);
  if (loose) {
    sealer.seal(frame, BUNDLE_HEADER_BYTES);
    sealer.rekey();
  }
  content.copy(frame, BUNDLE_HEADER_BYTES);
  return Buffer.from(sealer.seal(frame, BUNDLE_HEADER_BYTES + content.length));
}

/** The session of the handshake that the document shows. */
export const { frames, sessions } = handshake();
const session = sessions[0] as Session;
const [hello, challenge, response, welcome] = frames as [Buffer, Buffer, Buffer, Buffer];
const key = (info: string) => deriveKey(session.secret, session.transcriptHash, info);
const acceptorKey = new EphemeralKey(acceptor.keySeed);

/** Every golden block of hexadecimal digits, by its name. */
export const golden: Readonly<Record<string, Buffer>> = {
  hello,
  challenge,
  'shared-secret': new EphemeralKey(dialler.keySeed).sharedSecret(acceptorKey.publicKey) as Buffer,
  'transcript-hash': session.transcriptHash,
  'session-secret': session.secret,
  response,
  welcome,
  refuse: encodeRefuse('ERR_NAME_TAKEN'),
  'bundle-key': key('backplane bundle 1 dialler 4 0'),
  bundle: seal(session, 'dialler', 4, false, records.send),
  'loose-bundle-key': key('backplane bundle 1 acceptor 2 1'),
  'loose-bundle': seal(session, 'acceptor', 2, true, records.beat),
  'open-bundle': seal(session, 'dialler', 4, false, records.send, null),
  ...records,
};
