/**
 * What really happened to hosts, processes and cables: who could hear whom, and since when. The
 * checker holds against it what nodes say of each other.
 */
import type { SimNetwork } from '../../../src/testing/model/network.js';
import type { VirtualTime } from '../../../src/testing/virtual-time.js';

interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What one process went through. */
export class ProcessHealth {
  readonly beganMs: number;
  /** When the loop stood still, in order, without overlaps. */
  readonly #stalls: Span[] = [];

  constructor(nowMs: number) {
    this.beganMs = nowMs;
  }

  stalled(nowMs: number, durationMs: number): void {
    const last = this.#stalls.at(-1);
    const untilMs = Math.max(last?.untilMs ?? 0, nowMs + durationMs);
    const fromMs = Math.max(last?.untilMs ?? 0, nowMs);
    if (untilMs > fromMs) this.#stalls.push({ fromMs, untilMs });
  }

  /** Since when it runs without having stood still; in the future while it does. */
  get steadySinceMs(): number {
    return Math.max(this.beganMs, this.#stalls.at(-1)?.untilMs ?? 0);
  }

  /** Time it stood still since then, of each time without the first `sparedMs`. */
  stalledMs(sinceMs: number, nowMs: number, sparedMs: number): number {
    let sum = 0;
    for (let at = this.#stalls.length - 1; at >= 0; at--) {
      const { fromMs, untilMs } = this.#stalls[at] as Span;
      if (untilMs <= sinceMs) break;
      const lengthMs = Math.min(untilMs, nowMs) - Math.max(fromMs, sinceMs);
      sum += Math.max(0, lengthMs - sparedMs);
    }
    return sum;
  }
}

/** Since when each two hosts reach each other, plane by plane. */
export class Reach {
  readonly #time: VirtualTime;
  readonly #network: SimNetwork;
  readonly #hosts: number;
  readonly #since = new Map<string, number>();

  constructor(time: VirtualTime, network: SimNetwork, hosts: number) {
    this.#time = time;
    this.#network = network;
    this.#hosts = hosts;
    this.look();
  }

  /** To be called after every change of the network. */
  look(): void {
    const { planes } = this.#network.settings;
    for (let a = 0; a < this.#hosts; a++) {
      for (let b = a + 1; b < this.#hosts; b++) {
        for (let plane = 0; plane < planes; plane++) {
          const key = `${a} ${b} ${plane}`;
          if (!this.#network.isPathUp(a, b, plane)) this.#since.delete(key);
          else if (!this.#since.has(key)) this.#since.set(key, this.#time.nowMs);
        }
      }
    }
  }

  /** Since when one plane or other joined them without a break; Infinity when none does. */
  sinceMs(one: number, other: number): number {
    const [a, b] = one < other ? [one, other] : [other, one];
    let best = Number.POSITIVE_INFINITY;
    for (let plane = 0; plane < this.#network.settings.planes; plane++) {
      best = Math.min(best, this.#since.get(`${a} ${b} ${plane}`) ?? Number.POSITIVE_INFINITY);
    }
    return best;
  }
}
