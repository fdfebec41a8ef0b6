/**
 * One timer for all links that want to be woken at the same moment. A timer of its own costs a link
 * five readings of the clock and a wait for I/O, each a system call in a virtual machine; machines
 * that can choose their moment choose the same one as others (see `Liveness`).
 */
import type { Runtime, Timer } from '../runtime/index.js';

/** @param nowMs the time at which all of one moment began to be woken. */
type Sleeper = (nowMs: number) => void;

interface Moment {
  readonly timer: Timer;
  readonly sleepers: Set<Sleeper>;
}

const byRuntime = new WeakMap<Runtime, Wakes>();

/** The wakes of one runtime. Their timers do not keep the process alive. */
export class Wakes {
  readonly #runtime: Runtime;
  readonly #moments = new Map<number, Moment>();
  /** Those of the moment that has come; one that is woken may remove others. */
  #waking = new Set<Sleeper>();

  /** Use `Wakes.of`. */
  private constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** The same for all who have the same runtime. */
  static of(runtime: Runtime): Wakes {
    const known = byRuntime.get(runtime);
    if (known !== undefined) return known;
    const wakes = new Wakes(runtime);
    byRuntime.set(runtime, wakes);
    return wakes;
  }

  /** Calls `sleeper` once, no sooner than at `atMs` of the runtime's clock. */
  add(nowMs: number, atMs: number, sleeper: Sleeper): void {
    const known = this.#moments.get(atMs);
    if (known !== undefined) {
      known.sleepers.add(sleeper);
      return;
    }
    const delayMs = Math.max(0, Math.ceil(atMs - nowMs));
    const timer = this.#runtime.timers.after(delayMs, () => this.#wake(atMs), { unref: true });
    this.#moments.set(atMs, { timer, sleepers: new Set([sleeper]) });
  }

  /** It is not called any more. */
  remove(atMs: number, sleeper: Sleeper): void {
    const moment = this.#moments.get(atMs);
    if (moment?.sleepers.delete(sleeper) !== true) {
      this.#waking.delete(sleeper);
    } else if (moment.sleepers.size === 0) {
      moment.timer.cancel();
      this.#moments.delete(atMs);
    }
  }

  #wake(atMs: number): void {
    this.#waking = this.#moments.get(atMs)?.sleepers ?? new Set();
    // Who wants to be woken at a moment that has passed waits for another timer.
    this.#moments.delete(atMs);
    const nowMs = this.#runtime.clock.turnMs();
    for (const sleeper of this.#waking) sleeper(nowMs);
  }
}
