/**
 * Those who look on: logs, metrics, alarms. They are told every event before its listeners are, and
 * are no listeners themselves: a node behaves the same with and without them.
 */
import type { NodeEvents } from './events.js';

/** What a node says when it begins to listen. */
export interface Listening {
  readonly incarnation: string;
  readonly port: number;
  readonly engine: string;
  /** Plane to local address. */
  readonly planes: Readonly<Record<string, string>>;
  readonly keys: readonly string[];
}

/** What an observer is told: all events of a node, and a few that nobody needs to listen to. */
export interface ObservedEvents extends NodeEvents {
  /** The node listens, and begins to dial. */
  listening: [event: Listening];
  /** `disconnect` is done: this peer is not wanted any more. */
  disconnected: [event: { readonly name: string }];
  /** The node is closed. Last. */
  closed: [event: Readonly<Record<never, never>>];
}

/** The name of something that is observed. */
export type ObservedEvent = keyof ObservedEvents;

/** What belongs to it. */
export type Observed<K extends ObservedEvent> = ObservedEvents[K][0];

/** Is told everything in the order in which it happens. */
export type Observer = <K extends ObservedEvent>(event: K, payload: Observed<K>) => void;

export class Observers {
  readonly #all = new Set<Observer>();
  readonly #threw: (error: unknown) => void;

  /** @param threw is given what an observer throws; it must not throw itself. */
  constructor(threw: (error: unknown) => void) {
    this.#threw = threw;
  }

  /** Adds one; what is returned takes it away. */
  add(observer: Observer): () => void {
    // The same function twice is two observers.
    const one: Observer = (event, payload) => observer(event, payload);
    this.#all.add(one);
    return () => void this.#all.delete(one);
  }

  tell<K extends ObservedEvent>(event: K, payload: Observed<K>): void {
    for (const observer of this.#all) {
      try {
        observer(event, payload);
      } catch (error) {
        this.#threw(error);
      }
    }
  }
}
