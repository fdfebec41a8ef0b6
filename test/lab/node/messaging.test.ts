import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { createLab, type Lab } from '../../../src/lab/index.js';
import { NodeProcess } from './fixtures/node-process.js';

const limit = { timeout: 60_000 };

/** So many nodes, the first of which has links with all others. */
async function star(
  context: TestContext,
  count: number,
): Promise<{ lab: Lab; centre: NodeProcess; others: NodeProcess[] }> {
  const lab = await createLab({ hosts: count });
  context.after(() => lab.close());
  const [centre, ...others] = (await Promise.all(
    Array.from({ length: count }, (_, index) =>
      NodeProcess.start(lab.host(index + 1), `n@host${index + 1}`, lab.cidrs),
    ),
  )) as [NodeProcess, ...NodeProcess[]];
  for (const other of others) await centre.do({ do: 'connect', peer: other.target });
  return { lab, centre, others };
}

const numbers = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

test(
  'a stream goes on through a cut of its plane, and ends where its reader does',
  limit,
  async (t) => {
    const { lab, centre, others } = await star(t, 2);
    const from = others[0]!.name;
    const whole = centre.do<number[]>({ do: 'read', from, last: 3000, most: 3000 });
    lab.cut('switch', 'a');
    assert.deepEqual(await whole, numbers(3000));
    lab.heal();
    assert.deepEqual(await others[0]!.do({ do: 'given' }), { made: 3000, ended: 1 });

    const part = await centre.do({ do: 'read', from, last: 100_000, most: 100 });
    assert.deepEqual(part, numbers(100));
    // What was cancelled is behind this call only when it has been acknowledged: asked until it is.
    for (;;) {
      const { made, ended } = await others[0]!.do<{ made: number; ended: number }>({ do: 'given' });
      assert.ok(made < 1000, `${made} items were made for a reader of 100`);
      if (ended === 2) break;
    }
    assert.deepEqual(centre.all('nodedown'), []);
  },
);

test(
  'what is published reaches its subscribers once and in order, and no others',
  limit,
  async (t) => {
    const { lab, centre, others } = await star(t, 4);
    const [two, three, four] = others as [NodeProcess, NodeProcess, NodeProcess];
    for (const member of [two, three]) await member.do({ do: 'subscribe', topic: 'news' });
    const names = [two.name, three.name];
    for (;;) {
      const known = await centre.do<string[]>({ do: 'subscribers', topic: 'news' });
      if (known.length === names.length) break;
    }
    const outcomes = centre.do<Record<string, string[]>>({
      do: 'publish',
      topic: 'news',
      count: 300,
    });
    lab.cut('link-down', 'a', 2);
    const delivered = Object.fromEntries(names.map((name) => [name, ['delivered']]));
    assert.deepEqual(await outcomes, delivered);
    const expected = Array.from({ length: 300 }, (_, index) => index);
    assert.deepEqual(await two.do({ do: 'heard' }), expected);
    assert.deepEqual(await three.do({ do: 'heard' }), expected);
    assert.deepEqual(await four.do({ do: 'heard' }), []);
    await three.kill();
    await centre.next('nodedown');
    assert.deepEqual(await centre.do({ do: 'subscribers', topic: 'news' }), [two.name]);
  },
);
