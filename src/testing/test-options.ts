/** What a test network is told, checked. */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { checkOptions, optionNames } from '../node/check-options.js';
import type { ModelSettings } from './model/settings.js';

/** How a test network is made. */
export interface TestNetworkOptions {
  /** Names of its planes, 1 to 16. Default ['a', 'b']. */
  readonly planes?: readonly string[];
  /**
   * 'real': it runs by itself, as fast as the clock. 'virtual': it stands still but for `advance`,
   * `until` and `linked`; an hour takes as long as what happens in it. Default 'real'.
   */
  readonly time?: 'real' | 'virtual';
  /** What is left to chance follows from it. Default 1. */
  readonly seed?: number;
  /** One way, in milliseconds. Default 0.2. */
  readonly latencyMs?: number;
  /** Up to so much more, in milliseconds, each time. Default 0.1. */
  readonly jitterMs?: number;
  /** Part of the messages, from 0 to 1, that a lost packet holds up by 50 to 100 ms. Default 0. */
  readonly loss?: number;
}

const OPTIONS = optionNames<TestNetworkOptions>({
  planes: true,
  time: true,
  seed: true,
  latencyMs: true,
  jitterMs: true,
  loss: true,
});

/** The same, complete. */
export interface ResolvedTestOptions {
  readonly planes: readonly string[];
  readonly time: 'real' | 'virtual';
  readonly seed: number;
  readonly model: Pick<ModelSettings, 'latencyMs' | 'jitterMs' | 'loss'>;
}

/** Sizes of the kernel and of an association, but for what is asked for. */
export const defaultSettings: Omit<ModelSettings, 'planes'> = {
  latencyMs: 0.2,
  jitterMs: 0.1,
  loss: 0,
  streams: limits.streams,
  windowBytes: 1_000_000,
  sendBufferBytes: limits.localBufferBytes,
  receiveBufferBytes: limits.socketBufferBytes,
  highWaterBytes: limits.carrierQueueBytes,
  hardBytes: limits.sendQueueHardBytes,
};

function bad(message: string): NodeError {
  return new NodeError('ERR_ARGUMENT', message);
}

function checkPlanes(planes: unknown): readonly string[] {
  const isList = Array.isArray(planes) && planes.every((name) => typeof name === 'string');
  if (!isList || planes.length === 0 || planes.length > limits.addresses) {
    throw bad(`planes: a list of 1 to ${limits.addresses} names`);
  }
  if (new Set(planes).size !== planes.length) throw bad('planes: one name stands there twice');
  return planes;
}

function checkNumber(name: string, value: unknown, greatest: number): number {
  if (typeof value === 'number' && value >= 0 && value <= greatest) return value;
  throw bad(`${name} must be a number from 0 to ${greatest}, not ${String(value)}`);
}

/**
 * Checks all options of a test network.
 * @throws NodeError ERR_ARGUMENT.
 */
export function resolveTestOptions(options: TestNetworkOptions): ResolvedTestOptions {
  checkOptions(options, OPTIONS);
  const { planes = ['a', 'b'], time = 'real', seed = 1 } = options;
  if (time !== 'real' && time !== 'virtual') throw bad("time must be 'real' or 'virtual'");
  const { latencyMs, jitterMs, loss } = { ...defaultSettings, ...options };
  return {
    planes: checkPlanes(planes),
    time,
    seed: checkNumber('seed', seed, Number.MAX_SAFE_INTEGER),
    model: {
      latencyMs: checkNumber('latencyMs', latencyMs, limits.deadlineMaxMs),
      jitterMs: checkNumber('jitterMs', jitterMs, limits.deadlineMaxMs),
      loss: checkNumber('loss', loss, 1),
    },
  };
}
