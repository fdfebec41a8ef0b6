/**
 * How often a stranger may make itself heard: a pure machine. What one source causes again and
 * again is reported once in `reportEveryMs`, with the number of times that went unreported.
 */

export interface ReportLimits {
  readonly reportEveryMs: number;
  readonly reportedAddresses: number;
}

interface Source {
  lastMs: number;
  suppressed: number;
}

/** All sources beyond the bound. */
const OTHERS = '';

export class Reports {
  readonly #limits: ReportLimits;
  readonly #sources = new Map<string, Source>();

  constructor(limits: ReportLimits) {
    this.#limits = limits;
  }

  /** Null when this occurrence is not to be reported, else how many before it were not. */
  admit(nowMs: number, source: string): number | null {
    const key = this.#sources.has(source) || this.#hasRoom(nowMs) ? source : OTHERS;
    const known = this.#sources.get(key);
    if (known !== undefined && nowMs - known.lastMs < this.#limits.reportEveryMs) {
      known.suppressed += 1;
      return null;
    }
    this.#sources.set(key, { lastMs: nowMs, suppressed: 0 });
    return known?.suppressed ?? 0;
  }

  #hasRoom(nowMs: number): boolean {
    if (this.#sources.size < this.#limits.reportedAddresses) return true;
    for (const [key, { lastMs, suppressed }] of this.#sources) {
      const isOver = nowMs - lastMs >= this.#limits.reportEveryMs && suppressed === 0;
      if (isOver && key !== OTHERS) this.#sources.delete(key);
    }
    return this.#sources.size < this.#limits.reportedAddresses;
  }
}
