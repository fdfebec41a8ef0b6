/** Looks on at what the tasks of one process ask of their node: who is given which task. */
import type { TaskView } from '../../../src/tasks/dispatcher.js';
import type { TaskNode } from '../../../src/tasks/submitter.js';
import { HELLO_TOPIC, poolOf, RUN_TOPIC } from '../../../src/tasks/task-messages.js';
import type { SimWorker } from './dispatch-worker.js';
import type { DispatchWorld } from './dispatch-world.js';

/** Where the tasks of a key went last. */
interface Home {
  readonly member: string;
  readonly atMs: number;
}

export class Watch {
  readonly watched: TaskNode;
  readonly #world: DispatchWorld;
  readonly #worker: SimWorker;
  /** When the members of a pool last changed, as far as this process knows. */
  readonly #changedMs = new Map<string, number>();
  readonly #homes = new Map<string, Home>();

  constructor(world: DispatchWorld, worker: SimWorker, node: TaskNode) {
    this.#world = world;
    this.#worker = worker;
    this.watched = new Proxy(node, {
      get: (target, name) => {
        if (name === 'call') return this.#call(target);
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    node.observe((event, payload) => {
      if (event !== 'groupJoin' && event !== 'groupLeave') return;
      const pool = poolOf((payload as { group: string }).group);
      if (pool !== null) this.#changed(pool);
    });
  }

  #call(node: TaskNode): TaskNode['call'] {
    return (async (to: string, topic: string, body: unknown, options: object) => {
      if (topic === RUN_TOPIC) this.#given(to, body as [string, number]);
      const answered = node.call(to, topic, body, options);
      const heard = () => this.#heard(topic);
      answered.then(heard, heard);
      const answer = await answered;
      if (topic === HELLO_TOPIC) this.#changed(body as string);
      return answer;
    }) as TaskNode['call'];
  }

  /** The dispatcher is about to be told what became of a call. */
  #heard(topic: string): void {
    const { trace, time } = this.#world;
    if (this.#worker.process.isAlive) trace.event(time.nowMs, topic, this.#worker.process.name);
  }

  #changed(pool: string): void {
    this.#changedMs.set(pool, this.#world.time.nowMs);
  }

  /** A task goes to another node. */
  #given(to: string, [pool, id]: [string, number]): void {
    const { checker, time } = this.#world;
    const views = this.#worker.tasks?.submitted ?? [];
    const view = views.find((one) => one.id === id);
    if (view === undefined) return;
    const what = `${this.#worker.name} gives task ${id} of ${pool} to ${to}`;
    const { nowMs } = time;
    if (view.key === null) this.#judgeTurn(what, view, views);
    else this.#judgeHome(what, to, view, nowMs);
    const member = this.#world.memberOf(to);
    const others = views.filter((one) => one.member === to && one.pool === pool).length;
    if (member !== null && member.health.beganMs < nowMs - 5000) {
      const { concurrency, ahead } = member.sizes;
      if (others > concurrency + ahead) checker.violated(`${what}, which has ${others} of it`);
    }
  }

  /** Nothing more urgent waits. */
  #judgeTurn(what: string, view: TaskView, views: readonly TaskView[]): void {
    for (const { id, pool, key, member, priority } of views) {
      const isRival = pool === view.pool && key === null && member === null;
      if (!isRival || priority < view.priority) continue;
      const isOlder = priority > view.priority || id < view.id;
      if (isOlder) this.#world.checker.violated(`${what} before task ${id}`);
    }
  }

  /** Where the one before went, unless members have come or gone since. */
  #judgeHome(what: string, to: string, { pool, key }: TaskView, nowMs: number): void {
    const place = `${pool} ${key}`;
    const home = this.#homes.get(place);
    this.#homes.set(place, { member: to, atMs: nowMs });
    const changedMs = this.#changedMs.get(pool) ?? 0;
    if (home === undefined || home.member === to || changedMs >= home.atMs) return;
    this.#world.checker.violated(`${what}, and ${key} belongs to ${home.member}`);
  }
}
