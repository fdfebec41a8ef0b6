import assert from 'node:assert/strict';
import test from 'node:test';
import { meshViolations, runMesh } from '../../../src/lab/scenario/mesh.js';

test('a mesh comes together, and a plane that fails host by host costs nobody a link', async () => {
  const result = await runMesh({ nodes: 6, hosts: 3, idleMs: 2000, progress: () => {} });
  assert.deepEqual(meshViolations(result), []);
  assert.equal(result.links, 15);
  assert.ok(result.sent > 100, `${result.sent} sent`);
  assert.ok(result.packetsPerSecond > 0 && result.bytesPerSecond > 40 * result.packetsPerSecond);
});

test('all hosts of a mesh have the same number of nodes', async () => {
  const wrong = runMesh({ nodes: 7, hosts: 3, idleMs: 1, progress: () => {} });
  await assert.rejects(wrong, { code: 'ERR_ARGUMENT' });
});
