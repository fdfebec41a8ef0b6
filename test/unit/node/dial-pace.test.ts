import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { DialPace } from '../../../src/node/dial-pace.js';
import { SeededRandom } from '../../random.js';
import { addressesOf, Cluster } from './cluster.js';

const bounds = { dialsAtFirst: 2, dials: 4, dialSwiftMs: 500, dialPlaceMs: 300 };
const first = () => 0;

function paceOf(...waiting: string[]): DialPace<string> {
  const pace = new DialPace<string>(bounds);
  for (const who of waiting) pace.want(who);
  return pace;
}

/** All whose turn it is. */
function turns(pace: DialPace<string>, nowMs: number, dice = first): string[] {
  const all: string[] = [];
  for (let who = pace.next(nowMs, dice); who !== null; who = pace.next(nowMs, dice)) all.push(who);
  return all;
}

test('as many as there are places, the next when one is over', () => {
  const pace = paceOf('a', 'b', 'c', 'd');
  assert.deepEqual(turns(pace, 0), ['a', 'b']);
  assert.deepEqual(turns(pace, 10), []);
  pace.rest('a');
  assert.deepEqual(turns(pace, 10), ['c']);
  assert.equal(pace.waiting, 1);
});

test('one that does not answer gives its place up, one that does keeps it', () => {
  const pace = paceOf('dead', 'alive', 'c', 'd', 'e');
  assert.deepEqual(turns(pace, 0), ['dead', 'alive']);
  pace.answered(0, 'alive');
  assert.equal(pace.deadline(), 300);
  assert.deepEqual(turns(pace, 299), []);
  assert.deepEqual(turns(pace, 300), ['c']);
  assert.deepEqual(turns(pace, 600), ['d']);
  pace.answered(600, 'd');
  // All answer: only an end of one of them brings the next.
  assert.equal(pace.deadline(), null);
  assert.deepEqual(turns(pace, 60_000), []);
  pace.rest('alive');
  assert.deepEqual(turns(pace, 60_000), ['e']);
});

test('who is linked meanwhile is not dialled, and who begins anew waits again', () => {
  const pace = paceOf('a', 'b', 'c');
  assert.deepEqual(turns(pace, 0), ['a', 'b']);
  pace.rest('c');
  assert.equal(pace.deadline(), null);
  pace.want('a');
  assert.deepEqual(turns(pace, 0), ['a']);
  pace.answered(0, 'stranger');
  assert.deepEqual(turns(pace, 0), []);
});

/** One handshake from its turn to its end, which takes `tookMs` from the answer on. */
function handshake(pace: DialPace<string>, tookMs: number, end: 'linked' | 'crowded' | 'refused') {
  pace.want('x');
  assert.equal(pace.next(0, first), 'x');
  pace.answered(10, 'x');
  pace.over(10 + tookMs, 'x', end);
}

test('swift handshakes allow more at a time, up to a bound', () => {
  const pace = paceOf();
  assert.equal(pace.window, bounds.dialsAtFirst);
  for (let i = 0; i < 5; i += 1) handshake(pace, bounds.dialSwiftMs, 'linked');
  assert.equal(pace.window, bounds.dials);
});

test('a slow one, and one without time or room, allow half as many, but one always', () => {
  const pace = paceOf();
  for (let i = 0; i < 5; i += 1) handshake(pace, 1, 'linked');
  handshake(pace, bounds.dialSwiftMs + 1, 'linked');
  assert.equal(pace.window, 2);
  for (let i = 0; i < 3; i += 1) handshake(pace, 1, 'crowded');
  assert.equal(pace.window, 1);
});

test('a refusal, and silence, say nothing of how busy the others are', () => {
  const pace = paceOf();
  handshake(pace, 1, 'refused');
  assert.equal(pace.window, bounds.dialsAtFirst);
  pace.want('silent');
  assert.equal(pace.next(0, first), 'silent');
  pace.over(2000, 'silent', 'crowded');
  assert.equal(pace.window, bounds.dialsAtFirst);
});

test('each node has an order of its own, in which everybody has a turn', () => {
  const peers = Array.from({ length: 40 }, (_, i) => `n${i}`);
  const order = (seed: number): string[] => {
    const random = new SeededRandom(seed);
    const dice = () => random.bytes(2).readUInt16BE() / 65536;
    const pace = new DialPace<string>({ ...bounds, dialsAtFirst: 40 });
    for (const peer of peers) pace.want(peer);
    return turns(pace, 0, dice);
  };
  assert.notDeepEqual(order(1), order(2));
  assert.deepEqual(order(1).sort(), [...peers].sort());
});

test('a node begins with a few of many peers, and comes to all of them', async () => {
  const cluster = new Cluster();
  const peers = Array.from({ length: 30 }, (_, i) => ({
    name: `n${i}@host${i + 2}`,
    addresses: addressesOf(i + 2),
  }));
  const one = await cluster.start('one', 1, { peers });
  await cluster.run(0);
  assert.equal(cluster.network.carriers.size, limits.dialsAtFirst);
  // Nobody is there: each attempt is over in a moment, and the next has its turn.
  await cluster.run(60);
  const dialled = one.diary.flatMap(([event, p]) => (event === 'dialFailed' ? [p.name] : []));
  assert.deepEqual([...new Set(dialled)].sort(), peers.map(({ name }) => name).sort());
  await one.node.close();
});

test('peers that are silent do not keep the others waiting for long', async () => {
  const cluster = new Cluster();
  const silent = Array.from({ length: limits.dialsAtFirst }, (_, i) => `10.1.0.${100 + i}`);
  cluster.network.swallow(silent);
  const one = await cluster.start('one', 1);
  const two = await cluster.start('two', 2);
  for (const [i, address] of silent.entries()) {
    one.node.connect({ name: `s${i}@silent`, addresses: [address] }).catch(() => {});
  }
  await cluster.run(10);
  assert.equal(cluster.network.carriers.size, limits.dialsAtFirst);
  const up = one.node.connect({ name: two.node.name, addresses: addressesOf(2) });
  await cluster.run(limits.dialPlaceMs - 20);
  assert.deepEqual(one.node.nodes, []);
  await cluster.run(50);
  await up;
  await cluster.until(one.node.close());
});
