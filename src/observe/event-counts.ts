/** How often each thing has happened at a node, by the word that tells one kind from another. */
import type { Observer } from '../node/observers.js';

/** By event, then by reason, code or plane; '' where there is no such word. */
export interface EventCounts {
  readonly nodeup: ReadonlyMap<string, number>;
  /** By reason. */
  readonly nodedown: ReadonlyMap<string, number>;
  readonly stalled: ReadonlyMap<string, number>;
  /** By plane that was lost. */
  readonly redundancy: ReadonlyMap<string, number>;
  /** By code. */
  readonly dialFailed: ReadonlyMap<string, number>;
  /** By code; those that went unreported count with the next report. */
  readonly refused: ReadonlyMap<string, number>;
  readonly handlerError: ReadonlyMap<string, number>;
}

/** Counts what an observer is told. */
export class EventCounter {
  readonly #counts = {
    nodeup: new Map<string, number>(),
    nodedown: new Map<string, number>(),
    stalled: new Map<string, number>(),
    redundancy: new Map<string, number>(),
    dialFailed: new Map<string, number>(),
    refused: new Map<string, number>(),
    handlerError: new Map<string, number>(),
  };

  get counts(): EventCounts {
    return this.#counts;
  }

  readonly observer: Observer = (event, payload) => {
    const { reason, code, state, missing, suppressed } = payload as {
      readonly reason?: string;
      readonly code?: string;
      readonly state?: string;
      readonly missing?: readonly string[];
      readonly suppressed?: number;
    };
    switch (event) {
      case 'nodeup':
      case 'stalled':
      case 'handlerError':
        return this.#add(event, '', 1);
      case 'nodedown':
        return this.#add(event, reason ?? '', 1);
      case 'dialFailed':
        return this.#add(event, code ?? '', 1);
      case 'refused':
        return this.#add(event, code ?? '', 1 + (suppressed ?? 0));
      case 'redundancy':
        for (const plane of state === 'lost' ? (missing ?? []) : []) this.#add(event, plane, 1);
    }
  };

  #add(event: keyof EventCounts, word: string, count: number): void {
    const counts = this.#counts[event];
    counts.set(word, (counts.get(word) ?? 0) + count);
  }
}
