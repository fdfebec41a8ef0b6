import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import type { ClusterStatus } from '../../../src/controller/cluster-status.js';
import { Controllers } from './controllers.js';
import { cli, commandOf } from './support.js';

const limit = { timeout: 240_000 };

async function rolesAndHosts(all: Controllers): Promise<void> {
  for (const host of [1, 2, 3]) {
    const status = await all.until(host, ({ hosts }) => {
      return hosts.length === 3 && hosts.every(({ status: told }) => told?.links.length === 2);
    });
    assert.equal(status.condition, 'up');
    assert.equal(status.epoch, 1);
    const roles = status.hosts.map(({ host: name, status: told }) => `${name} ${told?.role}`);
    assert.deepEqual(roles, ['host1 sequencer', 'host2 master', 'host3 slave']);
    assert.deepEqual(
      status.planes.map(({ name, state }) => `${name} ${state}`),
      ['a up', 'b up'],
    );
  }
}

async function onePerHost(all: Controllers): Promise<void> {
  const { status, json } = await all.refused(1);
  assert.equal(status, 1);
  assert.equal(json['code'], 'ERR_CONTROLLER_RUNNING');
  assert.equal(json['pid'], all.at(1).child.pid);
  assert.equal((await all.status(1)).condition, 'up');
}

/** The condition is the sequencer's word; whoever is asked may still have to find the others. */
const isWhole = ({ condition, hosts }: ClusterStatus): boolean =>
  condition === 'up' && hosts.every(({ isReached }) => isReached);

async function cutPlane(all: Controllers): Promise<void> {
  all.lab.cut('switch', 'a');
  const status = await all.until(3, ({ planes }) => planes[0]?.state === 'down');
  assert.equal(status.condition, 'up');
  assert.equal(status.planes[1]?.state, 'up');
  const { alarms } = (await all.done(3, 'alarms')) as { alarms: { code: string }[] };
  assert.ok(alarms.some(({ code }) => code === 'redundancy-lost'));
  all.lab.heal();
  await all.until(3, ({ planes }) => planes[0]?.state === 'up');
}

async function killedMaster(all: Controllers): Promise<void> {
  const { lines } = all.at(3);
  const from = lines.all.length;
  await all.end(2, 'SIGKILL');
  await lines.until('cluster', { condition: 'degraded' }, from);
  const status = await all.status(3);
  assert.deepEqual(status.missing, [all.name(2)]);
  assert.equal(status.hosts[1]?.isReached, false);
  assert.ok(Date.parse(status.hosts[1]?.since ?? '') <= Date.parse(status.at));
  const refused = await all.ask(1, 'config', 'put', 'cluster/a', '1', '--yes');
  assert.equal(refused.json['code'], 'ERR_REPLICAS');
  await all.start(2);
  await all.until(3, isWhole);
}

async function noMaster(all: Controllers): Promise<void> {
  const { lines } = all.at(3);
  const from = lines.all.length;
  await all.end(1, 'SIGKILL');
  await all.end(2, 'SIGKILL');
  await lines.until('cluster', { condition: 'down' }, from);
  const status = await all.status(3);
  assert.equal(status.condition, 'down');
  assert.match(status.why, /^no master is in touch: controller@host1, controller@host2$/);
  await Promise.all([all.start(1), all.start(2)]);
  await all.until(3, isWhole);
}

async function drained(all: Controllers): Promise<void> {
  await all.done(3, 'drain', 'host2', '--yes');
  const isDrained = (wanted: boolean) => () =>
    all.until(1, ({ hosts }) => hosts[1]?.status?.isDrained === wanted);
  await isDrained(true)();
  await all.done(3, 'drain', 'host2', '--undo', '--yes');
  await isDrained(false)();
  const { status, json } = await all.ask(3, 'drain', 'nowhere', '--yes');
  assert.deepEqual([status, json['code']], [1, 'ERR_ARGUMENT']);
  assert.match(String(json['violations']), /there are host1, host2, host3$/);
}

async function workersRun(all: Controllers): Promise<void> {
  const key = 'hosts/host3/workers/beacon';
  const value = JSON.stringify({ command: ['sh', '-c', 'echo here; exec sleep 100000'] });
  await all.done(1, 'config', 'put', key, value, '--yes');
  const running = (status: ClusterStatus) => status.workers[0]?.state === 'ready';
  const { workers } = await all.until(1, running);
  const { pid } = workers[0] as { pid: number };
  assert.equal((await all.done(1, 'workers', 'logs', 'beacon'))['output'], 'here\n');
  await all.end(3, 'SIGKILL');
  await all.start(3);
  const after = await all.until(1, running);
  assert.equal(after.workers[0]?.pid, pid, 'it outlives its controller');
  await all.done(1, 'workers', 'restart', 'beacon');
  await all.until(1, (status) => running(status) && status.workers[0]?.pid !== pid);
  await all.done(1, 'drain', 'host3', '--yes');
  assert.equal((await all.status(1)).workers[0]?.state, 'stopped');
  await all.done(1, 'drain', 'host3', '--undo', '--yes');
  await all.until(1, running);
  const { json } = await all.ask(1, 'workers', 'stop', 'nobody');
  assert.equal(json['code'], 'ERR_ARGUMENT');
  await all.done(1, 'config', 'put', key, '{"command":[]}', '--yes');
  const { hosts } = await all.until(1, (status) => status.hosts[2]?.status?.problems.length === 1);
  assert.match(hosts[2]?.status?.problems[0] ?? '', /^beacon: \/command/);
  await all.done(1, 'config', 'put', key, '--delete', '--yes');
  await all.until(1, (status) => status.workers.length === 0);
}

async function orderlyEnd(all: Controllers): Promise<void> {
  assert.equal(await all.end(3, 'SIGTERM'), 0);
  const status = await all.until(1, ({ hosts }) => hosts[2]?.isReached === false);
  assert.equal(status.condition, 'up');
  await all.start(3);
}

test('three hosts are one cluster, and every host sees all of it', limit, async (context) => {
  const all = await Controllers.make(context, 3);
  await all.boot();
  await context.test('roles come from the configuration, hosts from everywhere', () =>
    rolesAndHosts(all),
  );
  await context.test('a host has one controller', () => onePerHost(all));
  await context.test('a plane that is cut is named', () => cutPlane(all));
  await context.test('a master that is killed is missed, and back at once', () =>
    killedMaster(all),
  );
  await context.test('without a master the cluster is down, and says since when', () =>
    noMaster(all),
  );
  await context.test('a host is drained, and known to be', () => drained(all));
  await context.test('workers run, wherever they are asked for', () => workersRun(all));
  await context.test('SIGTERM ends it in order', () => orderlyEnd(all));
});

test('a controller answers metrics and probes at an address of its own', limit, async (context) => {
  const all = await Controllers.make(context, 2);
  all.write(1, { http: '127.0.0.1:9464' });
  await Promise.all([all.start(1), all.start(2)]);
  const get = async (path: string) => {
    const program = `
      const response = await fetch('http://127.0.0.1:9464${path}');
      console.log(JSON.stringify([response.status, await response.text()]));`;
    const child = all.lab.host(1).spawn([process.execPath, '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout?.on('data', (piece) => {
      text += piece;
    });
    await once(child, 'close');
    return JSON.parse(text) as [number, string];
  };
  assert.equal((await get('/ready'))[0], 503, 'nothing can be read yet');
  assert.equal((await get('/health'))[0], 200);
  await all.at(1).lines.until('configNewcomer', { peer: all.name(2) });
  await all.done(1, 'masters', 'bootstrap', all.name(1), all.name(2), '--yes');
  assert.equal((await get('/ready'))[0], 200);
  const [status, metrics] = await get('/metrics');
  assert.equal(status, 200);
  assert.match(metrics, /^backplane_/m);
  assert.equal((await get('/nodes'))[0], 404, 'nothing else is told there');
});

test('of two controllers that start at once one runs', limit, async (context) => {
  const all = await Controllers.make(context, 2);
  for (let round = 1; round <= 5; round++) {
    const host = all.lab.host(1);
    const command = commandOf(['start', '--config', all.file(1), '--json']);
    const both = [1, 2].map(() => host.spawn(command, { stdio: ['ignore', 'pipe', 'inherit'] }));
    let text = '';
    for (const child of both) {
      child.stdout?.on('data', (piece) => {
        text += piece;
      });
    }
    const ends = both.map((child) => once(child, 'close').then(() => child));
    const loser = await Promise.race(ends);
    const winner = both.find((child) => child !== loser);
    assert.equal(loser.exitCode, 1);
    assert.ok(text.includes(`"code":"ERR_CONTROLLER_RUNNING","pid":${winner?.pid}`), text);
    winner?.kill('SIGKILL');
    await Promise.all(ends);
  }
});

test('what cannot be used is refused with a code and the way out', limit, async (context) => {
  const all = await Controllers.make(context, 2);
  const codeOf = async (changes: Readonly<Record<string, unknown>>) => {
    all.write(1, changes);
    const { status, json } = await all.refused(1);
    assert.equal(status, 1);
    return json['code'];
  };
  assert.equal(await codeOf({ colour: 'red' }), 'ERR_HOST_FILE');
  assert.equal(await codeOf({ keyFile: 'none.key' }), 'ERR_KEY_FILE');
  assert.equal(await codeOf({ planes: { a: '10.9.0.0/24' }, masters: undefined }), 'ERR_HOST_FILE');
  assert.equal(await codeOf({ store: '../cluster.key' }), 'ERR_STORE_FOREIGN');
  assert.equal(await codeOf({ http: '10.9.0.1:80' }), 'ERR_HTTP');
  all.write(1, {});
  const { status, json } = await all.ask(1, 'status');
  assert.deepEqual([status, json['code']], [1, 'ERR_CONTROL'], 'nobody runs here');
  const wrong = cli(all.lab.host(1), 'status', '--wide');
  await once(wrong, 'close');
  assert.equal(wrong.exitCode, 2);
});
