/**
 * What a node tells those who observe the process without touching its code. The only importer of
 * node:diagnostics_channel. Names and contents are described in docs/messaging.md.
 */
import { type Channel, channel, tracingChannel } from 'node:diagnostics_channel';
import type { NodeEvents } from './events.js';
import type { MessageContext } from './handling.js';

/** A call or stream that this node makes. `result` and `error` come as it ends. */
export interface CallTrace {
  /** The node that calls. */
  readonly node: string;
  readonly to: string;
  readonly topic: string;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** A message in the hands of a handler. */
export interface HandleTrace {
  /** The node that handles it. */
  readonly node: string;
  readonly context: MessageContext;
  readonly result?: unknown;
  readonly error?: unknown;
}

const events = new Map<string, Channel>();
const calls = tracingChannel<unknown, CallTrace>('backplane:call');
const handled = tracingChannel<unknown, HandleTrace>('backplane:handle');

type Traced = typeof calls | typeof handled;

function isHeard({ start, end, asyncStart, asyncEnd, error }: Traced): boolean {
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  );
}

/** An event of a node, on the channel of its name. */
export function publishEvent<K extends keyof NodeEvents>(
  node: string,
  event: K,
  payload: NodeEvents[K][0],
): void {
  let told = events.get(event);
  if (told === undefined) {
    told = channel(`backplane:${event}`);
    events.set(event, told);
  }
  if (told.hasSubscribers) told.publish({ node, ...payload });
}

/** Runs a call, and tells of it where somebody listens. */
export function traceCall<T>(
  node: string,
  to: string,
  topic: string,
  call: () => Promise<T>,
): Promise<T> {
  return isHeard(calls) ? calls.tracePromise(call, { node, to, topic }) : call();
}

/** Whether somebody listens to what handlers do. */
export function areHandlersTraced(): boolean {
  return isHeard(handled);
}

/** Runs a handler, and tells of it. What it returns becomes a promise. */
export function traceHandler(node: string, context: MessageContext, run: () => unknown): unknown {
  return handled.tracePromise(async () => run(), { node, context });
}
