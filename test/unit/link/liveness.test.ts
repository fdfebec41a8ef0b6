import assert from 'node:assert/strict';
import test from 'node:test';
import { Liveness, type LivenessInput, type LivenessOutput } from '../../../src/link/liveness.js';
import { SeededRandom } from '../../random.js';

const timers = { beatMs: 200, beatJitterMs: 0, stallMs: 1000, outageMs: 1600 };
const TICK: LivenessInput = { type: 'tick' };

/**
 * Drives the machine as a loop that is always in time; answers 'drain' by 'drained' unless told
 * otherwise.
 */
class Driver {
  nowMs = 0;
  readonly log: string[] = [];
  onDrain: () => void = () => undefined;
  /** Called at each millisecond before anything else. */
  traffic: (nowMs: number) => void = () => undefined;
  readonly machine: Liveness;

  constructor(pathActive = true, jitterMs = 0, seed = 0) {
    this.machine = new Liveness(0, { ...timers, beatJitterMs: jitterMs }, pathActive, seed);
  }

  step(input: LivenessInput): void {
    this.machine.step(this.nowMs, input);
    for (let next = this.machine.poll(); next !== null; next = this.machine.poll()) {
      this.#output(next);
    }
  }

  #output(output: LivenessOutput): void {
    this.log.push(`${this.nowMs} ${output}`);
    if (output !== 'drain') return;
    this.onDrain();
    this.machine.step(this.nowMs, { type: 'drained' });
  }

  heard(): void {
    if (this.machine.heard()) this.step(TICK);
  }

  until(nowMs: number): this {
    while (this.nowMs < nowMs) {
      this.nowMs++;
      if (this.nowMs >= this.machine.deadline()) this.step(TICK);
      this.traffic(this.nowMs);
    }
    return this;
  }

  of(...outputs: LivenessOutput[]): string[] {
    return this.log.filter((line) => outputs.some((output) => line.endsWith(` ${output}`)));
  }
}

test('a beat goes every beat time when nothing else does', () => {
  const driver = new Driver();
  driver.traffic = (nowMs) => {
    if (nowMs % 100 === 0) driver.heard();
  };
  assert.deepEqual(driver.until(850).of('beat'), ['200 beat', '400 beat', '600 beat', '800 beat']);
});

test('no beat goes while other frames do', () => {
  const driver = new Driver();
  driver.traffic = (nowMs) => {
    driver.heard();
    if (nowMs % 90 === 0) driver.machine.spoke();
  };
  assert.deepEqual(driver.until(5000).of('beat'), []);
});

test('with any traffic a frame leaves every beat time, no beat follows a frame', () => {
  for (let period = 1; period <= 700; period += 7) {
    const driver = new Driver();
    const left: number[] = [0];
    driver.traffic = (nowMs) => {
      driver.heard();
      const beats = driver.of('beat').filter((line) => line === `${nowMs} beat`);
      if (beats.length > 0) {
        assert.ok(nowMs - left.at(-1)! >= timers.beatMs / 2, `period ${period}, at ${nowMs}`);
        left.push(nowMs);
      }
      if (nowMs % period === 0) {
        driver.machine.spoke();
        left.push(nowMs);
      }
    };
    driver.until(3000);
    for (let i = 1; i < left.length; i++) {
      assert.ok(left[i]! - left[i - 1]! <= timers.beatMs, `period ${period}: ${left[i]}`);
    }
  }
});

test('stalled: silence for the stall time while a path is active', () => {
  const driver = new Driver().until(3000);
  assert.deepEqual(driver.of('stalled', 'resumed', 'lost'), ['1000 stalled']);
  assert.equal(driver.machine.stalled, true);
});

test('stalled is reported never early and at most half a beat late', () => {
  for (let last = 1; last < 400; last += 3) {
    const driver = new Driver();
    driver.traffic = (nowMs) => {
      if (nowMs === last) driver.heard();
    };
    const at = Number.parseInt(driver.until(2000).of('stalled')[0]!, 10);
    assert.ok(at - last >= timers.stallMs && at - last <= timers.stallMs + timers.beatMs / 2);
  }
});

test('stalled is judged only after the socket was drained: a frame found there prevents it', () => {
  const driver = new Driver();
  driver.onDrain = () => driver.heard();
  driver.until(2500);
  assert.deepEqual(driver.of('drain'), ['1000 drain', '2000 drain']);
  assert.deepEqual(driver.of('stalled'), []);
});

test('resumed: at once with the next frame', () => {
  const driver = new Driver().until(1500);
  driver.heard();
  assert.deepEqual(driver.of('stalled', 'resumed'), ['1000 stalled', '1500 resumed']);
  assert.equal(driver.machine.stalled, false);
});

test('a stalled process is never lost as long as a path is active', () => {
  assert.deepEqual(new Driver().until(100_000).of('stalled', 'lost'), ['1000 stalled']);
});

test('lost: no active path and no frame for the outage time; then nothing more', () => {
  const driver = new Driver().until(300);
  driver.step({ type: 'paths', active: false });
  driver.until(5000);
  assert.deepEqual(driver.of('stalled', 'lost'), ['1900 lost']);
  assert.equal(driver.machine.deadline(), Number.POSITIVE_INFINITY);
  driver.step({ type: 'paths', active: true });
  assert.equal(driver.log.at(-1), '1900 lost');
});

test('lost is judged only after the socket was drained', () => {
  const driver = new Driver(false);
  driver.onDrain = () => {
    if (driver.nowMs < 3000) driver.heard();
  };
  assert.deepEqual(driver.until(6000).of('lost'), ['3200 lost']);
});

test('no stall is reported while no path is active', () => {
  const driver = new Driver(false).until(1599);
  assert.deepEqual(driver.of('stalled', 'lost'), []);
});

test('a path that comes back gives the peer a whole stall time', () => {
  const driver = new Driver(false).until(1500);
  driver.step({ type: 'paths', active: true });
  assert.deepEqual(driver.until(4000).of('stalled', 'lost'), ['2500 stalled']);
});

test('a short loss of all paths does not end the link of a stalled process', () => {
  const driver = new Driver().until(10_000);
  driver.step({ type: 'paths', active: false });
  driver.until(10_060);
  driver.step({ type: 'paths', active: true });
  assert.deepEqual(driver.until(12_000).of('stalled', 'lost'), ['1000 stalled']);
});

test('a loop that was late by d moves the stall by d', () => {
  const driver = new Driver().until(400);
  driver.nowMs = 10_400; // the tick at 500 comes 9900 ms late
  driver.step(TICK);
  assert.deepEqual(driver.of('stalled', 'drain'), []);
  driver.until(20_000);
  assert.deepEqual(driver.of('stalled'), ['10900 stalled']);
});

test('a loop that was late by d moves the outage by d', () => {
  const driver = new Driver(false).until(400);
  driver.nowMs = 10_400;
  driver.step(TICK);
  assert.deepEqual(driver.until(20_000).of('lost'), ['11500 lost']);
});

test('what was late before the paths went does not put the outage off', () => {
  const driver = new Driver().until(400);
  driver.nowMs = 10_400;
  driver.step({ type: 'paths', active: false });
  assert.deepEqual(driver.until(20_000).of('lost'), ['12000 lost']);
});

test('beats go on while the peer is stalled', () => {
  const driver = new Driver().until(2000);
  assert.deepEqual(driver.of('beat').slice(-2), ['1800 beat', '2000 beat']);
});

test('links that came up at different times tick and beat at the same moments', () => {
  const ticks = (upAtMs: number) => {
    const machine = new Liveness(upAtMs, timers, true);
    const at = new Set<number>();
    for (let nowMs = machine.deadline(); nowMs < 5000; nowMs = machine.deadline()) {
      machine.heard();
      machine.step(nowMs, TICK);
      at.add(nowMs);
    }
    return at;
  };
  for (const upAtMs of [0, 103]) {
    const all = [...ticks(upAtMs)];
    assert.ok(all.length > 20);
    for (const atMs of all) assert.equal(atMs % (timers.beatMs / 20), 0, `${atMs}`);
  }
});

test('a beat comes early by a twentieth of its time at the most', () => {
  const driver = new Driver();
  driver.machine.spoke();
  driver.nowMs = 7;
  driver.step(TICK);
  driver.until(4000);
  const beats = driver.of('beat').map((line) => Number.parseInt(line, 10));
  const gaps = beats.slice(1).map((atMs, i) => atMs - beats[i]!);
  for (const gapMs of gaps) assert.ok(gapMs <= timers.beatMs && gapMs >= 0.95 * timers.beatMs);
});

/** When beats leave, in whole milliseconds, while nothing else does. */
function beatTimes(untilMs: number, jitterMs: number, seed: number): number[] {
  const driver = new Driver(true, jitterMs, seed);
  driver.traffic = () => driver.heard();
  return driver
    .until(untilMs)
    .of('beat')
    .map((line) => Number.parseInt(line, 10));
}

test('with jitter a beat is early by chance, never late, and follows from the seed', () => {
  const times = [0, ...beatTimes(20_000, 50, 1)];
  const gaps = times.slice(1).map((at, i) => at - times[i]!);
  assert.ok(Math.min(...gaps) >= 0.95 * timers.beatMs - 50 && Math.max(...gaps) <= timers.beatMs);
  assert.ok(new Set(gaps).size > 4, 'the gaps differ');
  assert.deepEqual(beatTimes(5000, 50, 1), beatTimes(5000, 50, 1));
  assert.notDeepEqual(beatTimes(5000, 50, 1), beatTimes(5000, 50, 2));
  assert.deepEqual(beatTimes(1000, 0, 1), [200, 400, 600, 800, 1000]);
});

test('63 links that come up at once fall out of step', () => {
  const random = new SeededRandom(1);
  const inStep = (jitterMs: number): number => {
    const times = Array.from({ length: 63 }, () => beatTimes(20_000, jitterMs, random.u32()));
    const perMs = new Map<number, number>();
    // After ten seconds chance has had its time.
    for (const at of times.flat().filter((ms) => ms > 10_000)) {
      perMs.set(at, (perMs.get(at) ?? 0) + 1);
    }
    return Math.max(...perMs.values());
  };
  assert.equal(inStep(0), 63);
  assert.ok(inStep(50) <= 12);
});

test('wakes that are late by less than a quarter of a beat put nothing off', () => {
  const driver = new Driver(false);
  while (driver.nowMs < 3000) {
    driver.nowMs = driver.machine.deadline() + timers.beatMs / 4 - 1;
    driver.step(TICK);
    if (driver.of('lost').length > 0) break;
  }
  const lostMs = Number.parseInt(driver.of('lost')[0] ?? '', 10);
  assert.ok(lostMs >= timers.outageMs && lostMs < timers.outageMs + timers.beatMs / 4, `${lostMs}`);
});
