/** Stores of others under a known name, as whoever runs `backplane serve` meets them. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import test from 'node:test';
import { Daemons, values } from '../cli/daemons.js';

const limit = { timeout: 120_000 };

test('a store of another cluster is exchanged nothing with', limit, async (context) => {
  const daemons = await Daemons.make(context, { hosts: 2, masters: 2 });
  for (const host of [1, 2]) {
    await daemons.begin(host);
    await daemons.done(host, 'config', 'put', 'cluster/a', `${host}`, '--yes');
    await daemons.end(host, 'SIGTERM');
  }
  for (const host of [1, 2]) await daemons.start(host);
  for (const [host, peer] of [
    [1, 'two@host2'],
    [2, 'one@host1'],
  ] as const) {
    const lines = daemons.lines(host);
    await lines.until('configTrouble', { peer, code: 'ERR_LINEAGE' });
    const trouble = lines.all.find(({ event }) => event === 'configTrouble');
    assert.match(String(trouble?.['msg']), /decide which side stays, and move the store/);
    const found = await daemons.done(host, 'config', 'get');
    assert.deepEqual(values(found), { 'cluster/a': host });
  }
});

test("a copy of another node's store is no master", limit, async (context) => {
  const daemons = await Daemons.make(context, { hosts: 2, masters: 2 });
  for (const host of [1, 2]) await daemons.start(host);
  await daemons.lines(1).until('configNewcomer', { peer: 'two@host2' });
  await daemons.done(1, 'masters', 'bootstrap', 'one@host1', 'two@host2', '--yes');
  await daemons.done(1, 'config', 'put', 'cluster/a', '1', '--yes');
  for (const host of [1, 2]) await daemons.end(host, 'SIGTERM');
  rmSync(daemons.store(1), { recursive: true });
  cpSync(daemons.store(2), daemons.store(1), { recursive: true });
  for (const host of [1, 2]) await daemons.start(host);
  await daemons.lines(2).until('nodeup', { peer: 'one@host1' });
  await daemons.lines(2).until('configReadable');
  const list = await daemons.done(2, 'masters', 'list');
  const masters = list['masters'] as { name: string; isPresent: boolean }[];
  const present = masters.map(({ name, isPresent }) => [name, isPresent]);
  assert.deepEqual(present, [
    ['one@host1', false],
    ['two@host2', true],
  ]);
  const refusal = await daemons.ask(2, 'config', 'put', 'cluster/a', '2', '--yes');
  assert.equal(refusal['code'], 'ERR_REPLICAS');
  const own = await daemons.done(1, 'masters', 'list');
  assert.equal((own['status'] as Record<string, unknown>)['role'], 'slave');
});
