/** The world of workers of one seed: a host, its controllers one after the other, its processes. */
import type { ClusterCondition } from '../../../src/controller/cluster-state.js';
import { VirtualTime } from '../../../src/testing/virtual-time.js';
import { readDesired, type WorkerSpec } from '../../../src/workers/worker-spec.js';
import { SeededRandom } from '../../random.js';
import { Trace } from '../core/trace.js';
import type { SeedOptions, SeedResult } from '../worlds.js';
import { SimController } from './host-controller.js';
import { HostFaults } from './host-faults.js';
import { SimKeeper } from './host-keeper.js';
import { chooseHostKnobs, type HostKnobs } from './host-knobs.js';
import { HostTree, People } from './host-people.js';
import { type Deed, HostTruth } from './host-truth.js';

const MIXED_MS = 5000;
/** Under faults, no world takes longer to come to so many events. */
const LONGEST_MS = 36_000_000;
/** Longest time from the end of all faults until all runs, and of one thing done then. */
const CALM_MS = 120_000;
const LOOK_EVERY_MS = 100;
const SETTLED_EVERY_MS = 10;
/** What people have said is known after this. */
const HEARD_MS = 50;
/** So many controllers die at most while all is replaced. */
const MOST_DEATHS = 4;

/** Runs one seed from beginning to end. */
export function runHostSeed(seed: number, options: SeedOptions): SeedResult {
  return new HostWorld(seed, options).run();
}

export class HostWorld {
  readonly host = 'h1';
  readonly time = new VirtualTime();
  readonly trace: Trace;
  readonly random: SeededRandom;
  readonly knobs: HostKnobs;
  readonly truth: HostTruth;
  readonly tree = new HostTree(this.host);
  /** On the disk: what processes have left, and which workers an operator has stopped. */
  folders: SimKeeper[] = [];
  readonly held = new Set<string>();
  readonly counts = {
    ...{ starts: 0, stops: 0, ended: 0, restarts: 0, together: 0, rolls: 0, givenUp: 0 },
    ...{ killedStopping: 0, late: 0, stalled: 0, finished: 0, suspended: 0 },
    ...{ controllerDeaths: 0, toldAgain: 0, problems: 0 },
  };
  controller: SimController | null = null;
  condition: ClusterCondition = 'up';
  /** Nothing goes wrong any more; and everything has come to be as it should. */
  isCalm = false;
  isSettled = false;
  readonly #seed: number;
  readonly #options: SeedOptions;
  readonly #violations: string[] = [];
  readonly #faults: HostFaults;
  readonly #people: People;
  #controllers = 0;
  #instances = 0;

  /** What was to run when that was looked at last. */
  #lastRead: { readonly values: object; readonly workers: WorkerSpec[] } | null = null;

  constructor(seed: number, options: SeedOptions) {
    this.#seed = seed;
    this.#options = options;
    this.trace = new Trace(options.isVerbose);
    this.random = new SeededRandom(seed);
    this.knobs = chooseHostKnobs(this.random.fork('knobs'));
    this.truth = new HostTruth(this);
    this.#faults = new HostFaults(this);
    this.#people = new People(this);
  }

  run(): SeedResult {
    this.start();
    this.#people.begin();
    this.#lookAgain();
    this.#faults.begin();
    const { leastEvents } = this.#options;
    const isMixed = () => this.trace.events >= leastEvents && this.time.nowMs > MIXED_MS;
    this.#runUntil(isMixed, LONGEST_MS, () => 'too little happened');
    this.isCalm = true;
    this.#faults.end();
    this.setCondition('up');
    this.#people.calm();
    for (const phase of [this.#settleDown, this.#renew, this.#renewWithDeaths, this.#drain]) {
      if (this.#violations.length === 0) phase.call(this);
    }
    for (const phase of [this.#fill, this.#handOver]) {
      if (this.#violations.length === 0) phase.call(this);
    }
    const { events, hash, lines } = this.trace;
    const { counts } = this;
    return { seed: this.#seed, events, hash, violations: this.#violations, lines, counts };
  }

  violated(what: string): void {
    this.#violations.push(what);
  }

  crashed(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.violated(`an exception came out: ${text}`);
  }

  /** A controller begins, if there is none. */
  start(): void {
    if (this.controller !== null) return;
    this.trace.note(this.time.nowMs, 'controller', this.host);
    this.controller = new SimController(this, this.#controllers++);
  }

  /** The controller ends in the middle of whatever it does; another one begins after a while. */
  kill(): void {
    if (this.controller === null) return;
    this.trace.note(this.time.nowMs, 'killed', this.host);
    this.counts.controllerDeaths++;
    this.controller.end();
    this.controller = null;
    const afterMs = this.random.exponential(this.random.pick([1, 20, 3000]));
    this.time.after(afterMs, () => this.start());
  }

  makeKeeper(spec: WorkerSpec): SimKeeper {
    const keeper = new SimKeeper(this, spec, ++this.#instances);
    this.folders.push(keeper);
    return keeper;
  }

  /** What a process has left is removed. */
  remove(keeper: SimKeeper): void {
    if (keeper.isRemoved) return;
    keeper.isRemoved = true;
    this.folders = this.folders.filter((each) => each !== keeper);
    this.truth.removed(keeper);
  }

  setCondition(condition: ClusterCondition): void {
    if (condition === this.condition) return;
    this.trace.note(this.time.nowMs, condition, this.host);
    this.condition = condition;
    this.controller?.follow();
  }

  #lookAgain(): void {
    this.controller?.judge.look(this.time.nowMs);
    this.truth.look();
    this.time.after(LOOK_EVERY_MS, () => this.#lookAgain());
  }

  #runUntil(isDone: () => boolean, withinMs: number, why: () => string): void {
    const { time } = this;
    const endMs = time.nowMs + withinMs;
    while (this.#violations.length === 0 && !isDone()) {
      if (time.nextMs > endMs) return this.violated(why());
      time.step();
    }
  }

  // --- when all is calm

  /** What is to run, the first to start first. */
  get #desired(): WorkerSpec[] {
    const values = this.tree.effective();
    if (this.#lastRead?.values === values) return this.#lastRead.workers;
    const workers = readDesired(values).workers.toSorted((a, b) => {
      return a.order - b.order || (a.name < b.name ? -1 : 1);
    });
    this.#lastRead = { values, workers };
    return workers;
  }

  /** What is not as it is described; null: all is. */
  #unsettled(): string | null {
    const { controller, truth } = this;
    if (controller?.isLoaded !== true) return 'no controller has the configuration';
    const views = new Map(controller.view().workers.map((view) => [view.name, view]));
    const desired = this.#desired;
    for (const { name, launch, restart } of desired) {
      const state = views.get(name)?.state;
      if (state === 'finished' && restart !== 'permanent') continue;
      const process = truth.processOf(name);
      if (state !== 'ready') return `${name} is ${state}`;
      if (process?.isReady !== true) return `${name} is not ready`;
      if (process.spec.launch !== launch) return `${name} is an old one`;
      if (process.isStopping) return `${name} stops`;
    }
    const held = [...views.values()].find(({ isHeld }) => isHeld);
    if (held !== undefined) return `${held.name} is stopped`;
    if (views.size !== desired.length) return `there are ${[...views.keys()]}`;
    const names = new Set(desired.map(({ name }) => name));
    const left = this.folders.find(({ spec, isAlive, isRemembered }) => {
      return !names.has(spec.name) || !(isAlive || isRemembered);
    });
    return left === undefined ? null : `${left.spec.name}/${left.instance} is left`;
  }

  #settle(when: string): void {
    this.#pass(HEARD_MS);
    let nextLookMs = 0;
    const isSettled = () => {
      if (this.time.nowMs < nextLookMs) return false;
      nextLookMs = this.time.nowMs + SETTLED_EVERY_MS;
      return this.#unsettled() === null;
    };
    this.#runUntil(isSettled, CALM_MS, () => `${when}, ${this.#unsettled()}`);
  }

  #pass(byMs: number): void {
    const untilMs = this.time.nowMs + byMs;
    this.#runUntil(
      () => this.time.nowMs >= untilMs,
      Number.POSITIVE_INFINITY,
      () => '',
    );
  }

  #settleDown(): void {
    this.#settle('all is calm');
    this.isSettled = true;
  }

  /** All are replaced, in each group one after the other. */
  #renew(): void {
    this.#renewAll('newest', 'after a change of all');
  }

  /** The same, and controllers die meanwhile. */
  #renewWithDeaths(): void {
    let isUnderWay = true;
    for (let count = this.random.whole(1, MOST_DEATHS); count > 0; count--) {
      this.time.after(this.random.exponential(HEARD_MS), () => {
        if (isUnderWay) this.kill();
      });
    }
    this.#renewAll('last', 'after a change of all with controllers that die');
    isUnderWay = false;
  }

  #renewAll(argument: string, when: string): void {
    this.truth.deeds = [];
    const replaced = new Set(this.truth.running.map(({ spec }) => spec.name));
    this.#people.renewAll(argument);
    this.#settle(when);
    const away = new Map<string, string>();
    const groups = new Map(this.#desired.map(({ name, group }) => [name, group]));
    for (const { what, name, hadStalled } of this.truth.deeds) {
      const group = groups.get(name) as string;
      const other = away.get(group);
      if (what === 'ready' && other === name) away.delete(group);
      if (what !== 'ended' || hadStalled || !replaced.has(name)) continue;
      if (other !== undefined) this.violated(`${name} is replaced while ${other} is away`);
      away.set(group, name);
    }
  }

  /** All stop, in each group the last first. */
  #drain(): void {
    this.truth.deeds = [];
    this.#people.drain(true);
    this.#pass(HEARD_MS);
    this.#runUntil(
      () => this.truth.running.length === 0,
      CALM_MS,
      () => 'the host is drained, and something runs',
    );
    const ended = this.truth.deeds.filter(({ what }) => what === 'ended');
    this.#judgeOrder(ended.reverse(), 'stop');
  }

  /** All start again, in each group the first first. */
  #fill(): void {
    this.truth.deeds = [];
    this.#people.drain(false);
    this.#settle('after a drain');
    const { deeds } = this.truth;
    this.#judgeOrder(
      deeds.filter(({ what }) => what === 'began'),
      'start',
    );
    this.#judgeOrder(
      deeds.filter(({ what }) => what === 'ready'),
      'become ready',
    );
  }

  #judgeOrder(deeds: readonly Deed[], what: string): void {
    const desired = this.#desired;
    for (const group of new Set(desired.map((spec) => spec.group))) {
      const members = desired.filter((spec) => spec.group === group).map(({ name }) => name);
      const order = deeds.map(({ name }) => name).filter((name) => members.includes(name));
      const expected = members.filter((name) => order.includes(name));
      if (order.join() === expected.join()) continue;
      this.violated(`${order} ${what} in this order, not ${expected}`);
    }
  }

  /** One controller goes, the next finds all as it was and leaves it so. */
  #handOver(): void {
    this.truth.deeds = [];
    this.kill();
    this.#settle('after a controller has died');
    for (const { what, name } of this.truth.deeds) {
      this.violated(`${name}: ${what}, and only the controller has died`);
    }
  }
}
