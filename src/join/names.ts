/** The topics on which controllers and the workers that join tell each other who is there. */

/**
 * A call, answered by a worker that joins: its port. Its controller asks it as soon as there is a
 * link. Nobody else answers it, and so no other node is taken for a worker.
 */
export const PORT_TOPIC = 'worker:port';

/**
 * A call, answered by controllers with lists of workers that have joined (`roster.ts`): to another
 * controller with that of its own host, to a worker of its host with those of all hosts.
 */
export const NODES_TOPIC = 'controller:nodes';

/** A message of a controller: what it would answer to that is not what it was. */
export const CHANGED_TOPIC = 'controller:nodes-changed';
