/** Handing messages to listeners. */
import type { MessageInfo } from './events.js';

/** A class, so that all have one hidden shape: this is made once per message. */
export class ReceivedInfo implements MessageInfo {
  constructor(
    readonly stream: number,
    readonly ppid: number,
    readonly unordered: boolean,
    readonly tsn: number,
    readonly ssn: number,
  ) {}
}

/**
 * What a listener throws is the program's own fault: it becomes an uncaught exception, as with any
 * emitter, but not before the rest of the batch, which exists nowhere else any more, has been
 * delivered.
 */
export function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
