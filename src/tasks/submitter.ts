/**
 * Tasks that this node submits: connects the dispatcher with the node and the time. It decides
 * nothing: what has happened becomes an input, what the machine wants done is done.
 */
import { type ErrorCode, NodeError, TaskError } from '../errors.js';
import { limits } from '../limits.js';
import { onAbort } from '../node/abort-listeners.js';
import { Alarm } from '../node/alarm.js';
import { CallError, CallLostError } from '../node/calls.js';
import type { ClusterNode } from '../node/node.js';
import type { Observed, ObservedEvent } from '../node/observers.js';
import type { DispatchInput, DispatchOutput, TaskEnd } from './dispatch-io.js';
import { Dispatcher, type TaskView } from './dispatcher.js';
import { TaskHandle } from './task-handle.js';
import {
  groupOf,
  HELLO_TOPIC,
  type Hello,
  type Progress,
  poolOf,
  RUN_TOPIC,
  type RunAnswer,
  type RunRequest,
  readAnswer,
  readHello,
  requestBody,
} from './task-messages.js';
import type { CheckedTask } from './task-options.js';

/** What of a node a submitter needs. */
export type TaskNode = Pick<
  ClusterNode,
  'name' | 'call' | 'send' | 'handle' | 'join' | 'leave' | 'members' | 'observe' | 'runtime'
>;

/** Members of this node itself: it has no link with itself. */
export interface OwnPools {
  hello(pool: string, from: string): Hello | null;
  run(from: string, request: RunRequest, signal: AbortSignal): Promise<RunAnswer>;
}

interface Entry {
  readonly request: Omit<RunRequest, 'attempt'>;
  readonly handle: TaskHandle;
  /** Ends the attempt that is under way. */
  readonly controller: AbortController;
  /** The program's own. */
  readonly signal: AbortSignal | undefined;
  attempt: number;
  member: string;
  unlisten(): void;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A task may take any time; its own deadline is kept by the machine. */
const UNBOUNDED = { deadlineMs: limits.deadlineMaxMs };
/** Said where a member could not say how it is. */
const NO_LOAD = { ended: 0, others: 0 };
/** Errors of a call that was never sent. */
const UNSENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_NO_LINK',
  'ERR_QUEUE_FULL',
  'ERR_NO_HANDLER',
  'ERR_CLOSED',
]);
/** Errors of a body that no member will ever get. */
const UNFIT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['ERR_ARGUMENT', 'ERR_MESSAGE_TOO_LARGE']);

export class Submitter {
  readonly #node: TaskNode;
  readonly #own: OwnPools;
  readonly #machine = new Dispatcher(limits);
  readonly #alarm: Alarm;
  readonly #entries = new Map<number, Entry>();
  /** Pools that tasks were submitted to: of these, members are asked how many they take. */
  readonly #known = new Set<string>();
  #lastId = 0;
  #isClosed = false;

  constructor(node: TaskNode, own: OwnPools) {
    this.#node = node;
    this.#own = own;
    this.#alarm = new Alarm(node.runtime, () => this.#step({ type: 'tick' }));
  }

  /** Tasks that are not over. */
  get view(): readonly TaskView[] {
    return this.#machine.view(this.#node.runtime.clock.turnMs());
  }

  /** @throws NodeError ERR_LIMIT, ERR_CLOSED. */
  run(pool: string, body: unknown, checked: CheckedTask): TaskHandle {
    this.#know(pool);
    const { signal, idempotencyKey, ...spec } = checked;
    const { key, priority } = spec;
    const id = ++this.#lastId;
    const cancel = () => this.#step({ type: 'cancel', id });
    let settle!: Pick<Entry, 'resolve' | 'reject'>;
    const result = new Promise<unknown>((resolve, reject) => {
      settle = { resolve, reject };
    });
    const entry: Entry = {
      request: { pool, id, priority, key, idempotencyKey, body },
      handle: new TaskHandle(id, pool, result, cancel),
      controller: new AbortController(),
      signal,
      attempt: 0,
      member: '',
      unlisten: signal === undefined ? () => {} : onAbort(signal, cancel),
      ...settle,
    };
    if (signal?.aborted === true) {
      settleWith(entry, { type: 'failed', code: 'ERR_CANCELLED', ran: 'no', why: 'cancelled' });
      return entry.handle;
    }
    this.#entries.set(id, entry);
    this.#step({ type: 'submit', task: { id, pool, ...spec } });
    return entry.handle;
  }

  /** A member tells how far a task is. */
  progress(from: string, { id, attempt, value }: Progress): void {
    const entry = this.#entries.get(id);
    if (entry?.attempt === attempt && entry.member === from) entry.handle.tell(value);
  }

  /** Whatever the node says. */
  heard<K extends ObservedEvent>(event: K, payload: Observed<K>): void {
    switch (event) {
      case 'groupJoin': {
        const { group, name } = payload as Observed<'groupJoin'>;
        const pool = poolOf(group);
        if (pool !== null && this.#known.has(pool)) this.#greet(pool, name);
        return;
      }
      case 'groupLeave': {
        const { group, name } = payload as Observed<'groupLeave'>;
        const pool = poolOf(group);
        if (pool !== null) this.#step({ type: 'gone', pool, name });
        return;
      }
      case 'stalled':
      case 'resumed':
        return this.#step({ type: event, ...(payload as Observed<'stalled'>) });
      case 'nodedown':
        return this.#step({ type: 'down', name: (payload as Observed<'nodedown'>).name });
      case 'closed':
        return this.close();
    }
  }

  /** As `room` of the machine. */
  room(name: string, told: { readonly pool: string; readonly load: Hello['load'] }): void {
    this.#step({ type: 'room', name, ...told });
  }

  /** Gives up all that is not over. */
  close(): void {
    if (this.#isClosed) return;
    this.#step({ type: 'close' });
    this.#isClosed = true;
    this.#alarm.set(null);
  }

  #know(pool: string): void {
    if (this.#isClosed) throw new NodeError('ERR_CLOSED', 'tasks of this node are closed');
    if (this.#known.has(pool)) return;
    if (this.#known.size >= limits.taskPools) {
      throw new NodeError('ERR_LIMIT', `tasks go to at most ${limits.taskPools} pools`);
    }
    this.#known.add(pool);
    for (const name of this.#node.members(groupOf(pool))) this.#greet(pool, name);
  }

  /** Asks a member how many it takes. */
  #greet(pool: string, name: string): void {
    const tell = (hello: Hello | null) => {
      if (this.#isClosed || !this.#node.members(groupOf(pool)).includes(name)) return;
      if (hello === null) this.#greetLater(pool, name);
      else this.#step({ type: 'member', pool, name, ...hello });
    };
    if (name === this.#node.name) {
      // Nothing begins before whoever serves it has returned.
      return this.#node.runtime.timers.soon(() => tell(this.#own.hello(pool, name)));
    }
    const told = this.#node.call(name, HELLO_TOPIC, pool, UNBOUNDED).then(readHello);
    told.then(tell, () => tell(null));
    return undefined;
  }

  #greetLater(pool: string, name: string): void {
    const again = () => {
      const isMember = this.#node.members(groupOf(pool)).includes(name);
      if (!this.#isClosed && isMember) this.#greet(pool, name);
    };
    this.#node.runtime.timers.after(limits.taskRetryMs, again, { unref: true });
  }

  #step(input: DispatchInput): void {
    if (this.#isClosed) return;
    const machine = this.#machine;
    machine.step(this.#node.runtime.clock.turnMs(), input);
    for (let output = machine.poll(); output !== null; output = machine.poll()) this.#do(output);
    this.#alarm.set(machine.deadline());
  }

  #do(output: DispatchOutput): void {
    const entry = this.#entries.get(output.id);
    if (entry === undefined) return;
    switch (output.type) {
      case 'run':
        entry.attempt = output.attempt;
        entry.member = output.member;
        entry.handle.began(output.member, output.attempt);
        return this.#run(entry);
      case 'abort':
        return entry.controller.abort(givenUp());
      case 'settle':
        this.#entries.delete(output.id);
        return settleWith(entry, output.end);
    }
  }

  #run(entry: Entry): void {
    const { request, attempt, member, controller } = entry;
    const { id } = request;
    const { name } = this.#node;
    const { signal } = controller;
    const ask = (): Promise<RunAnswer> => {
      const asked = { ...request, attempt };
      if (member === name) return this.#own.run(name, asked, signal);
      // A key of its own: a large one holds up no other.
      const options = { ...UNBOUNDED, signal, orderKey: `${id}` };
      return this.#node.call(member, RUN_TOPIC, requestBody(asked), options).then(readAnswer);
    };
    ask().then(
      (answer) => this.#step(inputOf({ id, attempt }, answer)),
      (error: unknown) => this.#step(failureOf({ id, attempt }, error)),
    );
  }
}

/** Why a handler's signal is aborted where its submitter is this node itself. */
function givenUp(): NodeError {
  return new NodeError('ERR_CANCELLED', 'nobody waits for the result any more');
}

type Which = { readonly id: number; readonly attempt: number };

function inputOf(which: Which, answer: RunAnswer): DispatchInput {
  const { load } = answer;
  if (answer.type !== 'refused') return { type: 'answered', ...which, answer, load };
  return { type: 'refused', ...which, isFull: answer.isFull, load };
}

/** What a call that failed proves of its task. */
function failureOf(which: Which, error: unknown): DispatchInput {
  const { code } = error as { code?: ErrorCode };
  if (error instanceof CallLostError) {
    return { type: 'lost', ...which, mayHaveRun: error.outcome !== 'unsent' };
  }
  const isUnheard = error instanceof CallError && error.remoteCode === 'ERR_QUEUE_FULL';
  // It has run, and there was no room for its result.
  if (isUnheard) return { type: 'lost', ...which, mayHaveRun: true };
  // The member itself failed to answer: the result cannot be sent.
  if (error instanceof CallError && code === 'ERR_HANDLER') {
    const { remoteCode, remoteMessage: message } = error;
    const answer: RunAnswer = { type: 'threw', load: NO_LOAD, code: remoteCode, message };
    return { type: 'answered', ...which, answer, load: NO_LOAD };
  }
  if (code !== undefined && UNFIT.has(code)) return { type: 'unfit', ...which, error };
  return { type: 'lost', ...which, mayHaveRun: code === undefined || !UNSENT.has(code) };
}

function settleWith(entry: Entry, end: TaskEnd): void {
  const { request, signal, resolve, reject } = entry;
  const what = `task ${request.id} of pool ${request.pool}`;
  entry.unlisten();
  entry.handle.over();
  if (end.type === 'unfit') return reject(end.error as Error);
  if (end.type === 'failed') {
    const { code, ran, why } = end;
    const isSignalled = code === 'ERR_CANCELLED' && signal?.aborted === true;
    const details = isSignalled ? { ran, cause: signal.reason as unknown } : { ran };
    return reject(new TaskError(code, `${what}: ${why}`, details));
  }
  const answer = end.answer as RunAnswer;
  if (answer.type === 'done') return resolve(answer.result);
  if (answer.type !== 'threw') return undefined;
  const { code, message } = answer;
  const details = { ran: 'yes', remoteCode: code } as const;
  return reject(new TaskError('ERR_HANDLER', `${what}: ${message}`, details));
}
