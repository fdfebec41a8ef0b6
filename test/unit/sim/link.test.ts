/** The simulation of links in short, and whether it can be believed. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../../src/limits.js';
import { VirtualTime } from '../../../src/testing/virtual-time.js';
import { SeededRandom } from '../../random.js';
import { runJob } from '../../sim/jobs.js';
import { WitnessAead } from '../../sim/link/aead.js';
import { chooseKnobs } from '../../sim/link/knobs.js';

const SEEDS = 10;
const EVENTS = 3000;

test('a cluster under faults keeps every promise, and every seed replays', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const done = await runJob({ world: 'link', seed, leastEvents: EVENTS, twice: seed <= 3 });
    assert.deepEqual(done.violations, [], `seed ${seed}\n${done.lines.join('\n')}`);
    assert.ok(done.events >= EVENTS);
    assert.equal(done.diverged, false, `seed ${seed} left another trace`);
  }
});

test('one seed is not the other', async () => {
  const run = (seed: number) => runJob({ world: 'link', seed, leastEvents: 500, twice: false });
  const [first, second] = [await run(1), await run(2)];
  assert.notEqual(first.hash, second.hash);
});

test('worlds give the limits back as they were', async () => {
  const before = { ...limits };
  await runJob({ world: 'link', seed: 3, leastEvents: 100, twice: false });
  assert.deepEqual({ ...limits }, before);
});

test('one of fifty seeds has the real cipher', () => {
  const real = Array.from({ length: 100 }, (_, seed) => seed).filter(
    (seed) => chooseKnobs(seed, new SeededRandom(seed)).realCrypto,
  );
  assert.deepEqual(real, [0, 50]);
});

test('virtual time runs in order, and in the order of asking among equals', () => {
  const time = new VirtualTime();
  const random = new SeededRandom(7);
  const ran: number[] = [];
  const wanted = Array.from({ length: 500 }, (_, order) => ({ atMs: random.below(50), order }));
  for (const { atMs, order } of wanted) time.after(atMs, () => ran.push(order));
  while (time.step());
  const sorted = wanted.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
  assert.deepEqual(
    ran,
    sorted.map(({ order }) => order),
  );
});

test('the witness tells of a nonce used twice, and opens only what was sealed', () => {
  const told: string[] = [];
  const aead = new WitnessAead((what) => told.push(what));
  const [ours, theirs, other] = [1, 1, 2].map((byte) => aead.key(Buffer.alloc(32, byte)));
  assert.ok(ours && theirs && other);
  const nonce = Buffer.alloc(12, 3);
  const frame = Buffer.alloc(20 + 5 + aead.tagBytes, 9);
  ours.seal(nonce, frame, 20, 25);
  assert.deepEqual(theirs.open(nonce, frame, 20), Buffer.alloc(5, 9));
  assert.equal(other.open(nonce, frame, 20), null);
  assert.equal(theirs.open(Buffer.alloc(12, 4), frame, 20), null);
  for (let at = 0; at < frame.length; at++) {
    const altered = Buffer.from(frame);
    altered[at] = (altered[at] as number) ^ 1;
    assert.equal(theirs.open(nonce, altered, 20), null, `byte ${at}`);
  }
  assert.deepEqual(told, []);
  theirs.seal(nonce, frame, 20, 25);
  assert.equal(told.length, 1);
});
