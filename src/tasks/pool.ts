/**
 * A pool as one of its members serves it: so many handlers at once, a few tasks that wait, and all
 * else refused, so that it is begun elsewhere. Without a clock or a link: `Tasks` connects it with
 * submitters.
 */
import { onAbort } from '../node/abort-listeners.js';
import { describeFailure } from '../node/messages.js';
import type { Load } from './dispatch-io.js';
import { Remembered, type RememberedLimits } from './remembered.js';
import type { RunAnswer, RunRequest } from './task-messages.js';
import { type Waiting, WaitingLine } from './waiting-line.js';

/** What a task's handler is told beside the body. */
export interface TaskContext {
  /** Full name of the node that submitted it. */
  readonly from: string;
  /** From 1. With more, a member that had it before was lost, or had not begun it. */
  readonly attempt: number;
  readonly priority: number;
  readonly key: string | null;
  /**
   * What it changes elsewhere should bear this key: then the same task, run again after its member
   * was lost, changes nothing more.
   */
  readonly idempotencyKey: string | null;
  /**
   * Aborted, with a NodeError as its reason, when nobody waits for the result any more:
   * ERR_CANCELLED (cancelled, or its deadline has passed), ERR_LINK_DOWN (the submitter is lost).
   */
  readonly signal: AbortSignal;
  /**
   * Tells the submitter how far it is: any body, heard before the result. Of much that waits, the
   * newest is told; of what comes when the handler is over, nothing.
   */
  readonly progress: (value: unknown) => void;
}

/**
 * Does the tasks of a pool: what it returns, or resolves to, is the result; what it throws, or
 * rejects with, makes the task fail with ERR_HANDLER.
 */
export type TaskHandler<Body = unknown, Result = unknown> = (
  body: Body,
  context: TaskContext,
) => Result | PromiseLike<Result>;

/** Who asked for one attempt. */
export interface Asker {
  readonly from: string;
  readonly id: number;
  readonly attempt: number;
}

/** What a pool is made of. */
export interface PoolSetup {
  readonly name: string;
  readonly handler: TaskHandler;
  readonly concurrency: number;
  readonly ahead: number;
  readonly limits: RememberedLimits & {
    readonly taskPriorities: number;
    readonly peers: number;
  };
  /** How many tasks this process is rid of, all its pools together; counts on. */
  readonly ended: { count: number };
  progress(asker: Asker, value: unknown): void;
  /** Tells a submitter how it is here: that there is room, or more of it. */
  room(from: string): void;
}

/** Figures of a pool that is served here. */
export interface PoolView {
  readonly pool: string;
  readonly concurrency: number;
  readonly running: number;
  readonly waiting: number;
  readonly isDraining: boolean;
}

interface Caller extends Asker {
  answer(answer: RunAnswer): void;
  unlisten(): void;
}

/** One task here. Several ask for it when it has an idempotency key and came again. */
interface Job extends Waiting {
  readonly request: RunRequest;
  /** Whose it counts as. */
  readonly from: string;
  readonly callers: Set<Caller>;
  readonly controller: AbortController;
  isRunning: boolean;
  /** What came again after it was given up: it is looked at anew when this run is over. */
  readonly after: (() => void)[];
}

export class Pool {
  readonly #setup: PoolSetup;
  readonly #line: WaitingLine<Job>;
  readonly #remembered: Remembered;
  readonly #byKey = new Map<string, Job>();
  /** Jobs by the submitter whose they count as. */
  readonly #byFrom = new Map<string, number>();
  /** Refused for want of room. */
  readonly #wanting = new Set<string>();
  /** How much of others each was told of last, where it was anything. */
  readonly #toldOthers = new Map<string, number>();
  #jobs = 0;
  #running = 0;
  #order = 0;
  #isDraining = false;
  #drained: (() => void)[] = [];

  constructor(setup: PoolSetup) {
    this.#setup = setup;
    this.#line = new WaitingLine(setup.limits.taskPriorities);
    this.#remembered = new Remembered(setup.limits);
  }

  get view(): PoolView {
    const { name: pool, concurrency } = this.#setup;
    const waiting = this.#line.length;
    return { pool, concurrency, running: this.#running, waiting, isDraining: this.#isDraining };
  }

  /** What a submitter is told of it. */
  load(from: string): Load {
    const others = this.#othersThan(from);
    const told = this.#toldOthers;
    told.delete(from);
    if (others > 0) told.set(from, others);
    // No more than can be linked at once: beyond that, who was told longest ago is gone.
    if (told.size > this.#setup.limits.peers) told.delete(told.keys().next().value as string);
    return { ended: this.#setup.ended.count, others };
  }

  #othersThan(from: string): number {
    return this.#jobs - (this.#byFrom.get(from) ?? 0);
  }

  /**
   * One attempt at a task.
   * @param signal aborted when the submitter waits no longer
   */
  accept(from: string, request: RunRequest, signal: AbortSignal): Promise<RunAnswer> {
    const { id, attempt } = request;
    return new Promise((resolve) => {
      const caller: Caller = { from, id, attempt, answer: resolve, unlisten: () => {} };
      this.#take(caller, request, signal);
    });
  }

  /** Takes no new ones and gives back what waits. Resolves when what runs is over. */
  drain(): Promise<void> {
    this.#isDraining = true;
    for (const job of [...this.#line]) {
      for (const caller of job.callers) this.#refuse(caller, false);
      this.#drop(job);
    }
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#drained.push(resolve));
  }

  #take(caller: Caller, request: RunRequest, signal: AbortSignal): void {
    const { idempotencyKey } = request;
    if (this.#isDraining || signal.aborted) return this.#refuse(caller, false);
    if (idempotencyKey !== null) {
      const known = this.#remembered.find(idempotencyKey);
      if (known !== undefined) return this.#done(caller, known.result);
      const same = this.#byKey.get(idempotencyKey);
      if (same?.controller.signal.aborted === true) {
        same.after.push(() => this.#take(caller, request, signal));
        return undefined;
      }
      if (same !== undefined) return this.#ask(same, caller, signal);
    }
    const { concurrency, ahead } = this.#setup;
    if (this.#jobs >= concurrency + ahead) {
      this.#wanting.add(caller.from);
      return this.#refuse(caller, true);
    }
    const job = this.#add(caller.from, request);
    this.#ask(job, caller, signal);
    if (this.#running < concurrency) void this.#start(job);
    else this.#line.add(job);
  }

  #add(from: string, request: RunRequest): Job {
    const { priority, idempotencyKey } = request;
    const controller = new AbortController();
    const state = { callers: new Set<Caller>(), controller, isRunning: false, after: [] };
    const job: Job = { request, from, priority, order: this.#order++, ...state };
    this.#jobs++;
    this.#byFrom.set(from, (this.#byFrom.get(from) ?? 0) + 1);
    if (idempotencyKey !== null) this.#byKey.set(idempotencyKey, job);
    return job;
  }

  /** One more who waits for it. */
  #ask(job: Job, caller: Caller, signal: AbortSignal): void {
    job.callers.add(caller);
    caller.unlisten = onAbort(signal, () => this.#leave(job, caller, signal.reason));
  }

  /** One less. */
  #leave(job: Job, caller: Caller, reason: unknown): void {
    this.#refuse(caller, false);
    job.callers.delete(caller);
    if (job.callers.size > 0) return;
    if (job.isRunning) job.controller.abort(reason);
    else {
      this.#drop(job);
      this.#tellRoom();
    }
  }

  async #start(job: Job): Promise<void> {
    this.#running++;
    job.isRunning = true;
    let outcome: Outcome;
    try {
      outcome = { value: await this.#setup.handler(job.request.body, this.#contextOf(job)) };
    } catch (error) {
      outcome = { error };
    }
    this.#over(job, outcome);
  }

  #contextOf(job: Job): TaskContext {
    const { request, from, controller, callers } = job;
    const { attempt, priority, key, idempotencyKey } = request;
    const progress = (value: unknown) => {
      if (!job.isRunning) return;
      for (const caller of callers) this.#setup.progress(caller, value);
    };
    const { signal } = controller;
    return { from, attempt, priority, key, idempotencyKey, signal, progress };
  }

  #over(job: Job, outcome: Outcome): void {
    const { idempotencyKey } = job.request;
    this.#running--;
    job.isRunning = false;
    this.#drop(job);
    const told = this.#remember(idempotencyKey, outcome);
    for (const caller of job.callers) {
      if ('value' in told) this.#done(caller, told.value);
      else this.#threw(caller, told.error);
    }
    this.#startNext();
    for (const again of job.after) again();
    this.#tellRoom();
    if (this.#running > 0 || !this.#isDraining) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** A result that cannot be remembered could not be told either. */
  #remember(key: string | null, outcome: Outcome): Outcome {
    if (key === null || !('value' in outcome)) return outcome;
    try {
      this.#remembered.add(key, outcome.value);
      return outcome;
    } catch (error) {
      return { error };
    }
  }

  /** It is not here any more. */
  #drop(job: Job): void {
    const { request, from } = job;
    this.#line.remove(job);
    this.#jobs--;
    this.#setup.ended.count++;
    const left = (this.#byFrom.get(from) ?? 0) - 1;
    if (left > 0) this.#byFrom.set(from, left);
    else this.#byFrom.delete(from);
    if (request.idempotencyKey !== null) this.#byKey.delete(request.idempotencyKey);
  }

  #startNext(): void {
    const next = this.#line.first;
    if (next === null || this.#running >= this.#setup.concurrency) return;
    this.#line.remove(next);
    void this.#start(next);
  }

  /**
   * Whoever was refused hears that there is room, and whoever heard of others that they have half
   * as much here: else it would leave this member alone for ever.
   */
  #tellRoom(): void {
    const { concurrency, ahead } = this.#setup;
    if (this.#isDraining || this.#jobs >= concurrency + ahead) return;
    const hearing = new Set(this.#wanting);
    this.#wanting.clear();
    for (const [from, others] of this.#toldOthers) {
      if (2 * this.#othersThan(from) <= others) hearing.add(from);
    }
    for (const from of hearing) {
      this.#toldOthers.delete(from);
      this.#setup.room(from);
    }
  }

  #done(caller: Caller, result: unknown): void {
    caller.unlisten();
    caller.answer({ type: 'done', load: this.load(caller.from), result });
  }

  #threw(caller: Caller, error: unknown): void {
    caller.unlisten();
    const { code, message } = describeFailure(error);
    caller.answer({ type: 'threw', load: this.load(caller.from), code, message });
  }

  #refuse(caller: Caller, isFull: boolean): void {
    caller.unlisten();
    caller.answer({ type: 'refused', load: this.load(caller.from), isFull });
  }
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };
