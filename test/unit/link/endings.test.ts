import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { Pair, say, send } from './pair.js';

/** A pair whose dialler has a full carrier and nothing that is not acknowledged. */
function withFullCarrier(): Pair {
  const pair = new Pair().connect();
  pair.a.carrier.hasRoom = false;
  say(pair.a, 'fills the carrier');
  pair.advance(limits.ackDelayMs);
  assert.deepEqual(pair.a.outcomes, ['fills the carrier: delivered']);
  return pair;
}

function drain(pair: Pair): void {
  pair.a.carrier.hasRoom = true;
  pair.a.carrier.handlers!.onDrain();
  pair.settle();
}

test('who leaves does not wait for an acknowledgement of what has expired', () => {
  const pair = withFullCarrier();
  say(pair.a, 'late', { ttlMs: 10 });
  pair.a.link.leave();
  pair.advance(11);
  drain(pair);
  assert.deepEqual(pair.a.outcomes.slice(1), ['late: expired']);
  assert.equal(pair.a.events.at(-1), 'end closed -');
  assert.equal(pair.b.events.at(-1), 'end left -');
});

test('an outcome that ends the link is followed by one outcome of each other message', () => {
  const pair = withFullCarrier();
  const outcomes: string[] = [];
  for (const body of ['one', 'two', 'three']) {
    pair.a.link.send(send(body), { orderKey: '', ttlMs: 10 }, ({ type }) => {
      outcomes.push(`${body} ${type}`);
      pair.a.link.abort();
    });
  }
  pair.advance(11);
  drain(pair);
  assert.deepEqual(outcomes, ['one expired', 'two unsent', 'three unsent']);
});
