/**
 * When to dial a peer: a pure machine. It dials as long as it is told to, one attempt at a time,
 * and waits between attempts for a time that doubles from `redialMinMs` to `redialMaxMs`, of which
 * a random part (up to a half) is left away, so that nodes which lost each other at the same moment
 * do not dial at the same moment.
 */

export interface DiallerTimes {
  readonly redialMinMs: number;
  readonly redialMaxMs: number;
}

export type DiallerInput =
  /** Keep a link to this peer. */
  | { readonly type: 'start' }
  /** Never mind. */
  | { readonly type: 'stop' }
  /** The attempt came to nothing. `jitter` is a random number from 0 to 1. */
  | { readonly type: 'failed'; readonly jitter: number }
  /** There is a link, whoever dialled it. */
  | { readonly type: 'linked' }
  /** That link is over. */
  | { readonly type: 'unlinked'; readonly jitter: number }
  /** Time has passed. */
  | { readonly type: 'tick' };

export class Dialler {
  readonly #times: DiallerTimes;
  #state: 'idle' | 'due' | 'dialling' | 'waiting' | 'linked' = 'idle';
  #wanted = false;
  /** Failed attempts in a row. */
  #failures = 0;
  #wakeAtMs: number | null = null;
  #linkedAtMs = 0;

  constructor(times: DiallerTimes) {
    this.#times = times;
  }

  /** Failed attempts since the last link that lasted. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether `poll` has an attempt to give. */
  get isDue(): boolean {
    return this.#state === 'due';
  }

  step(nowMs: number, input: DiallerInput): void {
    switch (input.type) {
      case 'start':
        this.#wanted = true;
        if (this.#state === 'idle') this.#state = 'due';
        break;
      case 'stop':
        this.#wanted = false;
        if (this.#state !== 'linked') this.#rest();
        break;
      case 'failed':
        if (this.#state === 'dialling') this.#wait(nowMs, input.jitter);
        break;
      case 'linked':
        this.#state = 'linked';
        this.#wakeAtMs = null;
        this.#linkedAtMs = nowMs;
        break;
      case 'unlinked':
        if (this.#state !== 'linked') break;
        // A link that breaks at once, again and again, must not be dialled in a hurry.
        if (nowMs - this.#linkedAtMs >= this.#times.redialMaxMs) this.#failures = 0;
        this.#wait(nowMs, input.jitter);
        break;
      case 'tick':
        if (this.#state === 'waiting' && this.#wakeAtMs !== null && nowMs >= this.#wakeAtMs) {
          this.#state = 'due';
          this.#wakeAtMs = null;
        }
        break;
    }
  }

  /** 'dial' once for each attempt that is due; the attempt's end must be told. */
  poll(): 'dial' | null {
    if (this.#state !== 'due') return null;
    this.#state = 'dialling';
    return 'dial';
  }

  /** When it wants a tick; null for never. */
  deadline(): number | null {
    return this.#wakeAtMs;
  }

  #rest(): void {
    this.#state = 'idle';
    this.#wakeAtMs = null;
    this.#failures = 0;
  }

  #wait(nowMs: number, jitter: number): void {
    if (!this.#wanted) {
      this.#rest();
      return;
    }
    const { redialMinMs, redialMaxMs } = this.#times;
    // 2 ** 30 is beyond any redialMaxMs, and keeps the product finite.
    const delayMs = Math.min(redialMaxMs, redialMinMs * 2 ** Math.min(30, this.#failures));
    this.#failures += 1;
    this.#state = 'waiting';
    this.#wakeAtMs = nowMs + delayMs * (1 - jitter / 2);
  }
}
