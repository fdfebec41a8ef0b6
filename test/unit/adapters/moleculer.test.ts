import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import test, { describe, type TestContext } from 'node:test';
import * as moleculer014 from 'moleculer';
import { SctpTransporter, useNode } from '../../../src/adapters/moleculer/index.js';
import type { ClusterNode } from '../../../src/index.js';
import { limits } from '../../../src/limits.js';
import { type Broker, type Context, math, moleculer015, seen, World } from './brokers.js';

const limit = { timeout: 60_000 };

interface Case {
  readonly name: string;
  readonly run: (context: TestContext) => Promise<void>;
}

const cases: Case[] = [];
/** Notes a test; they run side by side, for most of their time is Moleculer's own pauses. */
const check = (name: string, run: Case['run']) => cases.push({ name, run });

const versions = [
  ['0.14', moleculer014],
  ['0.15', moleculer015],
] as const;

for (const [version, moleculer] of versions) {
  check(`${version}: calls reach services of other nodes`, async (context) => {
    const { caller } = await new World(context, moleculer).pair([math]);
    assert.equal(await caller.call('math.add', { a: 2, b: 3 }), 5);
    await assert.rejects(caller.call('math.fail'), /it is broken/);
    const many = Array.from({ length: 200 }, (_, i) => caller.call('math.add', { a: i, b: i }));
    assert.deepEqual(
      await Promise.all(many),
      Array.from({ length: 200 }, (_, i) => 2 * i),
    );
    const pong = (await caller.ping('server', 1000)) as { nodeID: string };
    assert.equal(pong.nodeID, 'server');
  });

  check(`${version}: events go to one of a group, or to all`, async (context) => {
    const world = new World(context, moleculer);
    const nodes = await world.nodes.linked('one', 'two', 'three');
    const heard: string[] = [];
    let arrived = (_: string) => {};
    const listener = (name: string) => ({
      name: 'mail',
      events: {
        'user.created': () => {
          heard.push(name);
          arrived(name);
        },
      },
    });
    const brokers = nodes.map((node, i) =>
      world.broker(node.name, node, i === 0 ? [] : [listener(node.name)]),
    );
    const [emitter] = brokers as [Broker];
    await Promise.all(brokers.map((broker) => broker.start()));
    while (emitter.registry.events.getAllEndpoints('user.created').length < 2) {
      await new Promise((resolve) => emitter.localBus.once('$services.changed', resolve));
    }
    const all = (count: number) =>
      new Promise<void>((resolve) => {
        arrived = () => {
          if (heard.length === count) resolve();
        };
      });
    let done = all(4);
    for (let i = 0; i < 4; i += 1) void emitter.emit('user.created', { i });
    await done;
    assert.deepEqual(heard.toSorted(), ['three@host3', 'three@host3', 'two@host2', 'two@host2']);
    heard.length = 0;
    done = all(2);
    void emitter.broadcast('user.created', { i: 4 });
    await done;
    assert.deepEqual(heard.toSorted(), ['three@host3', 'two@host2']);
  });

  check(`${version}: streams and binary payloads arrive whole`, async (context) => {
    const file = {
      name: 'file',
      actions: {
        save: async (ctx: Context & { stream?: Readable }) =>
          (await buffer((ctx.stream ?? ctx.params) as Readable)).toString('base64'),
        load: () => Readable.from(pieces(bytes)),
        size: (ctx: Context<{ data: { data: number[] } }>) => ctx.params.data.data.length,
      },
    };
    const bytes = randomBytes(1024 * 1024);
    const { caller } = await new World(context, moleculer).pair([file]);
    const source = () => Readable.from(pieces(bytes), { objectMode: false });
    const sent =
      version === '0.14'
        ? caller.call('file.save', source())
        : caller.call('file.save', {}, { stream: source() } as object);
    assert.equal(await sent, bytes.toString('base64'));
    const loaded = (await caller.call('file.load')) as Readable;
    assert.deepEqual(await buffer(loaded), bytes);
    const small = Buffer.from([0, 255, 1, 254]);
    assert.equal(await caller.call('file.size', { data: small }), 4);
  });

  check(`${version}: an answer that is too large fails at the caller`, async (context) => {
    const huge = Buffer.alloc(limits.messageBytes + 1, 0x78);
    const big = {
      name: 'big',
      actions: {
        answer: () => huge.toString('latin1'),
        failure: () => {
          throw Object.assign(new Error('it is broken'), { data: huge.toString('latin1') });
        },
        pieces: () => Readable.from(['small', huge.toString('latin1')]),
      },
    };
    const { caller } = await new World(context, moleculer).pair([big]);
    const refused = { name: 'MoleculerError', type: 'ERR_MESSAGE_TOO_LARGE', retryable: false };
    const ask = (action: string) => caller.call(`big.${action}`, {}, { timeout: 0 });
    await assert.rejects(ask('answer'), refused);
    await assert.rejects(ask('failure'), refused);
    const stream = (await ask('pieces')) as Readable;
    const read: unknown[] = [];
    const reading = async () => {
      for await (const piece of stream) read.push(piece);
    };
    await assert.rejects(reading(), refused);
    assert.deepEqual(read.map(String), ['small']);
  });

  check(`${version}: a node that is killed is reported at once`, async (context) => {
    const world = new World(context, moleculer);
    const slow = { name: 'slow', actions: { never: () => new Promise(() => {}) } };
    const { caller, two, one } = await world.pair([slow]);
    const waiting = caller.call('slow.never', {}, { timeout: 0 });
    const gone = seen<{ node: { id: string }; unexpected: boolean }>(
      caller,
      '$node.disconnected',
      'server',
    );
    world.nodes.kill(two);
    await assert.rejects(waiting, { name: 'RequestRejectedError' });
    assert.equal((await gone).unexpected, true);
    await assert.rejects(caller.call('slow.never'), { name: 'ServiceNotAvailableError' });
    assert.equal(one.nodes.length, 0);
  });

  check(`${version}: a broker that stops says goodbye after its answers`, async (context) => {
    let answer = (_: string) => {};
    const late = {
      name: 'late',
      actions: { ask: () => new Promise<string>((resolve) => (answer = resolve)) },
      // The answer is sent in this turn, and the goodbye soon after.
      stopped: () => {
        answer('in time');
        return new Promise<void>((resolve) => setImmediate(resolve));
      },
    };
    const { caller, server } = await new World(context, moleculer).pair([late]);
    const asked = caller.call('late.ask', {}, { timeout: 0 });
    const gone = seen<{ node: { id: string }; unexpected: boolean }>(
      caller,
      '$node.disconnected',
      'server',
    );
    await caller.ping('server', 1000);
    const stopped = server.stop();
    assert.equal(await asked, 'in time');
    assert.equal((await gone).unexpected, false);
    await stopped;
  });
}

/** Pieces as a file's stream gives them. */
function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

check('a cut plane is no matter for brokers', async (context) => {
  const world = new World(context, moleculer014);
  const { caller, two } = await world.pair([math]);
  const downs: unknown[] = [];
  caller.localBus.on('$node.disconnected', (payload: unknown) => downs.push(payload));
  world.nodes.network.cut(world.nodes.addressesOf(two)[0]);
  assert.equal(await caller.call('math.add', { a: 1, b: 1 }), 2);
  assert.deepEqual(downs, []);
});

check('brokers find each other again on the next link', async (context) => {
  const world = new World(context, moleculer014);
  const { caller, one, two } = await world.pair([math]);
  const gone = seen(caller, '$node.disconnected', 'server');
  await one.disconnect(two.name);
  await gone;
  const back = seen<{ node: { id: string }; reconnected: boolean }>(
    caller,
    '$node.connected',
    'server',
  );
  await world.nodes.link(one, two);
  assert.equal((await back).reconnected, true);
  assert.equal(await caller.call('math.add', { a: 2, b: 2 }), 4);
});

check('namespaces of one cluster do not see each other', async (context) => {
  const world = new World(context, moleculer014);
  const [one, two] = (await world.nodes.linked('one', 'two')) as [ClusterNode, ClusterNode];
  const dev = [
    world.broker('a', one, [], { namespace: 'dev' }),
    world.broker('b', two, [math], { namespace: 'dev' }),
  ] as const;
  const test = [
    world.broker('a', one, [], { namespace: 'test' }),
    world.broker('c', two, [], { namespace: 'test' }),
  ] as const;
  const met = seen(test[0], '$node.connected', 'c');
  await Promise.all([...dev, ...test].map((broker) => broker.start()));
  await Promise.all([dev[0].waitForServices('math'), met]);
  const names = ({ registry }: Broker) =>
    registry.nodes.toArray().map(({ id }: { id: string }) => id);
  assert.deepEqual(names(dev[0]).toSorted(), ['a', 'b']);
  assert.deepEqual(names(test[0]).toSorted(), ['a', 'c']);
});

check('the name alone is enough once a node was given', async (context) => {
  const world = new World(context, moleculer014);
  const [one, two] = (await world.nodes.linked('one', 'two')) as [ClusterNode, ClusterNode];
  const server = world.broker('server', two, [math], {
    transporter: new SctpTransporter({ node: two }),
  });
  useNode(one);
  const caller = world.broker('caller', null);
  await Promise.all([caller.start(), server.start()]);
  await caller.waitForServices('math');
  assert.equal(await caller.call('math.add', { a: 1, b: 2 }), 3);
});

check('middlewares of the transporter see every packet', async (context) => {
  const { Transmit } = moleculer014.Middlewares as unknown as {
    Transmit: Record<'Encryption' | 'Compression', (...args: unknown[]) => object>;
  };
  const middlewares = [
    Transmit.Encryption('0123456789abcdef0123456789abcdef', 'aes-256-cbc', Buffer.alloc(16)),
    Transmit.Compression({ method: 'deflate' }),
  ];
  const world = new World(context, moleculer014);
  const options = { middlewares } as moleculer014.BrokerOptions;
  const { caller } = await world.pair([math], options);
  assert.equal(await caller.call('math.add', { a: 20, b: 22 }), 42);
});

check('the writer of a stream waits for its reader', async (context) => {
  const world = new World(context, moleculer014);
  let writtenBytes = 0;
  const source = new Readable({
    read() {
      writtenBytes += 65_536;
      this.push(Buffer.alloc(65_536));
    },
  });
  const endless = { name: 'endless', actions: { zeros: () => source } };
  const { caller } = await world.pair([endless]);
  const stream = (await caller.call('endless.zeros')) as Readable;
  // What is not held back comes between two pings.
  let before = -1;
  while (before !== writtenBytes) {
    before = writtenBytes;
    for (let i = 0; i < 20; i += 1) await caller.ping('server', 1000);
  }
  assert.ok(before < 2 * limits.streamWindowBytes, `${before} bytes were written ahead`);
  let readBytes = 0;
  for await (const piece of stream) {
    readBytes += (piece as Buffer).length;
    if (readBytes > 4 * before) break;
  }
  assert.ok(writtenBytes - readBytes < 2 * limits.streamWindowBytes);
  // Moleculer has no word for a reader that has enough.
  source.destroy();
});

describe('brokers', { concurrency: 6 }, () => {
  for (const { name, run } of cases) test(name, limit, run);
});
