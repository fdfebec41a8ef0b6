/**
 * One controller of a host while it lives: the supervisor, what the configuration has of workers,
 * and all that the driver does for both. Its disk is the world's.
 */
import type { ConfigView } from '../../../src/config/view.js';
import { HostWorkers } from '../../../src/controller/host-workers.js';
import { limits } from '../../../src/limits.js';
import type { Runtime } from '../../../src/runtime/index.js';
import { stopSignals } from '../../../src/workers/signals.js';
import { Supervisor } from '../../../src/workers/supervisor.js';
import type {
  SupervisorEvent,
  SupervisorInput,
  SupervisorOutput,
  SupervisorView,
  SuspendReason,
} from '../../../src/workers/supervisor-io.js';
import type { Desired, WorkerSpec } from '../../../src/workers/worker-spec.js';
import type { Workers } from '../../../src/workers/workers.js';
import type { SeededRandom } from '../../random.js';
import { HostJudge } from './host-judge.js';
import type { KeeperTold, SimKeeper } from './host-keeper.js';
import type { HostWorld } from './host-world.js';

/** A turn takes so long to come about, and timers are late by so much, on the average. */
const TURN_MS = 0.02;
const LATE_MS = 0.5;
/** What is on the disk is found in such times; the configuration is there after those. */
const FIND_MS = 2;
const LOAD_MS = [1, 50];
/** Whoever is told of an ending has done with it after such a time. */
const HEARD_MS = 5;
/** How likely it is that a keeper is late with its word to the next controller. */
const LATE_KEEPER = 0.03;
const MOST_OUTPUTS = 10_000;
const FOUND = { pid: null, isReady: true, isStalled: false } as const;

export class SimController {
  readonly judge: HostJudge;
  isAlive = true;
  /** It dies after so many more outputs. */
  outputsLeft = Number.POSITIVE_INFINITY;
  /** It has found what there is, and has the configuration. */
  isLoaded = false;
  readonly #world: HostWorld;
  readonly #random: SeededRandom;
  readonly #machine: Supervisor;
  readonly #hostWorkers: HostWorkers;
  readonly #keepers = new Map<string, SimKeeper>();
  readonly #remembered = new Map<string, SimKeeper>();
  /** The newest process of each worker, also of one that has ended. */
  readonly #instances = new Map<string, SimKeeper>();
  readonly #finished = new Set<string>();
  #ended: SimKeeper[] = [];
  #inbox: (() => void)[] = [];
  #isTurnDue = false;
  #tickMs = Number.POSITIVE_INFINITY;
  #stalledUntilMs = 0;
  #loadedMs = Number.POSITIVE_INFINITY;
  #isDesireKnown = false;

  constructor(world: HostWorld, number: number) {
    this.#world = world;
    this.#random = world.random.fork(`controller ${number}`);
    this.#machine = new Supervisor(world.time.nowMs);
    this.judge = new HostJudge(world, this.#machine);
    const runtime = { clock: { nowMs: () => world.time.nowMs } } as unknown as Runtime;
    const workers = this.#supervision() as unknown as Workers;
    this.#hostWorkers = new HostWorkers(workers, world.host, runtime, () => {
      world.counts.problems++;
    });
    this.deliver(() => this.#find());
  }

  get isStalled(): boolean {
    return this.#stalledUntilMs > this.#world.time.nowMs;
  }

  /** Since when it is at work and does not stand still; in the future while it is not. */
  get steadySinceMs(): number {
    return Math.max(this.#loadedMs, this.#stalledUntilMs);
  }

  /** How its workers are. */
  view(): SupervisorView {
    return this.#machine.view(this.#world.time.nowMs);
  }

  /** Its loop stands still for a while. */
  stall(durationMs: number): void {
    const untilMs = this.#world.time.nowMs + durationMs;
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, untilMs);
  }

  /** It is gone; what it has started runs on. */
  end(): void {
    this.isAlive = false;
    for (const keeper of this.#keepers.values()) keeper.listen(null);
  }

  /** The configuration or the cluster has changed, which comes to be known here. */
  follow(): void {
    this.deliver(() => {
      const { tree, condition } = this.#world;
      if (this.isLoaded) this.#hostWorkers.follow(tree as unknown as ConfigView, condition);
    });
  }

  /** An operator's word. */
  order(command: 'start' | 'stop' | 'restart', worker: string): void {
    this.deliver(() => {
      if (!this.isLoaded || !this.#machine.has(worker)) return;
      this.#hold(worker, command === 'stop');
      this.#feed({ type: 'command', command, worker });
    });
  }

  /** Has something done in a turn of its loop, in order. */
  deliver(what: () => void): void {
    if (!this.isAlive) return;
    this.#inbox.push(what);
    this.#turnLater();
  }

  #turnLater(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    const { time } = this.#world;
    const atMs = time.nowMs + this.#random.exponential(TURN_MS);
    time.at(Math.max(atMs, this.#stalledUntilMs), () => this.#turn());
  }

  #turn(): void {
    this.#isTurnDue = false;
    if (!this.isAlive) return;
    if (this.isStalled) return this.#turnLater();
    const inbox = this.#inbox;
    this.#inbox = [];
    try {
      for (const what of inbox) if (this.isAlive) what();
    } catch (error) {
      this.#world.crashed(error);
    }
    if (this.isAlive) this.#wait();
  }

  /** What the workers' driver offers to `HostWorkers`. */
  #supervision() {
    return {
      desire: (desired: Desired) => {
        this.#feed({ type: 'desire', desired });
        this.#isDesireKnown = true;
        this.#clearAway();
      },
      suspend: (reason: SuspendReason, isOn: boolean) => {
        this.#world.truth.suspended(reason, isOn);
        this.#feed({ type: 'suspend', reason, isOn });
      },
    };
  }

  #feed(input: SupervisorInput): void {
    if (!this.isAlive) return;
    const { time, trace } = this.#world;
    trace.event(time.nowMs, input.type, 'worker' in input ? input.worker : '');
    this.judge.before(time.nowMs, input);
    this.#machine.step(time.nowMs, input);
    for (let count = 0; ; count++) {
      const output = this.#machine.poll();
      if (output === null) break;
      if (count > MOST_OUTPUTS) throw new Error('a turn without an end');
      if (--this.outputsLeft < 0) return this.#world.kill();
      this.judge.output(time.nowMs, output);
      this.#do(output);
    }
    this.judge.after(time.nowMs);
    if (this.#isDesireKnown) this.#clearAway();
  }

  #do(output: SupervisorOutput): void {
    const { time, trace } = this.#world;
    if (output.type === 'start') {
      const { name } = output.spec;
      trace.note(time.nowMs, 'start', name);
      this.#start(output.spec);
    } else if (output.type === 'signal') {
      trace.note(time.nowMs, 'signal', output.worker, output.signal);
      this.#keepers.get(output.worker)?.signal(output.signal);
    } else this.#tell(output.event);
  }

  #tell(event: SupervisorEvent): void {
    const { time, trace, truth } = this.#world;
    const worker = 'worker' in event ? event.worker : '';
    trace.note(time.nowMs, `tell ${event.type}`, worker);
    if (event.type === 'finished') this.#finished.add(event.worker);
    if (event.type === 'forgotten') this.#forget(event.worker);
    if (event.type !== 'ended') return;
    truth.told(this, this.#instances.get(event.worker), event.ending);
  }

  /** Nobody desires it any more. */
  #forget(worker: string): void {
    this.#instances.delete(worker);
    this.#removeRemembered(worker);
    this.#hold(worker, false);
  }

  #removeRemembered(worker: string): void {
    const remembered = this.#remembered.get(worker);
    this.#remembered.delete(worker);
    if (remembered !== undefined) this.#world.remove(remembered);
  }

  #hold(worker: string, isHeld: boolean): void {
    const { held } = this.#world;
    if (isHeld) held.add(worker);
    else held.delete(worker);
  }

  #start(spec: WorkerSpec): void {
    this.#removeRemembered(spec.name);
    this.#finished.delete(spec.name);
    const keeper = this.#world.makeKeeper(spec);
    this.#register(keeper);
    keeper.listen(this.#keep(keeper));
  }

  #register(keeper: SimKeeper): void {
    this.#keepers.set(keeper.spec.name, keeper);
    this.#instances.set(keeper.spec.name, keeper);
  }

  /** Feeds what a keeper tells of its worker. */
  #keep(keeper: SimKeeper, answered: () => void = () => {}): (told: KeeperTold) => void {
    let before = { isStalled: false, isStopping: false };
    const heard = (told: KeeperTold) => {
      this.#heard(keeper, told, before);
      before = told;
      answered();
    };
    return (told) => this.deliver(() => heard(told));
  }

  #heard(
    keeper: SimKeeper,
    told: KeeperTold,
    before: Pick<KeeperTold, 'isStalled' | 'isStopping'>,
  ): void {
    const { name: worker } = keeper.spec;
    // Where the newest of its worker is remembered, it is an older one.
    const isOurs = !this.#remembered.has(worker) && this.#adopted(keeper, told);
    // Another one of this worker runs.
    if (!isOurs && told.ending === null) return keeper.signal(stopSignals.SIGKILL);
    if (isOurs) {
      if (told.pid !== null) this.#feed({ type: 'started', worker, pid: told.pid });
      if (told.isReady) this.#feed({ type: 'ready', worker });
      if (told.isStopping && !before.isStopping) this.#asked(keeper);
      if (told.isStalled && !before.isStalled) this.#feed({ type: 'stalled', worker });
    }
    if (told.ending === null || !this.isAlive) return;
    keeper.listen(null);
    this.#ended.push(keeper);
    if (isOurs) {
      this.#keepers.delete(worker);
      this.#feed({ type: 'ended', worker, ending: told.ending });
    } else {
      this.#world.truth.told(this, keeper, told.ending);
      if (this.#isDesireKnown) this.#clearAway();
    }
  }

  /** It has a signal: one of ours, unless it is still to run as far as is known here. */
  #asked(keeper: SimKeeper): void {
    const { name: worker } = keeper.spec;
    if (this.judge.facts.workers.get(worker)?.isRunning) this.#world.truth.foundAsked(keeper);
    this.#feed({ type: 'asked', worker });
  }

  /** Tells of one that is met for the first time. False: its worker runs elsewhere. */
  #adopted(keeper: SimKeeper, told: KeeperTold | null): boolean {
    const { spec } = keeper;
    const known = this.#keepers.get(spec.name);
    if (known !== undefined) return known === keeper;
    if (told?.isStopping === true) this.#world.truth.foundAsked(keeper);
    this.#register(keeper);
    this.#feed({
      type: 'adopted',
      spec,
      pid: told?.pid ?? null,
      isReady: told?.isReady ?? true,
      isStopping: told?.isStopping ?? false,
    });
    return true;
  }

  /** What has ended and was judged is removed, or kept where the next controller has to know. */
  #clearAway(): void {
    const { time } = this.#world;
    const ended = this.#ended;
    this.#ended = [];
    for (const keeper of ended) {
      const isFinal = this.#finished.delete(keeper.spec.name);
      if (isFinal) this.#remembered.set(keeper.spec.name, keeper);
      time.after(this.#random.exponential(HEARD_MS), () => {
        if (!this.isAlive) return;
        if (isFinal) keeper.isRemembered = true;
        else this.#world.remove(keeper);
      });
    }
  }

  /** What earlier controllers have left. */
  #find(): void {
    const { time, folders, held } = this.#world;
    this.#feed({ type: 'held', workers: [...held] });
    let awaited = 1;
    const answered = () => {
      if (--awaited === 0) this.#load();
    };
    for (const keeper of [...folders]) {
      if (keeper.isRemembered && keeper.ending !== null) {
        this.#remembered.set(keeper.spec.name, keeper);
        this.#feed({ type: 'remembered', spec: keeper.spec, ending: keeper.ending });
        continue;
      }
      awaited++;
      time.after(this.#random.exponential(FIND_MS), () => {
        this.deliver(() => this.#findOne(keeper, answered));
      });
    }
    answered();
  }

  #findOne(keeper: SimKeeper, answered: () => void): void {
    const { ending } = keeper;
    if (ending !== null) {
      // Of one that has ended, nothing else is on the disk; of one that was lost, not even this.
      const isStopping = ending.kind !== 'lost' && keeper.isStopping;
      const told = { ...FOUND, isStopping, ending };
      this.#heard(keeper, told, told);
      return answered();
    }
    if (!keeper.isBegun) {
      this.#world.remove(keeper);
      return answered();
    }
    let isAnswered = false;
    const once = () => {
      if (!isAnswered) answered();
      isAnswered = true;
    };
    const isLate = keeper.isAlive && this.#random.chance(LATE_KEEPER);
    const lateMs = isLate ? this.#random.exponential(2 * limits.keeperAnswerMs) : 0;
    keeper.listen(this.#keep(keeper, once), lateMs);
    this.#world.time.after(limits.keeperAnswerMs, () => {
      this.deliver(() => {
        if (!isAnswered) this.#adopted(keeper, null);
        once();
      });
    });
  }

  #load(): void {
    const delayMs = this.#random.exponential(this.#random.pick(LOAD_MS));
    this.#world.time.after(delayMs, () => {
      this.deliver(() => {
        this.isLoaded = true;
        this.#loadedMs = this.#world.time.nowMs;
      });
      this.follow();
    });
  }

  /** Steps a tick when the machine wants one; what has come by then is read before. */
  #wait(): void {
    const { time } = this.#world;
    const wantedMs = this.#machine.deadline();
    if (wantedMs === Number.POSITIVE_INFINITY || wantedMs >= this.#tickMs) return;
    this.#tickMs = wantedMs;
    time.at(Math.max(wantedMs, time.nowMs) + this.#random.exponential(LATE_MS), () => {
      if (this.#tickMs === wantedMs) this.#tickMs = Number.POSITIVE_INFINITY;
      this.deliver(() => {
        if (this.#machine.deadline() <= time.nowMs) this.#feed({ type: 'tick' });
      });
    });
  }
}
