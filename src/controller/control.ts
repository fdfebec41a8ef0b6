/**
 * What is asked of a controller through the control socket of its host, in JSON:
 *
 * | ask | with | answers |
 * |---|---|---|
 * | status | | the whole cluster, a `ClusterStatus` |
 * | worker | host, command, worker | `{ text }`: its output, where the command is `logs` |
 * | output | host, worker | lines: `{ text }`, its output as it comes |
 * | task | pool, body, options, isDetached | lines: `{ id }`, then `TaskLine`s |
 * | tasks | | `{ hosts }`: the tasks of all controllers (`HostTasks`) |
 * | cancel | task | `{ isCancelled }`: whether it was not over |
 */
import { ControllerError } from '../errors.js';
import type { Controller } from './controller.js';
import { checkOrder } from './host-workers.js';
import type { TaskOrder } from './operator-tasks.js';

type Asked = Readonly<Record<string, unknown>>;

/** Answers it, for `posts` of `serveControl` at the path `CONTROLLER_CONTROL`. */
export function controllerControl(
  controller: Controller,
): (body: unknown, signal: AbortSignal) => Promise<unknown> | AsyncIterable<unknown> {
  return (body, signal) => {
    const asked = (body ?? {}) as Asked;
    const { ask, host, worker } = asked;
    if (ask === 'task') return controller.tasks.run(taskOrder(asked), signal);
    if (ask === 'output' && typeof host === 'string' && typeof worker === 'string') {
      return texts(controller.output(host, worker, signal));
    }
    return answer(controller, asked);
  };
}

async function* texts(pieces: AsyncIterable<unknown>): AsyncGenerator<{ readonly text: unknown }> {
  for await (const text of pieces) yield { text };
}

async function answer(controller: Controller, asked: Asked): Promise<unknown> {
  const { ask, host, task, ...order } = asked;
  if (ask === 'status') return controller.cluster();
  if (ask === 'worker' && typeof host === 'string') {
    return { text: await controller.order(host, checkOrder(order)) };
  }
  if (ask === 'tasks') return { hosts: await controller.clusterTasks.list() };
  if (ask === 'cancel' && typeof task === 'string') {
    return { isCancelled: await controller.clusterTasks.cancel(task) };
  }
  throw new ControllerError('ERR_ARGUMENT', 'there is nothing like this to ask a controller');
}

/** What of an order is checked by whoever submits it is let through. */
function taskOrder({ pool, body = null, options = {}, isDetached }: Asked): TaskOrder {
  return {
    pool: pool as string,
    body,
    options: options as object,
    isDetached: isDetached === true,
  };
}
