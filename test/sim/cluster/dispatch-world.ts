/** The world of tasks of one seed: who submits and who serves, what goes wrong, what held. */
import { SimNetwork } from '../../../src/testing/model/network.js';
import { VirtualTime } from '../../../src/testing/virtual-time.js';
import { SeededRandom } from '../../random.js';
import { setLimits } from '../core/limits.js';
import { settle } from '../core/settle.js';
import { Trace } from '../core/trace.js';
import { WitnessAead } from '../link/aead.js';
import type { SeedOptions, SeedResult } from '../worlds.js';
import { DispatchFaults } from './dispatch-faults.js';
import { chooseDispatchKnobs, type DispatchKnobs } from './dispatch-knobs.js';
import { DispatchLedger, type TaskRecord } from './dispatch-ledger.js';
import { POOLS, SimWorker } from './dispatch-worker.js';

const MIXED_MS = 4000;
/** Under faults, no world takes longer to come to so many events. */
const LONGEST_MS = 3_600_000;
/** Longest time from the end of all faults until every task is over. */
const CALM_MS = 60_000;
/** When all is calm, what is short is done within this time. */
const SHORT_MS = 5000;
/** When all is calm, what is said is heard within this time. */
const HEARD_MS = 1000;
const LOOK_EVERY_MS = 100;
const SERVE_EVERY_MS = 10;
/** Far more than all members do at once. */
const LAST = 100;

/** Runs one seed from beginning to end. */
export async function runDispatchSeed(seed: number, options: SeedOptions): Promise<SeedResult> {
  const random = new SeededRandom(seed);
  const knobs = chooseDispatchKnobs(random.fork('knobs'));
  const restore = setLimits(knobs.limits);
  try {
    return await new DispatchWorld(seed, options, random, knobs).run();
  } finally {
    restore();
  }
}

export class DispatchWorld {
  readonly time = new VirtualTime();
  readonly trace: Trace;
  readonly random: SeededRandom;
  readonly knobs: DispatchKnobs;
  readonly network: SimNetwork;
  readonly ledger: DispatchLedger;
  readonly aead: WitnessAead;
  readonly checker: { readonly violations: string[]; violated(what: string): void };
  /** Nothing goes wrong any more, and nobody submits by himself. */
  isCalm = false;
  readonly #seed: number;
  readonly #options: SeedOptions;
  readonly #faults: DispatchFaults;
  readonly #workers = new Map<number, SimWorker>();
  #begun = 0;

  constructor(seed: number, options: SeedOptions, random: SeededRandom, knobs: DispatchKnobs) {
    this.#seed = seed;
    this.#options = options;
    this.random = random;
    this.knobs = knobs;
    this.trace = new Trace(options.isVerbose);
    const violations: string[] = [];
    const violated = (what: string) => void violations.push(what);
    this.checker = { violations, violated };
    const { time, trace } = this;
    this.network = new SimNetwork({
      time,
      trace,
      random: random.fork('network'),
      settings: knobs,
      watch: { violated, carrierEnded: () => {} },
    });
    this.ledger = new DispatchLedger(() => time.nowMs, violated);
    this.aead = new WitnessAead(violated);
    this.#faults = new DispatchFaults(this);
  }

  async run(): Promise<SeedResult> {
    for (let host = 0; host < this.knobs.nodes; host++) this.start(host);
    await settle();
    this.#lookAgain();
    this.#faults.begin();
    const { leastEvents } = this.#options;
    const isMixed = () => this.trace.events >= leastEvents && this.time.nowMs > MIXED_MS;
    await this.#runUntil(isMixed, LONGEST_MS, () => 'too little happened');
    this.isCalm = true;
    this.#faults.end();
    const { violations } = this.checker;
    for (const phase of [this.#settleDown, this.#fill, this.#spread, this.#keys]) {
      if (violations.length === 0) await phase.call(this);
    }
    for (const phase of [this.#cancel, this.#drain, this.#farewell]) {
      if (violations.length === 0) await phase.call(this);
    }
    const { events, hash, lines } = this.trace;
    const { counts } = this.ledger;
    return { seed: this.#seed, events, hash, violations, lines, counts };
  }

  /** All processes that run. */
  get workers(): SimWorker[] {
    return [...this.#workers.values()];
  }

  /** The process that has a name now; null when there is none. */
  memberOf(name: string): SimWorker | null {
    return this.workers.find((worker) => worker.name === name) ?? null;
  }

  start(host: number): void {
    if (this.#workers.has(host)) return;
    this.#workers.set(host, new SimWorker(this, host, this.#begun++));
  }

  /** A process ends in the middle of whatever it does. */
  kill(worker: SimWorker, how: 'killed' | 'vanished'): void {
    if (this.#workers.get(worker.host) !== worker) return;
    this.trace.note(this.time.nowMs, how, worker.process.name);
    this.#workers.delete(worker.host);
    worker.process.kill();
    this.ledger.gone(worker);
    this.network.processEnded(worker.host, worker.process, how);
  }

  crashed(name: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.checker.violated(`${name}: an exception came out: ${text}`);
  }

  #lookAgain(): void {
    this.ledger.look();
    this.time.after(LOOK_EVERY_MS, () => this.#lookAgain());
  }

  /** One event, and what follows from it. */
  async #step(): Promise<void> {
    const { time } = this;
    time.step();
    if (!time.isUnsettled) return;
    time.isUnsettled = false;
    await settle();
  }

  async #runUntil(isDone: () => boolean, withinMs: number, why: () => string): Promise<void> {
    const { time, checker } = this;
    const endMs = time.nowMs + withinMs;
    while (checker.violations.length === 0 && !isDone()) {
      if (time.nextMs > endMs) return checker.violated(why());
      await this.#step();
    }
  }

  // --- when all is calm

  get #submitters(): SimWorker[] {
    return this.workers.filter(({ isSubmitter }) => isSubmitter);
  }

  /** Has a process do something, which it does at once: nobody stands still any more. */
  #ask(worker: SimWorker, submit: () => (TaskRecord | null)[]): TaskRecord[] {
    const tasks: TaskRecord[] = [];
    worker.turn(() => {
      for (const task of submit()) if (task !== null) tasks.push(task);
    });
    return tasks;
  }

  async #over(tasks: readonly TaskRecord[], when: string): Promise<void> {
    const isOver = () => tasks.every(({ isSettled }) => isSettled);
    await this.#runUntil(isOver, SHORT_MS, () => {
      const task = tasks.find(({ isSettled }) => !isSettled);
      return `${when}: task ${task?.id} is not over`;
    });
  }

  /** Everybody is there, linked and serves; then every task comes to its end. */
  async #settleDown(): Promise<void> {
    const { nodes } = this.knobs;
    const isLinked = ({ node }: SimWorker) => node?.nodes.length === nodes - 1;
    const isWhole = () =>
      this.workers.every((worker) => {
        return isLinked(worker) && !worker.process.isStalled;
      });
    await this.#runUntil(isWhole, CALM_MS, () => 'all is calm, and not all are linked');
    let nextLookMs = 0;
    const serveAll = () => {
      // Whoever asks at every step keeps a loop that was late from ever catching up.
      if (this.time.nowMs < nextLookMs) return false;
      nextLookMs = this.time.nowMs + SERVE_EVERY_MS;
      for (const worker of this.workers) {
        worker.turn(() => {
          for (const pool of POOLS) worker.serve(pool);
        });
      }
      return this.workers.every((worker) => POOLS.every((pool) => worker.serves(pool)));
    };
    await this.#runUntil(serveAll, CALM_MS, () => 'all is calm, and a pool is never drained');
    await this.#runUntil(
      () => this.ledger.open === undefined,
      CALM_MS,
      () => `all is calm, and task ${this.ledger.open?.id} comes to no end`,
    );
  }

  /** Each alone gives everybody all that he can do: he learns that nobody else does. */
  async #fill(): Promise<void> {
    const { workers } = this;
    const room = workers.reduce((sum, { sizes }) => sum + sizes.concurrency + sizes.ahead, 0);
    for (const submitter of this.#submitters) {
      for (const pool of POOLS) {
        const all = Array.from({ length: Math.min(room, this.knobs.limits.tasks as number) });
        const tasks = this.#ask(submitter, () => all.map(() => submitter.submit(pool, 'deaf')));
        await this.#over(tasks, 'when all is given out');
      }
    }
  }

  /** As many tasks as members: each has one, though all were busy with others before. */
  async #spread(): Promise<void> {
    const { nodes, limits: own } = this.knobs;
    const all = Array.from({ length: nodes });
    const crowd = this.#submitters.flatMap((submitter) =>
      this.#ask(submitter, () => all.map(() => submitter.submit('p', 'deaf'))),
    );
    await this.#over(crowd, 'when all submit at once');
    // By then, who could not be given a task has rested, and all have heard that nobody is busy.
    const restedMs = this.time.nowMs + Math.max(HEARD_MS, 2 * (own.taskRetryMs as number));
    const isRested = () => this.time.nowMs >= restedMs;
    await this.#runUntil(isRested, SHORT_MS, () => '');
    for (const submitter of this.#submitters) {
      const tasks = this.#ask(submitter, () => all.map(() => submitter.submit('p', 'deaf')));
      await this.#over(tasks, 'when each has one');
      const at = new Set(tasks.map(({ runs }) => runs[0]?.worker.name));
      if (this.checker.violations.length > 0 || at.size === nodes) continue;
      this.checker.violated(`${nodes} tasks of ${submitter.name} went to ${at.size} members`);
    }
  }

  /** Tasks of one key go to one member, whoever submits them. */
  async #keys(): Promise<void> {
    for (const key of ['x', 'y', 'z', 'a', 'b', 'c']) {
      const tasks = this.#submitters.flatMap((submitter) =>
        this.#ask(submitter, () => [submitter.submit('q', 'quick', { key })]),
      );
      await this.#over(tasks, 'when keys are told apart');
      const at = new Set(tasks.map(({ runs }) => runs[0]?.worker.name));
      if (at.size > 1) this.checker.violated(`key ${key} is at ${[...at].join(' and ')}`);
    }
  }

  /** A handler that runs is told when it is given up, and its place is free again. */
  async #cancel(): Promise<void> {
    const [submitter] = this.#submitters as [SimWorker];
    const tasks = this.#ask(submitter, () => [submitter.submit('p', 'heed', { key: 'x' })]);
    const [task] = tasks as [TaskRecord];
    const hasBegun = () => task.runs.length > 0;
    await this.#runUntil(hasBegun, SHORT_MS, () => 'a task is not begun, and nobody does anything');
    submitter.turn(() => submitter.cancel(task));
    const isTold = () => task.runs[0]?.end === 'threw';
    await this.#runUntil(isTold, SHORT_MS, () => 'a handler is not told that it is given up');
  }

  /** One member drains with tasks that run and tasks that wait: others do what waits. */
  async #drain(): Promise<void> {
    const [submitter] = this.#submitters as [SimWorker];
    const member = this.workers.at(-1) as SimWorker;
    const room = this.workers.reduce((sum, { sizes }) => sum + sizes.concurrency, 0);
    const all = Array.from({ length: Math.min(2 * room, this.knobs.limits.tasks as number) });
    const tasks = this.#ask(submitter, () => {
      return all.map(() => submitter.submit('p', 'deaf', { delivery: 'at-most-once' }));
    });
    await this.#runUntil(
      () => member.running('p') > 0,
      SHORT_MS,
      () => 'a member has no work',
    );
    member.turn(() => member.drain('p', null));
    await this.#over(tasks, 'when a member drains');
    const lost = tasks.filter(({ runs }) => runs.length === 0).length;
    if (lost > 0) this.checker.violated(`${lost} tasks were never run, and a member drains`);
  }

  /** All end, with tasks that run and tasks that wait. */
  async #farewell(): Promise<void> {
    const all = Array.from({ length: Math.min(LAST, this.knobs.limits.tasks as number) });
    const tasks = this.#submitters.flatMap((submitter) =>
      this.#ask(submitter, () => all.map(() => submitter.submit('q', 'deaf', { key: 'x' }))),
    );
    for (const worker of this.workers) worker.close();
    const isOver = () =>
      this.workers.every(({ isClosed }) => isClosed) && tasks.every(({ isSettled }) => isSettled);
    await this.#runUntil(isOver, CALM_MS, () => 'not all come to an end');
    for (const { name, process } of this.workers) {
      if (process.waiting > 0) this.checker.violated(`${name} leaves ${process.waiting} timers`);
    }
  }
}
