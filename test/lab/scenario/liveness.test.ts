import assert from 'node:assert/strict';
import test from 'node:test';
import { runLiveness } from '../../../src/lab/scenario/liveness.js';
import { livenessFigures } from '../../../src/lab/scenario/liveness-verdict.js';
import { profiles } from '../../../src/timing/profiles.js';

test('stalls, kills, cuts and power cuts are told apart, near and far', async () => {
  const result = await runLiveness({ trials: 2, victims: 2, blockMs: 2500, progress: () => {} });
  const names = result.classes.map(({ name }) => name);
  const expected = ['blocked', 'saturated', 'lossy', 'idle-path', 'cut', 'kill', 'power-off'];
  assert.deepEqual(names, expected);
  for (const { name, trials, nearMs, missed, falseNodedown } of result.classes) {
    assert.deepEqual(
      { name, trials, missed, falseNodedown },
      { name, trials: 2, missed: 0, falseNodedown: 0 },
    );
    // A class that saw nothing would prove nothing.
    assert.ok(nearMs.length >= 2, name);
  }
  const figures = livenessFigures(result);
  assert.equal(figures.stalls, 6);
  assert.equal(figures.falseStalled, 0);
  assert.deepEqual(figures.sysctlsChanged, []);
  // Each link by its own timers, whatever else this machine has to do.
  assert.ok(figures.near.cutMinMs >= profiles.lan.outageMs);
  assert.ok(figures.near.cutMaxMs < figures.far.cutMinMs);
  assert.ok(figures.far.cutMinMs >= profiles.wan.outageMs);
});
