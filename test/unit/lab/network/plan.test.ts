import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import test from 'node:test';
import { faults, healthyPort, withFault } from '../../../../src/lab/network/faults.js';
import * as plan from '../../../../src/lab/network/plan.js';

test('every host has an address of its own on every plane', () => {
  const all = new Set<string>();
  for (let plane = 1; plane <= 8; plane++) {
    for (let host = 1; host <= 64; host++) {
      all.add(plan.address4(plane, host)).add(plan.address6(plane, host));
      assert.ok(isIPv6(plan.address6(plane, host)));
      assert.equal([...plan.bytes4(plane, host)].join('.'), plan.address4(plane, host));
      assert.equal(plan.bytes6(plane, host).length, 16);
    }
  }
  assert.equal(all.size, 2 * 8 * 64);
  assert.equal(plan.address6(2, 64), 'fd00:0:0:2::40');
  assert.equal(plan.cidr4(2), '10.2.0.0/24');
});

test('the two ends of a cable never have the same index', () => {
  const hostEnds = Array.from({ length: 8 }, (_, i) => plan.hostPortIndex(i + 1));
  const switchEnds = Array.from({ length: 64 }, (_, i) => plan.switchPortIndex(i + 1));
  const all = [...hostEnds, ...switchEnds, plan.bridgeIndex, 1];
  assert.equal(new Set(all).size, all.length);
});

test('a plan within its bounds is taken, one beyond them refused', () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `p${i}`);
  for (const [hosts, planes] of [
    [2, ['a']],
    [64, names(8)],
    [2, ['a-123456789abcd']],
  ] as const) {
    plan.checkPlan(hosts, planes);
  }
  for (const [hosts, planes] of [
    [1, ['a']],
    [65, ['a']],
    [2.5, ['a']],
    [2, []],
    [2, names(9)],
    [2, ['A']],
    [2, ['lo']],
    [2, ['a', 'a']],
    [2, ['abcdefghijklmnop']],
  ] as const) {
    assert.throws(() => plan.checkPlan(hosts, planes), { code: 'ERR_ARGUMENT' });
  }
});

test('only hosts of the lab can be said to be on a plane, and only on one of its planes', () => {
  const check = (hostsOn: plan.HostsOn) => plan.checkPlan(3, ['a', 'outside'], hostsOn);
  check({ outside: [1, 3] });
  check({ outside: [] });
  for (const bad of [{ b: [1] }, { outside: [0] }, { outside: [4] }, { outside: [1.5] }]) {
    assert.throws(() => check(bad), { code: 'ERR_ARGUMENT' });
  }
});

test('each fault changes what it names and nothing else', () => {
  const changed = faults.map((fault) => {
    const state = withFault(healthyPort, fault, 'from-host');
    const keys = Object.keys(state) as Array<keyof typeof state>;
    return [fault, keys.filter((key) => state[key] !== healthyPort[key])];
  });
  assert.deepEqual(Object.fromEntries(changed), {
    'link-down': ['hostEndUp'],
    'switch-port': ['inSwitch'],
    // The switch has a state of its own.
    switch: [],
    blackhole: ['toHost', 'fromHost'],
    'one-way': ['fromHost'],
  });
  assert.deepEqual(withFault(healthyPort, 'one-way', 'to-host').toHost, { lossShare: 1 });
});
