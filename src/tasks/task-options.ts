/** How tasks are submitted and pools served, as a program says it, and checked. */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { checkOptions, optionNames } from '../node/check-options.js';
import { checkDeadlineMs } from '../node/options.js';
import { checkSignal } from '../node/send-options.js';
import { isWellFormed } from '../wire/text.js';
import type { Delivery, TaskSpec } from './dispatch-io.js';
import { groupOf } from './task-messages.js';

/** How a task is submitted. */
export interface TaskOptions {
  /**
   * What becomes of it when its member is lost. 'at-least-once': it is begun anew at another, and
   * may so run twice. 'at-most-once': it is begun anew only where it is proven that it was not
   * begun; else `result` rejects with ERR_OUTCOME_UNKNOWN. Default 'at-least-once'.
   */
  readonly delivery?: Delivery;
  /** Tasks of one key go to one member, as long as the members of the pool stay the same. */
  readonly key?: string;
  /**
   * Given to the handler. A member that has done a task of this key, or is doing it, gives the same
   * result again instead of running it. Only with 'at-least-once'.
   */
  readonly idempotencyKey?: string;
  /** 0 to 9: of those that wait, the highest goes first. Default 0. */
  readonly priority?: number;
  /** It must be done within this time, waiting included. Default: none. */
  readonly deadlineMs?: number;
  /** Aborted, it cancels the task. */
  readonly signal?: AbortSignal;
}

/** How a pool is served. */
export interface ServeOptions {
  /** Handlers that run here at once. Default 1. */
  readonly concurrency?: number;
  /**
   * Tasks that may wait here beyond those that run, so that a handler that is done finds the next
   * one at once. When this process is lost, of those that wait nothing proves that they were not
   * begun. Default 0.
   */
  readonly ahead?: number;
}

/** Where a program gives no options. */
export const NO_OPTIONS = {};

const TASK_OPTIONS = optionNames<TaskOptions>({
  delivery: true,
  key: true,
  idempotencyKey: true,
  priority: true,
  deadlineMs: true,
  signal: true,
});
const SERVE_OPTIONS = optionNames<ServeOptions>({ concurrency: true, ahead: true });

function bad(message: string): NodeError {
  return new NodeError('ERR_ARGUMENT', message);
}

/** @throws NodeError ERR_ARGUMENT. */
export function checkPool(pool: unknown): string {
  if (typeof pool === 'string' && pool.length > 0 && isWellFormed(pool)) {
    if (Buffer.byteLength(groupOf(pool)) <= limits.topicBytes) return pool;
  }
  const most = limits.topicBytes - groupOf('').length;
  throw bad(`a pool is a well-formed string of 1 to ${most} bytes, not ${JSON.stringify(pool)}`);
}

function checkKey(name: string, key: unknown): string | null {
  if (key === undefined) return null;
  if (typeof key === 'string' && isWellFormed(key)) {
    if (Buffer.byteLength(key) <= limits.taskKeyBytes) return key;
  }
  throw bad(`${name} must be a well-formed string of at most ${limits.taskKeyBytes} bytes`);
}

function checkWhole(name: string, value: unknown, least: number, most: number): number {
  const isWhole = typeof value === 'number' && Number.isInteger(value);
  if (isWhole && value >= least && value <= most) return value;
  throw bad(`${name} must be a whole number from ${least} to ${most}, not ${String(value)}`);
}

function checkDelivery(delivery: unknown): Delivery {
  if (delivery === 'at-least-once' || delivery === 'at-most-once') return delivery;
  throw bad("delivery must be 'at-least-once' or 'at-most-once'");
}

/** The same, checked. */
export interface CheckedTask extends Omit<TaskSpec, 'id' | 'pool'> {
  readonly idempotencyKey: string | null;
  readonly signal: AbortSignal | undefined;
}

const PLAIN: CheckedTask = {
  delivery: 'at-least-once',
  key: null,
  idempotencyKey: null,
  priority: 0,
  deadlineMs: null,
  signal: undefined,
};

/** @throws NodeError ERR_ARGUMENT. */
export function checkTaskOptions(options: TaskOptions): CheckedTask {
  if (options === NO_OPTIONS) return PLAIN;
  checkOptions(options, TASK_OPTIONS);
  const { delivery = 'at-least-once', key, priority = 0, deadlineMs, signal } = options;
  const idempotencyKey = checkKey('idempotencyKey', options.idempotencyKey);
  if (idempotencyKey !== null && delivery === 'at-most-once') {
    throw bad("idempotencyKey goes with delivery 'at-least-once'");
  }
  return {
    delivery: checkDelivery(delivery),
    key: checkKey('key', key),
    idempotencyKey,
    priority: checkWhole('priority', priority, 0, limits.taskPriorities - 1),
    deadlineMs: deadlineMs === undefined ? null : checkDeadlineMs(deadlineMs),
    signal: checkSignal(signal),
  };
}

/** @throws NodeError ERR_ARGUMENT. */
export function checkServeOptions(options: ServeOptions): Required<ServeOptions> {
  if (options !== NO_OPTIONS) checkOptions(options, SERVE_OPTIONS);
  const { concurrency = 1, ahead = 0 } = options;
  const { poolConcurrency: most } = limits;
  return {
    concurrency: checkWhole('concurrency', concurrency, 1, most),
    ahead: checkWhole('ahead', ahead, 0, most),
  };
}
