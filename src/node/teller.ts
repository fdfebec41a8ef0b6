/**
 * What a node tells its program, so that nothing the program does there comes back into what the
 * node was in the middle of.
 */
import type { EventEmitter } from 'node:events';
import type { BackplaneError } from '../errors.js';
import { limits } from '../limits.js';
import type { Clock } from '../runtime/index.js';
import type { HandlerFailed, NodeEvents } from './events.js';
import { Reports } from './reports.js';
import type { TellOptions } from './send-options.js';

type OnOutcome = NonNullable<TellOptions['onOutcome']>;

/** Events of a node. What strangers and handlers cause again and again is told now and then. */
export class Teller {
  readonly #emitter: EventEmitter<NodeEvents>;
  readonly #clock: Clock;
  readonly #refusals = new Reports(limits);
  readonly #failures = new Reports(limits);

  constructor(emitter: EventEmitter<NodeEvents>, clock: Clock) {
    this.#emitter = emitter;
    this.#clock = clock;
  }

  /**
   * What a listener throws is the program's own fault and must not stop what we are in the middle
   * of.
   */
  tell<K extends keyof NodeEvents>(event: K, ...args: NodeEvents[K]): void {
    const emitter = this.#emitter;
    try {
      (emitter.emit as (name: K, ...values: NodeEvents[K]) => boolean).call(
        emitter,
        event,
        ...args,
      );
    } catch (error) {
      rethrowLater(error);
    }
  }

  /** A failure nobody listens for must not pass in silence, and must not end the process either. */
  handlerFailed(failure: HandlerFailed): void {
    if (this.#emitter.listenerCount('handlerError') > 0) return this.tell('handlerError', failure);
    const { name, topic, error } = failure;
    if (this.#failures.admit(this.#clock.nowMs(), topic) === null) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : 'no Error was thrown';
    process.emitWarning(`handler of ${topic}, message from ${name}: ${text}`, 'BackplaneWarning');
  }

  refused(address: string, name: string | null, error: BackplaneError): void {
    const suppressed = this.#refusals.admit(this.#clock.nowMs(), address);
    if (suppressed === null) return;
    this.tell('refused', { address, name, code: error.code, error, suppressed });
  }
}

/**
 * Callbacks of the program that are told outcomes: see `Teller.tell`. A flood has the same one for
 * all its messages, and what lives as long as a message is on its way costs the garbage collector
 * most.
 */
export class Guard {
  #last: { readonly onOutcome: OnOutcome; readonly guarded: OnOutcome } | null = null;

  of(onOutcome: OnOutcome): OnOutcome {
    if (this.#last?.onOutcome === onOutcome) return this.#last.guarded;
    const guarded: OnOutcome = (outcome) => {
      try {
        onOutcome(outcome);
      } catch (error) {
        rethrowLater(error);
      }
    };
    this.#last = { onOutcome, guarded };
    return guarded;
  }
}

/** Throws where nothing but the program's own handlers of such errors is in the way. */
export function rethrowLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
