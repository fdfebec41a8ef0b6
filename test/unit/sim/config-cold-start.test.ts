/** All hosts end and start in random orders, and nobody acts. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { coldStart } from '../../sim/config/cold-start.js';

const SEEDS = 100;

test('after a cold start in any order all is there, in one epoch, without an operator', () => {
  const orders = new Set<string>();
  let waited = 0;
  let grown = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const done = coldStart(seed);
    assert.deepEqual(done.violations, [], `seed ${seed}: ${done.order.join(', ')}`);
    assert.equal(done.epochs, 1, `seed ${seed}`);
    assert.ok(done.toldRevision > 1, `seed ${seed}: nothing was written`);
    assert.ok(done.revision >= done.toldRevision);
    orders.add(done.order.join());
    if (done.hasWaited) waited++;
    if (done.revision > done.toldRevision) grown++;
  }
  // What never happens is not tested: many orders, masters alone, writes under way at the end.
  assert.ok(orders.size > SEEDS / 2, `${orders.size} orders`);
  assert.ok(waited > 10, `${waited} waited`);
  assert.ok(grown > 10, `${grown} grew`);
});
