/** What happens to workers as lines of a log: one per change of state, with worker and instance. */
import type { Logger, LogLevel } from '../node/logger.js';
import type { WorkerEvent } from './options.js';
import { signalName } from './signals.js';
import type { Ending } from './supervisor-io.js';

/** How it ended, in words. */
export function endingText(ending: Ending): string {
  switch (ending.kind) {
    case 'code':
      return `with code ${ending.code}`;
    case 'signal':
      return `by ${signalName(ending.signal)}`;
    case 'failed':
      return `before it began: errno ${ending.errno} at ${ending.at}`;
    case 'lost':
      return 'with its keeper, which was killed';
  }
}

const WHY_KILLED = {
  stop: 'it has not stopped in time',
  late: 'it was not ready in time',
  stalled: 'it does not beat',
} as const;

function lineOf(event: WorkerEvent): readonly [LogLevel, string] {
  switch (event.type) {
    case 'ended':
      return [event.isExpected ? 'info' : 'warn', `has ended ${endingText(event.ending)}`];
    case 'killed':
      return ['warn', `is killed: ${WHY_KILLED[event.why]}`];
    case 'restarting':
      return ['info', `starts again in ${Math.round(event.delayMs)} ms`];
    case 'given-up':
      return ['error', `has failed too often; group ${event.group} is given up`];
    case 'taken-up':
      return ['info', `group ${event.group} is taken up again`];
    case 'suspended':
      return ['info', 'nothing runs any more'];
    default:
      return ['info', TEXTS[event.type]];
  }
}

const TEXTS = {
  adopted: 'is adopted',
  starting: 'starts',
  ready: 'is ready',
  stopping: 'is asked to stop',
  finished: 'has ended for good',
  forgotten: 'is no worker of this host any more',
} as const;

/** Writes a line for an event. */
export function logEvent(log: Logger | undefined, event: WorkerEvent): void {
  if (log === undefined) return;
  const [level, text] = lineOf(event);
  const { type, instance } = event;
  const worker = 'worker' in event ? event.worker : undefined;
  const fields = { event: type, ...(worker === undefined ? {} : { worker, instance }) };
  log[level](fields, worker === undefined ? text : `${worker} ${text}`);
}
