import assert from 'node:assert/strict';
import test from 'node:test';
import type { CarrierPathEvent, PathState } from '../../../src/link/carrier.js';
import { type GrayChange, PathMonitor, slowFromMs } from '../../../src/link/path-monitor.js';
import { SeededRandom } from '../../random.js';

const SAMPLE_MS = 250;
const A = '10.1.0.2';
const B = '10.2.0.2';

/** A monitor over two paths, fed by a test. */
class Bench {
  readonly monitor = new PathMonitor(0, SAMPLE_MS);
  readonly told: (GrayChange & { atMs: number })[] = [];
  nowMs = 0;
  primary = A;
  state: Record<string, PathState> = { [A]: 'active', [B]: 'active' };
  rttMs: Record<string, number> = { [A]: 0, [B]: 0 };
  sentChunks = 0;
  retransmittedChunks = 0;

  sample(sent = 0, retransmitted = 0, isQuiet = false): void {
    this.sentChunks += sent;
    this.retransmittedChunks += retransmitted;
    this.nowMs = this.monitor.deadline();
    const { sentChunks, retransmittedChunks } = this;
    this.monitor.step(this.nowMs, {
      type: 'sample',
      paths: Object.keys(this.state).map((address) => ({
        address,
        state: this.state[address]!,
        primary: address === this.primary,
        rttMs: this.rttMs[address]!,
      })),
      statistics: { sentChunks, retransmittedChunks },
      isQuiet,
    });
    for (;;) {
      const change = this.monitor.poll();
      if (change === null) break;
      this.told.push({ ...change, atMs: this.nowMs });
    }
  }

  /** Samples until something is told, at most so many; how many it took. */
  until(most: number, each: () => void): number {
    const before = this.told.length;
    for (let count = 1; count <= most; count += 1) {
      each();
      if (this.told.length > before) return count;
    }
    return Number.POSITIVE_INFINITY;
  }

  event(address: string, change: CarrierPathEvent['change']): void {
    this.monitor.step(this.nowMs, { type: 'path', event: { address, change } });
    if (change === 'potentially-failed') this.state[address] = 'potentially-failed';
    if (change === 'unreachable') this.state[address] = 'inactive';
    if (change === 'available') this.state[address] = 'active';
  }

  get words(): string[] {
    return this.told.map(
      ({ address, change, reasons }) => `${address} ${[change, ...reasons].join(' ')}`,
    );
  }
}

function calm(samples = 20): Bench {
  const bench = new Bench();
  for (let i = 0; i < samples; i += 1) bench.sample(25);
  assert.deepEqual(bench.words, []);
  return bench;
}

test('loss of 5 % under traffic is noticed within 3 s, at any seed', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = new SeededRandom(seed);
    const bench = calm();
    const samples = bench.until(20, () => {
      let lost = 0;
      for (let i = 0; i < 50; i += 1) lost += random.bytes(1)[0]! < 256 * 0.05 ? 1 : 0;
      bench.sample(50, lost);
    });
    assert.ok(samples * SAMPLE_MS <= 3000, `seed ${seed}: ${samples} samples`);
    assert.deepEqual(bench.words, [`${A} gray lossy`]);
    assert.ok(bench.told[0]!.lossShare >= 0.02);
  }
});

test('a link that is nearly idle takes longer to show the same', () => {
  const bench = calm();
  // One of twenty beats, two a sample.
  const samples = bench.until(80, () => bench.sample(2, bench.nowMs % 2500 === 0 ? 1 : 0));
  assert.ok(samples > 12 && samples <= 80, `${samples}`);
});

test('a plane that is cut and comes back is not gray', () => {
  const bench = calm();
  bench.sample(25, 9);
  bench.event(A, 'potentially-failed');
  bench.sample(25, 2);
  bench.event(A, 'unreachable');
  for (let i = 0; i < 12; i += 1) bench.sample(25);
  bench.event(A, 'available');
  for (let i = 0; i < 100; i += 1) bench.sample(25);
  assert.deepEqual(bench.words, []);
});

test('a quiet link is looked at less often, as long as there is nothing to suspect', () => {
  const bench = calm();
  const untilNextMs = () => bench.monitor.deadline() - bench.nowMs;
  bench.sample(2);
  assert.equal(untilNextMs(), SAMPLE_MS);
  bench.sample(2, 0, true);
  assert.equal(untilNextMs(), 4 * SAMPLE_MS);
  // Something was lost: closely, until it is known that this was all.
  bench.sample(2, 1, true);
  for (let i = 0; i < 9; i += 1) {
    assert.equal(untilNextMs(), SAMPLE_MS);
    bench.sample(2, 0, true);
  }
  bench.sample(2, 0, true);
  assert.equal(untilNextMs(), 4 * SAMPLE_MS);
  // A path fails: it is not slept over.
  bench.event(B, 'potentially-failed');
  assert.equal(untilNextMs(), SAMPLE_MS);
  bench.event(B, 'available');
  for (let i = 0; i < 10; i += 1) bench.sample(2, 0, true);
  bench.rttMs[A] = 100;
  bench.sample(2, 0, true);
  assert.equal(untilNextMs(), SAMPLE_MS);
  bench.sample(2, 0, true);
  assert.deepEqual(bench.words, [`${A} gray slow`]);
  assert.equal(untilNextMs(), SAMPLE_MS);
});

test('one large burst of retransmissions is not gray', () => {
  const bench = calm();
  bench.sample(500, 400);
  bench.sample(500, 100);
  for (let i = 0; i < 100; i += 1) bench.sample(500);
  assert.deepEqual(bench.words, []);
});

test('little loss among much traffic is not gray', () => {
  const bench = calm();
  for (let i = 0; i < 400; i += 1) bench.sample(250, 2);
  assert.deepEqual(bench.words, []);
});

test('an idle path that fails again and again is lossy, and clear after a long good time', () => {
  const bench = calm();
  const failed = bench.until(20, () => {
    bench.event(B, 'potentially-failed');
    bench.sample(25);
    bench.event(B, 'available');
    bench.sample(25);
  });
  assert.equal(failed, 3);
  assert.deepEqual(bench.words, [`${B} gray lossy`]);
  assert.deepEqual(bench.monitor.reasons(B), ['lossy']);
  assert.deepEqual(bench.monitor.reasons(A), []);
  const good = bench.until(1000, () => bench.sample(25));
  assert.equal(bench.words.at(-1), `${B} clear`);
  // Neither at once nor never: 10 s until the failures are out of sight, 50 s more.
  assert.ok(good * SAMPLE_MS > 55_000 && good * SAMPLE_MS < 65_000, `${good}`);
});

test('a path that is down is neither slow nor lossy meanwhile', () => {
  const bench = calm();
  bench.state[B] = 'inactive';
  bench.rttMs[B] = 900;
  for (let i = 0; i < 20; i += 1) bench.sample(25);
  assert.deepEqual(bench.words, []);
});

test("what is lost while the traffic moves is nobody's", () => {
  const bench = calm();
  for (let i = 0; i < 20; i += 1) {
    bench.primary = i % 2 === 0 ? B : A;
    bench.sample(25, 5);
  }
  assert.deepEqual(bench.words, []);
});

test('the loss is that of the path that carries: the primary, or the one in its place', () => {
  const bench = calm();
  bench.event(A, 'unreachable');
  bench.sample(25);
  assert.ok(bench.until(10, () => bench.sample(25, 3)) <= 3);
  assert.deepEqual(bench.words, [`${B} gray lossy`]);
});

test('+100 ms shows as 80 ms where ticks are 10 ms: slow, and what is left of it is not', () => {
  const bench = calm();
  for (let i = 1; i <= 7; i += 1) {
    bench.rttMs[A] = i * 10;
    bench.sample(25);
  }
  assert.deepEqual(bench.words, []);
  bench.rttMs[A] = 80;
  bench.sample(25);
  bench.sample(25);
  assert.deepEqual(bench.words, [`${A} gray slow`]);
  const { rttMs, baselineRttMs } = bench.told[0]!;
  assert.deepEqual({ rttMs, baselineRttMs }, { rttMs: 80, baselineRttMs: 0 });
  bench.rttMs[A] = 70;
  assert.equal(
    bench.until(100, () => bench.sample(25)),
    40,
  );
  assert.deepEqual(bench.words.slice(1), [`${A} clear`]);
  // And again: the 70 ms that stayed did not become the measure.
  for (let i = 0; i < 1000; i += 1) bench.sample(25);
  bench.rttMs[A] = 80;
  bench.sample(25);
  bench.sample(25);
  assert.equal(bench.words.at(-1), `${A} gray slow`);
});

test('each path has its own measure, and it follows a slow change', () => {
  const bench = new Bench();
  bench.rttMs[B] = 160;
  for (let i = 0; i < 20; i += 1) bench.sample(25);
  for (let rttMs = 160; rttMs < 400; rttMs += 0.2) {
    bench.rttMs[B] = rttMs;
    bench.sample(25);
  }
  assert.deepEqual(bench.words, []);
  bench.rttMs[B] = 700;
  bench.sample(25);
  bench.sample(25);
  assert.deepEqual(bench.words, [`${B} gray slow`]);
  assert.equal(slowFromMs(0), 75);
  assert.equal(slowFromMs(80), 130);
  assert.equal(slowFromMs(200), 300);
});

test('both reasons are told, each as it comes', () => {
  const bench = calm();
  bench.rttMs[A] = 200;
  for (let i = 0; i < 6; i += 1) bench.sample(25, 3);
  assert.deepEqual(bench.words, [`${A} gray slow`, `${A} gray slow lossy`]);
});

test('a path that goes is forgotten; one that comes begins anew', () => {
  const bench = calm();
  bench.rttMs[A] = 200;
  for (let i = 0; i < 6; i += 1) bench.sample(25);
  assert.deepEqual(bench.monitor.reasons(A), ['slow']);
  delete bench.state[A];
  bench.sample(25);
  assert.deepEqual(bench.monitor.reasons(A), []);
  bench.state[A] = 'active';
  for (let i = 0; i < 6; i += 1) bench.sample(25);
  assert.deepEqual(bench.words, [`${A} gray slow`]);
  bench.event('10.9.9.9', 'available');
});

test('the pace of samples is kept, from a late one on', () => {
  const { monitor } = new Bench();
  assert.equal(monitor.deadline(), SAMPLE_MS);
  const statistics = { sentChunks: 0, retransmittedChunks: 0 };
  monitor.step(1000, { type: 'sample', paths: [], statistics, isQuiet: false });
  assert.equal(monitor.deadline(), 1000 + SAMPLE_MS);
});
