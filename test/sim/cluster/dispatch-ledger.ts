/** All tasks and all runs of their handlers, and whether what became of them was promised. */
import { limits } from '../../../src/limits.js';
import type { Delivery } from '../../../src/tasks/dispatch-io.js';
import { LATEST_TIMER_MS } from '../../../src/testing/virtual-process.js';
import type { SimWorker } from './dispatch-worker.js';

/** What a handler does with a task. */
export type Work = 'quick' | 'sleep' | 'throw' | 'tell' | 'heed' | 'deaf';

/** One task, as its submitter knows it. */
export interface TaskRecord {
  readonly id: number;
  readonly submitter: SimWorker;
  readonly pool: string;
  readonly work: Work;
  readonly delivery: Delivery;
  readonly key: string | null;
  readonly idempotencyKey: string | null;
  readonly priority: number;
  readonly deadlineMs: number | null;
  readonly submittedMs: number;
  /** Links of its submitter that had ended before. */
  readonly downsBefore: number;
  readonly runs: Run[];
  isCancelled: boolean;
  isSettled: boolean;
  /** It was reported that it never ran. */
  isUnrun: boolean;
  /** Of what was told of its progress: the last run, and the last step of it. */
  told: { readonly run: number; readonly step: number } | null;
}

/** One run of a handler. */
export interface Run {
  readonly number: number;
  readonly task: TaskRecord;
  readonly worker: SimWorker;
  readonly beganMs: number;
  /** Of the pool as it was served then. */
  readonly serving: number;
  end: 'returned' | 'threw' | null;
}

/** How often a handler of 'tell' tells how far it is, the last time when it is done. */
export const STEPS = 4;
/** Between what is due and what is told: late timers, and the turn in which it is told. */
const LATE_MS = LATEST_TIMER_MS + 20;

export class DispatchLedger {
  readonly counts = {
    ...{ submitted: 0, done: 0, handlerFailed: 0, timedOut: 0, cancelled: 0, unknown: 0 },
    ...{ full: 0, ranAgain: 0, shared: 0, steps: 0, drains: 0, unrun: 0 },
  };
  readonly tasks: TaskRecord[] = [];
  readonly #runs: Run[] = [];
  /** What members did under an idempotency key, by member, and by serving and key. */
  readonly #byKey = new Map<SimWorker, Map<string, Run[]>>();
  /** Tasks that are not over, of submitters that live. */
  readonly #open = new Map<SimWorker, Set<TaskRecord>>();
  /** What was changed elsewhere, by idempotency key. */
  readonly #effects = new Map<string, number>();
  readonly #nowMs: () => number;
  readonly #violated: (what: string) => void;

  constructor(nowMs: () => number, violated: (what: string) => void) {
    this.#nowMs = nowMs;
    this.#violated = violated;
  }

  /** How many of a submitter are not over. */
  openOf(submitter: SimWorker): number {
    return this.#open.get(submitter)?.size ?? 0;
  }

  openTasksOf(submitter: SimWorker): TaskRecord[] {
    return [...(this.#open.get(submitter) ?? [])];
  }

  /** One that is not over; undefined: all are. */
  get open(): TaskRecord | undefined {
    for (const [task] of this.#open.values()) if (task !== undefined) return task;
    return undefined;
  }

  // --- what submitters see

  submitted(task: TaskRecord): void {
    this.tasks.push(task);
    const open = this.#open.get(task.submitter);
    if (open === undefined) this.#open.set(task.submitter, new Set([task]));
    else open.add(task);
    this.counts.submitted++;
  }

  /** A submitter was killed: nobody waits for its tasks any more. */
  gone(worker: SimWorker): void {
    this.#open.delete(worker);
    this.#byKey.delete(worker);
  }

  resolved(task: TaskRecord, result: unknown): void {
    const what = this.#over(task);
    const run = this.#runs[Number(result)];
    this.counts.done++;
    if (run === undefined || run.end !== 'returned') {
      return this.#violated(`${what} has the result of no run`);
    }
    const isSame = run.task === task;
    if (!isSame) this.counts.shared++;
    const key = task.idempotencyKey;
    if (!isSame && (key === null || run.task.idempotencyKey !== key)) {
      this.#violated(`${what} has the result of task ${run.task.id}`);
    }
    if (key !== null && this.#effects.get(key) !== 1) {
      this.#violated(`${what} is done, and changed ${this.#effects.get(key) ?? 0} things`);
    }
  }

  rejected(task: TaskRecord, error: unknown): void {
    const { code, ran } = error as { code?: string; ran?: string };
    const what = `${this.#over(task)} ended as ${code}`;
    if (ran === 'no') {
      task.isUnrun = true;
      this.counts.unrun++;
      if (task.runs.length > 0) this.#violated(`${what}, ran: no, and it ran`);
    }
    switch (code) {
      case 'ERR_HANDLER':
        this.counts.handlerFailed++;
        if (!task.runs.some(({ end }) => end === 'threw') && task.idempotencyKey === null) {
          this.#violated(`${what}, and no handler has thrown`);
        }
        return;
      case 'ERR_TIMEOUT':
        this.counts.timedOut++;
        if (this.#nowMs() < this.#dueMs(task) - 1) this.#violated(`${what} before its time`);
        return;
      case 'ERR_CANCELLED':
        this.counts.cancelled++;
        if (!task.isCancelled) this.#violated(`${what}, and nobody has cancelled it`);
        return;
      case 'ERR_OUTCOME_UNKNOWN':
        this.counts.unknown++;
        return this.#judgeUnknown(task, what);
      case 'ERR_QUEUE_FULL':
        this.counts.full++;
        if (this.openOf(task.submitter) < limits.tasks) this.#violated(`${what} without need`);
        return;
      case 'ERR_CLOSED':
        if (!task.submitter.isClosing) this.#violated(`${what}, and it was not closed`);
        return;
      default:
        this.#violated(`${what}: ${String(error)}`);
    }
  }

  /** A task may be called lost only where links have ended since it was submitted. */
  #judgeUnknown({ submitter, downsBefore, delivery }: TaskRecord, what: string): void {
    const downs = submitter.downs - downsBefore;
    const least = delivery === 'at-most-once' ? 1 : limits.taskAttempts;
    if (downs < least) this.#violated(`${what} after ${downs} ends of links`);
  }

  /** How far a task is, as its submitter was told. */
  told(task: TaskRecord, value: unknown): void {
    const { run, step } = value as { run: number; step: number };
    const what = `task ${task.id} is told step ${step} of run ${run}`;
    this.counts.steps++;
    const of = this.#runs[run]?.task;
    if (of !== task && of?.idempotencyKey !== task.idempotencyKey) {
      return this.#violated(`${what}, which is not its own`);
    }
    if (task.told?.run === run && step <= task.told.step) {
      this.#violated(`${what} after ${task.told.step}`);
    }
    task.told = { run, step };
  }

  /** A task is over and well, and its submitter has read all that was told of it. */
  heard(task: TaskRecord, result: unknown): void {
    // One that comes again to where it was done is told what it missed by nobody.
    if (task.idempotencyKey !== null) return;
    const { run, step } = task.told ?? { run: null, step: 0 };
    if (run === result && step === STEPS) return;
    this.#violated(`task ${task.id} has the result of run ${result}, and heard step ${step} of it`);
  }

  // --- what members see

  /** A handler is called. */
  began(worker: SimWorker, id: number, serving: number): Run {
    const task = this.tasks[id] as TaskRecord;
    const { pool, idempotencyKey } = task;
    const what = `task ${id} begins at ${worker.name}`;
    const place = { task, worker, beganMs: this.#nowMs(), serving };
    const run: Run = { number: this.#runs.length, ...place, end: null };
    if (task.runs.length > 0) {
      this.counts.ranAgain++;
      if (task.delivery === 'at-most-once') this.#violated(`${what}, and had begun already`);
    }
    if (task.isUnrun) this.#violated(`${what} after it was reported that it never will`);
    if (worker.isDraining(pool)) this.#violated(`${what}, which drains`);
    const running = worker.running(pool);
    const { concurrency } = worker.sizes;
    if (running >= concurrency) this.#violated(`${what} beside ${running} others`);
    if (idempotencyKey !== null) this.#judgeAgain(run, idempotencyKey, what);
    this.#runs.push(run);
    task.runs.push(run);
    return run;
  }

  /** A member does not do again what it does, or has done. */
  #judgeAgain(run: Run, key: string, what: string): void {
    const { worker, serving, task } = run;
    const place = `${serving} ${task.pool} ${key}`;
    const all = this.#byKey.get(worker) ?? new Map<string, Run[]>();
    const others = all.get(place) ?? [];
    for (const { end } of others) {
      if (end === null) this.#violated(`${what} while ${key} is done there`);
      if (end === 'returned') this.#violated(`${what}, and ${key} was done there`);
    }
    this.#byKey.set(worker, all.set(place, [...others, run]));
  }

  ended(run: Run, end: 'returned' | 'threw'): void {
    run.end = end;
    const { idempotencyKey } = run.task;
    if (end !== 'returned' || idempotencyKey === null) return;
    // As a row with this primary key: it is there once, however often it is written.
    this.#effects.set(idempotencyKey, 1);
  }

  // --- what must have been told by now

  look(): void {
    for (const open of this.#open.values()) for (const task of open) this.#lookAt(task);
  }

  #lookAt(task: TaskRecord): void {
    const lateMs = this.#nowMs() - this.#dueMs(task);
    if (lateMs <= LATE_MS) return;
    const { health } = task.submitter;
    const blockedMs = health.stalledMs(task.submittedMs, this.#nowMs(), 0);
    if (lateMs <= blockedMs + LATE_MS) return;
    this.#violated(`task ${task.id} has no end ${lateMs.toFixed(0)} ms after its deadline`);
  }

  #dueMs({ submittedMs, deadlineMs }: TaskRecord): number {
    return deadlineMs === null ? Number.POSITIVE_INFINITY : submittedMs + deadlineMs;
  }

  #over(task: TaskRecord): string {
    const what = `task ${task.id} of ${task.submitter.name}`;
    if (task.isSettled) this.#violated(`${what} ends twice`);
    task.isSettled = true;
    this.#open.get(task.submitter)?.delete(task);
    return what;
  }
}
