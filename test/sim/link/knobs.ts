import type { ModelSettings } from '../../../src/testing/model/settings.js';
import type { SeededRandom } from '../../random.js';
import type { LimitValues } from '../core/limits.js';

export interface Knobs extends ModelSettings {
  readonly nodes: number;
  /** Mean time between two bursts of a node, and messages of one. */
  readonly burstEveryMs: number;
  readonly burst: number;
  /** Mean time between two faults. */
  readonly faultEveryMs: number;
  readonly security: 'sealed' | 'authenticated';
  readonly realCrypto: boolean;
  /** Largest body of the workload. */
  readonly largestBytes: number;
  /** Limits of the package that are others in this world. */
  readonly limits: LimitValues;
}

/** One of 50 seeds runs with the real cipher. */
const REAL_CRYPTO_EVERY = 50;

export function chooseKnobs(seed: number, random: SeededRandom): Knobs {
  const highWaterBytes = random.pick([1, 64_000, 256_000, 1_000_000]);
  const replayWindow = random.pick([4, 64, 1024]);
  const fragmentBytes = random.pick([1024, 8192, 65_536]);
  // Whatever is not cut into fragments has to fit.
  const bundleBytes = Math.max(fragmentBytes, random.pick([1024, 8192, 65_536]));
  const outboxHardBytes = random.pick([300_000, 1_000_000, 20_000_000]);
  const largestBytes = Math.min(4 * fragmentBytes, 200_000);
  return {
    nodes: random.whole(3, 5),
    planes: random.pick([1, 2, 2, 2, 3]),
    latencyMs: random.pick([0.1, 0.5, 2, 8]),
    jitterMs: random.pick([0.05, 0.5, 3]),
    loss: random.pick([0, 0, 0.002, 0.02]),
    streams: random.pick([5, 6, 8, 16, 64]),
    windowBytes: random.pick([4_000, 20_000, 200_000, 1_000_000]),
    sendBufferBytes: random.pick([80_000, 200_000, 2_000_000]),
    receiveBufferBytes: random.pick([100_000, 400_000, 2_000_000]),
    highWaterBytes,
    hardBytes: highWaterBytes + 4_000_000,
    burstEveryMs: random.pick([8, 15, 30]),
    burst: random.pick([2, 6, 12]),
    faultEveryMs: random.pick([150, 400, 1000]),
    security: random.chance(0.1) ? 'authenticated' : 'sealed',
    realCrypto: seed % REAL_CRYPTO_EVERY === 0,
    largestBytes,
    limits: {
      fragmentBytes,
      bundleBytes,
      reassemblies: random.pick([1, 2, 16]),
      outboxHardBytes,
      // Below the high-water mark there is room for the largest message.
      outboxHighWaterBytes: outboxHardBytes / 4,
      outboxLowWaterBytes: outboxHardBytes / 8,
      // An eighth of it may have come back without a word: the rest has to do for any message.
      smallCreditBytes: random.pick([2 * bundleBytes, 300_000, 8_000_000]),
      largeCreditBytes: random.pick([1, 2, 20]) * (largestBytes + 512),
      replayWindow,
      // No more than one generation can be under way: all that is has room in the window.
      rekeyBundles: Math.max(replayWindow, random.pick([20, 100, 1000, 2 ** 20])),
      rekeyMs: random.pick([20_000, 3_600_000]),
      ackDelayMs: random.pick([1, 2, 20]),
      ackBytes: random.pick([100, 16_384]),
    },
  };
}
