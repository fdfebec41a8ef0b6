/** What one seed makes of its world of nodes: sizes, rates, and how often something goes wrong. */

import type { ModelSettings } from '../../../src/testing/model/settings.js';
import { defaultSettings } from '../../../src/testing/test-options.js';
import type { SeededRandom } from '../../random.js';

export interface Knobs extends ModelSettings {
  readonly nodes: number;
  /** Mean time between two bursts of a node, and messages and calls of one. */
  readonly burstEveryMs: number;
  readonly burst: number;
  /** Mean time between two faults. */
  readonly faultEveryMs: number;
  readonly security: 'sealed' | 'authenticated';
  readonly realCrypto: boolean;
}

/** One of 50 seeds runs with the real cipher. */
const REAL_CRYPTO_EVERY = 50;

export function chooseKnobs(seed: number, random: SeededRandom): Knobs {
  return {
    ...defaultSettings,
    nodes: random.whole(3, 6),
    planes: random.pick([1, 2, 2, 2, 3]),
    latencyMs: random.pick([0.1, 0.5, 2, 8]),
    jitterMs: random.pick([0.05, 0.5, 3]),
    loss: random.pick([0, 0, 0.002, 0.02]),
    streams: random.pick([5, 8, 16, 64]),
    windowBytes: random.pick([20_000, 200_000, 1_000_000]),
    burstEveryMs: random.pick([30, 80, 200]),
    burst: random.pick([1, 3, 6]),
    faultEveryMs: random.pick([200, 500, 1000, 2500]),
    security: random.chance(0.1) ? 'authenticated' : 'sealed',
    realCrypto: seed % REAL_CRYPTO_EVERY === 0,
  };
}
