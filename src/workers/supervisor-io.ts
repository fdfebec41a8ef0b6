/** What goes into the supervisor of a host, and what comes out of it. */
import type { Desired, Strategy, WorkerSpec } from './worker-spec.js';

/** How a worker ended. */
export type Ending =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: number }
  /** It could not be started: the errno, and at what. */
  | { readonly kind: 'failed'; readonly errno: number; readonly at: string }
  /** Its keeper was killed, and the worker with it. */
  | { readonly kind: 'lost' };

/** Why a host runs nothing though it should: an operator drains it, or the cluster is down. */
export type SuspendReason = 'drain' | 'down';

/** Workers are named; a worker has one process at most, so that nothing else is needed. */
export type SupervisorInput =
  | { readonly type: 'desire'; readonly desired: Desired }
  /** It was started by a controller before this one, and runs. */
  | {
      readonly type: 'adopted';
      readonly spec: WorkerSpec;
      /** Null: its keeper has not told yet. */
      readonly pid: number | null;
      readonly isReady: boolean;
      /** It has been asked to stop. */
      readonly isStopping: boolean;
    }
  /** Those an operator has stopped under an earlier controller. Comes first. */
  | { readonly type: 'held'; readonly workers: readonly string[] }
  /** It ended before this controller, for good, and that was told. */
  | { readonly type: 'remembered'; readonly spec: WorkerSpec; readonly ending: Ending }
  | { readonly type: 'started'; readonly worker: string; readonly pid: number }
  | { readonly type: 'ready'; readonly worker: string }
  /** Its process was sent a signal, by whichever controller. */
  | { readonly type: 'asked'; readonly worker: string }
  /** No beat came for too long, as its keeper says. */
  | { readonly type: 'stalled'; readonly worker: string }
  | { readonly type: 'ended'; readonly worker: string; readonly ending: Ending }
  /** An operator's; a stopped worker stays so until it is started. */
  | {
      readonly type: 'command';
      readonly command: 'start' | 'stop' | 'restart';
      readonly worker: string;
    }
  | { readonly type: 'suspend'; readonly reason: SuspendReason; readonly isOn: boolean }
  | { readonly type: 'tick' };

/** What the driver has to do, in this order. */
export type SupervisorOutput =
  | { readonly type: 'start'; readonly spec: WorkerSpec }
  /** To the worker's whole group of processes. */
  | { readonly type: 'signal'; readonly worker: string; readonly signal: number }
  | { readonly type: 'tell'; readonly event: SupervisorEvent };

/** What has happened, for logs, alarms and programs. */
export type SupervisorEvent =
  | { readonly type: 'adopted' | 'starting' | 'ready'; readonly worker: string }
  | { readonly type: 'stopping' | 'forgotten'; readonly worker: string }
  /** It is killed: it has not stopped in time, was not ready in time, or does not beat. */
  | { readonly type: 'killed'; readonly worker: string; readonly why: KillReason }
  | {
      readonly type: 'ended';
      readonly worker: string;
      readonly ending: Ending;
      /** It was asked to. */
      readonly isExpected: boolean;
    }
  /** It failed, and is started again after a pause. */
  | { readonly type: 'restarting'; readonly worker: string; readonly delayMs: number }
  /** It ended for good: `restart` says so. */
  | { readonly type: 'finished'; readonly worker: string }
  /** Too many restarts within the period; nothing of the group is started until somebody acts. */
  | { readonly type: 'given-up'; readonly group: string; readonly worker: string }
  | { readonly type: 'taken-up'; readonly group: string }
  /** Nothing runs any more. */
  | { readonly type: 'suspended' };

/** Why a worker was killed. */
export type KillReason = 'stop' | 'late' | 'stalled';

/** What a worker does at present. */
export type WorkerState =
  /** For those before it in the order, or for others to stop. */
  | 'waiting'
  /** It has failed, and is started after a pause. */
  | 'pausing'
  | 'starting'
  | 'ready'
  | 'stopping'
  /** By an operator, or because nothing runs here at present. */
  | 'stopped'
  | 'finished'
  | 'given-up';

/** One worker, for people and programs to look at. */
export interface SupervisedView {
  readonly name: string;
  readonly group: string;
  readonly state: WorkerState;
  /** When it came to this state, by the runtime's clock. */
  readonly sinceMs: number;
  /** Null where it has no process. */
  readonly pid: number | null;
  /** Restarts after failures, since it is desired here. */
  readonly restarts: number;
  readonly lastEnding: Ending | null;
  /** Its process is of an older description. */
  readonly isStale: boolean;
  /** An operator has stopped it. */
  readonly isHeld: boolean;
}

/** One group of workers. */
export interface GroupView {
  readonly name: string;
  readonly strategy: Strategy;
  /** When it was given up, and with which worker; null: it was not. */
  readonly givenUp: { readonly sinceMs: number; readonly worker: string } | null;
}

/** All that a supervisor has. */
export interface SupervisorView {
  readonly workers: readonly SupervisedView[];
  readonly groups: readonly GroupView[];
  readonly suspended: readonly SuspendReason[];
}
