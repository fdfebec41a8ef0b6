/** What one seed makes of its world of tasks: sizes, rates, and how often something goes wrong. */
import { limits } from '../../../src/limits.js';
import type { ModelSettings } from '../../../src/testing/model/settings.js';
import { defaultSettings } from '../../../src/testing/test-options.js';
import type { SeededRandom } from '../../random.js';
import type { LimitValues } from '../core/limits.js';

export interface DispatchKnobs extends ModelSettings {
  readonly nodes: number;
  /** The first so many submit tasks; all serve pools. */
  readonly submitters: number;
  /** Mean time between two bursts of a submitter, and tasks of one. */
  readonly burstEveryMs: number;
  readonly burst: number;
  /** Mean time a handler takes. */
  readonly workMs: number;
  /** Mean time between two faults. */
  readonly faultEveryMs: number;
  readonly limits: LimitValues;
}

export function chooseDispatchKnobs(random: SeededRandom): DispatchKnobs {
  return {
    ...defaultSettings,
    planes: random.pick([1, 2, 2]),
    latencyMs: random.pick([0.1, 0.5, 2]),
    jitterMs: random.pick([0.05, 0.5, 3]),
    loss: random.pick([0, 0, 0.01]),
    // Each that carries anything has its keys, which cost more than what it carries.
    streams: random.pick([5, 8, 16]),
    nodes: random.whole(3, 6),
    submitters: random.whole(1, 3),
    burstEveryMs: random.pick([30, 80, 200]),
    burst: random.pick([1, 4, 12]),
    workMs: random.pick([1, 20, 100]),
    faultEveryMs: random.pick([100, 250, 600, 1500]),
    limits: {
      // One submitter can fill all members, and so hears how much each of them has.
      tasks: random.pick([60, 200, 1000]),
      taskAttempts: random.pick([2, 4, 16]),
      taskRetryMs: random.pick([50, 250]),
      // With few, a submitter can neither give a task to a member nor ask how many it takes.
      pendingCalls: random.pick([8, 20, limits.pendingCalls, limits.pendingCalls]),
    },
  };
}
