import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { Config } from '../../../src/config/config.js';
import { openConfig } from '../../../src/config/open.js';
import type { ClusterNode } from '../../../src/node/node.js';
import { createTestNetwork } from '../../../src/testing/index.js';

const NAMES = ['one@h1', 'two@h2', 'three@h3'];

test('nodes with stores on a disk write, end, and are where they were', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-config-'));
  const network = createTestNetwork();
  context.after(async () => {
    await network.close();
    rmSync(folder, { recursive: true });
  });
  const open = (node: ClusterNode) =>
    openConfig(node, { store: join(folder, node.name), masters: NAMES.slice(0, 2) });
  const openAll = async (): Promise<Config[]> => {
    const nodes: ClusterNode[] = [];
    for (const name of NAMES) nodes.push(await network.node(name));
    await network.linked();
    return Promise.all(nodes.map(open));
  };
  const configs = await openAll();
  const [one, , three] = configs as [Config, Config, Config];
  await network.until(() => one.status.newcomers.includes('two@h2'));
  await one.masters.bootstrap(NAMES.slice(0, 2));
  const writes = Array.from({ length: 100 }, (_, at) => three.put(`cluster/${at}`, { at }));
  const revisions = (await Promise.all(writes)).map(({ revision }) => revision);
  assert.deepEqual(
    revisions.toSorted((a, b) => a - b),
    Array.from({ length: 100 }, (_, at) => at + 2),
  );
  await network.until(() => configs.every(({ view }) => view?.revision === 101));
  for (const config of configs) await config.close();
  for (const node of network.nodes) await node.close();

  const again = await openAll();
  await network.until(() => again.every(({ view }) => view?.revision === 101));
  const session = again[2]!.session();
  await network.until(() => again[0]!.status.isWritable);
  await session.put('cluster/last', true);
  assert.equal((await session.range('cluster')).length, 101);
  for (const config of again) await config.close();
});

test('a store that cannot be used is refused, and the node stays free', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-config-'));
  const network = createTestNetwork();
  context.after(async () => {
    await network.close();
    rmSync(folder, { recursive: true });
  });
  const node = await network.node('one@h1');
  const store = join(folder, 'store');
  writeFileSync(join(folder, 'stranger'), 'not a store');
  await assert.rejects(openConfig(node, { store: folder, masters: [] }), {
    code: 'ERR_STORE_FOREIGN',
  });
  const config = await openConfig(node, { store, masters: [] });
  const two = await network.node('two@h2');
  await assert.rejects(openConfig(two, { store, masters: [] }), { code: 'ERR_STORE_IN_USE' });
  await config.close();
  await (await openConfig(two, { store, masters: [] })).close();
});
