/** What one seed makes of its world of replicas: sizes, rates, limits, and how much goes wrong. */
import { limits } from '../../../src/limits.js';
import type { SeededRandom } from '../../random.js';
import type { LimitValues } from '../core/limits.js';

export interface Knobs {
  /** The first masters, nodes that may become masters besides, slaves, and clients. */
  readonly masters: number;
  readonly spares: number;
  readonly slaves: number;
  readonly clients: number;
  readonly keys: number;
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly dialMs: number;
  /** Mean time of a flush, of each store another one. */
  readonly flushMs: readonly number[];
  readonly loadMs: number;
  /** Mean time between two requests of a client, and between two faults. */
  readonly thinkMs: number;
  readonly faultEveryMs: number;
  /** Mean time between two looks of the operator, and how likely an order is that serves nobody. */
  readonly lookMs: number;
  readonly whim: number;
  /** Part of the package's own. */
  readonly limits: LimitValues;
}

export function chooseKnobs(random: SeededRandom): Knobs {
  const masters = random.pick([1, 2, 2, 2, 3, 3, 4]);
  return {
    masters,
    spares: random.whole(0, 2),
    slaves: random.whole(0, 4),
    clients: random.pick([2, 5, 10, 10]),
    keys: random.pick([2, 5, 8]),
    latencyMs: random.pick([0.1, 0.5, 2, 8]),
    jitterMs: random.pick([0.05, 0.5, 3]),
    dialMs: random.pick([5, 50, 300]),
    flushMs: random.pick([
      [1, 1],
      [1, 20],
      [5, 100],
    ]),
    loadMs: random.pick([500, 2000, 5000]),
    thinkMs: random.pick([10, 40, 150]),
    faultEveryMs: random.pick([150, 400, 1000, 2500]),
    lookMs: random.pick([200, 1000, 3000]),
    whim: random.pick([0, 0.05, 0.2]),
    limits: {
      configLogEntries: random.pick([20, 200, limits.configLogEntries]),
      configLogBytes: random.pick([4000, 40_000, limits.configLogBytes]),
      configBatchEntries: random.pick([1, 3, 1024]),
      configPersists: random.pick([1, 2, 4]),
      configPieceItems: random.pick([1, 3, 4096]),
      configFeedBytes: random.pick([500, 20_000, limits.configFeedBytes]),
      configPipelineEntries: random.pick([2, 20, limits.configPipelineEntries]),
      configRequestIds: random.pick([2000, limits.configRequestIds]),
      configWatchItems: random.pick([1, 3, 1024]),
    },
  };
}
