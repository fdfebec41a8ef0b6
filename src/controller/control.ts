/**
 * What is asked of a controller through the control socket of its host, in JSON:
 *
 * | ask | answers |
 * |---|---|
 * | status | the whole cluster, a `ClusterStatus` |
 */
import { ControllerError } from '../errors.js';
import type { Controller } from './controller.js';

/** Answers it, for `posts` of `serveControl` at the path `CONTROLLER_CONTROL`. */
export function controllerControl(controller: Controller): (body: unknown) => Promise<unknown> {
  return async (body) => {
    const { ask } = (body ?? {}) as { readonly ask?: unknown };
    if (ask === 'status') return controller.cluster();
    throw new ControllerError('ERR_ARGUMENT', 'there is nothing like this to ask a controller');
  };
}
