/** One simulated process: a node with tasks, the pools it serves, and what it submits. */
import type { NodeEvents } from '../../../src/node/events.js';
import type { ClusterNode } from '../../../src/node/node.js';
import { startNodeIn } from '../../../src/node/start.js';
import type { Timer } from '../../../src/runtime/index.js';
import type { TaskContext } from '../../../src/tasks/pool.js';
import type { TaskHandle } from '../../../src/tasks/task-handle.js';
import { type ServedPool, startTasks, type Tasks } from '../../../src/tasks/tasks.js';
import { addressOf, PORT } from '../../../src/testing/model/network.js';
import { VirtualProcess } from '../../../src/testing/virtual-process.js';
import type { SeededRandom } from '../../random.js';
import { ProcessHealth } from '../node/health.js';
import { type Run, STEPS, type TaskRecord, type Work } from './dispatch-ledger.js';
import { Watch } from './dispatch-watch.js';
import type { DispatchWorld } from './dispatch-world.js';

/** The name of the node of a host. */
export const nameOf = (host: number) => `n${host}@h${host}`;

export const POOLS = ['p', 'q'] as const;
const TIMER_SLACK_MS = 0.3;
const KEY = Buffer.alloc(32, 1);
const PREFIX_BITS = 24;
/** A handler that heeds its signal would wait for so long. */
const HEED_MS = 20_000;

/** What the handlers of 'throw' throw. */
class WorkError extends Error {
  readonly code = 'E_WORK';
}

interface Serving {
  readonly pool: ServedPool;
  isDraining: boolean;
}

export class SimWorker {
  readonly host: number;
  readonly name: string;
  readonly process: VirtualProcess;
  readonly health: ProcessHealth;
  readonly sizes: { readonly concurrency: number; readonly ahead: number };
  /** Set a turn after its process has begun. */
  node: ClusterNode | null = null;
  tasks: Tasks | null = null;
  /** Links that have ended. */
  downs = 0;
  isClosing = false;
  isClosed = false;
  readonly #world: DispatchWorld;
  readonly #random: SeededRandom;
  readonly #serving = new Map<string, Serving>();
  readonly #running = new Map<string, number>();
  readonly #handles = new Map<TaskRecord, TaskHandle>();
  readonly #early: (() => void)[] = [];
  #servings = 0;
  #nextBurst: Timer | null = null;

  constructor(world: DispatchWorld, host: number, number: number) {
    const { time, trace, random, knobs, network } = world;
    this.#world = world;
    this.host = host;
    this.name = nameOf(host);
    this.health = new ProcessHealth(time.nowMs);
    this.process = new VirtualProcess({
      name: `${this.name}/${number}`,
      time,
      trace,
      random: random.fork(`process ${host}`),
      hasOwnOrigin: true,
      timerSlackMs: TIMER_SLACK_MS,
      onCrash: (_, error) => world.crashed(this.name, error),
    });
    this.#random = random.fork(`program ${host} ${number}`);
    this.process.lateness = this.#random.pick([0, 0, 0.01]);
    const concurrency = this.#random.whole(1, 4);
    this.sizes = { concurrency, ahead: this.#random.pick([0, 0, 1, 5]) };
    const planes = Array.from({ length: knobs.planes }, (_, plane) => addressOf(host, plane));
    const machine = {
      hostName: 'sim',
      addresses: planes.map((address) => ({ address, prefixBits: PREFIX_BITS })),
    };
    const transport = network.transport(host, this.process);
    this.process.turn(() => {
      startNodeIn(
        { runtime: this.process, transport, machine, aead: world.aead },
        { name: this.name, planes, key: KEY, label: 'sim', port: PORT },
      ).then(
        (node) => this.#started(node),
        (error) => world.crashed(this.name, error),
      );
    });
  }

  get isSubmitter(): boolean {
    return this.host < this.#world.knobs.submitters;
  }

  /** Handlers of a pool that run now. */
  running(pool: string): number {
    return this.#running.get(pool) ?? 0;
  }

  isDraining(pool: string): boolean {
    return this.#serving.get(pool)?.isDraining ?? true;
  }

  /** Whether it serves a pool and takes new tasks. */
  serves(pool: string): boolean {
    return this.#serving.get(pool)?.isDraining === false;
  }

  /** Has the program do something once its loop runs. */
  turn(callback: () => void): void {
    this.process.readable(() => {
      if (this.node !== null) callback();
      else this.#early.push(callback);
    });
  }

  stall(durationMs: number): void {
    this.health.stalled(this.#world.time.nowMs, durationMs);
    this.process.stall(durationMs);
  }

  serve(pool: string): void {
    const { tasks } = this;
    if (tasks === null || this.#serving.has(pool) || this.isClosing) return;
    const serving = ++this.#servings;
    const handler = (body: unknown, context: TaskContext) => this.#do(body, context, serving);
    const served = tasks.serve(pool, handler, this.sizes);
    this.#serving.set(pool, { pool: served, isDraining: false });
  }

  /** Takes no new tasks of a pool; serves it again some time after it is drained. */
  drain(pool: string, againMs: number | null): void {
    const serving = this.#serving.get(pool);
    const { ledger, time, checker } = this.#world;
    if (serving === undefined || serving.isDraining) return;
    serving.isDraining = true;
    ledger.counts.drains++;
    serving.pool.drain().then(
      () => {
        if (!this.process.isAlive) return;
        const left = this.running(pool);
        if (left > 0) checker.violated(`${this.name} is drained, and ${left} handlers run`);
        this.#serving.delete(pool);
        if (againMs === null) return;
        time.after(againMs, () => this.process.readable(() => this.serve(pool)));
      },
      (error) => this.#world.crashed(this.name, error),
    );
  }

  close(): void {
    this.isClosing = true;
    this.#nextBurst?.cancel();
    this.turn(() => {
      for (const serving of this.#serving.values()) serving.isDraining = true;
      const closing = this.tasks?.close().then(() => this.node?.close());
      closing?.then(
        () => {
          this.isClosed = true;
        },
        (error) => this.#world.crashed(this.name, error),
      );
    });
  }

  /** Submits a task; what becomes of it is noted. */
  submit(
    pool: string,
    work: Work,
    options: Partial<Pick<TaskRecord, 'delivery' | 'key' | 'idempotencyKey' | 'priority'>> & {
      readonly deadlineMs?: number | null;
    } = {},
  ): TaskRecord | null {
    const { ledger, time, trace, checker } = this.#world;
    if (this.tasks === null || this.isClosing) return null;
    const task: TaskRecord = {
      id: ledger.tasks.length,
      submitter: this,
      pool,
      work,
      ...{ delivery: 'at-least-once', key: null, idempotencyKey: null, priority: 0 },
      ...{ deadlineMs: null, ...options },
      submittedMs: time.nowMs,
      downsBefore: this.downs,
      runs: [],
      ...{ isCancelled: false, isSettled: false, isUnrun: false, told: null },
    };
    trace.event(time.nowMs, 'submit', this.process.name, task.id);
    ledger.submitted(task);
    const { delivery, key, idempotencyKey, priority, deadlineMs } = task;
    const handle = this.tasks.run(pool, task.id, {
      ...{ delivery, priority },
      ...(key === null ? {} : { key }),
      ...(idempotencyKey === null ? {} : { idempotencyKey }),
      ...(deadlineMs === null ? {} : { deadlineMs }),
    });
    this.#handles.set(task, handle);
    const over = (word: string, judge: () => void) => {
      trace.note(time.nowMs, word, this.process.name, task.id);
      this.#handles.delete(task);
      if (this.process.isAlive) judge();
    };
    handle.result.then(
      (result) => over('done', () => ledger.resolved(task, result)),
      (error) => over(String(error.code), () => ledger.rejected(task, error)),
    );
    if (work === 'tell') void this.#listen(task, handle).catch((e) => checker.violated(String(e)));
    return task;
  }

  cancel(task: TaskRecord): void {
    task.isCancelled = true;
    this.#handles.get(task)?.cancel();
  }

  async #listen(task: TaskRecord, handle: TaskHandle): Promise<void> {
    for await (const value of handle.progress) {
      if (!this.process.isAlive) return;
      this.#world.ledger.told(task, value);
    }
    const result = await handle.result.catch(() => null);
    if (this.process.isAlive && result !== null) this.#world.ledger.heard(task, result);
  }

  // --- handlers

  #do(body: unknown, context: TaskContext, serving: number): unknown {
    if (!this.process.isAlive) return new Promise(() => {});
    const { ledger, trace, time } = this.#world;
    const id = body as number;
    const task = ledger.tasks[id] as TaskRecord;
    trace.note(time.nowMs, 'run', this.process.name, id, context.attempt);
    const run = ledger.began(this, id, serving);
    const { pool, work } = task;
    this.#running.set(pool, this.running(pool) + 1);
    if (work === 'quick') return this.#end(run, true);
    return this.#work(work, run, context).then((isWell) => this.#end(run, isWell));
  }

  async #work(work: Work, run: Run, { signal, progress }: TaskContext): Promise<boolean> {
    const { workMs } = this.#world.knobs;
    if (work === 'heed') return this.#heed(signal);
    for (let step = 1; step <= (work === 'tell' ? STEPS : 1); step++) {
      await this.#sleep(this.#random.exponential(workMs));
      if (work === 'tell') progress({ run: run.number, step });
      if (work !== 'deaf' && signal.aborted) return false;
    }
    return work !== 'throw';
  }

  #heed(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.process.timers.after(HEED_MS, () => resolve(true));
      const aborted = () => {
        timer.cancel();
        resolve(false);
      };
      if (signal.aborted) aborted();
      else signal.addEventListener('abort', aborted);
    });
  }

  #end(run: Run, isWell: boolean): unknown {
    if (!this.process.isAlive) return null;
    const { pool } = run.task;
    this.#running.set(pool, this.running(pool) - 1);
    this.#world.ledger.ended(run, isWell ? 'returned' : 'threw');
    if (!isWell) throw new WorkError('as it is meant to');
    return run.number;
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.process.timers.after(delayMs, () => resolve());
    });
  }

  // --- the node

  #started(node: ClusterNode): void {
    if (!this.process.isAlive) return;
    this.node = node;
    this.#listenTo(node);
    this.tasks = startTasks(new Watch(this.#world, this, node).watched);
    for (const pool of POOLS) if (this.#random.chance(0.8)) this.serve(pool);
    const { knobs } = this.#world;
    for (let other = 0; other < knobs.nodes; other++) {
      if (other === this.host) continue;
      const addresses = Array.from({ length: knobs.planes }, (_, at) => addressOf(other, at));
      node.connect({ name: nameOf(other), addresses, port: PORT }).catch((error) => {
        if (error.code !== 'ERR_CLOSED') this.#world.crashed(this.name, error);
      });
    }
    for (const callback of this.#early.splice(0)) callback();
    if (this.isSubmitter) this.#burstLater();
  }

  #listenTo(node: ClusterNode): void {
    const { trace, time } = this.#world;
    const note = (what: string, event: NodeEvents['nodeup'][0] | NodeEvents['nodedown'][0]) => {
      trace.note(time.nowMs, `${what} ${event.name}`, this.process.name);
    };
    node.on('nodeup', (event) => note('nodeup', event));
    node.on('nodedown', (event) => {
      this.downs++;
      note('nodedown', event);
    });
    node.on('handlerError', ({ error }) => this.#world.crashed(this.name, error));
  }

  #burstLater(): void {
    const { knobs } = this.#world;
    const delayMs = this.#random.exponential(knobs.burstEveryMs);
    this.#nextBurst = this.process.timers.after(delayMs, () => {
      if (this.#world.isCalm || this.isClosing) return;
      this.#burst();
      this.#burstLater();
    });
  }

  #burst(): void {
    const random = this.#random;
    const { ledger, knobs } = this.#world;
    const count = random.whole(1, knobs.burst);
    for (let one = 0; one < count; one++) this.#submitAny();
    const open = ledger.openTasksOf(this);
    if (open.length > 0 && random.chance(0.2)) this.cancel(random.pick(open));
    const full = open.length > 300;
    // Nobody waits for ever: what nobody can do any more is given up.
    if (full) for (const task of open.slice(0, 100)) this.cancel(task);
  }

  #submitAny(): void {
    const random = this.#random;
    const isOnce = random.chance(0.4);
    const work = random.pick<Work>(['quick', 'sleep', 'sleep', 'throw', 'tell', 'heed', 'deaf']);
    const { ledger } = this.#world;
    const hasKey = !isOnce && random.chance(0.4);
    // Some come again, from here or from elsewhere.
    const number = random.chance(0.3) ? random.below(20) : ledger.tasks.length;
    this.submit(random.pick(POOLS), work, {
      delivery: isOnce ? 'at-most-once' : 'at-least-once',
      key: random.chance(0.3) ? random.pick(['x', 'y', 'z']) : null,
      idempotencyKey: hasKey ? `i${number}` : null,
      priority: random.pick([0, 0, 4, 9]),
      deadlineMs: work === 'heed' || random.chance(0.2) ? random.whole(1, 3000) : null,
    });
  }
}
