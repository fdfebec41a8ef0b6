import assert from 'node:assert/strict';
import test from 'node:test';
import { attacks } from '../../security/attacks.js';
import { Dice } from '../../security/dice.js';
import { runHandshakes } from '../../security/run-handshakes.js';
import { machines, type World } from '../../security/victims.js';

const SEED = 5;
const ATTEMPTS = 2000;

test(`no attack on a handshake is let in, every honest one is (seed ${SEED})`, async () => {
  const { handshakes, control, violations } = await runHandshakes({
    attempts: ATTEMPTS,
    seed: SEED,
  });
  assert.deepEqual(violations, []);
  assert.ok(control.attempts >= ATTEMPTS / 25 && control.accepted === control.attempts);
  assert.equal(handshakes.length, attacks.length);
  for (const { kind, attempts, accepted, atNode, atDialler, atAcceptor } of handshakes) {
    assert.equal(accepted, 0, kind);
    assert.ok(attempts >= Math.floor(ATTEMPTS / attacks.length), kind);
    assert.ok(atNode > 0 && atNode < attempts, `${kind}: at nodes and at machines`);
    assert.equal(atDialler + atAcceptor, attempts);
  }
});

/** The reason for which each kind is refused, where the victim tells and only one is right. */
const reasons: Readonly<Record<string, readonly string[]>> = {
  'random-proof': ['ERR_KEY_MISMATCH'],
  'guessable-key': ['ERR_KEY_MISMATCH'],
  'small-order-public-key': ['ERR_PROTOCOL'],
  'incompatible-offer': ['ERR_VERSION', 'ERR_FEATURES', 'ERR_SECURITY', 'ERR_PROTOCOL'],
  'wrong-name': ['ERR_NAME_MISMATCH', 'ERR_NAME_TAKEN'],
  'replayed-session': ['ERR_KEY_MISMATCH'],
  'replayed-introduction': ['ERR_KEY_MISMATCH'],
  'replayed-proof': ['ERR_KEY_MISMATCH'],
  'reflected-introduction': ['ERR_PROTOCOL'],
  'reflected-in-part': ['ERR_PROTOCOL'],
  'reflected-proof': ['ERR_KEY_MISMATCH'],
  'linked-to-itself': ['ERR_PROTOCOL'],
  'swapped-public-key': ['ERR_KEY_MISMATCH'],
  'downgraded-version': ['ERR_KEY_MISMATCH'],
  'downgraded-features': ['ERR_KEY_MISMATCH'],
  'downgraded-security': ['ERR_KEY_MISMATCH'],
  'other-key': ['ERR_KEY_MISMATCH'],
  'other-key-under-our-id': ['ERR_KEY_MISMATCH'],
  'other-label': ['ERR_LABEL_MISMATCH'],
  'other-cluster': ['ERR_LABEL_MISMATCH'],
};

test('each attack fails for its own reason, not for a flaw of the attacker', async () => {
  const { handshakes } = await runHandshakes({ attempts: 540, seed: SEED });
  for (const { kind, refusals } of handshakes) {
    const wanted = reasons[kind];
    if (wanted === undefined) continue;
    assert.deepEqual(Object.keys(refusals).sort(), [...wanted].sort(), kind);
  }
});

test('too few attempts for all kinds are no success', async () => {
  const { violations } = await runHandshakes({ attempts: attacks.length - 1, seed: SEED });
  assert.deepEqual(violations, [`too few attempts for: ${attacks.at(-1)!.kind}`]);
});

test('an end that lets everybody in is noticed', async () => {
  const gullible: World = {
    kind: 'machine',
    open: async (role, dice) => {
      const victim = await machines.open(role, dice);
      return Object.defineProperty(victim, 'letIn', { get: () => true, set: () => {} });
    },
  };
  for (const attack of attacks) {
    const [role] = attack.roles;
    const { accepted } = await attack.run(gullible, role!, new Dice('gullible'));
    assert.equal(accepted, true, attack.kind);
  }
});
