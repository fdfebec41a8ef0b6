import assert from 'node:assert/strict';
import test from 'node:test';
import { runBundles } from '../../security/bundles.js';
import { Dice } from '../../security/dice.js';
import { runLinks } from '../../security/links.js';
import { Scene } from '../../security/scene.js';

const SEED = 7;

for (const [what, run, attempts] of [
  ['bundle', runBundles, 1500],
  ['link', runLinks, 180],
] as const) {
  test(`no attack on a ${what} is let in, every honest one is (seed ${SEED})`, () => {
    const { bundles, control, violations } = run(attempts, SEED);
    assert.deepEqual(violations, []);
    assert.ok(control.attempts >= 20 && control.accepted === control.attempts);
    assert.ok(bundles.length >= 9);
    for (const { kind, attempts: made, accepted } of bundles) {
      assert.equal(accepted, 0, kind);
      assert.ok(made >= Math.floor(attempts / bundles.length), kind);
    }
  });
}

test('too few attempts for all kinds are no success', () => {
  for (const run of [runBundles, runLinks]) {
    const [violation = ''] = run(1, SEED).violations;
    assert.match(violation, /^too few attempts for: .*, /);
  }
});

test('loose bundles come in any order, once each, also from the generation before', () => {
  const scene = new Scene(true, new Dice('loose'));
  const [first, second] = [scene.next(), scene.next()];
  scene.rekey();
  const third = scene.next();
  for (const bundle of [third, second, first]) assert.equal(scene.opens(bundle), true);
  for (const bundle of [third, second, first]) assert.equal(scene.opens(bundle), false);
});
