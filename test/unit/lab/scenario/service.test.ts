import assert from 'node:assert/strict';
import test from 'node:test';
import { asService, readUnit } from '../../../../src/lab/scenario/service.js';

test('controllers have what their unit gives them', () => {
  assert.deepEqual(readUnit(), { nice: 10, isDelegated: true });
  const of = (text: string) => readUnit(`[Service]\n${text}\n`);
  assert.deepEqual(of('ExecStart=a start\nDelegate=cpu'), { nice: 0, isDelegated: false });
  assert.deepEqual(of('ExecStart=a start --delegated\nNice=3'), { nice: 3, isDelegated: false });
});

test('a service begins with its priority, in its group', () => {
  assert.deepEqual(asService({ nice: 3, group: null }, ['a', 'b']), ['nice', '-n', '3', 'a', 'b']);
  const [shell, , script, file, ...rest] = asService({ nice: 3, group: '/g' }, ['a']);
  assert.deepEqual([shell, file, ...rest], ['sh', '/g/cgroup.procs', 'nice', '-n', '3', 'a']);
  assert.match(script ?? '', /exec "\$@"/);
});
