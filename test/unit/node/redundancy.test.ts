import assert from 'node:assert/strict';
import test from 'node:test';
import { Redundancy } from '../../../src/node/redundancy.js';

const GRACE_MS = 700;
const paths = (...active: string[]) => active.map((plane) => ({ plane, active: true }));

function machine(planes: readonly string[] = ['a', 'b']): Redundancy {
  return new Redundancy(planes, 0, GRACE_MS);
}

test('a link whose planes all come up in time says nothing', () => {
  const redundancy = machine();
  redundancy.step(0, paths('a'));
  assert.equal(redundancy.poll(), null);
  assert.equal(redundancy.deadline(), GRACE_MS);
  redundancy.step(20, paths('a', 'b'));
  assert.equal(redundancy.poll(), null);
  assert.equal(redundancy.deadline(), null);
  assert.equal(redundancy.full, true);
});

test('a plane that was never confirmed is lost when the grace time is over', () => {
  const redundancy = machine();
  redundancy.step(0, paths('a'));
  redundancy.step(GRACE_MS - 1, null);
  assert.equal(redundancy.poll(), null);
  redundancy.step(GRACE_MS, null);
  assert.deepEqual(redundancy.poll(), {
    state: 'lost',
    activePaths: 1,
    planes: ['a'],
    missing: ['b'],
  });
  assert.equal(redundancy.poll(), null);
});

test('planes that come have a grace time; those that go are missed no more', () => {
  const redundancy = machine();
  redundancy.step(0, paths('a', 'b'));
  redundancy.replan(['a', 'b', 'c'], 100, GRACE_MS);
  redundancy.step(100, null);
  assert.equal(redundancy.poll(), null);
  assert.equal(redundancy.full, false);
  assert.equal(redundancy.deadline(), 100 + GRACE_MS);
  redundancy.step(100 + GRACE_MS, null);
  assert.deepEqual(redundancy.poll()?.missing, ['c']);
  redundancy.replan(['a', 'b'], 1000, GRACE_MS);
  redundancy.step(1000, null);
  assert.equal(redundancy.poll()?.state, 'restored');
  redundancy.step(1001, paths('a'));
  assert.equal(redundancy.poll()?.state, 'lost');
  redundancy.replan(['a'], 1002, GRACE_MS);
  assert.equal(redundancy.poll()?.state, 'restored');
  redundancy.step(1003, []);
  assert.equal(redundancy.poll(), null);
  assert.equal(redundancy.deadline(), null);
});

test('lost and restored, each once', () => {
  const redundancy = machine();
  redundancy.step(0, paths('a', 'b'));
  redundancy.step(10, [...paths('b'), { plane: 'a', active: false }]);
  assert.equal(redundancy.poll()?.state, 'lost');
  redundancy.step(11, paths('b'));
  assert.equal(redundancy.poll(), null);
  redundancy.step(12, paths('a', 'b'));
  assert.deepEqual(redundancy.poll(), {
    state: 'restored',
    activePaths: 2,
    planes: ['a', 'b'],
    missing: [],
  });
});

test('each plane more that goes is a loss of its own', () => {
  const redundancy = machine(['a', 'b', 'c']);
  redundancy.step(0, paths('a', 'b', 'c'));
  redundancy.step(1, paths('b', 'c'));
  assert.deepEqual(redundancy.poll()?.missing, ['a']);
  redundancy.step(2, paths('c'));
  assert.deepEqual(redundancy.poll()?.missing, ['a', 'b']);
  redundancy.step(3, paths('b', 'c'));
  assert.equal(redundancy.poll(), null);
  redundancy.step(4, paths('a', 'c'));
  assert.deepEqual(redundancy.poll()?.missing, ['b']);
});

test('two paths on one plane are no redundancy', () => {
  const redundancy = machine();
  redundancy.step(GRACE_MS, paths('a', 'a'));
  const change = redundancy.poll();
  assert.equal(change?.activePaths, 2);
  assert.deepEqual(change?.missing, ['b']);
});

test('a path on a plane we cannot name stands for one that seems missing', () => {
  const redundancy = machine();
  redundancy.step(GRACE_MS, paths('a', 'unknown'));
  assert.equal(redundancy.poll(), null);
  assert.equal(redundancy.full, true);
});

test('one plane has nothing to lose', () => {
  const redundancy = machine(['a']);
  assert.equal(redundancy.deadline(), null);
  redundancy.step(GRACE_MS, []);
  assert.equal(redundancy.poll(), null);
});
