/**
 * What submitters and members say to each other, on topics of their own over the public calls and
 * messages of their nodes. Arrays, not objects: their names would be most of a small task.
 */
import { NodeError } from '../errors.js';
import type { Load } from './dispatch-io.js';

/** A call: one attempt at one task. */
export const RUN_TOPIC = 'task:run';
/** A call: how many a member takes. */
export const HELLO_TOPIC = 'task:hello';
/** A message: a member that has refused has room, or others have less there than it said. */
export const ROOM_TOPIC = 'task:room';
/** A message: how far a task is. */
export const PROGRESS_TOPIC = 'task:progress';

/** Process groups of members begin with this. */
const GROUP_PREFIX = 'pool:';

/** The process group of those that serve a pool. */
export const groupOf = (pool: string): string => `${GROUP_PREFIX}${pool}`;

/** The pool of a process group; null when it is none of a pool. */
export function poolOf(group: string): string | null {
  return group.startsWith(GROUP_PREFIX) ? group.slice(GROUP_PREFIX.length) : null;
}

/** One attempt, as its member is asked for it. */
export interface RunRequest {
  readonly pool: string;
  readonly id: number;
  readonly attempt: number;
  readonly priority: number;
  readonly key: string | null;
  readonly idempotencyKey: string | null;
  readonly body: unknown;
}

/** What a member answers. */
export type RunAnswer =
  | { readonly type: 'done'; readonly load: Load; readonly result: unknown }
  | {
      readonly type: 'threw';
      readonly load: Load;
      readonly code: string | null;
      readonly message: string;
    }
  | { readonly type: 'refused'; readonly load: Load; readonly isFull: boolean };

/** How many tasks a member takes. */
export interface Hello {
  readonly concurrency: number;
  readonly ahead: number;
  readonly load: Load;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

function malformed(what: string): NodeError {
  return new NodeError('ERR_ARGUMENT', `${what} that cannot be read`);
}

function list(body: unknown, what: string): readonly unknown[] {
  if (Array.isArray(body)) return body;
  throw malformed(what);
}

function readLoad(ended: unknown, others: unknown, what: string): Load {
  if (isCount(ended) && isCount(others)) return { ended, others };
  throw malformed(what);
}

/** As it travels. */
export function requestBody(request: RunRequest): unknown {
  const { pool, id, attempt, priority, key, idempotencyKey, body } = request;
  return [pool, id, attempt, priority, key, idempotencyKey, body];
}

/** @throws NodeError ERR_ARGUMENT: it is none. */
export function readRequest(message: unknown, priorities: number): RunRequest {
  const what = 'a task';
  const [pool, id, attempt, priority, key, idempotencyKey, body] = list(message, what);
  const areNumbers = isCount(id) && isCount(attempt) && isCount(priority) && priority < priorities;
  if (isText(pool) && areNumbers && isTextOrNull(key) && isTextOrNull(idempotencyKey)) {
    return { pool, id, attempt, priority, key, idempotencyKey, body };
  }
  throw malformed(what);
}

/** As it travels. */
export function answerBody(answer: RunAnswer): unknown {
  const { type, load } = answer;
  const head = [type, load.ended, load.others];
  switch (type) {
    case 'done':
      return [...head, answer.result];
    case 'threw':
      return [...head, answer.code, answer.message];
    case 'refused':
      return [...head, answer.isFull];
  }
}

/** @throws NodeError ERR_ARGUMENT: it is none. */
export function readAnswer(message: unknown): RunAnswer {
  const what = 'an answer of a member';
  const [type, ended, others, first, second] = list(message, what);
  const load = readLoad(ended, others, what);
  if (type === 'done') return { type, load, result: first };
  if (type === 'threw' && isTextOrNull(first) && isText(second)) {
    return { type, load, code: first, message: second };
  }
  if (type === 'refused' && typeof first === 'boolean') return { type, load, isFull: first };
  throw malformed(what);
}

/** As it travels; null: this pool is not served. */
export function helloBody(hello: Hello | null): unknown {
  if (hello === null) return null;
  const { concurrency, ahead, load } = hello;
  return [concurrency, ahead, load.ended, load.others];
}

/** @throws NodeError ERR_ARGUMENT: it is none. */
export function readHello(message: unknown): Hello | null {
  if (message === null) return null;
  const what = 'a greeting of a member';
  const [concurrency, ahead, ended, others] = list(message, what);
  const load = readLoad(ended, others, what);
  if (isCount(concurrency) && concurrency > 0 && isCount(ahead)) {
    return { concurrency, ahead, load };
  }
  throw malformed(what);
}

/** As it travels. */
export function roomBody(pool: string, { ended, others }: Load): unknown {
  return [pool, ended, others];
}

/** @throws NodeError ERR_ARGUMENT: it is none. */
export function readRoom(message: unknown): { readonly pool: string; readonly load: Load } {
  const what = 'a word of room';
  const [pool, ended, others] = list(message, what);
  if (isText(pool)) return { pool, load: readLoad(ended, others, what) };
  throw malformed(what);
}

/** How far one attempt is. */
export interface Progress {
  readonly id: number;
  readonly attempt: number;
  readonly value: unknown;
}

/** As it travels. */
export function progressBody({ id, attempt, value }: Progress): unknown {
  return [id, attempt, value];
}

/** @throws NodeError ERR_ARGUMENT: it is none. */
export function readProgress(message: unknown): Progress {
  const what = 'progress of a task';
  const [id, attempt, value] = list(message, what);
  if (isCount(id) && isCount(attempt)) return { id, attempt, value };
  throw malformed(what);
}
