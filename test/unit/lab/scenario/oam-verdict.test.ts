import assert from 'node:assert/strict';
import test from 'node:test';
import type { OamResult } from '../../../../src/lab/scenario/oam.js';
import {
  commitsRatioLimit,
  oamFigures,
  oamViolations,
} from '../../../../src/lab/scenario/oam-verdict.js';

const times = (p99Ms: number) => Array.from({ length: 100 }, (_, i) => (i < 98 ? 1 : p99Ms));

const good: OamResult = {
  callsMs: { plain: times(10), loaded: times(12) },
  commitsMs: { plain: times(10), loaded: times(40) },
  shareLeft: 0.5,
  processors: 1,
  floodPerSecond: 1000,
  floodLost: 0,
  gone: [{ how: 'killed', awayMs: 5000, gapMs: 100 }],
  workersReplaced: 0,
  delivery: {
    sent: 200,
    received: 200,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    longestGapMs: 4000,
    longestGapAtNs: 1n,
    latency: null,
  },
  unanswered: 0,
  reconnects: 0,
  nodedown: 0,
  done: {
    snapshotsMs: [3, 1, 2],
    watchEvents: 1,
    refused: 0,
    logReads: 1,
    logBytes: 1,
    statuses: 1,
    scrapes: 1,
    unansweredQuestions: [],
  },
  nice: 10,
  isDivided: true,
  misplaced: 0,
};

test('kept promises are no violations', () => {
  assert.deepEqual(oamViolations(good), []);
  const { calls, commits, longestGapMs, snapshotMs } = oamFigures(good);
  assert.deepEqual(calls.plain, { count: 100, p50Ms: 1, p99Ms: 10 });
  assert.deepEqual([calls.ratio, commits.ratio, commits.ratioLimit], [1.2, 4, 4]);
  // Between windows nobody calls: that is no gap.
  assert.deepEqual([longestGapMs, snapshotMs], [100, 2]);
});

test('commits have as much longer as traffic leaves less, on one processor alone', () => {
  assert.equal(commitsRatioLimit({ ...good, shareLeft: 0.1 }), 20);
  assert.equal(commitsRatioLimit({ ...good, shareLeft: 0.1, processors: 2 }), 2);
});

test('each broken promise is told', () => {
  const of = (more: Partial<OamResult>) => oamViolations({ ...good, ...more });
  assert.deepEqual(of({ callsMs: { plain: times(10), loaded: times(12.1) } }), [
    'calls beside operation and maintenance: p99 1.21 times, not at most 1.2',
  ]);
  assert.deepEqual(of({ commitsMs: { plain: times(10), loaded: times(41) } }), [
    'commits beside traffic: p99 4.1 times, not at most 4',
  ]);
  assert.deepEqual(of({ commitsMs: { plain: [], loaded: [] } }), [
    'commits with traffic: none',
    'commits beside traffic: p99 NaN times, not at most 4',
  ]);
  assert.deepEqual(of({ gone: [{ how: 'killed', awayMs: 1, gapMs: 101 }] }), [
    'controllers killed: a gap of 101.0 ms, not at most 100',
  ]);
  assert.deepEqual(of({ delivery: { ...good.delivery, lost: 1 } }), ['calls lost: 1, not 0']);
  assert.deepEqual(of({ done: { ...good.done, snapshotsMs: [], refused: 2 } }), [
    'writes refused: 2, not 0',
    'snapshots: none',
  ]);
  const unansweredQuestions = ['logs ERR_TIMEOUT', 'logs ERR_TIMEOUT'];
  assert.deepEqual(of({ done: { ...good.done, logReads: 196, unansweredQuestions } }), []);
  assert.deepEqual(of({ done: { ...good.done, unansweredQuestions } }), [
    'questions without an answer: 2 of 5 (logs ERR_TIMEOUT)',
  ]);
  assert.deepEqual(of({ workersReplaced: 1, nodedown: 1 }), [
    'nodedown at workers: 1, not 0',
    'workers replaced: 1, not 0',
  ]);
});
