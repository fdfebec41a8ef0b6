/**
 * What is asked of a controller through the control socket of its host, in JSON:
 *
 * | ask | with | answers |
 * |---|---|---|
 * | status | | the whole cluster, a `ClusterStatus` |
 * | worker | host, command, worker | `{ text }`: its output, where the command is `logs` |
 */
import { ControllerError } from '../errors.js';
import type { Controller } from './controller.js';
import { checkOrder } from './host-workers.js';

/** Answers it, for `posts` of `serveControl` at the path `CONTROLLER_CONTROL`. */
export function controllerControl(controller: Controller): (body: unknown) => Promise<unknown> {
  return async (body) => {
    const { ask, host, ...order } = (body ?? {}) as Readonly<Record<string, unknown>>;
    if (ask === 'status') return controller.cluster();
    if (ask === 'worker' && typeof host === 'string') {
      return { text: await controller.order(host, checkOrder(order)) };
    }
    throw new ControllerError('ERR_ARGUMENT', 'there is nothing like this to ask a controller');
  };
}
