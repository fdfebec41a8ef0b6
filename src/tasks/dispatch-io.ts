/**
 * What goes into the machine that dispatches tasks, and what comes out of it: types only.
 *
 * A driver feeds `step`, then takes outputs by `poll` until it gives null, and steps a 'tick' when
 * `deadline()` has come. It does what outputs say, in their order, and decides nothing.
 *
 * A 'run' begins an attempt, of which exactly one of 'answered', 'refused', 'lost' and 'unfit' is
 * told later, unless an 'abort' ended it: then nothing is. What is told of an attempt that is over
 * is ignored.
 */
import type { ErrorCode, TaskRan } from '../errors.js';

/** What is done with a task whose member has gone: begun anew elsewhere, or reported. */
export type Delivery = 'at-least-once' | 'at-most-once';

/** A task as the machine sees it; what is to be done is no matter of its. */
export interface TaskSpec {
  /** Grows from task to task. */
  readonly id: number;
  readonly pool: string;
  readonly delivery: Delivery;
  /** Tasks of one key go to one member. */
  readonly key: string | null;
  /** From 0 to limits.taskPriorities - 1; the highest goes first. */
  readonly priority: number;
  /** Null: none. */
  readonly deadlineMs: number | null;
}

/**
 * What a member says of itself with all that it says. What comes over different streams may
 * overtake, so what is newer is told by `ended`.
 */
export interface Load {
  /** Runs that have ended there, in all. */
  readonly ended: number;
  /** Tasks that it has of others than this node. */
  readonly others: number;
}

/** One attempt at one task. */
export interface Attempt {
  readonly id: number;
  readonly attempt: number;
}

/** What the machine is told. */
export type DispatchInput =
  | { readonly type: 'submit'; readonly task: TaskSpec }
  | { readonly type: 'cancel'; readonly id: number }
  /** A node serves a pool, and takes so many at once from here. */
  | {
      readonly type: 'member';
      readonly pool: string;
      readonly name: string;
      /** Handlers that run there at once. */
      readonly concurrency: number;
      /** Tasks that may wait there beyond those. */
      readonly ahead: number;
      readonly load: Load;
    }
  /** It takes no new ones. What it has begun goes on. */
  | { readonly type: 'gone'; readonly pool: string; readonly name: string }
  /** The process of a member does not answer: it is given nothing until it does. */
  | { readonly type: 'stalled'; readonly name: string }
  | { readonly type: 'resumed'; readonly name: string }
  /** The link with a node is over, after all that it brought was told. */
  | { readonly type: 'down'; readonly name: string }
  /** A member that had refused for want of room has some, or more than it last said. */
  | { readonly type: 'room'; readonly pool: string; readonly name: string; readonly load: Load }
  /** The handler is done: with a result, or it has thrown. */
  | (Attempt & { readonly type: 'answered'; readonly answer: unknown; readonly load: Load })
  /** The member has not begun it, and will not. `full`: it says when there is room. */
  | (Attempt & { readonly type: 'refused'; readonly isFull: boolean; readonly load: Load })
  /** No answer will come. `mayHaveRun`: nothing proves that it was not begun. */
  | (Attempt & { readonly type: 'lost'; readonly mayHaveRun: boolean })
  /** Its body cannot be sent to anybody. */
  | (Attempt & { readonly type: 'unfit'; readonly error: unknown })
  /** All that is not over is given up. */
  | { readonly type: 'close' }
  /** Time has passed. */
  | { readonly type: 'tick' };

/** How a task ended. */
export type TaskEnd =
  | { readonly type: 'answered'; readonly answer: unknown }
  | { readonly type: 'unfit'; readonly error: unknown }
  | {
      readonly type: 'failed';
      readonly code: ErrorCode;
      readonly ran: TaskRan;
      readonly why: string;
    };

/** What the machine wants done. */
export type DispatchOutput =
  | (Attempt & { readonly type: 'run'; readonly member: string })
  /** Nobody waits for the answer any more. */
  | (Attempt & { readonly type: 'abort' })
  /** The last that is told of a task. */
  | { readonly type: 'settle'; readonly id: number; readonly end: TaskEnd };

/** Bounds of a dispatcher. */
export interface DispatchLimits {
  /** Tasks that are not over. */
  readonly tasks: number;
  readonly taskPriorities: number;
  /** Attempts at one task that may have run. */
  readonly taskAttempts: number;
  /** A member that could not be given a task is given none for so long. */
  readonly taskRetryMs: number;
}
