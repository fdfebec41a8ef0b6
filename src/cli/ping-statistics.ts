/** What a series of pings tells: a pure machine. */

/** Round trips kept for the median; older ones give way. */
const ROUND_TRIPS_KEPT = 10_000;

export interface PingSummary {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  /** Median; null before the first answer. */
  readonly rttP50Ms: number | null;
  readonly rttMaxMs: number | null;
  /**
   * Longest time without an answer: between two of them, from the first ping to the first answer,
   * or from the last answer until now while pings are open or lost.
   */
  readonly longestGapMs: number;
}

/** To microseconds. */
function rounded<T extends number | null>(valueMs: T): T {
  return (valueMs === null ? null : Math.round(valueMs * 1000) / 1000) as T;
}

export class PingStatistics {
  #sent = 0;
  #received = 0;
  #lost = 0;
  #rttMaxMs: number | null = null;
  #longestGapMs = 0;
  /** The last answer, or the first ping before there is one. */
  #sinceMs: number | null = null;
  #unansweredSince = 0;
  readonly #rttsMs: number[] = [];

  /** A ping has left. */
  sent(nowMs: number): void {
    this.#sent += 1;
    this.#unansweredSince += 1;
    this.#sinceMs ??= nowMs;
  }

  /** An answer has come. */
  answered(nowMs: number, rttMs: number): void {
    this.#rttsMs[this.#received % ROUND_TRIPS_KEPT] = rttMs;
    this.#received += 1;
    this.#rttMaxMs = Math.max(this.#rttMaxMs ?? 0, rttMs);
    this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - (this.#sinceMs ?? nowMs));
    this.#sinceMs = nowMs;
    this.#unansweredSince = 0;
  }

  /** A ping will not be answered. */
  lost(): void {
    this.#lost += 1;
  }

  /** Everything so far. Pings that are neither answered nor lost count as not sent. */
  summary(nowMs: number): PingSummary {
    const silenceMs = this.#unansweredSince > 0 ? nowMs - (this.#sinceMs ?? nowMs) : 0;
    const sorted = [...this.#rttsMs].sort((a, b) => a - b);
    return {
      sent: this.#received + this.#lost,
      received: this.#received,
      lost: this.#lost,
      rttP50Ms: rounded(sorted[Math.ceil(sorted.length / 2) - 1] ?? null),
      rttMaxMs: rounded(this.#rttMaxMs),
      longestGapMs: rounded(Math.max(this.#longestGapMs, silenceMs)),
    };
  }
}
