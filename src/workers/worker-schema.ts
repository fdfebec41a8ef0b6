/**
 * What a description of a worker and of a group of workers may be, as JSON Schema. Kept below
 * `cluster/schemas` it refuses a bad one when it is written; it is checked in any case when it is
 * read.
 */
import { limits } from '../limits.js';
import { stopSignals } from './signals.js';

/** A name of a worker or a group, also as a file. */
export const WORKER_NAME = `^[A-Za-z0-9_][A-Za-z0-9._-]{0,${limits.workerNameBytes - 1}}$`;
/** Texts of the system end at a NUL. */
const TEXT = { type: 'string', pattern: '^[^\\x00]*$' } as const;
const PATH = { type: 'string', pattern: '^/[^\\x00]*$' } as const;
const NAME = { type: 'string', pattern: WORKER_NAME } as const;
const TEXTS = { type: 'array', items: TEXT, maxItems: limits.workerArguments } as const;
const WAIT = { type: 'integer', minimum: 1, maximum: limits.workerWaitMs } as const;
const COUNT = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

/** Of `hosts/<host>/workers/<worker>`. */
export const workerSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    group: NAME,
    order: { type: 'integer', minimum: -1_000_000, maximum: 1_000_000 },
    command: { ...TEXTS, minItems: 1 },
    module: TEXT,
    args: TEXTS,
    env: {
      type: 'object',
      propertyNames: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
      additionalProperties: TEXT,
      maxProperties: limits.workerArguments,
    },
    cwd: PATH,
    nice: { type: 'integer', minimum: -20, maximum: 19 },
    user: { type: 'string', pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]*$' },
    limits: {
      type: 'object',
      additionalProperties: false,
      properties: {
        files: COUNT,
        processes: COUNT,
        memoryBytes: COUNT,
        fileBytes: COUNT,
        coreBytes: COUNT,
        cpuSeconds: COUNT,
      },
    },
    restart: { enum: ['permanent', 'transient', 'temporary'] },
    ready: { enum: ['started', 'notify'] },
    readyMs: WAIT,
    beatMs: WAIT,
    stopSignal: { enum: Object.keys(stopSignals) },
    stopMs: WAIT,
    output: {
      type: 'object',
      additionalProperties: false,
      properties: {
        maxBytes: { type: 'integer', minimum: 1024, maximum: limits.workerOutputBytes },
        files: { type: 'integer', minimum: 0, maximum: limits.workerOutputFiles },
      },
    },
    pool: NAME,
  },
} as const;

/** Of `hosts/<host>/groups/<group>`. */
export const groupSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    strategy: { enum: ['one-for-one', 'one-for-all', 'rest-for-one'] },
    intensity: { type: 'integer', minimum: 0, maximum: limits.workerIntensity },
    periodMs: { type: 'integer', minimum: 1, maximum: limits.workerPeriodMs },
    backoff: {
      type: 'object',
      additionalProperties: false,
      properties: { minMs: WAIT, maxMs: WAIT },
    },
  },
} as const;
