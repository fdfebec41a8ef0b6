import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { Server } from 'socket.io';
import { io as connect, type Socket } from 'socket.io-client';
import { encodeMessage } from '../../../src/adapters/socket.io/codec.js';
import { createAdapter } from '../../../src/adapters/socket.io/index.js';
import type { ClusterNode } from '../../../src/index.js';
import { limits } from '../../../src/limits.js';
import { Nodes } from './nodes.js';

const limit = { timeout: 20_000 };

/** Linked nodes, each with a server, and clients of these. */
class World {
  readonly nodes: Nodes;
  readonly members: ClusterNode[] = [];
  readonly servers: Server[] = [];
  readonly #clients: Socket[] = [];

  private constructor(context: TestContext) {
    context.after(async () => {
      for (const client of this.#clients) client.disconnect();
      await Promise.all(this.servers.map((server) => server.close()));
    });
    this.nodes = new Nodes(context);
  }

  static async of(context: TestContext, count: number): Promise<World> {
    const world = new World(context);
    const names = Array.from({ length: count }, (_, i) => `n${i + 1}`);
    world.members.push(...(await world.nodes.linked(...names)));
    for (const node of world.members) await world.serve(node);
    await world.untilAll(count);
    return world;
  }

  /** Starts a server on a node. */
  async serve(node: ClusterNode, prefix?: string): Promise<Server> {
    const http = createServer();
    const adapter = createAdapter(node, prefix === undefined ? {} : { prefix });
    const server = new Server(http, { adapter });
    this.servers.push(server);
    server.on('connection', (socket) =>
      socket.join(['all', `n${this.servers.indexOf(server) + 1}`]),
    );
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return server;
  }

  /** A client of one server, by number from 1. */
  async client(number: number): Promise<Socket> {
    const http = (this.servers[number - 1] as unknown as { httpServer: { address(): AddressInfo } })
      .httpServer;
    const client = connect(`http://127.0.0.1:${http.address().port}`, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
    });
    this.#clients.push(client);
    await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    return client;
  }

  /** Resolves when every server knows so many. */
  async untilAll(count: number): Promise<void> {
    for (const server of this.servers) await untilCount(server, count);
  }
}

/** Resolves when a server knows so many, itself among them; the test's limit is the limit. */
async function untilCount(server: Server, count: number): Promise<void> {
  const adapter = server.of('/').adapter;
  while ((await adapter.serverCount()) !== count) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const heard = (client: Socket, event: string) =>
  new Promise<unknown[]>((resolve) => client.once(event, (...args: unknown[]) => resolve(args)));

test('a broadcast reaches the clients of all servers, by room', limit, async (context) => {
  const world = await World.of(context, 3);
  const clients = [await world.client(1), await world.client(2), await world.client(3)] as const;
  const [first] = world.servers as [Server];
  const all = clients.map((client) => heard(client, 'news'));
  first.emit('news', { text: 'hello' }, 5);
  for (const args of await Promise.all(all)) assert.deepEqual(args, [{ text: 'hello' }, 5]);

  const others: string[] = [];
  for (const client of [clients[0], clients[2]]) client.on('room', () => others.push('wrong'));
  const one = heard(clients[1], 'room');
  first.to('n2').emit('room', 'only you');
  assert.deepEqual(await one, ['only you']);
  const last = clients.map((client) => heard(client, 'last'));
  first.except('n1').emit('room');
  first.emit('last');
  await Promise.all(last);
  assert.deepEqual(others, ['wrong']);
});

test('binary values arrive as binary', limit, async (context) => {
  const world = await World.of(context, 2);
  const client = await world.client(2);
  const bytes = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => i % 251));
  const got = heard(client, 'file');
  world.servers[0]?.emit('file', { name: 'a', data: bytes }, new Uint8Array([1, 2]).buffer);
  const [file, rest] = (await got) as [{ data: Buffer }, Buffer];
  assert.deepEqual(Buffer.from(file.data), bytes);
  assert.deepEqual([...rest], [1, 2]);
});

test('acknowledgements come back from the clients of all servers', limit, async (context) => {
  const world = await World.of(context, 3);
  for (const number of [1, 2, 3]) {
    const client = await world.client(number);
    client.on('ask', (value: number, answer: (value: object) => void) =>
      answer({ number, value, data: Buffer.from([number]) }),
    );
  }
  const answers = (await world.servers[0]?.timeout(5000).emitWithAck('ask', 7)) as {
    number: number;
    value: number;
    data: Buffer;
  }[];
  const sorted = answers.toSorted((a, b) => a.number - b.number);
  assert.deepEqual(
    sorted.map(({ number, value, data }) => [number, value, data[0]]),
    [
      [1, 7, 1],
      [2, 7, 2],
      [3, 7, 3],
    ],
  );
});

test('who does not answer in time is missing, and that is told', limit, async (context) => {
  const world = await World.of(context, 2);
  await world.client(2);
  await assert.rejects(
    world.servers[0]?.timeout(100).emitWithAck('ask') as Promise<unknown>,
    /timed out/,
  );
});

test('servers talk to servers', limit, async (context) => {
  const world = await World.of(context, 3);
  const [first, ...others] = world.servers as [Server, ...Server[]];
  for (const [i, server] of others.entries()) {
    server.on('sum', (a: number, b: unknown, answer: (value: unknown) => void) =>
      answer([i, a, b]),
    );
  }
  const answers = (await first.serverSideEmitWithAck('sum', 1, undefined)) as unknown[][];
  assert.deepEqual(
    answers.toSorted((a, b) => Number(a[0]) - Number(b[0])),
    [
      [0, 1, undefined],
      [1, 1, undefined],
    ],
  );
  const told = once(others[1] as unknown as NodeJS.EventEmitter, 'tell');
  first.serverSideEmit('tell', 'x');
  assert.deepEqual(await told, ['x']);
});

test('sockets of other servers are found, moved and disconnected', limit, async (context) => {
  const world = await World.of(context, 2);
  const client = await world.client(2);
  const [first] = world.servers as [Server];
  const found = await first.in('n2').fetchSockets();
  assert.deepEqual(
    found.map(({ id }) => id),
    [client.id],
  );
  first.in('n2').socketsJoin('moved');
  assert.equal((await first.in('moved').fetchSockets()).length, 1);
  first.in('moved').socketsLeave('moved');
  assert.equal((await first.in('moved').fetchSockets()).length, 0);
  const gone = heard(client, 'disconnect');
  first.in('n2').disconnectSockets();
  await gone;
});

test('a server whose node is gone is no longer waited for', limit, async (context) => {
  const world = await World.of(context, 3);
  const [first, second, third] = world.servers as [Server, Server, Server];
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  second.on('ask', (answer: (value: string) => void) => answer('here'));
  third.on('ask', () => asked());
  const answers = first.serverSideEmitWithAck('ask');
  await isAsked;
  world.nodes.kill(world.members[2] as ClusterNode);
  assert.deepEqual(await answers, ['here']);
  await untilCount(first, 2);
  assert.equal((await first.fetchSockets()).length, 0);
});

test('a cut plane is no matter; after a lost link servers meet again', limit, async (context) => {
  const world = await World.of(context, 2);
  const [first] = world.servers as [Server];
  const [one, two] = world.members as [ClusterNode, ClusterNode];
  const client = await world.client(2);
  world.nodes.network.cut(world.nodes.addressesOf(two)[0]);
  let got = heard(client, 'news');
  first.emit('news', 1);
  await got;
  assert.equal(await first.of('/').adapter.serverCount(), 2);
  world.nodes.network.heal(world.nodes.addressesOf(two)[0]);
  await one.disconnect(two.name);
  await untilCount(first, 1);
  await world.nodes.link(one, two);
  await world.untilAll(2);
  got = heard(client, 'news');
  first.emit('news', 2);
  assert.deepEqual(await got, [2]);
});

test('a server that closes says so, and its node goes on', limit, async (context) => {
  const world = await World.of(context, 2);
  const [first, second] = world.servers as [Server, Server];
  await second.close();
  await untilCount(first, 1);
  const again = await world.serve(world.members[1] as ClusterNode);
  await untilCount(first, 2);
  await untilCount(again, 2);
});

test('namespaces and prefixes are apart', limit, async (context) => {
  const world = await World.of(context, 2);
  const [one, two] = world.members as [ClusterNode, ClusterNode];
  await assert.rejects(world.serve(one), { code: 'ERR_STATE' });
  const other = [await world.serve(one, 'chat'), await world.serve(two, 'chat')] as const;
  for (const server of other) await untilCount(server, 2);
  const admin = world.servers.slice(0, 2).map((server) => server.of('/admin'));
  const told = once(admin[1] as unknown as NodeJS.EventEmitter, 'only');
  const wrong: string[] = [];
  world.servers[1]?.on('only', () => wrong.push('the root'));
  other[1].on('only', () => wrong.push('the other prefix'));
  other[1].of('/admin').on('only', () => wrong.push('the other prefix, admin'));
  await untilCount({ of: () => admin[0] } as unknown as Server, 2);
  admin[0]?.serverSideEmit('only');
  await told;
  assert.deepEqual(wrong, []);
});

test('volatile messages are left out where so much waits already', limit, async (context) => {
  const world = await World.of(context, 2);
  const [first] = world.servers as [Server];
  const client = await world.client(2);
  const got: number[] = [];
  const last = new Promise<void>((resolve) => {
    client.on('tick', (value: number) => {
      got.push(value);
      if (value === -1) resolve();
    });
  });
  first.emit('tick', 0, Buffer.alloc(2 * limits.outboxHighWaterBytes));
  first.volatile.emit('tick', 1);
  first.emit('tick', -1);
  await last;
  assert.deepEqual(got, [0, -1]);
});

test('a peer that says nonsense does no harm', limit, async (context) => {
  const world = await World.of(context, 2);
  const [one, two] = world.members as [ClusterNode, ClusterNode];
  const [first] = world.servers as [Server];
  const failures: unknown[] = [];
  one.on('handlerError', ({ error }) => failures.push(error));
  const send = (body: unknown) => two.sendForOutcome(one.name, 'socket.io', body);
  const root = (fields: object) => encodeMessage({ nsp: '/', ...fields });
  await send('not bytes');
  await send(Buffer.from('x'));
  await send(encodeMessage({ nsp: '/none', uid: 'a', type: 1 }));
  await send(root({ uid: 5, type: 1 }));
  await send(root({ uid: 'x'.repeat(limits.serverIdCharacters + 1), type: 1 }));
  assert.equal(await first.of('/').adapter.serverCount(), 2);
  // A new id is a new server in the old one's place, not one more.
  await send(root({ uid: 'a', type: 2 }));
  await send(root({ uid: 'b', type: 2 }));
  assert.equal(await first.of('/').adapter.serverCount(), 2);
  assert.deepEqual(failures, []);
  // The base class finds no data in it; that is told, and nothing else.
  await send(root({ uid: 'b', type: 3 }));
  assert.equal(failures.length, 1);
});

test('what is no node is refused', () => {
  assert.throws(() => createAdapter({} as ClusterNode), { code: 'ERR_ARGUMENT' });
});
