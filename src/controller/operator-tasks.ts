/**
 * Tasks that operators have done: a controller submits them on their behalf, as any node does, and
 * keeps what has become of the last ones. They are in its memory, and end with it.
 */
import { fromPlain, type Plain, toPlain } from '../config/plain.js';
import { ControllerError, TaskError } from '../errors.js';
import { limits } from '../limits.js';
import type { ClusterNode } from '../node/node.js';
import { wallMs } from '../runtime/wall-clock.js';
import type { TaskHandle } from '../tasks/task-handle.js';
import type { TaskOptions } from '../tasks/task-options.js';
import { startTasks, type Tasks } from '../tasks/tasks.js';
import type { TaskStatus } from './task-status.js';

/** What an operator wants done. */
export interface TaskOrder {
  readonly pool: string;
  /** As `toPlain` makes it. */
  readonly body: unknown;
  readonly options: Omit<TaskOptions, 'signal'>;
  /** Nobody waits for it: it is not given up when whoever asked is gone. */
  readonly isDetached: boolean;
}

/** What is told of a task while it is waited for. */
export type TaskLine =
  | { readonly id: string }
  /** Nobody has taken it yet. */
  | { readonly isWaiting: true }
  | { readonly progress: Plain }
  | { readonly result: Plain; readonly member: string | null; readonly attempts: number };

type End =
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly error: Error };

interface Entry {
  readonly handle: TaskHandle;
  readonly id: string;
  readonly sinceMs: number;
  readonly over: Promise<End>;
  readonly asked: Pick<TaskStatus, 'key' | 'priority' | 'delivery'>;
  endedMs: number | null;
  end: End | null;
}

const iso = (ms: number) => new Date(ms).toISOString();

/** Tasks of operators at one controller. */
export class OperatorTasks {
  readonly #node: ClusterNode;
  readonly #host: string;
  readonly #onFirst: () => void;
  readonly #entries = new Map<number, Entry>();
  #tasks: Tasks | null = null;

  /** @param onFirst a task is to be submitted: from now on workers have to be linked with */
  constructor(node: ClusterNode, host: string, onFirst: () => void) {
    this.#node = node;
    this.#host = host;
    this.#onFirst = onFirst;
  }

  /** Those that are not over, and the last of the others; the oldest first. */
  get statuses(): TaskStatus[] {
    const running = new Set<number>();
    for (const { id, member } of this.#tasks?.submitted ?? []) if (member !== null) running.add(id);
    return Array.from(this.#entries, ([id, entry]) => statusOf(entry, running.has(id)));
  }

  /**
   * Has a task done, and tells how far it is.
   * @param signal whoever asked is gone; a task that is not detached is given up then
   * @throws TaskError, NodeError: as the result of a task does; ConfigError ERR_CONFIG: the body is
   *   nothing that can be sent.
   */
  async *run(order: TaskOrder, signal: AbortSignal): AsyncGenerator<TaskLine, void, undefined> {
    const entry = this.#submit(order, signal);
    yield { id: entry.id };
    if (order.isDetached) return;
    const told = entry.handle.progress[Symbol.asyncIterator]();
    let next = told.next();
    await Promise.race([next, this.#moment()]);
    if (entry.end === null && entry.handle.member === null) yield { isWaiting: true };
    for (let step = await next; step.done !== true; step = await next) {
      yield { progress: shown(step.value) };
      next = told.next();
    }
    const end = await entry.over;
    if (end.type === 'failed') throw withRemoteCode(end.error);
    const { member, attempt: attempts } = entry.handle;
    yield { result: toPlain(end.result), member, attempts };
  }

  /** Gives one up. @returns Whether it was not over. @throws ControllerError ERR_ARGUMENT. */
  cancel(id: string): boolean {
    const entry = [...this.#entries.values()].find((each) => each.id === id);
    if (entry === undefined) {
      const message = `there is no task ${id}, or none any more; see backplane task list`;
      throw new ControllerError('ERR_ARGUMENT', message);
    }
    const isRunning = entry.end === null;
    entry.handle.cancel();
    return isRunning;
  }

  /** What is not over fails with ERR_CLOSED. */
  async close(): Promise<void> {
    await this.#tasks?.close();
  }

  #submit({ pool, body, options, isDetached }: TaskOrder, signal: AbortSignal): Entry {
    const value = fromPlain(body);
    this.#onFirst();
    this.#tasks ??= startTasks(this.#node);
    const handle = this.#tasks.run(pool, value, isDetached ? options : { ...options, signal });
    const { key = null, priority = 0, delivery = 'at-least-once' } = options;
    const over = handle.result.then(
      (result): End => ({ type: 'done', result }),
      (error: Error): End => ({ type: 'failed', error }),
    );
    const entry: Entry = {
      handle,
      id: `${handle.id}@${this.#host}`,
      sinceMs: wallMs(),
      over,
      asked: { key, priority, delivery },
      endedMs: null,
      end: null,
    };
    this.#entries.set(handle.id, entry);
    void over.then((end) => this.#ended(entry, end));
    return entry;
  }

  #ended(entry: Entry, end: End): void {
    entry.endedMs = wallMs();
    entry.end = end.type === 'done' ? { type: 'done', result: shown(end.result) } : end;
    const ended = [...this.#entries].filter(([, each]) => each.end !== null);
    const rest = ended.length - limits.operatorTasks;
    for (const [id] of ended.slice(0, Math.max(0, rest))) this.#entries.delete(id);
  }

  #moment(): Promise<void> {
    return new Promise((resolve) => {
      this.#node.runtime.timers.after(limits.controllerAskMs, resolve, { unref: true });
    });
  }
}

/** A value for people to look at later; null where it is too much for that. */
function shown(value: unknown): Plain {
  try {
    const plain = toPlain(value);
    return JSON.stringify(plain).length <= limits.operatorResultCharacters ? plain : null;
  } catch {
    // Some values are told as they are encoded, which has bounds of its own.
    return null;
  }
}

function statusOf({ id, handle, asked, sinceMs, endedMs, end }: Entry, isRunning: boolean) {
  const { pool, member, attempt: attempts } = handle;
  const error = end?.type === 'failed' ? withRemoteCode(end.error) : null;
  const status: TaskStatus = {
    id,
    pool,
    ...asked,
    state: end?.type ?? (isRunning ? 'running' : 'waiting'),
    member,
    attempts,
    since: iso(sinceMs),
    ended: endedMs === null ? null : iso(endedMs),
    result: end?.type === 'done' ? (end.result as Plain) : null,
    code: (error as { readonly code?: string } | null)?.code ?? null,
    message: error?.message ?? null,
  };
  return status;
}

/** What people need to know of a failure beside its text. */
function withRemoteCode(error: Error): Error {
  if (!(error instanceof TaskError)) return error;
  const { code, message, ran, remoteCode } = error;
  const known = { no: 'it was not begun', perhaps: 'it may have run', yes: 'its handler failed' };
  const remote = remoteCode === null ? '' : ` with ${remoteCode}`;
  return new TaskError(code, `${message} (${known[ran]}${remote})`, { ran, remoteCode });
}
