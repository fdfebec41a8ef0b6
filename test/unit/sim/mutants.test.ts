/** Whether the errors that the simulations must find still fit the code. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { mutantsOf, mutatedSource } from '../../sim/mutants.js';
import { type WorldName, worlds } from '../../sim/worlds.js';

for (const world of Object.keys(worlds) as WorldName[]) {
  test(`every mutant of the world '${world}' fits the code`, () => {
    const mutants = mutantsOf(world);
    assert.ok(mutants.length >= 20);
    assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length);
    for (const mutant of mutants) assert.ok(mutatedSource(mutant).length > 0);
    const [first] = mutants;
    assert.ok(first !== undefined);
    assert.throws(() => mutatedSource({ ...first, find: 'nothing of the kind' }), /0 times/);
    assert.throws(() => mutatedSource({ ...first, find: 'const ' }), / times in /);
  });
}
