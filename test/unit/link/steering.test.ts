import assert from 'node:assert/strict';
import test from 'node:test';
import type { PathState } from '../../../src/link/carrier.js';
import { Steering } from '../../../src/link/steering.js';
import type { Switchover } from '../../../src/timing/switchover.js';
import { SeededRandom } from '../../random.js';

const A = '10.1.0.2';
const B = '10.2.0.2';
const C = '10.3.0.2';
const STEP_MS = 250;

class Bench {
  readonly steering: Steering;
  readonly moves: { atMs: number; to: string }[] = [];
  nowMs = 0;
  primary = A;
  gray = new Set<string>();
  state: Record<string, PathState> = { [A]: 'active', [B]: 'active' };
  rttMs: Record<string, number> = {};
  /** Whether the kernel does what it is asked to. */
  obeys = true;

  constructor(switchover: Switchover = 'return') {
    this.steering = new Steering(switchover);
  }

  run(durationMs: number, each: () => void = () => {}): void {
    const endMs = this.nowMs + durationMs;
    while (this.nowMs < endMs) {
      this.nowMs += STEP_MS;
      each();
      this.steering.step(
        this.nowMs,
        Object.entries(this.state).map(([address, state]) => ({
          address,
          state,
          primary: address === this.primary,
          rttMs: this.rttMs[address] ?? 0,
          isGray: this.gray.has(address),
        })),
      );
      const to = this.steering.poll();
      assert.equal(this.steering.poll(), null);
      if (to === null) continue;
      this.moves.push({ atMs: this.nowMs, to });
      if (this.obeys) this.primary = to;
    }
  }

  get targets(): string[] {
    return this.moves.map(({ to }) => to);
  }
}

test('nothing is moved while nothing is gray', () => {
  const bench = new Bench();
  bench.state[B] = 'inactive';
  bench.run(600_000);
  assert.deepEqual(bench.moves, []);
});

test('a gray primary gives way at once, and gets the traffic back after a good minute', () => {
  const bench = new Bench('return');
  bench.run(5000);
  bench.gray.add(A);
  bench.run(STEP_MS);
  assert.deepEqual(bench.targets, [B]);
  bench.run(300_000);
  assert.deepEqual(bench.targets, [B]);
  bench.gray.delete(A);
  bench.run(60_000);
  assert.deepEqual(bench.targets, [B]);
  bench.run(1000);
  assert.deepEqual(bench.targets, [B, A]);
});

test('with stay, traffic stays where it went', () => {
  const bench = new Bench('stay');
  bench.run(5000);
  bench.gray.add(A);
  bench.run(5000);
  bench.gray.delete(A);
  bench.run(3_600_000);
  assert.deepEqual(bench.targets, [B]);
  bench.gray.add(B);
  bench.run(STEP_MS);
  assert.deepEqual(bench.targets, [B, A]);
});

test('where every path is gray or down, traffic stays', () => {
  const bench = new Bench();
  bench.run(1000);
  bench.gray.add(A).add(B);
  bench.run(60_000);
  bench.gray.delete(B);
  bench.state[B] = 'potentially-failed';
  bench.run(60_000);
  assert.deepEqual(bench.moves, []);
});

test('the fastest of the good paths is taken, and none that has just come back', () => {
  const bench = new Bench();
  bench.state[C] = 'active';
  bench.rttMs = { [A]: 1, [B]: 30, [C]: 10 };
  bench.run(5000);
  bench.state[C] = 'inactive';
  bench.run(STEP_MS);
  bench.state[C] = 'active';
  bench.gray.add(A);
  bench.run(STEP_MS);
  assert.deepEqual(bench.targets, [B]);
  const other = new Bench();
  other.state[C] = 'active';
  other.rttMs = { [A]: 1, [B]: 30, [C]: 10 };
  other.run(5000);
  other.gray.add(A);
  other.run(STEP_MS);
  assert.deepEqual(other.targets, [C]);
});

test('it does not flap, whatever the paths do', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const random = new SeededRandom(seed);
    const bench = new Bench(seed % 2 === 0 ? 'stay' : 'return');
    const dice = (sides: number) => random.bytes(4).readUInt32BE() % sides;
    bench.run(3_600_000, () => {
      const address = dice(2) === 0 ? A : B;
      if (dice(8) !== 0) return;
      if (dice(2) === 0) bench.gray.add(address);
      else bench.gray.delete(address);
    });
    const times = bench.moves.map(({ atMs }) => atMs);
    for (const [i, atMs] of times.entries()) {
      const within = times.slice(i).filter((each) => each <= atMs + 60_000).length;
      assert.ok(within <= 3, `seed ${seed}: ${within} moves within a minute`);
    }
    assert.ok(times.length > 3 && times.length <= 16, `seed ${seed}: ${times.length} in an hour`);
  }
});

test('after a long time without a move the pauses begin anew', () => {
  const bench = new Bench('stay');
  const flip = () => {
    bench.gray = new Set([bench.primary]);
    const before = bench.moves.length;
    const startMs = bench.nowMs;
    while (bench.moves.length === before) bench.run(STEP_MS);
    bench.gray.clear();
    bench.run(1000);
    return bench.nowMs - startMs;
  };
  bench.run(1000);
  const waits = [flip(), flip(), flip(), flip()];
  assert.ok(waits[0]! < 2000 && waits[1]! > 13_000 && waits[2]! > 28_000, `${waits}`);
  bench.run(1_000_000);
  flip();
  assert.ok(flip() < 17_000);
});

test('who else moves the primary means it', () => {
  const bench = new Bench('return');
  bench.run(5000);
  // The program, or the kernel's own switch-over.
  bench.primary = B;
  bench.run(600_000);
  assert.deepEqual(bench.moves, []);
  bench.gray.add(B);
  bench.run(1000);
  assert.deepEqual(bench.targets, [A]);
  bench.gray.clear();
  bench.run(100_000);
  assert.deepEqual(bench.targets, [A, B]);
});

test('a home that is gone is not waited for', () => {
  const bench = new Bench('return');
  bench.state[C] = 'active';
  bench.run(5000);
  bench.gray.add(A);
  bench.run(1000);
  assert.deepEqual(bench.targets, [B]);
  delete bench.state[A];
  bench.run(600_000);
  bench.state[A] = 'active';
  bench.gray.clear();
  bench.run(600_000);
  assert.deepEqual(bench.targets, [B]);
});

test('what the kernel refuses is asked for again, not at every step', () => {
  const bench = new Bench();
  bench.obeys = false;
  bench.run(1000);
  bench.gray.add(A);
  bench.run(60_000);
  assert.equal(bench.moves.length, 3);
});
