/**
 * What follows a message through asynchronous code: the trace it belongs to, and the context of who
 * waits for its outcome. The only importer of node:async_hooks.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type { MessageContext } from './handling.js';
import { rethrowLater } from './teller.js';

/** Nobody asks when they are destroyed: there is one for each message with an outcome to tell. */
const UNTRACKED = { requireManualDestroy: true };
const traces = new AsyncLocalStorage<string | undefined>();
/** A storage in use makes every promise of the process dearer: it is not before a trace comes. */
let isTracing = false;

/** The trace of the message whose handler is running, directly or in what it awaits. */
export function currentTraceparent(): string | undefined {
  return isTracing ? traces.getStore() : undefined;
}

/** Calls a handler within the trace of its message, or, when that has none, within none. */
export function runHandler<Body>(
  handler: (body: Body, context: MessageContext) => unknown,
  body: Body,
  context: MessageContext,
): unknown {
  if (!isTracing) {
    if (context.traceparent === undefined) return handler(body, context);
    isTracing = true;
  }
  return traces.run(context.traceparent, handler, body, context);
}

/** Runs something in an asynchronous context. */
export type Enter = <T>(run: () => T) => T;

/** The asynchronous context of now, for later. */
export function captured(): Enter {
  const resource = new AsyncResource('BackplaneContext', UNTRACKED);
  return (run) => resource.runInAsyncScope(run);
}

/**
 * A callback of the program, to be called once, later: in the asynchronous context of now. What it
 * throws is the program's own fault and does not come back here.
 */
export function bound<First, Second = never>(
  callback: (first: First, second: Second) => void,
): (first: First, second?: Second) => void {
  const resource = new AsyncResource('BackplaneCallback', UNTRACKED);
  return (first, second) => {
    try {
      resource.runInAsyncScope(callback, undefined, first, second as Second);
    } catch (error) {
      rethrowLater(error);
    }
  };
}
