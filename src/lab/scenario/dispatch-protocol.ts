/** What the scenario `dispatch` and its processes say to each other. */
import type { Delivery } from '../../cluster.js';

/** How one process is set up; its only command-line argument, as JSON. */
export interface DispatchSetup {
  readonly role: 'submitter' | 'worker';
  readonly name: string;
  /** Plane name to CIDR. */
  readonly planes: Readonly<Record<string, string>>;
  readonly port: number;
  readonly keyFile: string;
  readonly profile: 'lan';
  /** Where a worker writes down its runs, and where all of them have their effects. */
  readonly runsFile: string;
  readonly effectsFolder: string;
}

/** What a worker does with a task. */
export interface LabTask {
  readonly number: number;
  readonly delivery: Delivery;
  readonly workMs: number;
}

export type DispatchCommand =
  /** The submitter links with a worker, wherever it listens now. */
  | {
      readonly type: 'connect';
      readonly name: string;
      readonly addresses: readonly string[];
      readonly port: number;
    }
  /** The submitter submits so many, of both kinds by turns. */
  | { readonly type: 'submit'; readonly count: number }
  /** It tells when all that it has submitted is over. */
  | { readonly type: 'settle' }
  | { readonly type: 'finish' };

export type DispatchEvent =
  | { readonly kind: 'nodeup'; readonly peer: string }
  | { readonly kind: 'nodedown'; readonly peer: string };

/** What became of the tasks of one kind, as their submitter knows it. */
export interface Settled {
  tasks: number;
  completed: number;
  /** By code. */
  reported: Record<string, number>;
}

export type DispatchReport =
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly event: DispatchEvent }
  /** So many tasks that were submitted are not over. */
  | { readonly type: 'submitted'; readonly open: number }
  | { readonly type: 'settled'; readonly kinds: Readonly<Record<Delivery, Settled>> }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

export const DISPATCH_POOL = 'lab';

/** One line of a file of runs. */
export const runLine = (number: number): string => `run ${number}\n`;
/** A run that has changed something. */
export const effectLine = (number: number): string => `effect ${number}\n`;
