/** What a pacer calls. */
export interface PacerHandlers {
  /** Send message `number`, counted from 0. */
  send(number: number): void;
  /** The last message was sent; `startNs` is the time at which the first was due. */
  done(startNs: bigint): void;
}

/**
 * Sends numbered messages at a steady rate: message n is due n / rate after the start, and whatever
 * is due goes at each wake-up, so that a late timer delays messages and never drops them.
 */
export class Pacer {
  readonly #intervalNs: number;
  readonly #total: number;
  readonly #handlers: PacerHandlers;
  #startNs = 0n;
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param durationMs Infinity sends until `stop()`. */
  constructor(messagesPerSecond: number, durationMs: number, handlers: PacerHandlers) {
    this.#intervalNs = 1e9 / messagesPerSecond;
    this.#total = Math.round((messagesPerSecond * durationMs) / 1000);
    this.#handlers = handlers;
  }

  start(): void {
    this.#startNs = process.hrtime.bigint();
    this.#timer = setInterval(() => this.#wake(), 1);
    this.#wake();
  }

  /** Ends early; `done` is called all the same, once. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#handlers.done(this.#startNs);
  }

  #wake(): void {
    const elapsedNs = Number(process.hrtime.bigint() - this.#startNs);
    const due = Math.min(this.#total, Math.floor(elapsedNs / this.#intervalNs) + 1);
    while (this.#next < due) this.#handlers.send(this.#next++);
    if (this.#next >= this.#total) this.stop();
  }
}
