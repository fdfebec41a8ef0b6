import assert from 'node:assert/strict';
import test from 'node:test';
import { Daemons, values } from './daemons.js';

const limit = { timeout: 180_000 };

test('three daemons begin a configuration, end, start and lose one', limit, async (context) => {
  const daemons = await Daemons.make(context, { hosts: 3, masters: 2 });
  for (const host of [1, 2, 3]) await daemons.start(host);
  await daemons.lines(1).until('nodeup', { peer: 'two@host2' });
  await daemons.lines(3).until('nodeup', { peer: 'one@host1' });
  await daemons.lines(3).until('nodeup', { peer: 'two@host2' });

  await daemons.done(1, 'masters', 'bootstrap', 'one@host1', 'two@host2', '--yes');
  await daemons.lines(3).until('configReadable');
  await daemons.done(3, 'config', 'put', 'cluster/a', '{ from: three }', '--yes');
  const fresh = await daemons.done(2, 'config', 'get', '--fresh');
  assert.deepEqual(values(fresh), { 'cluster/a': { from: 'three' } });
  await daemons.done(2, 'config', 'put', 'cluster/b', '2', '--yes');

  // All end, in two ways, and start again without an operator.
  await daemons.end(1, 'SIGKILL');
  for (const host of [2, 3]) await daemons.end(host, 'SIGTERM');
  for (const host of [3, 2, 1]) await daemons.start(host);
  for (const host of [1, 2, 3]) await daemons.lines(host).until('configReadable');
  await daemons.lines(1).until('configWritable');
  await daemons.lines(3).until('nodeup', { peer: 'one@host1' });
  const expected = { 'cluster/a': { from: 'three' }, 'cluster/b': 2 };
  assert.deepEqual(values(await daemons.done(3, 'config', 'get', '--fresh')), expected);

  // The sequencer is lost: no writes, then a force, and it returns as a slave.
  await daemons.end(1, 'SIGKILL');
  await daemons.lines(2).until('nodedown', { peer: 'one@host1' });
  const refused = await daemons.ask(2, 'config', 'put', 'cluster/b', '3', '--yes');
  assert.deepEqual([refused['ok'], refused['code']], [false, 'ERR_REPLICAS']);
  const forced = await daemons.done(2, 'masters', 'force', '--yes');
  assert.equal(forced['epoch'], 2);
  await daemons.lines(3).until('configEpoch', { epoch: 2 });
  await daemons.done(3, 'config', 'put', 'cluster/b', '3', '--yes');
  const returned = await daemons.start(1);
  await returned.until('configRole', { role: 'slave' });
  await daemons.done(2, 'masters', 'add', 'one@host1', '--yes');
  const list = await daemons.done(1, 'masters', 'list');
  assert.deepEqual(
    (list['masters'] as { name: string }[]).map(({ name }) => name),
    ['two@host2', 'one@host1'],
  );
  assert.deepEqual(values(await daemons.done(1, 'config', 'get')), {
    ...expected,
    'cluster/b': 3,
  });
});
