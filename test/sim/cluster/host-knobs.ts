/** What one seed makes of its world of workers: sizes, times, and how much goes wrong. */
import type { SeededRandom } from '../../random.js';

export interface HostKnobs {
  /** Names of workers and of groups there can be. */
  readonly workers: number;
  readonly groups: number;
  /** Mean times: a process lives when nothing ends it, starts, becomes ready, stops when asked. */
  readonly lifeMs: number;
  readonly startMs: number;
  readonly readyMs: number;
  readonly stopMs: number;
  /** How likely it is that a process cannot start, is never ready, stands still, does not stop. */
  readonly badStart: number;
  readonly neverReady: number;
  readonly hangs: number;
  readonly deaf: number;
  /** How likely it is that a description cannot be read, or that what it starts always fails. */
  readonly badSpec: number;
  readonly badLaunch: number;
  /** Mean time between two faults, and between two acts of people. */
  readonly faultEveryMs: number;
  readonly actEveryMs: number;
}

export function chooseHostKnobs(random: SeededRandom): HostKnobs {
  return {
    workers: random.whole(2, 10),
    groups: random.whole(1, 3),
    lifeMs: random.pick([300, 3000, 20_000, 60_000]),
    startMs: random.pick([1, 10, 100]),
    readyMs: random.pick([5, 100, 500]),
    stopMs: random.pick([5, 100, 500]),
    badStart: random.pick([0, 0.02, 0.2]),
    neverReady: random.pick([0, 0.02, 0.2]),
    hangs: random.pick([0, 0.1, 0.5]),
    deaf: random.pick([0, 0.05, 0.3]),
    badSpec: random.pick([0.02, 0.1]),
    badLaunch: random.pick([0, 0.1]),
    faultEveryMs: random.pick([50, 300, 1500]),
    actEveryMs: random.pick([50, 300, 1500]),
  };
}
