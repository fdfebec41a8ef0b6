import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Fifo } from '../../../src/link/fifo.js';

const SEED = 5;

test(`a queue is what an array is, whatever is done to it (seed ${SEED})`, () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('push'), count: fc.nat(3000) }),
    fc.record({ what: fc.constant('shift'), count: fc.nat(3000) }),
    fc.record({ what: fc.constant('take'), count: fc.nat(3000) }),
    fc.record({ what: fc.constant('prepend'), count: fc.nat(5) }),
  );
  const property = fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
    const queue = new Fifo<number>();
    const model: number[] = [];
    let last = 0;
    for (const { what, count } of steps) {
      if (what === 'take') assert.equal(queue.take(count), model.splice(count, 1)[0]);
      const some = Array.from({ length: count }, () => ++last);
      if (what === 'prepend') model.unshift(...some);
      if (what === 'prepend') queue.prepend(some);
      for (let i = 0; i < count; i++) {
        if (what === 'push') queue.push(some[i] as number);
        if (what === 'push') model.push(some[i] as number);
        if (what === 'shift') assert.equal(queue.shift(), model.shift());
      }
      assert.equal(queue.length, model.length);
      for (const at of [0, 1, model.length - 1, model.length]) {
        if (at >= 0) assert.equal(queue.at(at), model[at]);
      }
    }
    assert.deepEqual([...queue], model);
  });
  fc.assert(property, { seed: SEED, numRuns: 200 });
});
