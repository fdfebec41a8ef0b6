/**
 * Tasks at one node: the pools it serves, and the tasks it submits. Submitters send tasks to
 * members themselves; members are found by process groups.
 */
import debug from 'debug';
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { checkFunction } from '../node/check-options.js';
import { describeFailure } from '../node/messages.js';
import type { TellOptions } from '../node/send-options.js';
import type { ReplyOf, RequestOf } from '../node/topic.js';
import { decodeBody, encodeOwnBody } from '../wire/payload.js';
import type { TaskView } from './dispatcher.js';
import { Newest } from './newest.js';
import { type Asker, Pool, type PoolView, type TaskHandler } from './pool.js';
import { Submitter, type TaskNode } from './submitter.js';
import type { TaskHandle } from './task-handle.js';
import {
  answerBody,
  groupOf,
  HELLO_TOPIC,
  helloBody,
  PROGRESS_TOPIC,
  progressBody,
  ROOM_TOPIC,
  RUN_TOPIC,
  type RunAnswer,
  type RunRequest,
  readProgress,
  readRequest,
  readRoom,
  roomBody,
} from './task-messages.js';
import {
  checkPool,
  checkServeOptions,
  checkTaskOptions,
  NO_OPTIONS,
  type ServeOptions,
  type TaskOptions,
} from './task-options.js';

const trace = debug('backplane:tasks');

/** A pool that this node serves. */
export interface ServedPool {
  /**
   * Takes no new tasks and gives back those that wait here; others do them. Resolves when those
   * that run are over; then the pool may be served again.
   */
  drain(): Promise<void>;
}

interface Served {
  readonly pool: Pool;
  readonly hello: Required<ServeOptions>;
}

/** Progress of one attempt on its way: one message at a time. */
interface Telling {
  readonly waiting: Newest<unknown>;
  /** When all of it has been heard, or cannot be. */
  readonly over: Promise<void>;
}

/** The tasks of one node, made by `startTasks`. */
export class Tasks {
  readonly #node: TaskNode;
  readonly #served = new Map<string, Served>();
  readonly #ended = { count: 0 };
  readonly #telling = new Map<string, Telling>();
  readonly #submitter: Submitter;
  readonly #release: (() => void)[] = [];
  #isClosed = false;

  /** @internal Use `startTasks`. */
  constructor(node: TaskNode) {
    this.#node = node;
    const { taskPriorities } = limits;
    this.#submitter = new Submitter(node, {
      hello: (pool, from) => this.#hello(pool, from),
      run: (from, request, signal) => this.#runHere(from, request, signal),
    });
    const submitter = this.#submitter;
    this.#release.push(
      node.handle(RUN_TOPIC, async (body, { from, signal }) => {
        const request = readRequest(body, taskPriorities);
        const answer = await this.#accept(from, request, signal);
        // What the handler told goes another way than its result: that waits until it is heard.
        await this.#telling.get(tellingKey({ from, ...request }))?.over;
        return answerBody(answer);
      }),
      node.handle(HELLO_TOPIC, (pool, { from }) => helloBody(this.#hello(checkPool(pool), from))),
      node.handle(ROOM_TOPIC, (body, { from }) => submitter.room(from, readRoom(body))),
      node.handle(PROGRESS_TOPIC, (body, { from }) => {
        submitter.progress(from, readProgress(body));
      }),
      node.observe((event, payload) => submitter.heard(event, payload)),
    );
  }

  /**
   * Submits a task to a pool, wherever in the cluster it is served. It waits here until a member
   * takes it. `defineTopic` gives pools their types, as it does topics.
   * @param body as of a call; at most limits.cborBodyBytes. Must not be changed before the task is
   *   over: it may have to be sent again.
   * @throws NodeError ERR_ARGUMENT, ERR_LIMIT (over limits.taskPools), ERR_CLOSED.
   */
  run<P extends string>(
    pool: P,
    body: RequestOf<P>,
    options: TaskOptions = NO_OPTIONS,
  ): TaskHandle<ReplyOf<P>> {
    const checked = checkTaskOptions(options);
    return this.#submitter.run(checkPool(pool), body, checked) as TaskHandle<ReplyOf<P>>;
  }

  /**
   * Serves a pool from now on: becomes a member of it, and does what submitters give it.
   * @throws NodeError ERR_ARGUMENT, ERR_STATE (it is served here, or not drained yet), ERR_CLOSED.
   */
  serve<P extends string>(
    pool: P,
    handler: TaskHandler<RequestOf<P>, ReplyOf<P>>,
    options: ServeOptions = NO_OPTIONS,
  ): ServedPool {
    const name: string = checkPool(pool);
    const hello = checkServeOptions(options);
    checkFunction('handler', handler);
    if (this.#isClosed) throw new NodeError('ERR_CLOSED', 'tasks of this node are closed');
    if (this.#served.has(name)) throw new NodeError('ERR_STATE', `pool ${name} is served here`);
    const served = new Pool({
      name,
      handler: handler as TaskHandler,
      ...hello,
      limits,
      ended: this.#ended,
      progress: (asker, value) => this.#tellProgress(asker, value),
      room: (from) => this.#tellRoom(name, from),
    });
    this.#served.set(name, { pool: served, hello });
    try {
      this.#node.join(groupOf(name));
    } catch (error) {
      this.#served.delete(name);
      throw error;
    }
    return { drain: () => this.#drain(name, served) };
  }

  /** Tasks that were submitted here and are not over, the oldest first. */
  get submitted(): readonly TaskView[] {
    return this.#submitter.view;
  }

  /** Pools that are served here. */
  get served(): readonly PoolView[] {
    return Array.from(this.#served.values(), ({ pool }) => pool.view);
  }

  /**
   * Ends it: what was submitted and is not over fails with ERR_CLOSED, pools are drained. Resolves
   * when they are. The node goes on.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#submitter.close();
    await Promise.all([...this.#served].map(([name, { pool }]) => this.#drain(name, pool)));
    for (const release of this.#release.splice(0)) release();
  }

  async #drain(name: string, pool: Pool): Promise<void> {
    if (this.#served.get(name)?.pool !== pool) return;
    this.#node.leave(groupOf(name));
    await pool.drain();
    if (this.#served.get(name)?.pool === pool) this.#served.delete(name);
  }

  #hello(name: string, from: string) {
    const served = this.#served.get(name);
    if (served === undefined || served.pool.view.isDraining) return null;
    return { ...served.hello, load: served.pool.load(from) };
  }

  #accept(from: string, request: RunRequest, signal: AbortSignal): Promise<RunAnswer> {
    const served = this.#served.get(request.pool);
    if (served !== undefined) return served.pool.accept(from, request, signal);
    const load = { ended: this.#ended.count, others: 0 };
    return Promise.resolve({ type: 'refused', load, isFull: false });
  }

  /** What this node gives itself is a copy, as it is elsewhere. */
  async #runHere(from: string, request: RunRequest, signal: AbortSignal): Promise<RunAnswer> {
    const copy = { ...request, body: copyOf(request.body) };
    // Not within the call that submits it.
    await null;
    const answer = await this.#accept(from, copy, signal);
    if (answer.type !== 'done') return answer;
    try {
      return { ...answer, result: copyOf(answer.result) };
    } catch (error) {
      return { type: 'threw', load: answer.load, ...describeFailure(error) };
    }
  }

  /**
   * In order, one message on its way for each attempt: of a handler in a hurry, the newest wait.
   * @throws NodeError ERR_ARGUMENT, ERR_MESSAGE_TOO_LARGE: it is nothing that can be told.
   */
  #tellProgress(asker: Asker, told: unknown): void {
    const { from, id, attempt } = asker;
    // It may have to wait, and the handler may change it meanwhile.
    const value = copyOf(told);
    if (from === this.#node.name) return this.#submitter.progress(from, { id, attempt, value });
    const key = tellingKey(asker);
    const telling = this.#telling.get(key);
    if (telling !== undefined) return telling.waiting.push(value);
    const waiting = new Newest<unknown>(limits.taskProgress);
    let settle: () => void = () => {};
    const over = new Promise<void>((resolve) => {
      settle = resolve;
    });
    this.#telling.set(key, { waiting, over });
    const end = () => {
      this.#telling.delete(key);
      settle();
    };
    const tell = (next: unknown) => {
      const onOutcome = () => {
        const following = waiting.shift();
        if (following === undefined) end();
        else tell(following.value);
      };
      const body = progressBody({ id, attempt, value: next });
      this.#say(from, PROGRESS_TOPIC, body, { orderKey: `${id}`, onOutcome }, end);
    };
    return tell(value);
  }

  /** A submitter that is not told would wait for ever. */
  #tellRoom(name: string, from: string): void {
    const served = this.#served.get(name);
    if (served === undefined) return;
    const load = served.pool.load(from);
    if (from === this.#node.name) return this.#submitter.room(from, { pool: name, load });
    const again = () => this.#tellRoom(name, from);
    this.#say(from, ROOM_TOPIC, roomBody(name, load), {}, (error) => {
      if (codeOf(error) !== 'ERR_QUEUE_FULL') return;
      this.#node.runtime.timers.after(limits.taskRetryMs, again, { unref: true });
    });
  }

  /** What cannot be sent is not: there is no link any more, or it holds too much. */
  #say(
    to: string,
    topic: string,
    body: unknown,
    options: TellOptions,
    failed: (error: unknown) => void,
  ): void {
    try {
      this.#node.send(to, topic, body, options);
    } catch (error) {
      trace('%s was not told of %s: %o', to, topic, error);
      failed(error);
    }
  }
}

function tellingKey({ from, id, attempt }: Asker): string {
  return `${from} ${id} ${attempt}`;
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}

function copyOf(value: unknown): unknown {
  const { encoding, body } = encodeOwnBody(value);
  return decodeBody(encoding, Buffer.from(body));
}

/**
 * Has a node submit tasks and serve pools. Once for each node; it ends with `close` of either.
 * @throws NodeError ERR_STATE: it has tasks already; ERR_CLOSED.
 */
export function startTasks(node: TaskNode): Tasks {
  return new Tasks(node);
}
