/**
 * The giving end of a streamed reply: takes items from the handler's iterable only while the reader
 * has credit left and the link has room, so that what lies between is bounded.
 */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { type EncodedBody, encodeOwnBody } from '../wire/payload.js';
import type { Gate } from './gate.js';

export interface ProducerSetup {
  readonly iterable: AsyncIterable<unknown>;
  /** Whether the link takes more. */
  readonly gate: Gate;
  /** Sends one item; false when the link has no room for another. Throws when it cannot be sent. */
  send(item: EncodedBody): boolean;
}

/** What an item counts against credit. */
export function itemCostBytes(body: Uint8Array): number {
  return body.length + limits.streamItemOverheadBytes;
}

export class Producer {
  readonly #setup: ProducerSetup;
  readonly #iterator: AsyncIterator<unknown>;
  /** Bytes of items that may be begun in all, and that were sent. */
  #creditBytes: number = limits.streamInitialCreditBytes;
  #sentBytes = 0;
  #isStopped = false;
  #isAtGate = false;
  #wake: (() => void) | null = null;

  constructor(setup: ProducerSetup) {
    this.#setup = setup;
    this.#iterator = setup.iterable[Symbol.asyncIterator]();
  }

  /** The reader has read: `totalBytes` in all may be begun. Less than before is no matter. */
  grant(totalBytes: number): void {
    if (totalBytes <= this.#creditBytes) return;
    this.#creditBytes = totalBytes;
    this.#wakeUp();
  }

  /** Nobody reads any more: the iterable is asked to end, and nothing more is sent. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#letGo();
    this.#wakeUp();
  }

  /**
   * Sends all there is.
   * @returns Resolves at the end of the iterable, or when it was stopped.
   * @throws (rejects) what the iterable or `send` threw; NodeError ERR_MESSAGE_TOO_LARGE,
   *   ERR_ARGUMENT: an item that cannot be sent.
   */
  async run(): Promise<void> {
    for (;;) {
      while (!this.#isStopped && !this.#mayTake()) await this.#change();
      if (this.#isStopped) return;
      const next = await this.#iterator.next();
      if (this.#isStopped || next.done === true) return;
      try {
        const item = encodeItem(next.value);
        // Others may have filled the link while this one was being made.
        while (!this.#isStopped && !this.#setup.gate.isOpen) await this.#change();
        if (this.#isStopped) return;
        this.#sentBytes += itemCostBytes(item.body);
        if (!this.#setup.send(item)) this.#setup.gate.shut();
      } catch (error) {
        this.#letGo();
        throw error;
      }
    }
  }

  #mayTake(): boolean {
    return this.#sentBytes < this.#creditBytes && this.#setup.gate.isOpen;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      const { gate } = this.#setup;
      // Credit wakes it, too, as often as a peer likes: it waits at the gate once.
      if (gate.isOpen || this.#isAtGate) return;
      this.#isAtGate = true;
      gate.wait(() => {
        this.#isAtGate = false;
        this.#wakeUp();
      });
    });
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  /** How the iterable takes it interests nobody any more. */
  #letGo(): void {
    void (async () => this.#iterator.return?.())().catch(() => {});
  }
}

function encodeItem(value: unknown): EncodedBody {
  const item = encodeOwnBody(value);
  if (item.body.length <= limits.streamItemBytes) return item;
  throw new NodeError(
    'ERR_MESSAGE_TOO_LARGE',
    `an item of a stream has at most ${limits.streamItemBytes} bytes`,
  );
}

/** Whether a handler has answered with a stream. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  const iterator = (value as { [Symbol.asyncIterator]?: unknown } | null | undefined)?.[
    Symbol.asyncIterator
  ];
  return typeof iterator === 'function';
}
