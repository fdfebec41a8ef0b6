/** The controller of this host, asked through its control socket. */
import type { ClusterStatus } from '../controller/cluster-status.js';
import { CONTROLLER_CONTROL } from '../controller/control-path.js';
import { postControl } from '../observe/control-post-client.js';
import { type ControlCommandOptions, controlPath } from './control-options.js';

/**
 * The whole cluster.
 * @throws (rejects) NodeError ERR_CONTROL: no controller answers there.
 */
export async function askCluster(path: string): Promise<ClusterStatus> {
  let answer: unknown;
  for await (const line of postControl(path, CONTROLLER_CONTROL, { ask: 'status' })) answer = line;
  return answer as ClusterStatus;
}

/** The same, of the controller that the options name. */
export async function clusterOf(options: ControlCommandOptions): Promise<ClusterStatus> {
  return askCluster(await controlPath(options));
}

/**
 * Has something done with a worker of a host.
 * @returns its output, where that was asked for.
 * @throws (rejects) NodeError with the code of that host; ERR_CONTROL.
 */
export async function orderWorker(
  path: string,
  host: string,
  order: { readonly command: string; readonly worker: string },
): Promise<string> {
  let answer: unknown;
  const asked = { ask: 'worker', host, ...order };
  for await (const line of postControl(path, CONTROLLER_CONTROL, asked)) answer = line;
  return (answer as { readonly text: string }).text;
}

/**
 * The end of a worker's output, and what it puts out until the signal is aborted.
 * @throws (while it is read) NodeError with the code of that host; ERR_CONTROL.
 */
export async function* workerOutput(
  path: string,
  { host, name: worker }: { readonly host: string; readonly name: string },
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const asked = { ask: 'output', host, worker };
  for await (const line of postControl(path, CONTROLLER_CONTROL, asked, {
    deadlineMs: 0,
    signal,
  })) {
    yield (line as { readonly text: string }).text;
  }
}
