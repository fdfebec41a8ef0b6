import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { runCuts } from '../../../src/lab/scenario/cuts.js';
import { trafficViolations } from '../../../src/lab/scenario/verdict.js';

test('cuts under traffic: all arrives once, in order, on one link', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-cuts-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const result = await runCuts({ count: 3, profile: 'lan', folder, progress: () => {} });
  assert.deepEqual(trafficViolations(result), []);
  assert.deepEqual(
    result.cuts.map(({ fault, host }) => [fault, host]),
    [
      ['link-down', 2],
      ['switch-port', 2],
      ['blackhole', 2],
    ],
  );
  // A cut that nobody noticed would prove nothing: the traffic must have been on that plane.
  for (const { gap } of result.cuts) assert.ok(gap.gapMs > 20, `gap of ${gap.gapMs} ms`);
  assert.deepEqual(readdirSync(folder).sort(), ['link-received.csv', 'link-sent.csv']);
});
