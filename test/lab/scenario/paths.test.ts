import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { runGray } from '../../../src/lab/scenario/gray.js';
import { planesViolations, runPlanes } from '../../../src/lab/scenario/planes.js';
import { trafficViolations } from '../../../src/lab/scenario/verdict.js';

const progress = () => {};

function scratch(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-paths-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a lossy plane is noticed and left by both ends, and nothing is lost', async (context) => {
  const impairment = { lossShare: 0.3 };
  const gray = { name: 'loss', impairment, steering: 'gray', holdMs: 6000 } as const;
  const folder = scratch(context);
  const [result] = await runGray({ cases: [gray], healthyMs: 1000, folder, progress });
  assert.deepEqual(trafficViolations(result!), []);
  for (const end of [result!.sender, result!.receiver]) {
    assert.ok(end.noticedMs !== null && end.noticedMs > 0 && end.noticedMs < 4000);
    assert.ok(end.reasons.includes('lossy'));
    assert.equal(end.moves, 1);
    assert.ok(end.steeredMs !== null && end.steeredMs >= end.noticedMs);
  }
  assert.ok(result!.grayP99Ms! > 0 && result!.steeredP99Ms! > 0);
});

test('planes come and go under traffic, on one link', async (context) => {
  const folder = scratch(context);
  const result = await runPlanes({ count: 4, live: true, folder, progress });
  assert.deepEqual(planesViolations(result, true), []);
  assert.deepEqual(trafficViolations(result), []);
  assert.deepEqual([result.sender.added, result.sender.removed], [4, 4]);
});

test('where the kernel changes no addresses that is told, and all goes on', async (context) => {
  const folder = scratch(context);
  const result = await runPlanes({ count: 1, live: false, folder, progress });
  assert.deepEqual(planesViolations(result, false), []);
  assert.deepEqual(trafficViolations(result), []);
  assert.equal(result.sender.deferredTold, 1);
});
