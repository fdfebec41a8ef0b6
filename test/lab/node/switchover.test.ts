import assert from 'node:assert/strict';
import test from 'node:test';
import { createLab } from '../../../src/lab/index.js';
import { NodeProcess } from './fixtures/node-process.js';

test('with switchover stay the other path becomes the primary, for good', async (context) => {
  const lab = await createLab({ hosts: 2 });
  context.after(() => lab.close());
  const start = (number: number, name: string, options: object) =>
    NodeProcess.start(lab.host(number), name, lab.cidrs, options);
  const one = await start(1, 'one@host1', { switchover: 'stay' });
  const two = await start(2, 'two@host2', { switchover: 'return' });
  await one.do({ do: 'connect', peer: two.target });
  await Promise.all([one.next('nodeup'), two.next('nodeup')]);
  const primaryOf = async (node: NodeProcess, of: string) => {
    const paths = await node.do<{ plane: string; primary: boolean }[]>({ do: 'paths', of });
    return paths.find(({ primary }) => primary)?.plane;
  };
  assert.equal(await primaryOf(one, two.name), 'a');
  lab.cut('blackhole', 'a', 2);
  const unreachable = (payload: Record<string, unknown>) => payload['change'] === 'unreachable';
  const moved = (payload: Record<string, unknown>) => payload['change'] === 'made-primary';
  await Promise.all([one.next('path', unreachable), two.next('path', unreachable)]);
  const { payload } = await one.next('path', moved);
  assert.equal(payload['plane'], 'b');
  lab.heal();
  const restored = ({ state }: Record<string, unknown>) => state === 'restored';
  await Promise.all([one.next('redundancy', restored), two.next('redundancy', restored)]);
  assert.equal(await primaryOf(one, two.name), 'b');
  assert.equal(await primaryOf(two, one.name), 'a');
  assert.deepEqual(two.all('path').filter(moved), []);
});
