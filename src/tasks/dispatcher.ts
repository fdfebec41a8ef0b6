/**
 * Which member of a pool does which task, and when: a pure machine, one at each node that submits.
 * Every submitter decides by itself, from what members tell it with each answer; there is nothing
 * in between that could fail or be in the way.
 *
 * Members bound what they do themselves and refuse what is too much: a submitter is an optimist. It
 * gives a member as many tasks as it can do at once, whatever others give it. Where that was too
 * many the task comes back, and the member says when there is room.
 *
 * What has gone to a member is begun anew elsewhere when there is proof that it was not begun
 * there; without proof, only where the task may run twice. `dispatch-io.ts` has what goes in and
 * out.
 */
import type { TaskRan } from '../errors.js';
import { Fifo } from '../link/fifo.js';
import type {
  DispatchInput,
  DispatchLimits,
  DispatchOutput,
  Load,
  TaskEnd,
  TaskSpec,
} from './dispatch-io.js';
import { Due } from './due.js';
import { type Member, PoolMembers, type Task } from './pool-members.js';

type InputOf<T extends DispatchInput['type']> = Extract<DispatchInput, { readonly type: T }>;

/** A task as it is shown. */
export interface TaskView {
  readonly id: number;
  readonly pool: string;
  readonly key: string | null;
  readonly priority: number;
  readonly delivery: TaskSpec['delivery'];
  /** The node that has it; null while it waits. */
  readonly member: string | null;
  /** Attempts so far. */
  readonly attempt: number;
  /** Time since it was submitted. */
  readonly ageMs: number;
}

export class Dispatcher {
  readonly #limits: DispatchLimits;
  readonly #tasks = new Map<number, Task>();
  readonly #pools = new Map<string, PoolMembers>();
  readonly #stalled = new Set<string>();
  /** Deadlines of tasks, and ends of rests. */
  readonly #due = new Due<Task>();
  readonly #resting = new Due<Member>();
  readonly #outputs = new Fifo<DispatchOutput>();
  #isClosed = false;

  constructor(limits: DispatchLimits) {
    this.#limits = limits;
  }

  step(nowMs: number, input: DispatchInput): void {
    // A loop that is late may have had more to do than its tick: nothing begins after its time.
    const isAnyone = this.#expire(nowMs);
    this.#take(nowMs, input);
    if (isAnyone) this.#pumpAll();
  }

  /** The next output, or null. */
  poll(): DispatchOutput | null {
    return this.#outputs.shift() ?? null;
  }

  /** When it wants a tick; null for never. */
  deadline(): number | null {
    const [due, rest] = [this.#due.atMs, this.#resting.atMs];
    return due === null || rest === null ? (due ?? rest) : Math.min(due, rest);
  }

  /** Tasks that are not over. */
  get size(): number {
    return this.#tasks.size;
  }

  /** The same as they are shown, the oldest first. */
  view(nowMs: number): readonly TaskView[] {
    return Array.from(this.#tasks.values(), ({ spec, member, attempt, sinceMs }) => {
      const { id, pool, key, priority, delivery } = spec;
      const at = member?.name ?? null;
      return { id, pool, key, priority, delivery, member: at, attempt, ageMs: nowMs - sinceMs };
    });
  }

  #take(nowMs: number, input: DispatchInput): void {
    switch (input.type) {
      case 'submit':
        return this.#submit(nowMs, input.task);
      case 'cancel':
        return this.#cancel(input.id);
      case 'member':
        return this.#join(input);
      case 'gone':
        return this.#leave(input.pool, input.name);
      case 'stalled':
        this.#stalled.add(input.name);
        return undefined;
      case 'resumed':
        this.#stalled.delete(input.name);
        return this.#pumpAll();
      case 'down':
        this.#stalled.delete(input.name);
        for (const pool of [...this.#pools.keys()]) this.#leave(pool, input.name);
        return undefined;
      case 'room':
        return this.#room(input);
      case 'answered':
      case 'refused':
      case 'lost':
      case 'unfit':
        return this.#ended(nowMs, input);
      case 'close':
        return this.#close();
      case 'tick':
        return undefined;
    }
  }

  #submit(nowMs: number, spec: TaskSpec): void {
    const { id, priority, deadlineMs } = spec;
    const refuse = (code: 'ERR_CLOSED' | 'ERR_QUEUE_FULL', why: string) => {
      this.#tell({ type: 'settle', id, end: { type: 'failed', code, ran: 'no', why } });
    };
    if (this.#isClosed) return refuse('ERR_CLOSED', 'closed');
    const { tasks } = this.#limits;
    if (this.#tasks.size >= tasks) return refuse('ERR_QUEUE_FULL', `${tasks} are not over`);
    const at = { attempt: 0, doubts: 0, member: null, line: null };
    const task: Task = { spec, sinceMs: nowMs, priority, order: id, ...at };
    this.#tasks.set(id, task);
    if (deadlineMs !== null) this.#due.add(nowMs + deadlineMs, task);
    const pool = this.#pool(spec.pool);
    pool.add(task);
    this.#pump(pool);
  }

  #cancel(id: number): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    this.#giveUp(task, 'ERR_CANCELLED', 'cancelled');
    this.#pump(this.#pool(task.spec.pool));
  }

  /** @returns Whether anything changed. */
  #expire(nowMs: number): boolean {
    let isAnyone = false;
    for (let task = this.#due.take(nowMs); task !== null; task = this.#due.take(nowMs)) {
      this.#giveUp(task, 'ERR_TIMEOUT', `not done within ${task.spec.deadlineMs} ms`);
      isAnyone = true;
    }
    for (let one = this.#resting.take(nowMs); one !== null; one = this.#resting.take(nowMs)) {
      one.isResting = false;
      isAnyone = true;
    }
    return isAnyone;
  }

  #close(): void {
    this.#isClosed = true;
    for (const task of [...this.#tasks.values()]) this.#giveUp(task, 'ERR_CLOSED', 'closed');
    for (const pool of this.#pools.values()) {
      for (const member of pool.members) this.#resting.remove(member);
    }
    this.#pools.clear();
  }

  /**
   * Nobody waits for it any more, wherever it is. Where its handler runs on, the next one comes
   * back, and the member says when it has ended.
   */
  #giveUp(task: Task, code: 'ERR_CANCELLED' | 'ERR_CLOSED' | 'ERR_TIMEOUT', why: string): void {
    const { spec, attempt, member } = task;
    const pool = this.#pool(spec.pool);
    const ran: TaskRan = member !== null || task.doubts > 0 ? 'perhaps' : 'no';
    if (member === null) pool.remove(task);
    else {
      this.#tell({ type: 'abort', id: spec.id, attempt });
      this.#free(pool, task, member);
    }
    this.#settle(task, { type: 'failed', code, ran, why });
  }

  #join({ pool: name, name: member, concurrency, ahead, load }: InputOf<'member'>): void {
    if (this.#isClosed) return;
    const pool = this.#pool(name);
    this.#rested(pool.join(member, { concurrency, ahead, load }));
    this.#pump(pool);
  }

  #leave(poolName: string, name: string): void {
    const pool = this.#pools.get(poolName);
    const member = pool?.find(name);
    if (pool === undefined || member === undefined) return;
    this.#rested(member);
    pool.leave(member);
    this.#pump(pool);
  }

  #room({ pool: poolName, name, load }: InputOf<'room'>): void {
    const pool = this.#pools.get(poolName);
    const member = pool?.find(name);
    if (pool === undefined || member === undefined || !isNews(member, load)) return;
    member.load = load;
    member.isFull = false;
    this.#pump(pool);
  }

  /** What became of an attempt. */
  #ended(nowMs: number, input: InputOf<'answered' | 'refused' | 'lost' | 'unfit'>): void {
    const task = this.#tasks.get(input.id);
    const member = task?.member;
    if (task === undefined || !member || task.attempt !== input.attempt) return;
    const pool = this.#pool(task.spec.pool);
    this.#free(pool, task, member);
    switch (input.type) {
      case 'answered':
        if (isNews(member, input.load)) this.#hear(member, input.load, false);
        this.#settle(task, { type: 'answered', answer: input.answer });
        break;
      case 'refused':
        // One that says it is full may have said since that it is not.
        if (!input.isFull) this.#rest(nowMs, member);
        else if (isNews(member, input.load)) this.#hear(member, input.load, true);
        pool.add(task);
        break;
      case 'lost':
        this.#rest(nowMs, member);
        this.#lost(pool, task, input.mayHaveRun);
        break;
      case 'unfit':
        this.#settle(task, { type: 'unfit', error: input.error });
        break;
    }
    this.#pump(pool);
  }

  #hear(member: Member, load: Load, isFull: boolean): void {
    member.load = load;
    member.isFull = isFull;
  }

  #lost(pool: PoolMembers, task: Task, mayHaveRun: boolean): void {
    if (mayHaveRun) task.doubts++;
    const { taskAttempts } = this.#limits;
    const isOnce = task.spec.delivery === 'at-most-once';
    if (task.doubts === 0 || (!isOnce && task.doubts < taskAttempts)) return pool.add(task);
    const times = isOnce ? 'and must not run twice' : `for the ${taskAttempts}th time`;
    const why = `its member was lost, ${times}`;
    this.#settle(task, { type: 'failed', code: 'ERR_OUTCOME_UNKNOWN', ran: 'perhaps', why });
  }

  /** An attempt is over. */
  #free(pool: PoolMembers, task: Task, member: Member): void {
    task.member = null;
    member.outstanding--;
    pool.forget(member);
  }

  #settle(task: Task, end: TaskEnd): void {
    const { id } = task.spec;
    this.#tasks.delete(id);
    this.#due.remove(task);
    this.#tell({ type: 'settle', id, end });
  }

  /** To try again at once would be to try for ever within one turn. */
  #rest(nowMs: number, member: Member): void {
    if (!member.isMember || member.isResting) return;
    member.isResting = true;
    this.#resting.add(nowMs + this.#limits.taskRetryMs, member);
  }

  #rested(member: Member): void {
    member.isResting = false;
    this.#resting.remove(member);
  }

  #pool(name: string): PoolMembers {
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      pool = new PoolMembers(name, this.#limits.taskPriorities);
      this.#pools.set(name, pool);
    }
    return pool;
  }

  #pumpAll(): void {
    for (const pool of [...this.#pools.values()]) this.#pump(pool);
  }

  /** Gives out what can be given out. */
  #pump(pool: PoolMembers): void {
    for (let next = pool.next(this.#mayTake); next !== null; next = pool.next(this.#mayTake)) {
      const { member, task } = next;
      pool.remove(task);
      task.member = member;
      task.attempt++;
      member.outstanding++;
      const { id } = task.spec;
      this.#tell({ type: 'run', id, attempt: task.attempt, member: member.name });
    }
    if (pool.isEmpty) this.#pools.delete(pool.name);
  }

  readonly #mayTake = (member: Member): boolean =>
    member.isMember &&
    !member.isFull &&
    !member.isResting &&
    !this.#stalled.has(member.name) &&
    member.outstanding < member.concurrency + member.ahead;

  #tell(output: DispatchOutput): void {
    this.#outputs.push(output);
  }
}

/** Whether this was said after, or with, the last that was heard of a member. */
function isNews({ load }: Member, { ended }: Load): boolean {
  return ended >= load.ended;
}
