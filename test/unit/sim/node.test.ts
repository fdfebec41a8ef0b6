/** The simulation of whole nodes in short, and what its judges judge by. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { runJob } from '../../sim/jobs.js';
import { ProcessHealth } from '../../sim/node/health.js';

const SEEDS = 5;
const EVENTS = 2000;

test('a cluster of nodes under faults keeps every promise, and every seed replays', async () => {
  const counts: Record<string, number> = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const done = await runJob({ world: 'node', seed, leastEvents: EVENTS, twice: seed === 1 });
    assert.deepEqual(done.violations, [], `seed ${seed}\n${done.lines.join('\n')}`);
    assert.ok(done.events >= EVENTS);
    assert.equal(done.diverged, false, `seed ${seed} left another trace`);
    for (const [name, count] of Object.entries(done.counts)) {
      counts[name] = (counts[name] ?? 0) + count;
    }
  }
  // A world in which nothing of a kind ever happens tests nothing of it.
  for (const [name, count] of Object.entries(counts)) assert.ok(count > 0, name);
});

test('one seed is not the other', async () => {
  const run = (seed: number) => runJob({ world: 'node', seed, leastEvents: 500, twice: false });
  const [first, second] = [await run(1), await run(2)];
  assert.notEqual(first.hash, second.hash);
});

test('the time a process stood still is counted once, and only within the span', () => {
  const health = new ProcessHealth(1000);
  health.stalled(2000, 500);
  health.stalled(2200, 100);
  health.stalled(2400, 300);
  health.stalled(5000, 50);
  assert.equal(health.steadySinceMs, 5050);
  assert.equal(health.stalledMs(1000, 6000, 0), 750);
  assert.equal(health.stalledMs(2300, 5020, 0), 420);
  assert.equal(health.stalledMs(1000, 6000, 100), 500);
});
