import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { divideGroup } from '../../../src/runtime/control-groups.js';

const WEIGHTS = { own: 25, started: 100 };

/** A folder in the place of the kernel's, in which files keep what was written last. */
function madeUp(t: TestContext, self: string, controllers: string | null) {
  const mount = mkdtempSync(join(tmpdir(), 'backplane-groups-'));
  t.after(() => rmSync(mount, { recursive: true }));
  const unit = join(mount, 'system.slice/b.service');
  mkdirSync(unit, { recursive: true });
  if (controllers !== null) writeFileSync(join(unit, 'cgroup.controllers'), `${controllers}\n`);
  writeFileSync(join(mount, 'self'), self);
  const read = (name: string) => readFileSync(join(unit, name), 'utf8');
  return { read, unit, divide: () => divideGroup(WEIGHTS, { mount, self: join(mount, 'self') }) };
}

for (const [what, self] of [
  ['a group', '1:cpu:/\n0::/system.slice/b.service\n'],
  ['a group in whose part it began', '0::/system.slice/b.service/controller\n'],
] as const) {
  test(`${what} is divided, again and again`, async (t) => {
    const { divide, read, unit } = madeUp(t, self, 'cpuset cpu pids');
    const divided = { group: '/system.slice/b.service', started: `${unit}/workers/cgroup.procs` };
    for (let times = 0; times < 2; times++) assert.deepEqual(await divide(), divided);
    assert.equal(read('cgroup.subtree_control'), '+cpu');
    assert.equal(read('controller/cgroup.procs'), '0');
    assert.deepEqual([read('controller/cpu.weight'), read('workers/cpu.weight')], ['25', '100']);
    const types = [read('controller/cgroup.type'), read('workers/cgroup.type')];
    assert.deepEqual(types, ['threaded', 'threaded']);
  });
}

for (const [self, controllers, why] of [
  ['1:cpu:/x\n', 'cpu', 'there are no control groups of version 2'],
  ['0::/\n', 'cpu', 'it has no control group of its own'],
  ['0::/system.slice/b.service\n', 'cpuset pids', /^processors are not delegated to \/system/],
  ['0::/system.slice/b.service\n', null, /^ENOENT/],
] as const) {
  test(`a group that cannot be divided is left alone: ${why}`, async (t) => {
    const divided = await madeUp(t, self, controllers).divide();
    assert.ok('why' in divided);
    if (typeof why === 'string') assert.equal(divided.why, why);
    else assert.match(divided.why, why);
  });
}
