import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import {
  type ClusterNode,
  type DialFailed,
  type NodeOptions,
  type Refused,
  startNode,
} from '../../../src/index.js';
import { limits } from '../../../src/limits.js';
import { sctpTransport } from '../../../src/node/sctp-transport.js';
import { startNodeIn } from '../../../src/node/start.js';
import { systemRuntime } from '../../../src/runtime/index.js';
import { hostName, localAddresses } from '../../../src/runtime/network.js';
import { connect } from '../../../src/sctp/index.js';
import { currentOffer, type Offer } from '../../../src/wire/handshake-frames.js';
import { enterOwnNetwork } from '../sctp/own-network.js';

enterOwnNetwork(['10.1.0.1/24', '10.1.0.2/24', '10.2.0.1/24', '10.2.0.2/24', 'fd00::1/64']);

const limit = { timeout: 20_000 };
const key = Buffer.alloc(32, 7);

const ours = (host: number) => [`10.1.0.${host}`, `10.2.0.${host}`];

async function start(
  context: TestContext,
  host: 1 | 2,
  options: Partial<NodeOptions> = {},
  offer?: Offer,
): Promise<ClusterNode> {
  const all = { name: host === 1 ? 'one@x' : 'two@x', planes: ours(host), port: 24100, key };
  const machine = { hostName: hostName(), addresses: localAddresses() };
  const world = { runtime: systemRuntime, transport: sctpTransport(), machine };
  const node =
    offer === undefined
      ? await startNode({ ...all, ...options })
      : await startNodeIn({ ...world, offer }, { ...all, ...options });
  context.after(() => node.close());
  return node;
}

const peer = (host: 1 | 2) => ({ name: host === 1 ? 'one@x' : 'two@x', addresses: ours(host) });

async function next<T>(node: ClusterNode, event: 'dialFailed' | 'refused'): Promise<T> {
  const [payload] = await once(node, event);
  return payload as T;
}

const strangers = [
  ['another key', 'ERR_KEY_MISMATCH', { key: Buffer.alloc(32, 8) }, undefined],
  ['another label', 'ERR_LABEL_MISMATCH', { label: 'other' }, undefined],
  ['a version of its own', 'ERR_VERSION', {}, { ...currentOffer, versionMin: 2, versionMax: 2 }],
] as const;

for (const [what, code, options, offer] of strangers) {
  test(`a node with ${what} is refused: ${code}`, limit, async (context) => {
    const one = await start(context, 1);
    const two = await start(context, 2, options, offer);
    const told = Promise.all([next<DialFailed>(one, 'dialFailed'), next<Refused>(two, 'refused')]);
    one.connect(peer(2)).catch(() => {});
    const [failed, refused] = await told;
    assert.equal(failed.code, code);
    assert.equal(refused.code, code);
    assert.ok(failed.retryInMs !== null && failed.retryInMs > 0);
    assert.deepEqual(one.nodes, []);
  });
}

test('a peer that talks garbage is cut off, and the node lives on', limit, async (context) => {
  const one = await start(context, 1);
  const refused = next<Refused>(one, 'refused');
  const stranger = connect({ addresses: ours(1), port: 24100 });
  context.after(() => stranger.abort());
  await stranger.whenUp();
  stranger.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  await once(stranger, 'close');
  assert.equal((await refused).code, 'ERR_PROTOCOL');
  const two = await start(context, 2);
  const up = once(one, 'nodeup');
  await two.connect(peer(1));
  await up;
});

test('a message over the limit is refused, the largest one passes', limit, async (context) => {
  const one = await start(context, 1);
  const two = await start(context, 2);
  await one.connect(peer(2));
  assert.throws(() => one.send('two@x', 't', Buffer.alloc(limits.messageBytes + 1)), {
    code: 'ERR_MESSAGE_TOO_LARGE',
  });
  two.handle('length', (body) => (body as Buffer).length);
  // In a guest, memory that is touched for the first time costs 0.2 ms a page.
  const deadlineMs = 60_000;
  const body = Buffer.alloc(limits.messageBytes);
  const length = await one.call('two@x', 'length', body, { deadlineMs });
  assert.equal(length, limits.messageBytes);
});

test('many messages on many keys: all arrive once, each key in order', limit, async (context) => {
  const one = await start(context, 1);
  const two = await start(context, 2);
  await one.connect(peer(2));
  const KEYS = 20;
  const EACH = 500;
  const seen = new Map<number, number[]>();
  two.handle('n', (body) => {
    const [orderKey, number] = body as [number, number];
    seen.set(orderKey, [...(seen.get(orderKey) ?? []), number]);
  });
  for (let i = 0; i < EACH; i += 1) {
    for (let k = 0; k < KEYS; k += 1) {
      const hasRoom = one.send('two@x', 'n', [k, i], { orderKey: `${k}` });
      if (!hasRoom) await once(one, 'drain');
    }
  }
  const down = once(two, 'nodedown');
  // What was sent is delivered before the link ends.
  await one.close();
  await down;
  const inOrder = Array.from({ length: EACH }, (_, i) => i);
  assert.equal(seen.size, KEYS);
  for (const numbers of seen.values()) assert.deepEqual(numbers, inOrder);
});

test('a key file others can read is refused', limit, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'backplane-key-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const keyFile = join(folder, 'cluster.key');
  writeFileSync(keyFile, key.toString('base64'));
  chmodSync(keyFile, 0o644);
  const options = { name: 'one@x', planes: ours(1), keyFile };
  await assert.rejects(startNode(options), { code: 'ERR_KEY_FILE_MODE' });
  chmodSync(keyFile, 0o600);
  const node = await startNode(options);
  assert.equal(node.port, 24100);
  await node.close();
});

test('a CIDR that holds no or several addresses of this host is refused', limit, async () => {
  const planes = (cidr: string) => startNode({ name: 'one@x', planes: { a: cidr }, key });
  await assert.rejects(planes('10.3.0.0/24'), { code: 'ERR_PLANE_NO_ADDRESS' });
  await assert.rejects(planes('10.1.0.0/24'), {
    code: 'ERR_PLANE_AMBIGUOUS',
    message: /10\.1\.0\.1.*10\.1\.0\.2/,
  });
});

test('a plane may be IPv4 and another IPv6', limit, async (context) => {
  const planes = { four: '10.1.0.1', six: 'fd00::/64' };
  const one = await start(context, 1, { planes });
  const two = await start(context, 2, { port: 0 });
  const up = once(one, 'nodeup');
  await two.connect({ name: 'one@x', addresses: { four: '10.1.0.1', six: 'fd00::1' } });
  const [path] = two.paths('one@x').filter(({ address }) => address === 'fd00::1');
  assert.ok(path !== undefined, 'the IPv6 address is known');
  const [{ name }] = await up;
  assert.equal(name, 'two@x');
});
