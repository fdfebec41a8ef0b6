import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { createLab, type Lab } from '../../../src/lab/index.js';
import { KEY, NodeProcess } from './fixtures/node-process.js';

const limit = { timeout: 40_000 };

interface Two {
  readonly lab: Lab;
  readonly one: NodeProcess;
  readonly two: NodeProcess;
}

async function makeLab(context: TestContext, hosts = 2): Promise<Lab> {
  const lab = await createLab({ hosts });
  context.after(() => lab.close());
  return lab;
}

/** Two nodes on two hosts with a link, all their paths confirmed. */
async function linked(context: TestContext): Promise<Two> {
  const lab = await makeLab(context);
  const [one, two] = await Promise.all([
    NodeProcess.start(lab.host(1), 'one@host1', lab.cidrs),
    NodeProcess.start(lab.host(2), 'two@host2', lab.cidrs),
  ]);
  await one.do({ do: 'connect', peer: two.target });
  await Promise.all([one.next('nodeup'), two.next('nodeup')]);
  for (const [member, peer] of [
    [one, two],
    [two, one],
  ] as const) {
    for (;;) {
      const paths = await member.do<{ state: string }[]>({ do: 'paths', of: peer.name });
      if (paths.length === 2 && paths.every(({ state }) => state === 'active')) break;
    }
  }
  return { lab, one, two };
}

const plane = (name: string) => (payload: Record<string, unknown>) => payload['plane'] === name;
const state = (name: string) => (payload: Record<string, unknown>) => payload['state'] === name;

test(
  'a cut plane is a path and redundancy lost, by name; the link stays',
  limit,
  async (context) => {
    const { lab, one, two } = await linked(context);
    const paths = await one.do<{ plane: string; address: string }[]>({ do: 'paths', of: two.name });
    assert.deepEqual(paths.map(({ plane, address }) => [plane, address]).sort(), [
      ['a', '10.1.0.2'],
      ['b', '10.2.0.2'],
    ]);
    const before = [one.seen.length, two.seen.length] as const;
    lab.cut('link-down', 'a', 2);
    await one.do({ do: 'count', to: two.name, first: 0, count: 100 });
    const [lostAtOne, lostAtTwo] = await Promise.all([
      one.next('redundancy', state('lost'), before[0]),
      two.next('redundancy', state('lost'), before[1]),
    ]);
    for (const [{ payload }, peer] of [
      [lostAtOne, two],
      [lostAtTwo, one],
    ] as const) {
      const { name, activePaths, planes, missing } = payload;
      const expected = { name: peer.name, activePaths: 1, planes: ['b'], missing: ['a'] };
      assert.deepEqual({ name, activePaths, planes, missing }, expected);
    }
    const gone = await one.next('path', plane('a'), before[0]);
    assert.equal(gone.payload['address'], '10.1.0.2');
    assert.equal(
      await one.do({ do: 'call', to: two.name, topic: 'echo', body: 'over b' }),
      'over b',
    );

    lab.heal();
    await Promise.all([
      one.next('redundancy', state('restored')),
      two.next('redundancy', state('restored')),
    ]);
    await one.do({ do: 'count', to: two.name, first: 100, count: 100 });
    await one.do({ do: 'call', to: two.name, topic: 'echo', body: null });
    const counted = await two.do<number[]>({ do: 'counted' });
    assert.deepEqual(
      counted,
      Array.from({ length: counted.length }, (_, i) => i),
    );
    assert.deepEqual(one.all('nodedown'), []);
    assert.deepEqual(two.all('nodedown'), []);
  },
);

test(
  'with all planes cut the node is lost, and comes back when they do',
  limit,
  async (context) => {
    const { lab, one, two } = await linked(context);
    lab.cut('switch', 'a');
    lab.cut('switch', 'b');
    const [down] = await Promise.all([one.next('nodedown'), two.next('nodedown')]);
    assert.equal(down.payload['reason'], 'lost');
    await one.next('dialFailed');
    const from = one.seen.length;
    lab.heal();
    const up = await one.next('nodeup', undefined, from);
    assert.equal(up.payload['linkNumber'], 2);
  },
);

test('who is killed is down at once; a new incarnation comes up', limit, async (context) => {
  const { lab, one, two } = await linked(context);
  const before = one.all('nodeup')[0]!;
  await two.kill();
  const down = await one.next('nodedown');
  // Its kernel shuts the association down, or aborts it where something was not read yet.
  assert.match(String(down.payload['reason']), /^(closed|lost)$/);
  const from = one.seen.length;
  await NodeProcess.start(lab.host(2), 'two@host2', lab.cidrs);
  const up = await one.next('nodeup', undefined, from);
  assert.notEqual(up.payload['incarnation'], before['incarnation']);
});

test('a process that stands still is stalled, then resumes', limit, async (context) => {
  const { one, two } = await linked(context);
  two.child.kill('SIGSTOP');
  const stalled = await one.next('stalled');
  assert.equal(stalled.payload['name'], two.name);
  two.child.kill('SIGCONT');
  await one.next('resumed');
  assert.deepEqual(one.all('nodedown'), []);
});

test('a node that closes has left', limit, async (context) => {
  const { one, two } = await linked(context);
  await two.do({ do: 'close' });
  assert.equal((await one.next('nodedown')).payload['reason'], 'left');
  assert.equal((await two.next('nodedown')).payload['reason'], 'closed');
});

test('both dial at once and one link stays', limit, async (context) => {
  const lab = await makeLab(context);
  const [one, two] = await Promise.all([
    NodeProcess.start(lab.host(1), 'one@host1', lab.cidrs),
    NodeProcess.start(lab.host(2), 'two@host2', lab.cidrs),
  ]);
  await Promise.all([
    one.do({ do: 'connect', peer: two.target }),
    two.do({ do: 'connect', peer: one.target }),
  ]);
  await two.do({ do: 'call', to: one.name, topic: 'echo', body: 1 });
  await one.do({ do: 'call', to: two.name, topic: 'echo', body: 1 });
  const [ups, downs] = [one.all('nodeup').length, one.all('nodedown').length];
  assert.equal(ups - downs, 1);
  const nodes = await one.do<{ name: string }[]>({ do: 'nodes' });
  assert.deepEqual(
    nodes.map(({ name }) => name),
    ['two@host2'],
  );
});

test('a second node of a name is refused while the first lives', limit, async (context) => {
  const lab = await makeLab(context, 3);
  const [one, two, impostor] = await Promise.all([
    NodeProcess.start(lab.host(1), 'one@host1', lab.cidrs),
    NodeProcess.start(lab.host(2), 'two@host2', lab.cidrs),
    NodeProcess.start(lab.host(3), 'two@host2', lab.cidrs),
  ]);
  await two.do({ do: 'connect', peer: one.target });
  impostor.do({ do: 'connect', peer: one.target }).catch(() => {});
  assert.equal((await impostor.next('dialFailed')).payload['code'], 'ERR_NAME_TAKEN');
  assert.equal((await one.next('refused')).payload['code'], 'ERR_NAME_TAKEN');
  assert.equal(await two.do({ do: 'call', to: one.name, topic: 'echo', body: 1 }), 1);
  assert.deepEqual(one.all('nodedown'), []);
});

test('a node starts while one of its cables is out', limit, async (context) => {
  const lab = await makeLab(context);
  // The switch takes the carrier away and leaves the address.
  lab.cut('switch', 'a');
  const [one, two] = await Promise.all([
    NodeProcess.start(lab.host(1), 'one@host1', lab.cidrs),
    NodeProcess.start(lab.host(2), 'two@host2', lab.cidrs),
  ]);
  assert.deepEqual(one.all('failed'), []);
  await one.do({ do: 'connect', peer: two.target });
  const lost = await one.next('redundancy', state('lost'));
  assert.deepEqual(lost.payload['missing'], ['a']);
  lab.heal();
  await one.next('redundancy', state('restored'));
  assert.deepEqual(one.all('nodedown'), []);
});

test('what is wrong with a node is told by its code', limit, async (context) => {
  const lab = await makeLab(context);
  const codeOf = async (options: object) => {
    const failed = await NodeProcess.start(lab.host(1), 'one@host1', lab.cidrs, options);
    return failed.all('failed')[0]?.['code'];
  };
  assert.equal(await codeOf({ planes: { a: '10.9.0.0/24' } }), 'ERR_PLANE_NO_ADDRESS');
  assert.equal(await codeOf({ planes: { a: '10.0.0.0/8' } }), 'ERR_PLANE_AMBIGUOUS');
  assert.equal(await codeOf({ planes: { a: '10.1.0.77' } }), 'ERR_ADDRESS_NOT_LOCAL');
  assert.equal(await codeOf({ key: KEY.slice(2) }), 'ERR_KEY_SHORT');
  await NodeProcess.start(lab.host(1), 'one@host1', lab.cidrs);
  assert.equal(await codeOf({ name: 'other@host1' }), 'ERR_PORT_IN_USE');
});
