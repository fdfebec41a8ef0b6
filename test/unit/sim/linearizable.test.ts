/** The judge of histories, by histories that can be told in an order and others that cannot. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { SeededRandom } from '../../random.js';
import { type Call, type Effect, isLinearizable } from '../../sim/config/linearizable.js';

const NEVER = Number.POSITIVE_INFINITY;
const call = (beganAt: number, endedAt: number, effect: Effect): Call => ({
  beganAt,
  endedAt,
  ...effect,
});

/** Histories of a few lines, as one would draw them. */
const cases: readonly [name: string, isFine: boolean, history: readonly Call[]][] = [
  ['nothing happens', true, []],
  ['one after the other', true, [call(1, 2, { put: 'a' }), call(3, 4, { is: 'a' })]],
  ['a key that was never put', true, [call(1, 2, { is: null })]],
  ['a value nobody put', false, [call(1, 2, { put: 'a' }), call(3, 4, { is: 'b' })]],
  ['a write that is lost', false, [call(1, 2, { put: 'a' }), call(3, 4, { is: null })]],
  [
    'a read that is stale',
    false,
    [call(1, 2, { put: 'a' }), call(3, 4, { put: 'b' }), call(5, 6, { is: 'a' })],
  ],
  [
    'a read beside a write sees the old value or the new one',
    true,
    [
      call(1, 2, { put: 'a' }),
      call(3, 8, { put: 'b' }),
      call(4, 5, { is: 'a' }),
      call(6, 7, { is: 'b' }),
    ],
  ],
  [
    'reads beside a write go back',
    false,
    [
      call(1, 2, { put: 'a' }),
      call(3, 8, { put: 'b' }),
      call(4, 5, { is: 'b' }),
      call(6, 7, { is: 'a' }),
    ],
  ],
  [
    'two readers see two writes in different orders',
    false,
    [
      call(1, 20, { put: 'a' }),
      call(2, 19, { put: 'b' }),
      call(3, 4, { is: 'a' }),
      call(5, 6, { is: 'b' }),
      call(7, 8, { is: 'a' }),
    ],
  ],
  ['a write without an end is read', true, [call(1, NEVER, { put: 'a' }), call(3, 4, { is: 'a' })]],
  [
    'a write without an end never was',
    true,
    [call(1, NEVER, { put: 'a' }), call(3, 4, { is: null })],
  ],
  [
    'a write without an end is read, and is not any more',
    false,
    [call(1, NEVER, { put: 'a' }), call(3, 4, { is: 'a' }), call(5, 6, { is: null })],
  ],
  [
    'a write without an end takes effect late',
    true,
    [
      call(1, NEVER, { put: 'a' }),
      call(3, 4, { put: 'b' }),
      call(5, 6, { is: 'b' }),
      call(7, 8, { is: 'a' }),
    ],
  ],
  [
    'two take the same value away',
    false,
    [
      call(1, 2, { put: 'a' }),
      call(3, 6, { is: 'a', put: 'b' }),
      call(4, 7, { is: 'a', put: 'c' }),
    ],
  ],
  [
    'one takes the value that the other left',
    true,
    [
      call(1, 2, { put: 'a' }),
      call(3, 6, { is: 'b', put: 'c' }),
      call(4, 7, { is: 'a', put: 'b' }),
    ],
  ],
  [
    'a comparison fails for no reason',
    false,
    [call(1, 2, { put: 'a' }), call(3, 4, { isNot: 'a' })],
  ],
  [
    'a comparison fails because of a write that nobody read',
    true,
    [call(1, 2, { put: 'a' }), call(3, NEVER, { put: 'b' }), call(4, 5, { isNot: 'a' })],
  ],
  [
    'a value is deleted, and put back',
    true,
    [call(1, 2, { put: 'a' }), call(3, 4, { put: null }), call(5, 6, { is: null, put: 'a' })],
  ],
];

for (const [name, isFine, history] of cases) {
  test(`${name}: ${isFine ? 'there is an order' : 'there is none'}`, () => {
    assert.equal(isLinearizable(history), isFine);
    assert.equal(isLinearizable([...history].reverse()), isFine, 'the list may be in any order');
  });
}

/** What clients of a register do, each call with its moment somewhere within it. */
function playedHistory(random: SeededRandom, clients: number, calls: number): Call[] {
  const moments = Array.from({ length: calls }, (_, number) => {
    const atMs = number + random.unit() / 2;
    const spreadMs = random.between(0, clients);
    return {
      atMs,
      beganAt: atMs - random.unit() * spreadMs,
      endedAt: atMs + random.unit() * spreadMs,
    };
  });
  let value: string | null = null;
  return moments.map(({ beganAt, endedAt }, number) => {
    const before: string | null = value;
    const dice = random.unit();
    if (dice < 0.4) return { beganAt, endedAt, is: before };
    if (dice < 0.5) return { beganAt, endedAt, isNot: 'another' };
    value = dice < 0.6 ? null : `v${number}`;
    const isUnknown = random.chance(0.05);
    const swap = dice > 0.8 ? { is: before } : {};
    return { beganAt, endedAt: isUnknown ? NEVER : endedAt, ...swap, put: value };
  });
}

test('what a register really did can be told, and what it did not do cannot', () => {
  const random = new SeededRandom(11);
  let altered = 0;
  for (let round = 0; round < 40; round++) {
    const history = playedHistory(random, 10, 200);
    assert.ok(isLinearizable(history), `round ${round}`);
    const reads = history.filter(({ is, put }) => typeof is === 'string' && put === undefined);
    const victim = random.pick(reads);
    const last = Math.max(...history.map(({ beganAt }) => beganAt));
    // The same again, long after: another value was read in between, or another was put.
    const late = { ...victim, beganAt: last + 100, endedAt: last + 101 };
    const isOver = history.some(
      ({ put, beganAt }) => put !== undefined && beganAt > victim.endedAt,
    );
    if (!isOver) continue;
    altered++;
    assert.ok(
      !isLinearizable([...history, late]) || isStillThere(history, victim),
      `round ${round}`,
    );
  }
  assert.ok(altered > 20);
});

/** Whether a value can be there to the end: nothing was put after it for certain. */
function isStillThere(history: readonly Call[], { is }: Call): boolean {
  const writers = history.filter(({ put }) => put === is);
  return !history.some(
    ({ put, beganAt, endedAt }) =>
      put !== undefined && endedAt < NEVER && writers.every((writer) => writer.endedAt < beganAt),
  );
}

test('a history that cannot be searched is told as such', () => {
  const writes = Array.from({ length: 40 }, (_, number) =>
    call(number, 1000 + number, { put: `v${number}` }),
  );
  assert.throws(() => isLinearizable([...writes, call(500, 501, { is: 'none' })]), RangeError);
});
