import assert from 'node:assert/strict';
import test from 'node:test';
import { type GrayResult, grayViolations, planGray } from '../../../../src/lab/scenario/gray.js';
import { type PlanesResult, planesViolations } from '../../../../src/lab/scenario/planes.js';

const end = { noticedMs: 1000, reasons: ['lossy'], steeredMs: 1010, moves: 1 };
const traffic = { sctp: {}, replies: { asked: 1, answered: 1 }, reconnects: 0, nodedown: 0 };
const good = {
  name: 'loss',
  steering: 'gray',
  sender: end,
  receiver: end,
  healthyP99Ms: 5,
  grayP99Ms: 90,
  steeredP99Ms: 10,
  ...traffic,
} as unknown as GrayResult;

const complaints = (change: Partial<GrayResult>) => grayViolations({ ...good, ...change });

test('noticed in time, left, and as fast as before: content', () => {
  assert.deepEqual(grayViolations(good), []);
  const off = { ...end, steeredMs: null, moves: 0 };
  const left = { steering: 'off', sender: off, receiver: off, steeredP99Ms: null } as const;
  assert.deepEqual(complaints(left), []);
});

test('each broken promise of a gray plane is told', () => {
  const cases: [Partial<GrayResult>, RegExp][] = [
    [{ sender: { ...end, noticedMs: null } }, /the sender did not notice/],
    [{ receiver: { ...end, noticedMs: 3001 } }, /the receiver noticed after 3001 ms/],
    [{ sender: { ...end, moves: 4 } }, /moved its primary 4 times, not 3/],
    [{ sender: { ...end, steeredMs: null } }, /the sender stayed/],
    [{ steeredP99Ms: 10.1 }, /p99 of calls after steering 10\.1 ms, over 2 x 5\.0/],
    [{ steeredP99Ms: null }, /no calls/],
    [{ steering: 'off', receiver: { ...end, moves: 0 } }, /the sender moved its primary 1 times/],
  ];
  for (const [change, text] of cases) {
    const [first, ...others] = complaints(change);
    assert.match(first ?? '', text);
    assert.deepEqual(others, []);
  }
});

test('the plan has both kinds of loss and the delay, with steering, for the whole time', () => {
  const steered = planGray(60_000).filter(({ steering }) => steering === 'gray');
  assert.deepEqual(
    steered.map(({ impairment, holdMs }) => [impairment, holdMs]),
    [
      [{ lossShare: 0.05 }, 60_000],
      [{ lossShare: 0.3 }, 60_000],
      [{ delayMs: 100 }, 60_000],
    ],
  );
});

const side = { added: 5, removed: 5, deferred: 0, deferredTold: 0, isRedundant: true };
const came = { rounds: 5, sender: side, receiver: side, ...traffic } as unknown as PlanesResult;

test('planes that come and go: every change is counted at both ends', () => {
  assert.deepEqual(planesViolations(came, true), []);
  const kept = { ...side, added: 0, removed: 0, deferred: 5, deferredTold: 5 };
  assert.deepEqual(planesViolations({ ...came, sender: kept, receiver: kept }, false), []);
  const cases: [Partial<typeof side>, RegExp][] = [
    [{ added: 4 }, /receiver: planes of the peer added 4, not 5/],
    [{ removed: 6 }, /removed 6, not 5/],
    [{ deferred: 1 }, /had to wait 1, not 0/],
    [{ deferredTold: 1 }, /were told 1, not 0/],
    [{ isRedundant: false }, /redundancy is lost/],
  ];
  for (const [change, text] of cases) {
    const found = planesViolations({ ...came, receiver: { ...side, ...change } }, true);
    assert.equal(found.length, 1);
    assert.match(found[0]!, text);
  }
  // Changes that wait without a word are the one thing that must not be.
  const silent = { ...kept, deferredTold: 4 };
  assert.equal(planesViolations({ ...came, sender: silent, receiver: kept }, false).length, 1);
});
