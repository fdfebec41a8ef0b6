import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get, request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { limits } from '../../../src/limits.js';
import { watchAlarms } from '../../../src/observe/alarm-watch.js';
import { type ControlOptions, serveControl } from '../../../src/observe/control.js';
import { askControl } from '../../../src/observe/control-client.js';
import { metricsText } from '../../../src/observe/metrics.js';
import { Cluster } from '../node/cluster.js';

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bp-control-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function served(context: TestContext, options: Partial<ControlOptions> = {}) {
  const folder = folderOf(context);
  const path = join(folder, 'c.sock');
  const cluster = new Cluster();
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  const alarms = watchAlarms(one.node);
  const metrics = metricsText(one.node, alarms);
  const server = await serveControl(one.node, { path, alarms, metrics, ...options });
  context.after(() => server.close());
  return { folder, path, cluster, one, two, server };
}

/** A request as it stands, and the status of its answer. */
async function status(path: string, question: string, method = 'GET'): Promise<number> {
  const asked = request({ socketPath: path, path: question, method });
  asked.end();
  const [response] = await once(asked, 'response');
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

test('it tells nodes, paths, alarms and health', async (context) => {
  const { path, cluster, one, two } = await served(context);
  await cluster.link(one, two);
  cluster.network.cut('10.2.0.2');
  const { name, incarnation } = one.node;
  const self = {
    name,
    incarnation,
    state: 'listening',
    engine: 'memory',
    port: 24100,
    planes: [
      { name: 'a', address: '10.1.0.1' },
      { name: 'b', address: '10.2.0.1' },
    ],
  };
  const nodes = (await askControl(path, '/nodes')) as Record<string, { code: string }[]>;
  assert.deepEqual(nodes['self'], self);
  assert.deepEqual(nodes['nodes'], one.node.nodes);
  assert.deepEqual(nodes['traffic'], one.node.traffic);
  assert.equal(nodes['alarms']?.[0]?.code, 'redundancy-lost');
  const paths = one.node.paths('two@host2').map((each) => ({ name: 'two@host2', ...each }));
  assert.deepEqual(await askControl(path, '/paths'), { self, paths });
  assert.deepEqual(await askControl(path, '/paths?name=two%40host2'), { self, paths });
  assert.deepEqual(await askControl(path, '/paths?name=three'), { self, paths: [] });
  const alarms = (await askControl(path, '/alarms')) as Record<string, unknown[]>;
  assert.deepEqual([alarms['active']?.length, alarms['history'], alarms['dropped']], [1, [], 0]);
  const health = (await askControl(path, '/health')) as Record<string, unknown>;
  assert.deepEqual([health['ready'], health['notRedundant']], [true, ['two@host2']]);
});

test('probes see the status, Prometheus its text', async (context) => {
  const { path, one, cluster } = await served(context, { minLinks: 1 });
  assert.equal(await status(path, '/health'), 503);
  assert.equal(((await askControl(path, '/health')) as { live: boolean }).live, true);
  const asked = get({ socketPath: path, path: '/metrics' });
  const [response] = await once(asked, 'response');
  assert.match(response.headers['content-type'], /^text\/plain/);
  const text: string[] = [];
  for await (const piece of response) text.push(String(piece));
  assert.match(text.join(''), /^backplane_links\{node="one@host1"\} 0$/m);
  await cluster.until(one.node.close());
  assert.equal(await status(path, '/health'), 503);
});

test('it answers nothing else, and changes nothing', async (context) => {
  const { path } = await served(context);
  assert.equal(await status(path, '/'), 404);
  assert.equal(await status(path, '/nodes', 'POST'), 405);
  assert.equal(await status(path, '/nodes', 'DELETE'), 405);
  assert.equal(await status(path, 'http://['), 400);
  await assert.rejects(askControl(path, '/none'), {
    code: 'ERR_CONTROL',
    message: `${path}: answered 404 to /none`,
  });
  const bare = await served(context, { metrics: () => Promise.reject(new Error('no figures')) });
  assert.equal(await status(bare.path, '/metrics'), 500);
  assert.equal(await status(bare.path, '/nodes'), 200);
});

test('its owner and group may ask, nobody else, and nothing is left behind', async (context) => {
  const before = process.umask(0);
  context.after(() => process.umask(before));
  const { folder, path, server } = await served(context);
  assert.equal(statSync(path).mode & 0o777, 0o660);
  assert.deepEqual(readdirSync(folder), ['c.sock']);
  await server.close();
  await server.close();
  assert.deepEqual(readdirSync(folder), []);
  await assert.rejects(askControl(path, '/nodes'), { code: 'ERR_CONTROL', message: /ENOENT/ });
});

test('a socket at which somebody answers is not taken', async (context) => {
  const { path, one, two, folder } = await served(context);
  const again = serveControl(two.node, { path });
  await assert.rejects(again, { code: 'ERR_CONTROL', message: /another process answers/ });
  assert.equal(one.node.state, 'listening');
  assert.deepEqual(readdirSync(folder), ['c.sock']);
  assert.equal(await status(path, '/nodes'), 200);
});

test('one that a killed process has left is replaced; a file is not', async (context) => {
  const { one, folder } = await served(context);
  const path = join(folder, 'old.sock');
  const killed = createServer().listen(join(folder, 'hidden'));
  await once(killed, 'listening');
  // A rename keeps Node from removing it: nobody listens there after the close.
  const { renameSync } = await import('node:fs');
  renameSync(join(folder, 'hidden'), path);
  killed.close();
  await once(killed, 'close');
  const server = await serveControl(one.node, { path });
  assert.equal(await status(path, '/nodes'), 200);
  // Another one has taken its place: that must stay.
  rmSync(path);
  writeFileSync(path, 'mine');
  await server.close();
  assert.ok(statSync(path).isFile());
  const refused = serveControl(one.node, { path });
  await assert.rejects(refused, { code: 'ERR_CONTROL', message: /is not a socket/ });
});

test('a path that cannot be is refused', async (context) => {
  const { one, folder } = await served(context);
  const bad = (path: string, message: RegExp) =>
    assert.rejects(serveControl(one.node, { path }), { code: 'ERR_CONTROL', message });
  await bad(join(folder, 'none', 'c.sock'), /ENOENT/);
  const room = limits.socketPathBytes - Buffer.byteLength(folder) - 1;
  await bad(join(folder, 'x'.repeat(room + 1)), /too long/);
  const server = await serveControl(one.node, { path: join(folder, 'x'.repeat(room)) });
  assert.equal(await status(server.path, '/nodes'), 200);
  await server.close();
});

/** Whatever comes is answered with these bytes. */
async function impostor(context: TestContext, answer: (socket: Socket) => void): Promise<string> {
  const path = join(folderOf(context), 'i.sock');
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  }).listen(path);
  await once(server, 'listening');
  context.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return path;
}

test('a client bounds what it reads, and believes no nonsense', async (context) => {
  const head = 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n';
  const nonsense = await impostor(context, (socket) => socket.end(`${head}nonsense`));
  await assert.rejects(askControl(nonsense, '/nodes'), { code: 'ERR_CONTROL', message: /no JSON/ });
  const flood = await impostor(context, (socket) => {
    socket.write(head);
    socket.end(Buffer.alloc(limits.controlBytes + 1, ' '));
  });
  const message = /has more than 16777216 bytes/;
  await assert.rejects(askControl(flood, '/nodes'), { code: 'ERR_CONTROL', message });
  const broken = await impostor(context, (socket) => socket.end('SSH-2.0\r\n'));
  await assert.rejects(askControl(broken, '/nodes'), { code: 'ERR_CONTROL' });
});

test('a client waits only so long', { timeout: 4 * limits.controlMs }, async (context) => {
  const silent = await impostor(context, () => {});
  const startMs = performance.now();
  await assert.rejects(askControl(silent, '/nodes'), {
    code: 'ERR_CONTROL',
    message: /no answer within/,
  });
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= limits.controlMs - 50, `${tookMs} ms`);
});

test('only so many clients are held', async (context) => {
  const { path } = await served(context);
  const idle = Array.from({ length: limits.controlClients }, () => connect(path));
  context.after(() => {
    for (const socket of idle) socket.destroy();
  });
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  await assert.rejects(askControl(path, '/nodes'), { code: 'ERR_CONTROL' });
  const [first] = idle;
  first?.destroy();
  await once(first!, 'close');
  // The server has room when it has seen the end.
  for (;;) {
    const answer = await askControl(path, '/nodes').catch(() => null);
    if (answer !== null) break;
  }
});
