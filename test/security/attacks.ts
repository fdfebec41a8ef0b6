/**
 * Every way in which a handshake is attacked. Where it makes the attack stronger the attacker holds
 * the cluster key, and does one thing wrong: then it is that one thing which must be refused.
 */
import { createHash } from 'node:crypto';
import { limits } from '../../src/limits.js';
import { keyId } from '../../src/link/agreement.js';
import { profiles } from '../../src/timing/profiles.js';
import { BUNDLE_HEADER_BYTES } from '../../src/wire/bundle.js';
import { FrameType, FrameWriter, HEADER_BYTES } from '../../src/wire/frame.js';
import { encodeProof, type Introduction } from '../../src/wire/handshake-frames.js';
import {
  type Attack,
  alone,
  between,
  disguised,
  misshapen,
  reflection,
  replaying,
  rewrite,
} from './attack.js';
import type { Dice } from './dice.js';
import { converse, Impostor, relay } from './impostor.js';
import { broadOffer, cluster, codeOf, stepOf, type Victim } from './victims.js';

/** Public keys with which every shared secret is zero (RFC 7748, 6.1), in all their spellings. */
const smallOrder = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000080',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
].map((hex) => Buffer.from(hex, 'hex'));

const incompatible = [
  { versionMin: 9, versionMax: 9 },
  { versionMin: 0, versionMax: 0 },
  { versionMin: 3, versionMax: 1 },
  { featuresRequired: 1 << 20 },
  { securityMin: 5, securityMax: 6 },
  { securityMin: 0, securityMax: 0 },
  { securityMin: 2, securityMax: 1 },
];

/** A frame of a link that is up, as far as anybody can tell who does not hold its keys. */
function bogusBundle(dice: Dice): Buffer {
  const type = dice.pick([FrameType.bundle, FrameType.looseBundle]);
  const sealed = dice.bytes(16 + dice.below(100));
  const { frame } = new FrameWriter(type, BUNDLE_HEADER_BYTES + sealed.length);
  frame.fill(0, HEADER_BYTES, BUNDLE_HEADER_BYTES);
  frame.set(sealed, BUNDLE_HEADER_BYTES);
  return frame;
}

/** The right frames, the right key, and a wrong order. */
async function outOfTurn(victim: Victim, dice: Dice): Promise<void> {
  const impostor = new Impostor(victim, dice);
  const introduction = impostor.introduce();
  switch (dice.below(6)) {
    case 0:
      await victim.hear(impostor.prove());
      await victim.hear(introduction);
      return;
    case 1:
      await victim.hear(introduction);
      await victim.hear(introduction);
      await victim.hear(impostor.prove());
      return;
    case 2:
      await victim.hear(reflection(introduction));
      await victim.hear(impostor.prove());
      return;
    case 3:
      await victim.hear(introduction);
      await victim.hear(reflection(impostor.prove()));
      return;
    case 4:
      // As if it were proven, and the link up.
      await victim.hear(introduction);
      await victim.hear(bogusBundle(dice));
      await victim.hear(bogusBundle(dice));
      return;
    default:
      await victim.hear(dice.bytes(12 + dice.below(200)));
      await victim.hear(introduction);
      await victim.hear(impostor.prove());
      return;
  }
}

const forged: readonly Attack[] = [
  alone('random-proof', (victim, dice) =>
    converse(victim, new Impostor(victim, dice), (frame, step) =>
      step === 'introduction'
        ? frame
        : encodeProof(victim.role === 'acceptor' ? 'response' : 'welcome', dice.bytes(32)),
    ),
  ),
  disguised('guessable-key', (dice, victim) => ({
    keyId: keyId(cluster.key),
    key: dice.pick([
      Buffer.alloc(0),
      Buffer.alloc(32),
      Buffer.alloc(32, 0xff),
      keyId(cluster.key),
      Buffer.from(cluster.label),
      createHash('sha256').update(cluster.label).digest(),
      createHash('sha256').update(victim.peerName).digest(),
    ]),
  })),
  disguised('small-order-public-key', (dice) => ({ publicKey: dice.pick(smallOrder) })),
  disguised('incompatible-offer', (dice) => ({
    offer: { ...broadOffer, ...dice.pick(incompatible) },
  })),
  disguised('wrong-name', (_dice, victim) => ({
    name: victim.role === 'dialler' ? 'c@x' : victim.name,
  })),
  alone('out-of-turn', outOfTurn),
  alone('late', async (victim, dice) => {
    const impostor = new Impostor(victim, dice);
    if (dice.below(2) === 0) await victim.pass(limits.handshakeMs + 1);
    await victim.hear(impostor.introduce());
    await victim.pass(limits.handshakeMs + profiles.lan.stallMs + 1);
    await victim.hear(impostor.prove());
  }),
  alone('over-limit', async (victim, dice) => {
    const impostor = new Impostor(victim, dice);
    const unknown = (bytes: number) => new FrameWriter(200, bytes).frame.fill(0, HEADER_BYTES);
    if (dice.below(2) === 0) await victim.hear(unknown(limits.handshakeBytes));
    const before = dice.below(limits.handshakeFrames);
    for (let i = 0; i < before; i++) await victim.hear(unknown(HEADER_BYTES));
    await victim.hear(impostor.introduce());
    for (let i = before + 1; i < limits.handshakeFrames; i++) {
      await victim.hear(unknown(HEADER_BYTES + dice.below(100)));
    }
    await victim.hear(impostor.prove());
  }),
];

const replayed: readonly Attack[] = [
  replaying('replayed-session', async (victim, introduction, proof) => {
    await victim.hear(introduction);
    await victim.hear(proof);
  }),
  replaying('replayed-introduction', async (victim, introduction, _proof, dice) => {
    await victim.hear(introduction);
    const type = victim.role === 'acceptor' ? 'response' : 'welcome';
    await victim.hear(encodeProof(type, dice.bytes(32)));
  }),
  replaying('replayed-proof', async (victim, _introduction, proof, dice) => {
    await victim.hear(new Impostor(victim, dice).introduce());
    await victim.hear(proof);
  }),
];

const reflected: readonly Attack[] = [
  alone('reflected-introduction', async (victim, dice, world) => {
    let theirs = victim.said[0];
    const second = victim.role === 'acceptor' ? await world.open('acceptor', dice) : null;
    if (second !== null) {
      await second.hear(new Impostor(second, dice).introduce());
      theirs = second.said[0];
    }
    if (theirs !== undefined) await victim.hear(reflection(theirs));
    await victim.hear(new Impostor(victim, dice).prove());
    await second?.close();
  }),
  alone(
    'reflected-in-part',
    async (victim, dice) => {
      const mine: Partial<Introduction> = dice.pick([
        { nonce: dice.bytes(32) },
        { publicKey: dice.bytes(32) },
      ]);
      const { peerName } = victim;
      const [hello] = victim.said;
      await victim.hear(reflection(rewrite(hello!, () => ({ name: peerName, ...mine }))));
      await victim.hear(encodeProof('welcome', dice.bytes(32)));
    },
    ['dialler'],
  ),
  alone(
    'reflected-proof',
    async (victim, dice) => {
      await victim.hear(new Impostor(victim, dice).introduce());
      const proof = victim.said.find((frame) => stepOf(frame) === 'response');
      if (proof !== undefined) await victim.hear(reflection(proof));
    },
    ['dialler'],
  ),
  {
    kind: 'linked-to-itself',
    roles: ['dialler'],
    async run(world, _role, dice) {
      const dialler = await world.open('dialler', dice);
      const acceptor = await world.open('acceptor', dice, true);
      await relay(dialler, acceptor);
      const accepted = dialler.letIn || acceptor.letIn;
      const code = codeOf(acceptor);
      await dialler.close();
      await acceptor.close();
      return { accepted, code };
    },
  },
];

const INTRODUCTIONS = ['hello', 'challenge'] as const;

/** An offer of less than the end that sent it has, and which both would go together on. */
const downgraded = (kind: string, less: (dice: Dice) => Partial<typeof broadOffer>): Attack =>
  between(
    kind,
    (frame, _step, dice) => rewrite(frame, ({ offer }) => ({ offer: { ...offer, ...less(dice) } })),
    INTRODUCTIONS,
  );

const inBetween: readonly Attack[] = [
  between('tampered', (frame, _step, dice) => dice.flip(frame)),
  between(
    'changed-introduction',
    (frame, _step, dice) =>
      rewrite(frame, ({ incarnation, linkNumber, timing, name, label }) =>
        dice.pick<Partial<Introduction>>([
          { incarnation: incarnation ^ 1n },
          { linkNumber: linkNumber + 1 },
          { timing: { ...timing, stallMs: timing.stallMs + 1000 } },
          { name: `${name}x` },
          { label: `${label}x` },
          { nonce: dice.bytes(32) },
          { keyId: dice.bytes(8) },
        ]),
      ),
    INTRODUCTIONS,
  ),
  between(
    'swapped-public-key',
    (frame, _step, dice) => rewrite(frame, () => ({ publicKey: dice.bytes(32) })),
    INTRODUCTIONS,
  ),
  downgraded('downgraded-version', (dice) => ({ versionMax: 1 + dice.below(2) })),
  downgraded('downgraded-features', (dice) => ({ featuresSupported: dice.below(0b1111) })),
  downgraded('downgraded-security', () => ({ securityMin: 1, securityMax: 1 })),
];

const shapes: readonly Attack[] = [
  misshapen('truncated', (frame, dice) => dice.below(frame.length)),
  misshapen('lengthened', (frame, dice) => frame.length + 1 + dice.below(300)),
];

const LABELS = ['other', 'Backplane', 'backplane ', 'backplan', 'backplane2', 'b\u0430ckplane'];

const wrongCluster: readonly Attack[] = [
  disguised('other-key', (dice) => ({ key: dice.bytes(32) })),
  disguised('other-key-under-our-id', (dice) => ({
    key: dice.bytes(32),
    keyId: keyId(cluster.key),
  })),
  disguised('other-label', (dice) => ({ label: dice.pick(LABELS) })),
  disguised('other-cluster', (dice) => ({ key: dice.bytes(32), label: dice.pick(LABELS) })),
];

/** All of them. */
export const attacks: readonly Attack[] = [
  ...forged,
  ...replayed,
  ...reflected,
  ...inBetween,
  ...shapes,
  ...wrongCluster,
];
