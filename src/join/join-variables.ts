/** What a controller tells a worker in its environment, so that it can join. */
import { WorkerError } from '../errors.js';
import type { NodeOptions, PeerOptions } from '../node/options.js';

/** The variable that has it, as JSON. */
export const JOIN_VARIABLE = 'BACKPLANE_NODE';

/** What a worker is told of its node. */
export interface NodeTold
  extends Required<
    Pick<NodeOptions, 'name' | 'planes' | 'port' | 'keyFile' | 'label' | 'profile' | 'security'>
  > {
  /** Where the controller of its host is. */
  readonly controller: PeerOptions;
}

/** All that a worker knows of itself at its start. */
export interface WorkerIdentity {
  /** As it is described in the configuration. */
  readonly worker: string;
  readonly host: string;
  /** New with each process; empty: its controller told none. */
  readonly instance: string;
  /** The pool whose tasks it takes; null: none. */
  readonly pool: string | null;
  readonly told: NodeTold;
}

function notAWorker(why: string, cause?: unknown): WorkerError {
  const message = `this process cannot join: ${why}. A controller starts programs that can`;
  return new WorkerError('ERR_NOT_A_WORKER', message, { cause });
}

/**
 * Reads what the environment tells.
 * @throws WorkerError ERR_NOT_A_WORKER: no controller has started this process.
 */
export function readIdentity(env: NodeJS.ProcessEnv): WorkerIdentity {
  const text = env[JOIN_VARIABLE] ?? '';
  const { BACKPLANE_WORKER: worker = '', BACKPLANE_HOST: host = '' } = env;
  if (text === '') throw notAWorker(`${JOIN_VARIABLE} is not set`);
  const told = parsed(text);
  const { name, controller } = told;
  if (name !== `${worker}@${host}` || typeof controller?.name !== 'string') {
    throw notAWorker(`${JOIN_VARIABLE} is not that of worker ${worker} at host ${host}`);
  }
  if (name === controller.name) throw notAWorker(`${name} is the name of its controller`);
  const { BACKPLANE_INSTANCE: instance = '', BACKPLANE_POOL: pool = '' } = env;
  return { worker, host, instance, pool: pool === '' ? null : pool, told };
}

function parsed(text: string): Partial<NodeTold> & NodeTold {
  try {
    return (JSON.parse(text) ?? {}) as NodeTold;
  } catch (cause) {
    throw notAWorker(`${JOIN_VARIABLE} is not JSON`, cause);
  }
}

/** The variables that a worker is started with; none for one that has the controller's own name. */
export function joinVariables(worker: string, host: string, told: Omit<NodeTold, 'name'>) {
  const name = `${worker}@${host}`;
  const variables: Record<string, string> = {};
  if (name !== told.controller.name) variables[JOIN_VARIABLE] = JSON.stringify({ name, ...told });
  return variables;
}
