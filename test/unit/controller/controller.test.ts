import assert from 'node:assert/strict';
import test from 'node:test';
import { OUTPUT_TOPIC, WORKER_TOPIC } from '../../../src/controller/names.js';
import { limits } from '../../../src/limits.js';
import { booted } from './booted.js';

test('every controller gathers the whole cluster', async (context) => {
  const { controllers } = await booted(context);
  for (const controller of controllers) {
    const { hosts, condition, by, planes } = await controller.cluster();
    assert.deepEqual([condition, by], ['up', controller.host]);
    assert.deepEqual(
      hosts.map(({ host, status }) => `${host} ${status?.role} ${status?.links.length}`),
      ['h1 sequencer 2', 'h2 master 2', 'h3 slave 2'],
    );
    assert.deepEqual(planes, [
      { name: 'a', state: 'up', faults: [] },
      { name: 'b', state: 'up', faults: [] },
    ]);
  }
});

test('a host that is lost is shown: the cluster is degraded, then down', async (context) => {
  const { network, controllers } = await booted(context);
  const [one, two, three] = controllers;
  network.kill(two.node);
  await network.until(() => three.view.condition === 'degraded');
  const { hosts, missing } = await three.cluster();
  assert.deepEqual(missing, ['controller@h2']);
  assert.deepEqual(
    hosts.map(({ host, isReached }) => `${host} ${isReached}`),
    ['h1 true', 'h2 false', 'h3 true'],
  );
  network.kill(one.node);
  await network.until(() => three.view.condition === 'down');
});

test('links are told by name, whichever was made first', async (context) => {
  const { network, controllers, start } = await booted(context);
  const [one] = controllers;
  await start('h0');
  await network.until(() => one.status.links.length === 3);
  const names = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name);
  assert.deepEqual(names(one.node.nodes), ['controller@h2', 'controller@h3', 'controller@h0']);
  assert.deepEqual(names(one.status.links), ['controller@h0', 'controller@h2', 'controller@h3']);
});

test('a controller that does not answer in time is shown as not reached', async (context) => {
  const { network, controllers } = await booted(context);
  const [one, two] = controllers;
  network.stall(two.node);
  const startMs = network.nowMs;
  const { hosts } = await one.cluster();
  assert.equal(hosts[1]?.isReached, false);
  assert.ok(network.nowMs - startMs < limits.controllerAskMs + 500);
});

test('what a listener throws does not end what the controller does', async (context) => {
  const { network, controllers } = await booted(context);
  const [, , slave] = controllers;
  const thrown: string[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error.message));
  context.after(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener);
  });
  const heard: string[] = [];
  slave.on('condition', ({ condition }) => {
    heard.push(condition);
    throw new Error(`told that it is ${condition}`);
  });
  network.powerOff('controller@h1');
  await network.until(() => slave.view.condition === 'degraded');
  network.powerOff('controller@h2');
  await network.until(() => slave.view.condition === 'down');
  assert.deepEqual(heard, ['degraded', 'down']);
  await network.until(() => thrown.length === 2);
  assert.deepEqual(thrown, ['told that it is degraded', 'told that it is down']);
});

test('of many alarms the worst are told', async (context) => {
  const { controllers } = await booted(context);
  const alarm = { severity: 'minor', code: 'c', object: 'o', plane: null, text: '', since: '' };
  controllers[1].alarms = () => Array.from({ length: 100 }, () => alarm);
  const { alarms } = await controllers[0].cluster();
  assert.equal(alarms.length, limits.controllerAlarms);
});

test('what the configuration has of hosts is followed, a moment later', async (context) => {
  const { network, controllers, said } = await booted(context);
  const [one] = controllers;
  await one.config.put('hosts/h2/drained', true);
  await network.until(() => said.includes('h2 suspend drain'));
  const { hosts } = await one.cluster();
  assert.deepEqual(
    hosts.map(({ status }) => status?.isDrained),
    [false, true, false],
  );
  const told: string[] = [];
  one.node.on('peersFailed', ({ error }) => told.push(error.message));
  await one.config.put('hosts/h9/addresses', { a: 'nowhere' });
  await network.until(() => told.length > 0);
  assert.match(told[0] ?? '', /^hosts\/h9\/addresses: /);
  await network.until(() => one.status.links.length === 2);
  assert.equal((await one.cluster()).hosts.length, 4, 'a host that was never met is known');
});

test('a worker is told what to do, wherever it is', async (context) => {
  const { controllers, said, network } = await booted(context);
  const [one] = controllers;
  await one.order('h3', { command: 'restart', worker: 'api' });
  await one.order('h1', { command: 'restart', worker: 'api' });
  assert.deepEqual(said, ['h3 restart api', 'h1 restart api']);
  const logs = await one.order('h3', { command: 'logs', worker: 'api' });
  assert.equal(logs.length, limits.workerLogBytes);
  const unknown = { code: 'ERR_WORKER_UNKNOWN', message: 'there is no x' };
  await assert.rejects(one.order('h3', { command: 'restart', worker: 'x' }), unknown);
  await assert.rejects(one.order('h9', { command: 'restart', worker: 'api' }), {
    code: 'ERR_NO_LINK',
  });
  const stranger = await network.node('api@h7');
  await network.linked();
  const order = { command: 'restart', worker: 'api' };
  await assert.rejects(stranger.call('controller@h1', WORKER_TOPIC, order), {
    message: /api@h7 is no controller/,
  });
});

test('output of a worker is followed, wherever it is', async (context) => {
  const { controllers, said, network } = await booted(context);
  const [one] = controllers;
  for (const host of ['h1', 'h3']) {
    const enough = new AbortController();
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const piece of one.output(host, 'api', enough.signal)) {
        if (seen.push(piece) === 2) enough.abort();
      }
    })();
    await network.until(reading.catch(({ code }) => assert.equal(code, 'ERR_CANCELLED')));
    assert.deepEqual(seen, ['api was\n', 'api is\n']);
    await network.until(() => said.includes(`${host} unfollow api`));
  }
  const stranger = await network.node('api@h7');
  await network.linked();
  const asked = stranger.stream('controller@h1', OUTPUT_TOPIC, { worker: 'api' });
  await assert.rejects(asked.next(), { message: /api@h7 is no controller/ });
});
