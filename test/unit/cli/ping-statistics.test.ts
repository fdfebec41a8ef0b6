import assert from 'node:assert/strict';
import test from 'node:test';
import { PingStatistics } from '../../../src/cli/ping-statistics.js';

test('counts, median and longest round trip', () => {
  const statistics = new PingStatistics();
  for (const rttMs of [5, 1, 3]) {
    statistics.sent(0);
    statistics.answered(rttMs, rttMs);
  }
  statistics.sent(10);
  statistics.lost();
  statistics.sent(20);
  const { longestGapMs, ...counts } = statistics.summary(20);
  // The last ping is still open: neither lost nor counted as sent.
  assert.deepEqual(counts, { sent: 4, received: 3, lost: 1, rttP50Ms: 3, rttMaxMs: 5 });
  assert.equal(longestGapMs, 17);
});

test('the longest gap counts from the first ping, between answers, and until now', () => {
  const statistics = new PingStatistics();
  assert.equal(statistics.summary(100).longestGapMs, 0);
  statistics.sent(100);
  assert.equal(statistics.summary(130).longestGapMs, 30);
  statistics.answered(150, 50);
  statistics.sent(300);
  statistics.answered(301, 1);
  assert.equal(statistics.summary(9000).longestGapMs, 151);
  statistics.sent(9000);
  assert.equal(statistics.summary(9001).longestGapMs, 9001 - 301);
});

test('without an answer there is no round trip', () => {
  const { rttP50Ms, rttMaxMs } = new PingStatistics().summary(1);
  assert.deepEqual({ rttP50Ms, rttMaxMs }, { rttP50Ms: null, rttMaxMs: null });
});
