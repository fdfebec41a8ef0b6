import assert from 'node:assert/strict';
import test from 'node:test';
import type { Settled } from '../../../../src/lab/scenario/dispatch-protocol.js';
import {
  dispatchViolations,
  figuresOf,
  readRuns,
} from '../../../../src/lab/scenario/dispatch-verdict.js';

const settled = (more: Partial<Settled> = {}): Settled => {
  return { tasks: 2, completed: 2, reported: {}, ...more };
};

const figures = (more: Partial<Settled>, text: string, remainder: 0 | 1) =>
  figuresOf(settled(more), readRuns([text], []), remainder);

const WELL = 'run 0\neffect 0\nrun 2\neffect 2\nrun 1\nrun 3\n';

test('what workers wrote is read from all of them, and what one that was killed could not', () => {
  const { runs, effects } = readRuns(
    ['run 1\neffect 1\nrun 2\nrun 1', 'run 2\nrun 3\neff'],
    ['1', '3'],
  );
  assert.deepEqual(Object.fromEntries(runs), { 1: 1, 2: 2, 3: 1 });
  assert.deepEqual(Object.fromEntries(effects), { 1: 1, 3: 1 });
});

test('kept promises are no violations, whatever had to be run again or reported', () => {
  const reported = { ERR_OUTCOME_UNKNOWN: 1 };
  const again = figures({}, `${WELL}run 2\n`, 0);
  const once = figures({ completed: 1, reported }, WELL, 1);
  assert.deepEqual(
    [again.ranTwice, again.effects, again.lost, once.reported, once.lost],
    [1, 2, 0, 1, 0],
  );
  assert.deepEqual(dispatchViolations({ 'at-least-once': again, 'at-most-once': once }), []);
});

test('each broken promise is told', () => {
  const well = figures({}, WELL, 0);
  const wellOnce = figures({}, WELL, 1);
  const of = (again: typeof well, once = wellOnce) =>
    dispatchViolations({ 'at-least-once': again, 'at-most-once': once });
  const lost = 'at-least-once: lost: 1, not 0';
  assert.deepEqual(of(figures({ completed: 1 }, WELL, 0)), [lost]);
  const unrun = figures({}, 'run 0\neffect 0\neffect 2\n', 0);
  assert.deepEqual(of(unrun), [lost]);
  const reported = { ERR_OUTCOME_UNKNOWN: 1 };
  assert.deepEqual(of(figures({ completed: 1, reported }, WELL, 0)), [
    'at-least-once: reported: 1, not 0',
  ]);
  assert.deepEqual(of(figures({}, 'run 0\neffect 0\nrun 2\n', 0)), [
    'at-least-once: keys whose effect is missing: 1, not 0',
  ]);
  assert.deepEqual(of(figures({}, `${WELL}effect 2\n`, 0)), [
    'at-least-once: keys with more than one effect: 1, not 0',
  ]);
  assert.deepEqual(of(well, figures({}, `${WELL}run 3\n`, 1)), [
    'at-most-once: ran twice: 1, not 0',
  ]);
  const odd = figures({ completed: 1, reported: { ERR_TIMEOUT: 1 } }, WELL, 1);
  assert.deepEqual(of(well, odd), ['at-most-once: reported as ERR_TIMEOUT']);
  const none = figuresOf({ tasks: 0, completed: 0, reported: {} }, readRuns([], []), 1);
  assert.deepEqual(of(well, none), ['nothing was submitted']);
});
