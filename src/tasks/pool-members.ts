/** One pool as a submitter sees it: its members, and the tasks that wait for one of them. */
import { heaviest } from '../node/rendezvous.js';
import type { Load, TaskSpec } from './dispatch-io.js';
import { isBefore, type Waiting, WaitingLine } from './waiting-line.js';

/** One task that is not over. */
export interface Task extends Waiting {
  readonly spec: TaskSpec;
  readonly sinceMs: number;
  /** Number of the last attempt; 0 before the first. */
  attempt: number;
  /** Attempts of which nothing proves that they were not begun. */
  doubts: number;
  /** Where it is; null while it waits. */
  member: Member | null;
  line: WaitingLine<Task> | null;
}

/** One node that serves the pool. */
export interface Member {
  readonly name: string;
  concurrency: number;
  ahead: number;
  load: Load;
  /** Takes new ones. One that does not stays known for what it still has. */
  isMember: boolean;
  /** It has refused for want of room, and will say when it has some. */
  isFull: boolean;
  /** It could not be given one, and is left alone for a while. */
  isResting: boolean;
  /** Tasks of ours that it has. */
  outstanding: number;
  /** Those that wait for this member alone. */
  readonly keyed: WaitingLine<Task>;
}

export class PoolMembers {
  readonly name: string;
  /** Whoever was given one last stands last: of equal ones, each has its turn. */
  readonly #members = new Map<string, Member>();
  /** Without a key. */
  readonly #open: WaitingLine<Task>;
  /** With a key, while there is no member. */
  readonly #homeless: WaitingLine<Task>;
  readonly #priorities: number;
  #names: readonly string[] = [];

  constructor(name: string, priorities: number) {
    this.name = name;
    this.#priorities = priorities;
    this.#open = new WaitingLine(priorities);
    this.#homeless = new WaitingLine(priorities);
  }

  get members(): Iterable<Member> {
    return this.#members.values();
  }

  /** Nothing of it needs to be remembered. */
  get isEmpty(): boolean {
    return this.#members.size + this.#open.length + this.#homeless.length === 0;
  }

  find(name: string): Member | undefined {
    return this.#members.get(name);
  }

  /** A node serves this pool from now on, or tells it again. */
  join(name: string, told: Pick<Member, 'concurrency' | 'ahead' | 'load'>): Member {
    const known = this.#members.get(name);
    const state = { isMember: true, isFull: false, ...told };
    const keyed = known?.keyed ?? new WaitingLine<Task>(this.#priorities);
    const member = known ?? { name, isResting: false, outstanding: 0, keyed, ...state };
    const isNew = known?.isMember !== true;
    Object.assign(member, state);
    this.#members.set(name, member);
    if (isNew) this.#rehome();
    return member;
  }

  /** It takes no new ones. */
  leave(member: Member): void {
    if (!member.isMember) return;
    member.isMember = false;
    this.#rehome();
    this.forget(member);
  }

  /** One that takes none and has none need not be known. */
  forget(member: Member): void {
    if (!member.isMember && member.outstanding === 0) this.#members.delete(member.name);
  }

  /** Has a task wait. */
  add(task: Task): void {
    const { key } = task.spec;
    task.line = key === null ? this.#open : this.#homeOf(key);
    task.line.add(task);
  }

  /** It waits no longer. */
  remove(task: Task): void {
    task.line?.remove(task);
    task.line = null;
  }

  /** The lightest of those that may take one and have one to take; null when there is none. */
  next(mayTake: (member: Member) => boolean): { member: Member; task: Task } | null {
    let best: Member | null = null;
    const hasOpen = this.#open.length > 0;
    for (const member of this.#members.values()) {
      if (!hasOpen && member.keyed.length === 0) continue;
      if ((best === null || isLighter(member, best)) && mayTake(member)) best = member;
    }
    if (best === null) return null;
    this.#members.delete(best.name);
    this.#members.set(best.name, best);
    const [keyed, open] = [best.keyed.first, this.#open.first];
    if (keyed === null) return { member: best, task: open as Task };
    const task = open !== null && isBefore(open, keyed) ? open : keyed;
    return { member: best, task };
  }

  #homeOf(key: string): WaitingLine<Task> {
    return this.#members.get(heaviest(this.#names, key))?.keyed ?? this.#homeless;
  }

  /** Members have come or gone: each key that waits goes to whom it belongs now. */
  #rehome(): void {
    const all = [...this.#members.values()];
    this.#names = all.flatMap(({ name, isMember }) => (isMember ? [name] : [])).sort();
    const lines = [this.#homeless, ...all.map(({ keyed }) => keyed)];
    const tasks = lines.flatMap((line) => [...line]).sort((a, b) => a.order - b.order);
    for (const task of tasks) this.remove(task);
    for (const task of tasks) this.add(task);
  }
}

/** By how much of what they can do at once they have to do. */
function isLighter(one: Member, other: Member): boolean {
  const load = (member: Member) => member.outstanding + member.load.others;
  return load(one) * other.concurrency < load(other) * one.concurrency;
}
