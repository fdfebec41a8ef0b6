/** Tasks of operators, at whichever controller they are. */
import { BackplaneError, ControllerError } from '../errors.js';
import { limits } from '../limits.js';
import type { ClusterNode } from '../node/node.js';
import { forControllers, toldError } from './between.js';
import type { HostView } from './cluster-state.js';
import { CONTROLLER, TASKS_TOPIC } from './names.js';
import type { OperatorTasks } from './operator-tasks.js';
import { encodeTasks, type HostTasks, readTasks } from './task-status.js';

/** Asks the controllers for them. */
export class ClusterTasks {
  readonly #node: ClusterNode;
  readonly #host: string;
  readonly #own: OperatorTasks;
  readonly #hosts: () => readonly HostView[];

  /**
   * @param own those of this controller
   * @param hosts all others
   */
  constructor(
    node: ClusterNode,
    host: string,
    own: OperatorTasks,
    hosts: () => readonly HostView[],
  ) {
    this.#node = node;
    this.#host = host;
    this.#own = own;
    this.#hosts = hosts;
    const answer = forControllers((body) => this.#answer(body));
    node.handle(TASKS_TOPIC, answer);
  }

  /** Those of all controllers, each of which is asked for at most limits.controllerAskMs. */
  async list(): Promise<HostTasks[]> {
    const others = await Promise.all(this.#hosts().map((view) => this.#ask(view)));
    const lists = [{ host: this.#host, tasks: this.#own.statuses }, ...others];
    return lists.sort((a, b) => (a.host < b.host ? -1 : 1));
  }

  /**
   * Gives one up: `3@host1`.
   * @returns Whether it was not over.
   * @throws (rejects) ControllerError ERR_ARGUMENT: there is none; CallError, NodeError: its
   *   controller does not answer.
   */
  async cancel(id: string): Promise<boolean> {
    const host = id.slice(id.indexOf('@') + 1);
    if (host === this.#host) return this.#own.cancel(id);
    if (!this.#hosts().some((known) => known.host === host)) {
      throw new ControllerError('ERR_ARGUMENT', `there is no task ${id}; a task is NUMBER@HOST`);
    }
    const asked = { ask: 'cancel', id };
    const answer = await this.#node.call(`${CONTROLLER}@${host}`, TASKS_TOPIC, asked, ASK);
    const { isCancelled } = (answer ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof isCancelled === 'boolean') return isCancelled;
    throw toldError(answer);
  }

  async #ask({ host, isReached }: HostView): Promise<HostTasks> {
    if (!isReached) return { host, tasks: null };
    try {
      const name = `${CONTROLLER}@${host}`;
      return { host, tasks: readTasks(await this.#node.call(name, TASKS_TOPIC, LIST, ASK)) };
    } catch {
      // It did not answer: that is what is shown, whatever the reason.
      return { host, tasks: null };
    }
  }

  #answer(body: unknown): unknown {
    const { ask, id } = (body ?? {}) as Readonly<Record<string, unknown>>;
    if (ask === 'list') return encodeTasks(this.#own.statuses);
    if (ask !== 'cancel' || typeof id !== 'string') {
      throw new ControllerError('ERR_ARGUMENT', 'there is nothing like this to ask of tasks');
    }
    try {
      return { isCancelled: this.#own.cancel(id) };
    } catch (error) {
      if (!(error instanceof BackplaneError)) throw error;
      return { code: error.code, message: error.message };
    }
  }
}

const LIST = { ask: 'list' };
const ASK = { deadlineMs: limits.controllerAskMs };
