/**
 * The attacker's own handshake, written from the protocol's description and not from the package's
 * machine: with the cluster key it is an honest end, and every forgery is that end with one thing
 * wrong.
 */
import { createHash, createHmac } from 'node:crypto';
import { keyId } from '../../src/link/agreement.js';
import { EphemeralKey } from '../../src/runtime/crypto.js';
import { timingOf } from '../../src/timing/check.js';
import { profiles } from '../../src/timing/profiles.js';
import {
  decodeHandshakeFrame,
  encodeIntroduction,
  encodeProof,
  type Introduction,
} from '../../src/wire/handshake-frames.js';
import type { Dice } from './dice.js';
import { broadOffer, cluster, introductionOf, type Step, stepOf, type Victim } from './victims.js';

/** What may be wrong with an impostor. By default nothing is. */
export interface Disguise extends Partial<Omit<Introduction, 'keyId' | 'publicKey'>> {
  /** What its proof is made with. Default: the cluster key. */
  readonly key?: Uint8Array;
  /** Which key it says it means. Default: the id of the one it uses. */
  readonly keyId?: Buffer;
  /** In place of a public key whose secret half it knows; the shared secret is then zero. */
  readonly publicKey?: Buffer;
}

/** Making a key pair costs as much as the rest of an attempt, and nobody looks at it twice. */
const keyPairs: EphemeralKey[] = [];

function someKeyPair(dice: Dice): EphemeralKey {
  const at = dice.below(64);
  keyPairs[at] ??= new EphemeralKey(dice.bytes(32));
  return keyPairs[at];
}

function hmac(key: Uint8Array, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** One end that is not what it says. */
export class Impostor {
  readonly #victim: Victim;
  readonly #disguise: Disguise;
  readonly #dice: Dice;
  readonly #pair: EphemeralKey;
  #mine: Buffer | null = null;

  constructor(victim: Victim, dice: Dice, disguise: Disguise = {}) {
    this.#victim = victim;
    this.#disguise = disguise;
    this.#dice = dice;
    this.#pair = someKeyPair(dice);
  }

  /** Its HELLO to an acceptor, its CHALLENGE to a dialler. */
  introduce(): Buffer {
    const { role, peerName } = this.#victim;
    const { key = cluster.key, ...disguise } = this.#disguise;
    this.#mine = encodeIntroduction(role === 'acceptor' ? 'hello' : 'challenge', {
      offer: broadOffer,
      timing: timingOf(profiles.lan),
      linkNumber: this.#heard()?.linkNumber ?? 1,
      incarnation: this.#dice.bytes(8).readBigUInt64BE(),
      nonce: this.#dice.bytes(32),
      publicKey: this.#pair.publicKey,
      keyId: keyId(key),
      name: peerName,
      label: cluster.label,
      ...disguise,
    });
    return this.#mine;
  }

  /** Its RESPONSE or WELCOME. Random where the victim has not introduced itself. */
  prove(): Buffer {
    const { role } = this.#victim;
    const type = role === 'acceptor' ? 'response' : 'welcome';
    const theirs = introductionOf(this.#victim);
    const heard = this.#heard();
    if (theirs === null || heard === null || this.#mine === null) {
      return encodeProof(type, this.#dice.bytes(32));
    }
    const { key = cluster.key, publicKey } = this.#disguise;
    const secret =
      publicKey === undefined ? this.#pair.sharedSecret(heard.publicKey) : Buffer.alloc(32);
    const [hello, challenge] = role === 'acceptor' ? [this.#mine, theirs] : [theirs, this.#mine];
    const transcript = createHash('sha256').update(hello).update(challenge).digest();
    const authKey = hmac(key, 'backplane handshake 1\n', secret ?? Buffer.alloc(32), transcript);
    return encodeProof(type, hmac(authKey, role === 'acceptor' ? 'dialler' : 'acceptor'));
  }

  #heard(): Introduction | null {
    const frame = introductionOf(this.#victim);
    if (frame === null) return null;
    const decoded = decodeHandshakeFrame(frame);
    return 'introduction' in decoded ? decoded.introduction : null;
  }
}

/** The last change to a frame before it is said. */
export type Alter = (frame: Buffer, step: 'introduction' | 'proof') => Buffer;

/** An impostor introduces itself and proves what it can. */
export async function converse(
  victim: Victim,
  impostor: Impostor,
  alter: Alter = (frame) => frame,
): Promise<void> {
  await victim.hear(alter(impostor.introduce(), 'introduction'));
  await victim.hear(alter(impostor.prove(), 'proof'));
}

/** Someone between two honest ends, who carries their frames and may change them. */
export async function relay(
  dialler: Victim,
  acceptor: Victim,
  alter: (frame: Buffer, step: Step) => Buffer = (frame) => frame,
): Promise<void> {
  const carried = new Map([
    [dialler, 0],
    [acceptor, 0],
  ]);
  for (let progress = true; progress; ) {
    progress = false;
    for (const [from, to] of [
      [dialler, acceptor],
      [acceptor, dialler],
    ] as const) {
      const next = from.said[carried.get(from)!];
      if (next === undefined) continue;
      carried.set(from, carried.get(from)! + 1);
      progress = true;
      await to.hear(alter(next, stepOf(next)));
    }
  }
}
