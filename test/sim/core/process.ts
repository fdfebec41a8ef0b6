/**
 * A process under virtual time: its event loop, which may stand still or be late, its timers, its
 * clock with an origin of its own, and its death.
 */
import type { Runtime, Timer } from '../../../src/runtime/index.js';
import type { SeededRandom } from '../../random.js';
import type { VirtualTime } from './time.js';
import type { Trace } from './trace.js';

/** A timer that is late is late by at most so much, unless the loop stands still. */
export const LATEST_TIMER_MS = 30;

export interface ProcessSetup {
  readonly name: string;
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly random: SeededRandom;
  /** A callback threw: nothing of ours may. */
  onCrash(process: VirtualProcess, error: unknown): void;
}

interface PendingTimer {
  readonly callback: () => void;
  isCancelled: boolean;
}

export class VirtualProcess implements Runtime {
  readonly name: string;
  readonly random: SeededRandom;
  readonly #setup: ProcessSetup;
  /** The clock's origin is arbitrary: it differs from process to process. */
  readonly #originMs: number;
  readonly #pending = new Set<PendingTimer>();
  readonly #endOfTurn: (() => void)[] = [];
  /** Timers that came due while the loop stood still, then sockets that became readable. */
  #lateTimers: PendingTimer[] = [];
  #lateReads: (() => void)[] = [];
  #stalledUntilMs = 0;
  #isAlive = true;
  /** Probability that a timer is late by milliseconds. */
  lateness = 0;

  constructor(setup: ProcessSetup) {
    this.#setup = setup;
    this.name = setup.name;
    this.random = setup.random.fork('bytes');
    this.#originMs = setup.random.whole(0, 1e6);
  }

  readonly clock = { nowMs: (): number => this.#setup.time.nowMs + this.#originMs };

  readonly timers = {
    after: (delayMs: number, callback: () => void): Timer => this.#after(delayMs, callback),
    soon: (callback: () => void): void => {
      this.#endOfTurn.push(callback);
    },
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

  /** A turn of the loop now: `callback`, then everything that was put off to its end. */
  turn(callback: () => void): void {
    if (!this.#isAlive) return;
    this.#guard(callback);
    for (let at = 0; at < this.#endOfTurn.length; at++) {
      if (!this.#isAlive) break;
      this.#guard(this.#endOfTurn[at] as () => void);
    }
    this.#endOfTurn.length = 0;
  }

  /** Something became readable: a turn now, or once the loop runs again. */
  readable(callback: () => void): void {
    if (!this.#isAlive) return;
    if (this.isStalled) this.#lateReads.push(callback);
    else this.turn(callback);
  }

  /** The loop stands still from now on for this long. */
  stall(durationMs: number): void {
    const { time } = this.#setup;
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, time.nowMs + durationMs);
    time.at(this.#stalledUntilMs, () => this.#resume());
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
    const lateMs = random.chance(this.lateness)
      ? random.between(1, LATEST_TIMER_MS)
      : random.unit() * 0.3;
    time.after(Math.max(0, delayMs) + lateMs, () => this.#due(timer));
    return {
      cancel: () => {
        timer.isCancelled = true;
        this.#pending.delete(timer);
      },
    };
  }

  #due(timer: PendingTimer): void {
    if (timer.isCancelled || !this.#isAlive) return;
    if (this.isStalled) this.#lateTimers.push(timer);
    else this.#fire(timer);
  }

  #fire(timer: PendingTimer): void {
    if (timer.isCancelled || !this.#isAlive) return;
    const { time, trace } = this.#setup;
    trace.event(time.nowMs, 'timer', this.name);
    this.#pending.delete(timer);
    this.turn(timer.callback);
  }

  /** Timers first, then what can be read: the order of libuv. */
  #resume(): void {
    if (this.isStalled || !this.#isAlive) return;
    const timers = this.#lateTimers;
    this.#lateTimers = [];
    for (const timer of timers) this.#fire(timer);
    const reads = this.#lateReads;
    this.#lateReads = [];
    for (const read of reads) this.turn(read);
  }

  #guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#setup.onCrash(this, error);
    }
  }
}
