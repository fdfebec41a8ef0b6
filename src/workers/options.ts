/** What a host's workers are run with, and what is told of them. */
import type { Logger } from '../node/logger.js';
import type { Runtime } from '../runtime/index.js';
import type { SupervisedView, SupervisorEvent, SupervisorView } from './supervisor-io.js';
import type { WorkerSpec } from './worker-spec.js';

/** What `startWorkers` takes. */
export interface WorkersOptions {
  /** Folder of its own: for keepers, output and what operators have said. */
  readonly folder: string;
  /** Name of the host. */
  readonly host: string;
  /** Default: this machine's. */
  readonly runtime?: Runtime;
  /** Default: nobody. */
  readonly log?: Logger;
  /** The program that keeps workers. Default: that of this package. */
  readonly keeper?: string;
  /**
   * The file `cgroup.procs` of a control group: workers that are started are in it. Default: they
   * are in the one of this process.
   */
  readonly cgroup?: string | null;
  /** Variables a worker gets besides its own. */
  readonly environment?: (spec: WorkerSpec) => Readonly<Record<string, string>>;
  /**
   * Is told what has happened, in order. How a worker ended is kept on the disk until what this
   * returned has resolved: where the controller is killed before, the next one is told again, of
   * the same instance.
   */
  readonly tell?: (event: WorkerEvent) => Promise<void> | void;
}

/** What has happened, and with which process. */
export type WorkerEvent = SupervisorEvent & {
  /** One process of a worker, from its start to its end; null: it is about none. */
  readonly instance: string | null;
};

/** One worker, with what its keeper tells. */
export interface WorkerView extends SupervisedView {
  readonly instance: string | null;
  /** Its own words (`STATUS=`). */
  readonly text: string;
  /** Output that could not be written. */
  readonly droppedBytes: number;
}

/** All workers of a host. */
export interface WorkersView extends Omit<SupervisorView, 'workers'> {
  readonly workers: readonly WorkerView[];
}
