/** Time that keeps pace with the real one: what is to happen does as soon as its time has come. */
import { type Timeline, VirtualTime } from './virtual-time.js';

/** What is due sooner is not left to a timer, which has no shorter times. */
const TIMER_MS = 1;

export class PacedTime implements Timeline {
  readonly #entries = new VirtualTime();
  readonly #offsetMs = this.#entries.nowMs - performance.now();
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | null = null;
  #isRunning = false;
  #isStopped = false;

  get nowMs(): number {
    return performance.now() + this.#offsetMs;
  }

  get isUnsettled(): boolean {
    return this.#entries.isUnsettled;
  }

  set isUnsettled(isUnsettled: boolean) {
    this.#entries.isUnsettled = isUnsettled;
  }

  at(atMs: number, run: () => void): void {
    this.#entries.at(atMs, run);
    this.#arm();
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  /** Nothing happens any more. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #arm(): void {
    const { nextMs } = this.#entries;
    if (this.#isRunning || this.#isStopped || nextMs >= this.#wakeAtMs) return;
    this.#cancel?.();
    this.#wakeAtMs = nextMs;
    const delayMs = nextMs - this.nowMs;
    if (delayMs < TIMER_MS) {
      const immediate = setImmediate(() => this.#run());
      this.#cancel = () => clearImmediate(immediate);
    } else {
      const timer = setTimeout(() => this.#run(), delayMs);
      this.#cancel = () => clearTimeout(timer);
    }
  }

  /** Runs what is due, one turn of a process at most: its promises come before the next. */
  #run(): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    this.#cancel = null;
    this.#isRunning = true;
    this.#entries.isUnsettled = false;
    try {
      while (!this.#entries.isUnsettled && this.#entries.nextMs <= this.nowMs) {
        this.#entries.step();
      }
    } finally {
      this.#isRunning = false;
      if (this.#entries.nextMs < Number.POSITIVE_INFINITY) this.#arm();
    }
  }
}
