/** The simulation of clusters in short. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { runJob } from '../../sim/jobs.js';

const SEEDS = 18;
const EVENTS = 3000;

test('a cluster under faults keeps every promise, and every seed replays', async () => {
  const counts: Record<string, number> = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const done = await runJob({ world: 'cluster', seed, leastEvents: EVENTS, twice: seed <= 2 });
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
  const run = (seed: number) => runJob({ world: 'cluster', seed, leastEvents: 500, twice: false });
  const [first, second] = [await run(1), await run(2)];
  assert.notEqual(first.hash, second.hash);
});
