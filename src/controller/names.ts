/** What controllers are called, and the topics on which they ask each other. */

/** The node's name of every controller; behind the `@` stands its host. */
export const CONTROLLER = 'controller';

/** A call that a controller answers with a `HostStatus`. */
export const STATUS_TOPIC = 'controller:status';

/** A call by which a controller has another one do something with a worker: a `WorkerOrder`. */
export const WORKER_TOPIC = 'controller:worker';

/** A stream of a worker's output, `{ worker }`: the end of what there is, and what comes. */
export const OUTPUT_TOPIC = 'controller:output';

/**
 * A call about tasks of operators at one controller: `{ ask: 'list' }` is answered with them,
 * `{ ask: 'cancel', id }` as orders are.
 */
export const TASKS_TOPIC = 'controller:tasks';

/** The host whose controller a node is; null for any other node. */
export function hostOfController(name: string): string | null {
  const prefix = `${CONTROLLER}@`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : null;
}

/** The worker of a host, whose node this is, by its name without the host; null: it is none. */
export function workerOf(name: string, host: string): string | null {
  const [worker = '', place] = name.split('@');
  return place === host && hostOfController(name) === null ? worker : null;
}
