/** What the scenario `supervision` and a controller of it say to each other. */
import type { WorkerEvent, WorkersView } from '../../cluster.js';

/** How a controller is set up; its only command-line argument, as JSON. */
export interface SupervisionSetup {
  /** Folder of the workers. */
  readonly folder: string;
  /** It adds a line for each ending that it is told of, before it lets go of it. */
  readonly endingsFile: string;
}

/** A description as it stands in the configuration, by its key below the host. */
export interface Described {
  readonly key: string;
  readonly value: unknown;
}

export type SupervisionCommand =
  | { readonly type: 'desire'; readonly values: readonly Described[] }
  | { readonly type: 'view' }
  | { readonly type: 'drain' };

export type SupervisionReport =
  /** It has adopted what there was. */
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly event: WorkerEvent }
  | { readonly type: 'view'; readonly view: WorkersView }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** What a process says that wants to be the controller of its host. */
export type ClaimReport =
  /** Null: it is. */
  { readonly type: 'claimed'; readonly otherPid: number | null };
