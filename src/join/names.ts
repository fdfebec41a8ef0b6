/** The topics on which controllers and the workers that join speak. */

/**
 * A call, answered by a worker that joins: where it is (`Whereabouts`). Its controller asks it
 * as soon as there is a link. Nobody else answers it, and so no other node is taken for a worker.
 */
export const WHERE_TOPIC = 'worker:where';

/**
 * A call, answered by controllers with lists of workers that have joined (`roster.ts`): to another
 * controller with that of its own host, to a worker of its host with those of all hosts.
 */
export const NODES_TOPIC = 'controller:nodes';

/** A message of a controller: what it would answer to that is not what it was. */
export const CHANGED_TOPIC = 'controller:nodes-changed';

/**
 * A stream of a controller, for a worker of its host: its settings (`settings-pieces.ts`), all of
 * them first, and then what changes. One that has just begun, and has not answered it before, says
 * `CHANGED_TOPIC`.
 */
export const SETTINGS_TOPIC = 'controller:settings';
