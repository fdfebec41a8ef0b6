/** What users of `backplane/testing` may rely on, in virtual time. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import type { ClusterNode } from '../../../src/node/node.js';
import { createTestNetwork, type TestNetwork } from '../../../src/testing/index.js';
import { profiles } from '../../../src/timing/profiles.js';
import { worstCase } from '../../../src/timing/worst-case.js';

/** Comings and goings, stalls, and redundancy, as words. */
function diary(node: ClusterNode): string[] {
  const words: string[] = [];
  node.on('nodeup', ({ name }) => words.push(`up ${name}`));
  node.on('nodedown', ({ name, reason }) => words.push(`down ${name} ${reason}`));
  node.on('stalled', ({ name }) => words.push(`stalled ${name}`));
  node.on('resumed', ({ name }) => words.push(`resumed ${name}`));
  node.on('redundancy', ({ state, missing }) => words.push(`${state} ${missing.join()}`.trim()));
  return words;
}

async function pair(options: Parameters<typeof createTestNetwork>[0] = {}) {
  const network = createTestNetwork({ time: 'virtual', ...options });
  const one = await network.node('one@h1');
  const two = await network.node('two@h2');
  const diaries = { one: diary(one), two: diary(two) };
  await network.linked();
  // Paths are confirmed in their own time; at the end no beat is on its way.
  await network.advance(1050);
  return { network, one, two, diaries };
}

const clear = (words: string[]) => words.splice(0);

test('nodes find each other and talk, in virtual time and in real time', async () => {
  for (const time of ['virtual', 'real'] as const) {
    const network = createTestNetwork({ time });
    const [one, two] = [await network.node('one'), await network.node('two')];
    two.handle('double', (body) => Number(body) * 2);
    await network.linked();
    assert.equal(await network.until(one.call('two@test', 'double', 21)), 42);
    assert.deepEqual(
      network.nodes.map(({ name }) => name),
      ['one@test', 'two@test'],
    );
    await network.close();
  }
});

test('a plane is cut and mended: nothing is lost, nobody reconnects', async () => {
  const { network, one, two, diaries } = await pair();
  const heard: unknown[] = [];
  two.handle('t', (body) => heard.push(body));
  clear(diaries.one);
  for (let i = 0; i < 100; i++) {
    if (i === 20) network.cut('a', one);
    if (i === 60) network.heal('a', 'h1');
    one.send('two@h2', 't', i);
    await network.advance(50);
  }
  await network.advance(1000);
  assert.deepEqual(
    heard,
    Array.from({ length: 100 }, (_, i) => i),
  );
  assert.deepEqual(diaries.one, ['lost a', 'restored']);
  await network.close();
});

test('all planes cut: lost at both ends in the promised time, up again when mended', async () => {
  const { network, diaries } = await pair();
  clear(diaries.one);
  clear(diaries.two);
  network.cut('a');
  network.cut('b');
  await network.advance(worstCase(profiles.lan).allPathsDeadMs + 1000);
  assert.equal(diaries.one.at(-1), 'down two@h2 lost');
  assert.equal(diaries.two.at(-1), 'down one@h1 lost');
  const three = await network.node('three@h3');
  await network.advance(5000);
  assert.deepEqual(three.nodes, [], 'a node that comes later is cut off too');
  network.heal();
  await network.linked();
  await network.close();
});

test('a loop that stands still is a stall, for a time or until it is resumed', async () => {
  const { network, two, diaries } = await pair();
  clear(diaries.one);
  network.stall(two, 5000);
  await network.advance(10_000);
  network.stall('two@h2');
  await network.advance(60_000);
  assert.equal(diaries.one.at(-1), 'stalled two@h2');
  network.resume('two@h2');
  await network.advance(1000);
  assert.deepEqual(diaries.one, ['stalled two@h2', 'resumed two@h2'].concat(diaries.one.slice(2)));
  assert.equal(diaries.one.length, 4);
  assert.ok(!diaries.two.some((word) => word.startsWith('stalled')));
  await network.close();
});

test('killed, off power, closed: told apart, and the next incarnation is found', async () => {
  const { network, one, diaries } = await pair();
  const down = () => diaries.one.filter((word) => word.startsWith('down'));
  network.kill('two@h2');
  await network.advance(1000);
  assert.deepEqual(down(), ['down two@h2 closed']);
  const second = await network.node('two@h2');
  await network.linked();
  clear(diaries.one);
  network.powerOff(second);
  await network.advance(5000);
  assert.deepEqual(down(), ['down two@h2 lost']);
  const third = await network.node('two@h2');
  await network.linked();
  await network.until(third.close());
  await network.advance(100);
  assert.deepEqual(down(), ['down two@h2 lost', 'down two@h2 left']);
  assert.deepEqual(network.nodes, [one]);
  await network.close();
});

test('two nodes parted from each other alone: both keep their links with the third', async () => {
  const { network, one, two } = await pair();
  const three = await network.node('three@h3');
  await network.linked();
  const words = diary(three);
  const [ofOne, ofTwo] = [diary(one), diary(two)];
  network.part(one, two);
  await network.advance(10_000);
  assert.deepEqual([ofOne.at(-1), ofTwo.at(-1)], ['down two@h2 lost', 'down one@h1 lost']);
  assert.deepEqual(words, []);
  network.join(one, two);
  await network.linked();
  network.part(one, two, { isOneWay: true });
  await network.advance(10_000);
  assert.deepEqual(words, []);
  assert.ok(!one.nodes.some(({ name }) => name === 'two@h2'));
  await network.close();
});

test('a second node of a name is refused while the first lives', async () => {
  const { network, one } = await pair();
  const refused: string[] = [];
  one.on('refused', ({ name, code }) => refused.push(`${name} ${code}`));
  await network.node('two@h2', { peers: [network.peer(one)] });
  await network.advance(2000);
  assert.equal(refused[0], 'two@h2 ERR_NAME_TAKEN');
  await network.close();
});

test("an impostor dials all others and is refused, and stands in nobody's way", async () => {
  const { network, one, two, diaries } = await pair();
  clear(diaries.one);
  const refused: string[] = [];
  one.on('refused', ({ name, code }) => refused.push(`${name} ${code}`));
  const impostor = await network.node('two@h2');
  await network.advance(2000);
  assert.equal(refused[0], 'two@h2 ERR_NAME_TAKEN');
  assert.deepEqual([impostor.nodes, diaries.one], [[], []]);
  const three = await network.node('three@h3');
  const isLinked = (name: string) => three.nodes.some((view) => view.name === name);
  await network.until(() => isLinked('one@h1') && isLinked('two@h2'));
  assert.equal(two.nodes.length, 2);
  await network.close();
});

test('what is wrong is told by the name of the option', async () => {
  const { network, one, two } = await pair();
  const time = (name: string) => new RegExp(`^${name} must be a number from 0 to \\d+, not -1$`);
  const told = (message: RegExp) => ({ code: 'ERR_ARGUMENT', message });
  await assert.rejects(network.advance(-1), told(time('durationMs')));
  assert.throws(() => network.stall(one, -1), told(time('durationMs')));
  await assert.rejects(network.linked(-1), told(time('withinMs')));
  await assert.rejects(
    network.until(() => true, -1),
    told(time('withinMs')),
  );
  const wrong = { planes: ['10.1.0.1'] } as never;
  await assert.rejects(network.node('n', wrong), told(/there is no option planes;/));
  await assert.rejects(network.node('n', null as never), told(/^options /));
  assert.throws(
    () => network.part(one, two, { isOneway: true } as never),
    told(/option isOneway;/),
  );
  assert.throws(() => network.join(one, two, 5 as never), told(/^options /));
  assert.throws(() => createTestNetwork({ plane: ['a'] } as never), told(/option plane;/));
  assert.throws(() => createTestNetwork(5 as never), told(/^options /));
  await network.close();
});

test('the same seed is the same run, another seed another', async () => {
  const run = async (seed: number) => {
    const { network, one, diaries } = await pair({ seed, loss: 0.1, jitterMs: 5 });
    network.cut('a');
    const times: number[] = [];
    for (let i = 0; i < 20; i++) times.push(await network.until(one.ping('two@h2')));
    await network.close();
    return JSON.stringify([times, diaries]);
  };
  const [first, again, other] = [await run(1), await run(1), await run(2)];
  assert.equal(first, again);
  assert.notEqual(first, other);
});

test('what waits longer than it may is told', async () => {
  const { network, one } = await pair();
  const timeout = { code: 'ERR_TIMEOUT' };
  await assert.rejects(
    network.until(() => false, 100),
    timeout,
  );
  await assert.rejects(
    network.until(one.connect({ name: 'no@h9', addresses: ['10.1.0.99'] }), 500),
    timeout,
  );
  await network.close();
  await assert.rejects(network.node('late'), { code: 'ERR_CLOSED' });
});

test('what cannot be asked for', async () => {
  const bad = { code: 'ERR_ARGUMENT' };
  for (const options of [
    { planes: [] },
    { planes: ['a', 'a'] },
    { planes: Array.from({ length: limits.addresses + 1 }, (_, i) => `p${i}`) },
    { time: 'slow' },
    { seed: -1 },
    { loss: 2 },
    { latencyMs: '1' },
  ]) {
    assert.throws(() => createTestNetwork(options as never), bad, JSON.stringify(options));
  }
  const network: TestNetwork = createTestNetwork();
  await network.node('one');
  assert.throws(() => network.cut('c'), bad);
  assert.throws(() => network.cut('a', 'two'), bad);
  assert.throws(() => network.kill('two'), bad);
  await assert.rejects(network.advance(1), { code: 'ERR_STATE' });
  await network.close();
});

test('a test network has as many hosts as its addresses tell apart', async () => {
  const network = createTestNetwork({ time: 'virtual' });
  for (let i = 0; i < limits.testHosts; i++) {
    const node = await network.node(`n${i}`, { peers: [] });
    await node.close();
  }
  await assert.rejects(network.node('one-more'), { code: 'ERR_ARGUMENT' });
  await network.node('n0', { peers: [] });
  await network.close();
});
