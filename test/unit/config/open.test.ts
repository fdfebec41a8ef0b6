import assert from 'node:assert/strict';
import test from 'node:test';
import { ConfigCluster } from './config-nodes.js';

const ALL = ['one@h1', 'two@h2', 'three@h3', 'four@h4'];

test('what is written at any node is read at all of them', async (context) => {
  const cluster = new ConfigCluster(context);
  const members = await cluster.boot(ALL);
  const revisions: number[] = [];
  for (const [index, { config }] of members.entries()) {
    const written = await cluster.until(config.put(`cluster/from-${index}`, { index }));
    assert.equal(written.succeeded, true);
    revisions.push(written.revision);
  }
  assert.deepEqual(revisions, [2, 3, 4, 5]);
  for (const { config } of members) {
    await cluster.when(() => config.view?.revision === 5);
    const items = await cluster.until(config.range('cluster'));
    assert.deepEqual(
      items.map(({ key, value, modRevision }) => [key, value, modRevision]),
      ALL.map((_, index) => [`cluster/from-${index}`, { index }, index + 2]),
    );
  }
  const roles = members.map(({ config }) => config.status.role);
  assert.deepEqual(roles, ['sequencer', 'master', 'slave', 'slave']);
});
