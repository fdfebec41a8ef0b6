/** One process of a worker with its keeper, and what both leave on the disk of their host. */
import type { Ending } from '../../../src/workers/supervisor-io.js';
import type { WorkerSpec } from '../../../src/workers/worker-spec.js';
import type { SeededRandom } from '../../random.js';
import type { HostWorld } from './host-world.js';

/** What is said on a keeper's socket takes so long to come, on the average. */
const MESSAGE_MS = 0.3;
/** A killed process is gone within such a time, on the average. */
const KILL_MS = 1;
const SIGKILL = 9;
const SIGSEGV = 11;
/** A program that never starts has this among its arguments. */
export const BAD = 'bad';

/** What a keeper tells of its worker. */
export interface KeeperTold {
  readonly pid: number | null;
  readonly isReady: boolean;
  readonly isStalled: boolean;
  /** It got a signal. */
  readonly isStopping: boolean;
  readonly ending: Ending | null;
}

export class SimKeeper {
  readonly spec: WorkerSpec;
  /** Tells it from all others, of this worker too. */
  readonly instance: number;
  /** It was started; before, whoever finds its folder keeps it from that. */
  isBegun = false;
  isReady = false;
  /** It has stood still for so long that its keeper says so; since when. */
  stalledSinceMs: number | null = null;
  isStopping = false;
  /** How it ended, as it stands on the disk. */
  ending: Ending | null = null;
  /** Its ending is kept as one that was told. */
  isRemembered = false;
  /** Its folder is gone. */
  isRemoved = false;
  readonly #world: HostWorld;
  readonly #random: SeededRandom;
  #listener: ((told: KeeperTold) => void) | null = null;
  /** Signals from before it began. */
  readonly #early: number[] = [];
  #isHanging = false;
  #saidMs = 0;
  #heardMs = 0;

  constructor(world: HostWorld, spec: WorkerSpec, instance: number) {
    this.#world = world;
    this.spec = spec;
    this.instance = instance;
    this.#random = world.random.fork(`keeper ${instance}`);
    const { time, knobs, isCalm } = world;
    time.after(this.#random.exponential(isCalm ? 1 : knobs.startMs), () => this.#begin());
  }

  /** By when all that it had to say has come. */
  get saidMs(): number {
    return this.#saidMs;
  }

  /** It runs, or will. */
  get isAlive(): boolean {
    return this.ending === null && !this.isRemoved;
  }

  get pid(): number | null {
    return this.isBegun ? this.instance : null;
  }

  /** A controller listens; it is told at once how things are. Null: it is gone. */
  listen(listener: ((told: KeeperTold) => void) | null, delayMs = 0): void {
    this.#listener = listener;
    if (listener !== null && (this.isBegun || this.ending !== null)) this.#say(delayMs);
  }

  /** Arrives after a while, in order. */
  signal(number: number): void {
    const { time } = this.#world;
    this.#heardMs = Math.max(this.#heardMs, time.nowMs + this.#random.exponential(MESSAGE_MS));
    time.at(this.#heardMs, () => {
      if (this.isBegun) this.#signalled(number);
      else this.#early.push(number);
    });
  }

  /** The keeper is killed, and its worker with it. */
  kill(): void {
    if (this.isBegun) this.end({ kind: 'lost' });
  }

  /** It stands still: says nothing, and hears no signal but the last. */
  hang(): void {
    const { time } = this.#world;
    const { beatMs } = this.spec;
    if (this.#isHanging || !this.isBegun || !this.isAlive) return;
    this.#isHanging = true;
    if (beatMs === null) return;
    time.after(beatMs, () => {
      if (!this.isAlive) return;
      this.stalledSinceMs = time.nowMs;
      this.#say();
    });
  }

  end(ending: Ending): void {
    if (this.ending !== null || this.isRemoved) return;
    this.ending = ending;
    this.#world.truth.ended(this);
    this.#say();
  }

  #begin(): void {
    if (!this.isAlive) return;
    const { knobs, truth, isCalm, random } = this.#world;
    this.isBegun = true;
    const cannot = this.spec.command.includes(BAD) || (!isCalm && random.chance(knobs.badStart));
    if (cannot) return this.end({ kind: 'failed', errno: 2, at: 'exec' });
    truth.began(this);
    if (this.spec.ready === 'started') this.#becomeReady();
    else {
      this.#say();
      if (isCalm || !this.#random.chance(knobs.neverReady)) this.#readySoon();
    }
    this.#age();
    for (const number of this.#early) this.#signalled(number);
  }

  #readySoon(): void {
    const { time, knobs, isCalm } = this.#world;
    const afterMs = isCalm ? 1 : this.#random.exponential(knobs.readyMs);
    time.after(afterMs, () => {
      if (this.isAlive && !this.#isHanging) this.#becomeReady();
    });
  }

  #becomeReady(): void {
    this.isReady = true;
    this.#world.truth.ready(this);
    this.#say();
  }

  /** Sooner or later it fails by itself, unless all is calm. */
  #age(): void {
    const { time, knobs } = this.#world;
    const random = this.#random;
    const afterMs = random.exponential(knobs.lifeMs);
    const fails = random.chance(knobs.hangs) ? () => this.hang() : () => this.crash();
    time.after(afterMs, () => {
      if (!this.#world.isCalm) fails();
    });
  }

  /** It ends by itself. */
  crash(): void {
    if (!this.isBegun) return;
    const dice = this.#random.below(3);
    if (dice < 2) this.end({ kind: 'code', code: dice });
    else this.end({ kind: 'signal', signal: SIGSEGV });
  }

  #signalled(number: number): void {
    const { time, knobs, isCalm } = this.#world;
    const random = this.#random;
    if (!this.isAlive) return;
    this.isStopping = true;
    this.#say();
    if (number === SIGKILL) {
      time.after(random.exponential(KILL_MS), () => {
        this.end({ kind: 'signal', signal: SIGKILL });
      });
      return;
    }
    if (this.#isHanging || (!isCalm && random.chance(knobs.deaf))) return;
    const isClean = random.chance(0.5);
    const ending: Ending = isClean ? { kind: 'code', code: 0 } : { kind: 'signal', signal: number };
    time.after(isCalm ? 1 : random.exponential(knobs.stopMs), () => {
      if (!this.#isHanging) this.end(ending);
    });
  }

  /** Tells how things are, in order with what was told before. */
  #say(delayMs = 0): void {
    const listener = this.#listener;
    if (listener === null) return;
    const { isReady, isStopping, ending, pid } = this;
    const told = { pid, isReady, isStopping, ending, isStalled: this.stalledSinceMs !== null };
    const { time } = this.#world;
    const atMs = time.nowMs + delayMs + this.#random.exponential(MESSAGE_MS);
    this.#saidMs = Math.max(this.#saidMs, atMs);
    time.at(this.#saidMs, () => {
      if (listener === this.#listener) listener(told);
    });
  }
}
