/**
 * What a node tells its program, so that nothing the program does there comes back into what the
 * node was in the middle of.
 */
import type { EventEmitter } from 'node:events';
import type { BackplaneError } from '../errors.js';
import { limits } from '../limits.js';
import type { Clock } from '../runtime/index.js';
import { publishEvent } from './diagnostics.js';
import type { HandlerFailed, NodeEvents } from './events.js';
import { Observers } from './observers.js';
import { Reports } from './reports.js';

/** Events of a node. What strangers and handlers cause again and again is told now and then. */
export class Teller {
  /** Those who look on: told before listeners. */
  readonly observers = new Observers(rethrowLater);
  readonly #node: string;
  readonly #emitter: EventEmitter<NodeEvents>;
  readonly #clock: Clock;
  readonly #isLogged: boolean;
  readonly #refusals = new Reports(limits);
  readonly #failures = new Reports(limits);

  /**
   * @param node its name, for those who listen to several in one process.
   * @param isLogged whether a logger is told what nobody listens for.
   */
  constructor(node: string, emitter: EventEmitter<NodeEvents>, clock: Clock, isLogged: boolean) {
    this.#node = node;
    this.#emitter = emitter;
    this.#clock = clock;
    this.#isLogged = isLogged;
  }

  /**
   * What a listener throws is the program's own fault and must not stop what we are in the middle
   * of.
   */
  tell<K extends keyof NodeEvents>(event: K, ...args: NodeEvents[K]): void {
    const emitter = this.#emitter;
    this.observers.tell(event, args[0]);
    publishEvent(this.#node, event, args[0]);
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
    const isHeard = this.#emitter.listenerCount('handlerError') > 0;
    this.tell('handlerError', failure);
    if (isHeard || this.#isLogged) return;
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

/** Throws where nothing but the program's own handlers of such errors is in the way. */
export function rethrowLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
