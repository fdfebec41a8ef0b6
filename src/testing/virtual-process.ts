/**
 * A process whose time is not its own: its event loop, which may stand still or be late, its
 * timers, its clock with an origin of its own, and its death.
 */
import type { Runtime, Timer } from '../runtime/index.js';
import type { ModelTrace } from './model/settings.js';
import type { SeededRandom } from './random.js';
import type { Timeline } from './virtual-time.js';

/** A timer that is late is late by at most so much, unless the loop stands still. */
export const LATEST_TIMER_MS = 30;

/** What a process is made of. */
export interface ProcessSetup {
  readonly name: string;
  readonly time: Timeline;
  readonly random: SeededRandom;
  /** Its clock begins anywhere, not with that of the timeline. Default false. */
  readonly hasOwnOrigin?: boolean;
  /** A timer fires up to so much after its time. Default 0. */
  readonly timerSlackMs?: number;
  /**
   * Runs what was put off to the end of a turn as soon as its callback has returned: for programs
   * without promises, many times faster. Default false: promises have their turn before.
   */
  readonly hasNoPromises?: boolean;
  readonly trace?: ModelTrace;
  /** A callback threw. Default: it is thrown on. */
  onCrash?(process: VirtualProcess, error: unknown): void;
}

interface PendingTimer {
  readonly callback: () => void;
  isCancelled: boolean;
}

/** The runtime of one process, and the loop it runs in. */
export class VirtualProcess implements Runtime {
  readonly name: string;
  readonly random: SeededRandom;
  /** Probability that a timer is late by milliseconds. */
  lateness = 0;
  /** How often the clock was read. */
  clockReads = 0;
  readonly #setup: ProcessSetup;
  readonly #originMs: number;
  readonly #slackMs: number;
  readonly #pending = new Set<PendingTimer>();
  readonly #endOfTurn: (() => void)[] = [];
  /** Timers that came due while the loop stood still, then sockets that became readable. */
  #lateTimers: PendingTimer[] = [];
  #lateReads: (() => void)[] = [];
  /** Turns for what was late that it was given, and that have not run yet. */
  #owedTurns = 0;
  #stalledUntilMs = 0;
  #isAlive = true;

  constructor(setup: ProcessSetup) {
    this.#setup = setup;
    this.name = setup.name;
    this.random = setup.random.fork('bytes');
    this.#originMs = setup.hasOwnOrigin === true ? setup.random.whole(0, 1e6) : 0;
    this.#slackMs = setup.timerSlackMs ?? 0;
  }

  readonly clock = {
    nowMs: (): number => {
      this.clockReads++;
      return this.#setup.time.nowMs + this.#originMs;
    },
    turnMs: (): number => this.clock.nowMs(),
  };

  readonly timers = {
    after: (delayMs: number, callback: () => void): Timer => this.#after(delayMs, callback),
    soon: (callback: () => void): void => this.#soon(callback),
  };

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isStalled(): boolean {
    return this.#setup.time.nowMs < this.#stalledUntilMs;
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** Stands still until this is set to false, as under SIGSTOP. */
  get frozen(): boolean {
    return this.#stalledUntilMs === Number.POSITIVE_INFINITY;
  }

  set frozen(frozen: boolean) {
    if (frozen) this.#stalledUntilMs = Number.POSITIVE_INFINITY;
    else if (this.frozen) {
      this.#stalledUntilMs = 0;
      this.#setup.time.after(0, () => this.#resume());
    }
  }

  /** A turn of the loop now: `callback`, then everything that was put off to its end. */
  turn(callback: () => void): void {
    if (!this.#isAlive) return;
    this.#guard(callback);
    this.endTurn();
    this.#setup.time.isUnsettled = true;
  }

  /** Runs what was put off to the end of this turn; true if there was something. */
  endTurn(): boolean {
    const had = this.#endOfTurn.length > 0;
    for (let at = 0; at < this.#endOfTurn.length; at++) {
      if (!this.#isAlive) break;
      this.#guard(this.#endOfTurn[at] as () => void);
    }
    this.#endOfTurn.length = 0;
    return had;
  }

  /** Something became readable: a turn now, or once the loop has come so far. */
  readable(callback: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isToResume) this.#lateReads.push(callback);
    else if (this.#owedTurns > 0) this.#inTurn(() => this.turn(callback));
    else this.turn(callback);
  }

  /** The loop stands still from now on for this long. */
  stall(durationMs: number): void {
    const { time } = this.#setup;
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, time.nowMs + durationMs);
    if (!this.frozen) time.at(this.#stalledUntilMs, () => this.#resume());
  }

  /** The end: nothing of it runs any more. */
  kill(): void {
    this.#isAlive = false;
    this.#pending.clear();
    this.#endOfTurn.length = 0;
    this.#lateTimers = [];
    this.#lateReads = [];
  }

  #after(delayMs: number, callback: () => void): Timer {
    const { time, random } = this.#setup;
    const timer: PendingTimer = { callback, isCancelled: false };
    this.#pending.add(timer);
    time.after(Math.max(0, delayMs) + this.#lateMs(random), () => this.#due(timer));
    return {
      cancel: () => {
        timer.isCancelled = true;
        this.#pending.delete(timer);
      },
    };
  }

  #lateMs(random: SeededRandom): number {
    if (this.#slackMs === 0) return 0;
    return random.chance(this.lateness)
      ? random.between(1, LATEST_TIMER_MS)
      : random.unit() * this.#slackMs;
  }

  #soon(callback: () => void): void {
    if (this.#setup.hasNoPromises === true) {
      this.#endOfTurn.push(callback);
      return;
    }
    queueMicrotask(() =>
      process.nextTick(() => {
        if (this.#isAlive) this.#guard(callback);
      }),
    );
  }

  #due(timer: PendingTimer): void {
    if (timer.isCancelled || !this.#isAlive) return;
    if (this.#isToResume) this.#lateTimers.push(timer);
    else if (this.#owedTurns > 0) this.#inTurn(() => this.#fire(timer));
    else this.#fire(timer);
  }

  /** Nothing overtakes what has come before it: also in the moment in which the loop runs again. */
  get #isToResume(): boolean {
    return this.isStalled || this.#lateTimers.length > 0 || this.#lateReads.length > 0;
  }

  #fire(timer: PendingTimer): void {
    if (timer.isCancelled || !this.#isAlive) return;
    const { time, trace } = this.#setup;
    trace?.event(time.nowMs, 'timer', this.name);
    this.#pending.delete(timer);
    this.turn(timer.callback);
  }

  /** Timers first, then what can be read: the order of libuv. */
  #resume(): void {
    if (this.isStalled || !this.#isAlive) return;
    const timers = this.#lateTimers;
    this.#lateTimers = [];
    for (const timer of timers) this.#inTurn(() => this.#fire(timer));
    const reads = this.#lateReads;
    this.#lateReads = [];
    for (const read of reads) this.#inTurn(() => this.turn(read));
  }

  /** One after the other; where there are promises, they have their turn in between. */
  #inTurn(turn: () => void): void {
    if (this.#setup.hasNoPromises === true) {
      turn();
      return;
    }
    this.#owedTurns++;
    this.#setup.time.after(0, () => {
      this.#owedTurns--;
      turn();
    });
  }

  #guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      if (this.#setup.onCrash === undefined) throw error;
      this.#setup.onCrash(this, error);
    }
  }
}
