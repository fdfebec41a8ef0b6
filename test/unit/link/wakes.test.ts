import assert from 'node:assert/strict';
import test from 'node:test';
import { Wakes } from '../../../src/link/wakes.js';
import type { Runtime } from '../../../src/runtime/index.js';
import { SeededRandom } from '../../random.js';

/** A runtime whose time the test moves. */
class StillRuntime implements Runtime {
  readonly random = new SeededRandom(1);
  readonly pending = new Map<() => void, number>();
  clockReads = 0;
  #nowMs = 0;
  readonly clock = {
    nowMs: () => {
      this.clockReads++;
      return this.#nowMs;
    },
    turnMs: (): number => this.clock.nowMs(),
  };
  readonly timers = {
    after: (delayMs: number, callback: () => void) => {
      const once = () => callback();
      this.pending.set(once, this.#nowMs + delayMs);
      return { cancel: () => void this.pending.delete(once) };
    },
    soon: () => assert.fail('nothing is put off'),
  };

  runTo(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const [once, atMs] of [...this.pending]) {
      if (atMs <= nowMs && this.pending.delete(once)) once();
    }
  }
}

/** A runtime, and what was woken in it. */
function scene() {
  const runtime = new StillRuntime();
  const woken: string[] = [];
  const sleeper = (name: string) => (nowMs: number) => void woken.push(`${name} ${nowMs}`);
  const runTo = (nowMs: number) => runtime.runTo(nowMs);
  return { runtime, wakes: Wakes.of(runtime), woken, sleeper, runTo };
}

test('all of one moment have one timer and one reading of the clock', () => {
  const { runtime, wakes, woken, sleeper, runTo } = scene();
  assert.equal(Wakes.of(runtime), wakes);
  for (const name of ['a', 'b', 'c']) wakes.add(0, 100, sleeper(name));
  wakes.add(0, 250, sleeper('d'));
  assert.equal(runtime.pending.size, 2);
  const readings = runtime.clockReads;
  runTo(103);
  assert.deepEqual(woken, ['a 103', 'b 103', 'c 103']);
  assert.equal(runtime.clockReads, readings + 1);
  runTo(250);
  assert.deepEqual(woken.slice(3), ['d 250']);
  assert.equal(runtime.pending.size, 0);
});

test('who does not wait any more is not woken, also not by one who is woken first', () => {
  const { runtime, wakes, woken, sleeper, runTo } = scene();
  const [b, c] = [sleeper('b'), sleeper('c')];
  wakes.add(0, 100, () => wakes.remove(100, b));
  wakes.add(0, 100, b);
  wakes.add(0, 200, c);
  wakes.remove(200, c);
  wakes.remove(200, c);
  assert.equal(runtime.pending.size, 1);
  runTo(100);
  assert.deepEqual(woken, []);
});

test('a moment that has passed comes with another timer, not within the same one', () => {
  const { wakes, woken, sleeper, runTo } = scene();
  wakes.add(0, 100, () => wakes.add(105, 100, sleeper('again')));
  runTo(105);
  assert.deepEqual(woken, []);
  runTo(105);
  assert.deepEqual(woken, ['again 105']);
});

test('two runtimes have wakes of their own', () => {
  assert.notEqual(scene().wakes, scene().wakes);
});
