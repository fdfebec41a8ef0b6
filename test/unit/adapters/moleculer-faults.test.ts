import assert from 'node:assert/strict';
import test from 'node:test';
import * as moleculer from 'moleculer';
import { SctpTransporter } from '../../../src/adapters/moleculer/index.js';
import type { ClusterNode } from '../../../src/index.js';
import { limits } from '../../../src/limits.js';
import { type Broker, math, World } from './brokers.js';

const limit = { timeout: 30_000 };
const VERSION = moleculer.ServiceBroker.PROTOCOL_VERSION;

/** A packet of Moleculer, as its JSON serializer makes it. */
const packet = (payload: object) => Buffer.from(JSON.stringify({ ver: VERSION, ...payload }));

/** Everything a broker logs as a warning or worse. */
function complaints(broker: Broker): string[] {
  const texts: string[] = [];
  const transporter = broker.transit?.tx as unknown as { logger: Record<string, unknown> };
  transporter.logger = { ...transporter.logger, warn: (text: string) => texts.push(text) };
  return texts;
}

/** What `connect` of a transporter rejects with, for a broker that is not started. */
async function connectError(options?: ConstructorParameters<typeof SctpTransporter>[0]) {
  const transporter = new SctpTransporter(options);
  new moleculer.ServiceBroker({ nodeID: 'a b', logger: false, transporter });
  return transporter.connect().then(
    () => null,
    (error: unknown) => error,
  );
}

test('a transporter that is told nothing, or a name that is none, does not connect', async () => {
  assert.equal(((await connectError()) as { code: string }).code, 'ERR_ARGUMENT');
  const key = Buffer.alloc(32, 1);
  // The nodeID has a space.
  const error = (await connectError({ planes: ['127.0.0.1'], key })) as Error & { code: string };
  assert.equal(error.code, 'ERR_ARGUMENT');
  assert.match(error.message, /"a b@/);
});

test('two brokers of one namespace do not share a node', limit, async (context) => {
  const world = new World(context, moleculer);
  const node = await world.nodes.start('one');
  await world.broker('a', node).start();
  const second = world.broker('b', node);
  const transporter = second.transit?.tx as unknown as {
    connect(): Promise<void>;
    connected: boolean;
  };
  await assert.rejects(transporter.connect(), { code: 'ERR_STATE' });
  assert.equal(transporter.connected, false);
});

test('what cannot be sent fails at once, with our code as its type', limit, async (context) => {
  const world = new World(context, moleculer);
  const { caller, one, two } = await world.pair([math]);
  const big = 'x'.repeat(limits.messageBytes);
  await assert.rejects(caller.call('math.add', { big }), {
    name: 'MoleculerError',
    type: 'ERR_MESSAGE_TOO_LARGE',
    retryable: false,
  });
  // The registry still has it: this is the moment before it is told.
  const { nodes } = caller.registry as unknown as { nodes: { disconnected: () => void } };
  nodes.disconnected = () => {};
  await one.disconnect(two.name);
  await assert.rejects(caller.call('math.add', { a: 1, b: 1 }), {
    name: 'MoleculerRetryableError',
    type: 'ERR_NO_LINK',
    retryable: true,
  });
});

test('a peer that says nonsense is told of and does no harm', limit, async (context) => {
  const world = new World(context, moleculer);
  const { caller, one, two } = await world.pair([math]);
  const said = complaints(caller);
  const send = (cmd: string, body: unknown) => two.sendForOutcome(one.name, `MOL.${cmd}`, body);
  await send('INFO', { not: 'bytes' });
  await send('INFO', Buffer.from('{'));
  await send('INFO', Buffer.from('null'));
  await send('HEARTBEAT', packet({ sender: 5 }));
  assert.deepEqual(said, [
    'Invalid incoming packet. Type: INFO',
    'Invalid incoming packet. Type: INFO',
    'Invalid incoming packet. Type: INFO',
    'Invalid incoming packet. Type: HEARTBEAT',
  ]);
  for (const grant of [null, 5, { stream: 5 }, { stream: 'RES:x', seq: 1 }]) {
    assert.equal((await send('WINDOW', grant)).type, 'delivered');
  }
  assert.equal(await caller.call('math.add', { a: 1, b: 1 }), 2);
});

test('a nodeID belongs to one node at a time', limit, async (context) => {
  const world = new World(context, moleculer);
  const nodes = await world.nodes.linked('one', 'two', 'three');
  const [one, two, three] = nodes as [ClusterNode, ClusterNode, ClusterNode];
  const caller = world.broker('caller', one);
  const server = world.broker('server', two, [math]);
  await Promise.all([caller.start(), server.start()]);
  await caller.waitForServices('math');
  const said = complaints(caller);
  const disconnect = packet({ sender: 'server' });
  await three.sendForOutcome(one.name, 'MOL.DISCONNECT', disconnect);
  await three.sendForOutcome(one.name, 'MOL.DISCONNECT', disconnect);
  assert.deepEqual(said, [
    `Packets are dropped: nodeID server of ${three.name} is that of a broker at ${two.name}`,
  ]);
  assert.equal(await caller.call('math.add', { a: 1, b: 1 }), 2);
});
