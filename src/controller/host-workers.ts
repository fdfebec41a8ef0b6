/** The workers of a host, as the configuration and the state of the cluster want them. */
import type { ConfigView } from '../config/view.js';
import { BackplaneError, ControllerError, type ErrorCode, type WorkerError } from '../errors.js';
import { limits } from '../limits.js';
import type { Runtime } from '../runtime/index.js';
import { wallMs } from '../runtime/wall-clock.js';
import { endingText } from '../workers/event-log.js';
import type { WorkerView } from '../workers/options.js';
import { readDesired } from '../workers/worker-spec.js';
import type { Workers } from '../workers/workers.js';
import type { ClusterCondition } from './cluster-state.js';
import type { WorkerStatus } from './host-status.js';
import { isDrained, whenDown } from './tree-hosts.js';

/** What an operator wants done with a worker. */
export type WorkerCommand = 'start' | 'stop' | 'restart' | 'logs';

/** The same, as it travels. */
export interface WorkerOrder {
  readonly command: WorkerCommand;
  readonly worker: string;
}

/** What became of it: the output that was asked for, or an error. */
export type WorkerAnswer =
  | { readonly text: string }
  | { readonly code: ErrorCode; readonly message: string };

const COMMANDS: readonly unknown[] = ['start', 'stop', 'restart', 'logs'];

/** They are supervised in `src/workers`; what they are to be is decided here. */
export class HostWorkers {
  readonly #workers: Workers;
  readonly #host: string;
  readonly #runtime: Runtime;
  readonly #onProblem: (error: WorkerError) => void;
  #desired = '';
  #problems: readonly string[] = [];

  /** @param onProblem is told what stands in the configuration and cannot be used, once each */
  constructor(
    workers: Workers,
    host: string,
    runtime: Runtime,
    onProblem: (error: WorkerError) => void,
  ) {
    this.#workers = workers;
    this.#host = host;
    this.#runtime = runtime;
    this.#onProblem = onProblem;
  }

  /** What stands in the configuration and cannot be used. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Groups that have failed too often, each with the worker that failed last. */
  get givenUp(): readonly { readonly group: string; readonly worker: string }[] {
    return this.#workers.view().groups.flatMap(({ name, givenUp }) => {
      return givenUp === null ? [] : [{ group: name, worker: givenUp.worker }];
    });
  }

  /** All of them, for people and programs. */
  get statuses(): WorkerStatus[] {
    const offsetMs = wallMs() - this.#runtime.clock.nowMs();
    return this.#workers.view().workers.map((view) => statusOf(view, offsetMs));
  }

  /** Has it as the configuration and the cluster are now. */
  follow(view: ConfigView, condition: ClusterCondition): void {
    this.suspend(view, condition);
    const { problems, ...desired } = readDesired(view.effective(`hosts/${this.#host}`));
    const text = JSON.stringify(desired);
    const before = this.#problems;
    this.#problems = problems.map(({ message }) => message);
    for (const problem of problems) if (!before.includes(problem.message)) this.#onProblem(problem);
    if (text === this.#desired) return;
    this.#desired = text;
    this.#workers.desire(desired);
  }

  /** Whether anything is to run at all. */
  suspend(view: ConfigView, condition: ClusterCondition): void {
    this.#workers.suspend('drain', isDrained(view, this.#host));
    this.#workers.suspend('down', condition === 'down' && whenDown(view) === 'stop');
  }

  /** Does what an operator wants; whatever fails is part of the answer. */
  async obey(order: unknown): Promise<WorkerAnswer> {
    try {
      const { command, worker } = checkOrder(order);
      if (command === 'logs') {
        return { text: await this.#workers.logs(worker, limits.workerLogBytes) };
      }
      this.#workers[command](worker);
      return { text: '' };
    } catch (error) {
      if (!(error instanceof BackplaneError)) throw error;
      return { code: error.code, message: error.message };
    }
  }

  /**
   * The end of a worker's output, and what it puts out until the signal is aborted.
   * @throws ControllerError ERR_ARGUMENT; WorkerError ERR_WORKER_UNKNOWN.
   */
  output(asked: unknown, signal: AbortSignal): AsyncIterable<string> {
    const { worker } = (asked ?? {}) as Partial<WorkerOrder>;
    if (typeof worker === 'string') {
      return this.#workers.follow(worker, signal, limits.workerLogBytes);
    }
    throw new ControllerError('ERR_ARGUMENT', 'output is asked for by { worker }');
  }

  /** Lets go of them; they run on. */
  close(): Promise<void> {
    return this.#workers.close();
  }
}

/**
 * An order as it came.
 * @throws ControllerError ERR_ARGUMENT
 */
export function checkOrder(order: unknown): WorkerOrder {
  const { command, worker } = (order ?? {}) as Partial<WorkerOrder>;
  if (typeof worker === 'string' && COMMANDS.includes(command)) return order as WorkerOrder;
  throw new ControllerError('ERR_ARGUMENT', 'an order is { command, worker }');
}

function statusOf(view: WorkerView, offsetMs: number): WorkerStatus {
  const { name, group, state, sinceMs, pid, restarts, text, lastEnding, isHeld } = view;
  return {
    name,
    group,
    state,
    since: new Date(sinceMs + offsetMs).toISOString(),
    pid,
    restarts,
    text,
    ending: lastEnding === null ? null : endingText(lastEnding),
    isHeld,
  };
}
