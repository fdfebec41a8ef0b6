/** Tasks that operators have submitted, as controllers tell of them. */
import type { Plain } from '../config/plain.js';

/** One of them. */
export interface TaskStatus {
  /** `3@host1`: it is in the hands of the controller of that host. */
  readonly id: string;
  readonly pool: string;
  readonly key: string | null;
  readonly priority: number;
  readonly delivery: 'at-least-once' | 'at-most-once';
  /** `failed` is any end without a result. */
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  /** The node that has it, or had it last; null: none had it. */
  readonly member: string | null;
  readonly attempts: number;
  /** When it was submitted, and when it ended; ISO 8601. */
  readonly since: string;
  readonly ended: string | null;
  /** What it came to; null: nothing yet, nothing at all, or too much to be kept. */
  readonly result: Plain;
  /** Why it failed. */
  readonly code: string | null;
  readonly message: string | null;
}

/** The tasks of one controller. */
export interface HostTasks {
  readonly host: string;
  /** The oldest first; null: the controller did not answer. */
  readonly tasks: readonly TaskStatus[] | null;
}

/** As it travels: bytes, which may be more than a body of any other kind. */
export function encodeTasks(tasks: readonly TaskStatus[]): Buffer {
  return Buffer.from(JSON.stringify(tasks));
}

/** What another controller told; null where it is no list of tasks. */
export function readTasks(body: unknown): readonly TaskStatus[] | null {
  if (!Buffer.isBuffer(body)) return null;
  try {
    const tasks: unknown = JSON.parse(body.toString());
    return Array.isArray(tasks) && tasks.every(isStatus) ? tasks : null;
  } catch {
    return null;
  }
}

function isStatus(value: unknown): value is TaskStatus {
  const {
    id,
    pool,
    state,
    since,
    priority,
    attempts,
    member,
    key,
    delivery,
    ended,
    code,
    message,
  } = (value ?? {}) as Readonly<Record<keyof TaskStatus, unknown>>;
  const areTexts = [id, pool, state, since, delivery].every(isText);
  const areTextsOrNull = [member, key, ended, code, message].every((each) => {
    return each === null || isText(each);
  });
  return areTexts && areTextsOrNull && isNumber(priority) && isNumber(attempts);
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isNumber = (value: unknown): boolean => typeof value === 'number';
