import assert from 'node:assert/strict';
import test from 'node:test';
import type { JoinedWorker } from '../../../src/join/joined-worker.js';
import { SETTINGS_TOPIC } from '../../../src/join/names.js';
import { booted } from '../controller/booted.js';
import { environment, joined, joining } from './joining.js';

const linksOf = ({ node }: JoinedWorker) => node.nodes.map(({ name }) => name).sort();

test('workers find each other, and link with no controller but their own', async (context) => {
  const { workers, controllers, network } = await joined(context, 'a@h1', 'b@h1', 'c@h3');
  const [a, , c] = workers as [JoinedWorker, JoinedWorker, JoinedWorker];
  assert.deepEqual(linksOf(a), ['b@h1', 'c@h3', 'controller@h1']);
  assert.deepEqual(linksOf(c), ['a@h1', 'b@h1', 'controller@h3']);
  assert.deepEqual([a.name, a.host, a.instance, a.pool], ['a', 'h1', 'abc', 'jobs']);
  const { hosts, planes } = await controllers[1].cluster();
  assert.deepEqual(
    hosts.map(({ status }) => status?.nodes),
    [['a', 'b'], [], ['c']],
  );
  assert.deepEqual(
    hosts.map(({ status }) => status?.links.length),
    [2, 2, 2],
  );
  assert.ok(planes.every(({ state }) => state === 'up'));
  a.node.handle('hello', (body) => `hello ${body}`);
  assert.equal(await network.until(c.node.call('a@h1', 'hello', 'c')), 'hello c');
});

test('what workers say to each other goes on when all controllers have ended', async (context) => {
  const { workers, controllers, network } = await joined(context, 'a@h1', 'c@h3');
  const [a, c] = workers as [JoinedWorker, JoinedWorker];
  for (const { node } of controllers) network.kill(node);
  await network.until(() => a.node.nodes.length === 1 && c.node.nodes.length === 1);
  a.node.handle('hello', (body) => body);
  assert.equal(await network.until(c.node.call('a@h1', 'hello', 1)), 1);
});

test('the next controller learns who has joined, and so do all others', async (context) => {
  const { workers, controllers, network, start, said } = await joined(context, 'a@h1', 'c@h3');
  const [a] = workers as [JoinedWorker];
  network.kill(controllers[2].node);
  const late = await network.until(joining(network, 'b@h1', said));
  const again = await start('h3');
  await network.until(() => again.status.nodes.length === 1);
  const c = await network.until(joining(network, 'd@h3', said));
  await network.until(() => [a, late, c].every(({ node }) => node.nodes.length === 4));
});

test('a worker that has ended is not dialled, and found again when it is back', async (context) => {
  const { workers, network, said } = await joined(context, 'a@h1', 'c@h3');
  const [a, c] = workers as [JoinedWorker, JoinedWorker];
  network.kill(c.node);
  await network.until(() => a.node.nodes.length === 1);
  const changes: string[] = [];
  a.node.on('peers', ({ removed }) => changes.push(...removed));
  await network.until(() => changes.includes('c@h3'));
  const back = await network.until(joining(network, 'c@h3', said));
  await network.until(() => linksOf(a).includes('c@h3') && linksOf(back).includes('a@h1'));
});

test('a pool that a worker serves is found from other workers', async (context) => {
  const { workers, network } = await joined(context, 'a@h1', 'c@h3');
  const [a, c] = workers as [JoinedWorker, JoinedWorker];
  c.tasks.serve('jobs', (body) => `did ${body}`);
  assert.equal(await network.until(a.tasks.run('jobs', 1).result), 'did 1');
});

test('settings are live: own values, else defaults', async (context) => {
  const { workers, controllers, network } = await joined(context, 'a@h1', 'c@h3');
  const [a, c] = workers as [JoinedWorker, JoinedWorker];
  const { config } = controllers[0];
  const rates: unknown[] = [];
  const seen: string[] = [];
  const end = c.settings.follow('rate', (rate) => rates.push(rate));
  c.settings.on('change', ({ key, value, before }) => {
    seen.push(`${key} ${JSON.stringify(before)} ${JSON.stringify(value)}`);
  });
  await network.until(config.put('cluster/node-defaults/rate', 1));
  // Changes of one moment are told as one.
  await network.until(() => rates.length === 2);
  await network.until(config.put('hosts/h3/node-defaults/rate', { most: 2 }));
  await network.until(() => rates.length === 3);
  const own = await network.until(c.openConfig());
  await network.until(own.put(`${c.settings.prefix}/rate`, { most: 2 }));
  await network.until(own.put(`${c.settings.prefix}/other`, 'x'));
  await network.until(() => c.settings.get('other') === 'x');
  assert.deepEqual(rates, [undefined, 1, { most: 2 }], 'the same value is no change');
  end();
  const write = [{ delete: 'hosts/h3/nodes/c/rate' }, { delete: 'hosts/h3/node-defaults/rate' }];
  await network.until(config.transaction({ write }));
  await network.until(() => c.settings.get('rate') === 1);
  assert.equal(rates.length, 3);
  assert.deepEqual([...c.settings.all.keys()], ['other', 'rate']);
  assert.deepEqual(seen, [
    'rate undefined 1',
    'rate 1 {"most":2}',
    'other undefined "x"',
    'rate {"most":2} 1',
  ]);
  assert.equal(a.settings.get('rate'), 1);
  const others = (await network.until(a.openConfig())).put('hosts/h3/nodes/c/rate', 5);
  await assert.rejects(network.until(others), { code: 'ERR_FORBIDDEN' });
});

test('settings stay without a controller, and are those of the next one', async (context) => {
  const { workers, controllers, network, start } = await joined(context, 'c@h3');
  const [{ settings }] = workers as [JoinedWorker];
  const { config } = controllers[0];
  const write = (values: object) => {
    const all = Object.entries(values).map(([key, value]) => ({ put: key, value }));
    return network.until(config.transaction({ write: all }));
  };
  await write({ 'hosts/h3/nodes/c/own': 1, 'hosts/h3/nodes/other/own': 2 });
  await network.until(() => settings.get('own') === 1);
  network.kill(controllers[2].node);
  await network.until(() => !controllers[0].node.nodes.some(({ name }) => /@h3$/.test(name)));
  const seen: unknown[] = [];
  settings.on('change', ({ key, value }) => seen.push(key, value));
  const value = 'v'.repeat(200_000);
  const large = [1, 2, 3, 4].map((i) => [`hosts/h3/node-defaults/large${i}`, value]);
  await write({ 'hosts/h3/nodes/c/own': 3, ...Object.fromEntries(large.slice(0, 2)) });
  await write(Object.fromEntries(large.slice(2)));
  assert.deepEqual([...settings.all], [['own', 1]]);
  assert.deepEqual(seen, []);
  await start('h3');
  await network.until(() => settings.all.size === 5);
  assert.deepEqual(
    seen.filter((_, i) => i % 2 === 0),
    [...[1, 2, 3, 4].map((i) => `large${i}`), 'own'],
  );
  assert.equal(settings.get('own'), 3);
});

test('settings are told to workers of the host alone', async (context) => {
  const { controllers, network } = await joined(context, 'c@h3');
  const read = async () => {
    for await (const _ of controllers[0].node.stream('controller@h3', SETTINGS_TOPIC, null)) return;
  };
  await assert.rejects(network.until(read()), { code: 'ERR_HANDLER', remoteCode: 'ERR_FORBIDDEN' });
});

test('the whole configuration is opened when it is wanted, once', async (context) => {
  const { workers, controllers, network, said } = await joined(context, 'a@h1', 'c@h3');
  const [a, c] = workers as [JoinedWorker, JoinedWorker];
  await network.until(controllers[0].config.put('hosts/h1/nodes/a/key', 1));
  const config = await network.until(c.openConfig());
  assert.equal(await network.until(c.openConfig()), config);
  await network.until(() => config.view?.get('hosts/h1/nodes/a/key')?.value === 1);
  let last: unknown;
  c.onEnd(() => {
    last = config.view?.get('hosts/h1/nodes/a/key')?.value;
  });
  await network.until(c.end());
  assert.equal(last, 1);
  await assert.rejects(c.openConfig(), { code: 'ERR_CLOSED' });
  // One that waits for its controller when the worker ends.
  network.stall(controllers[0].node);
  const waiting = assert.rejects(a.openConfig(), { code: 'ERR_CLOSED' });
  const ended = a.end();
  await network.until(waiting);
  network.resume(controllers[0].node);
  await network.until(ended);
  assert.equal(said.at(-1), 'closed');
});

test('a program follows many settings, and none that it could not begin', async (context) => {
  const { workers, controllers, network } = await joined(context, 'a@h1');
  const [{ settings }] = workers as [JoinedWorker];
  const warnings: Error[] = [];
  const warned = (warning: Error) => void warnings.push(warning);
  process.on('warning', warned);
  context.after(() => process.off('warning', warned));
  const seen: unknown[] = [];
  for (let key = 0; key < 20; key++) settings.follow(`key${key}`, (value) => seen.push(value));
  const calls: unknown[] = [];
  const failing = (value: unknown) => {
    calls.push(value);
    throw new Error('not this one');
  };
  assert.throws(() => settings.follow('key7', failing), /not this one/);
  await network.until(controllers[0].config.put('hosts/h1/nodes/a/key7', 7));
  await network.until(() => seen.includes(7));
  assert.deepEqual(calls, [undefined]);
  await new Promise(setImmediate);
  assert.deepEqual(warnings, []);
});

test('it says that it is ready once its settings are known', async (context) => {
  const { network, controllers } = await booted(context);
  const said: string[] = [];
  network.stall(controllers[0].node);
  const coming = joining(network, 'a@h1', said);
  const startMs = network.nowMs;
  await network.until(() => network.nowMs > startMs + 500);
  assert.deepEqual(said, []);
  network.resume(controllers[0].node);
  const worker = await network.until(coming);
  assert.deepEqual(said, ['ready']);
  const later = await network.until(joining(network, 'b@h1', said, { isReady: false }));
  assert.deepEqual(said, ['ready']);
  later.ready();
  worker.status('busy');
  assert.deepEqual(said, ['ready', 'ready', 'busy']);
});

test('its end is in order: the last first, then the node', async (context) => {
  const { workers, said, network } = await joined(context, 'a@h1', 'c@h3');
  const [a, c] = workers as [JoinedWorker, JoinedWorker];
  const done: string[] = [];
  a.onEnd(() => void done.push('first'));
  let finish = (_: string) => {};
  a.tasks.serve(
    'jobs',
    () =>
      new Promise<string>((resolve) => {
        finish = resolve;
      }),
  );
  const task = c.tasks.run('jobs', 1);
  await network.until(() => a.tasks.served[0]?.running === 1);
  a.onEnd(async () => {
    done.push('last');
    throw new Error('so');
  });
  const reasons: string[] = [];
  c.node.on('nodedown', ({ reason }) => reasons.push(reason));
  const ended = a.end();
  assert.equal(a.end(), ended);
  await network.until(() => done.length === 1);
  finish('done');
  assert.equal(await network.until(task.result), 'done');
  await assert.rejects(network.until(ended), { message: 'so' });
  assert.deepEqual(done, ['last', 'first']);
  await network.until(() => reasons.length === 1);
  assert.deepEqual(reasons, ['left']);
  assert.deepEqual(said, ['ready', 'ready', 'stopping', 'closed']);
});

test('a process that no controller has started cannot join', async (context) => {
  const { network } = await booted(context);
  const refused = async (env: NodeJS.ProcessEnv, message: RegExp) => {
    const answer = joining(network, 'a@h1', [], { env });
    await assert.rejects(answer, { code: 'ERR_NOT_A_WORKER', message });
  };
  const env = environment(network, 'a', 'h1');
  await refused({}, /BACKPLANE_NODE is not set/);
  await refused({ ...env, BACKPLANE_NODE: '{' }, /is not JSON/);
  await refused({ ...env, BACKPLANE_NODE: 'null' }, /is not that of worker a at host h1/);
  await refused({ ...env, BACKPLANE_WORKER: 'b' }, /is not that of worker b at host h1/);
  await refused(environment(network, 'controller', 'h1'), /BACKPLANE_NODE is not set/);
  const isReady = 'yes' as unknown as boolean;
  await assert.rejects(joining(network, 'a@h1', [], { isReady }), { code: 'ERR_ARGUMENT' });
  const used = { ...env };
  await network.until(joining(network, 'a@h1', [], { env: used }));
  assert.equal(used['BACKPLANE_NODE'], undefined, 'children of it are not this worker');
});
