/** What the comparison of the scenario `dispatch` and its processes say to each other. */

/** How one process is set up; its only command-line argument, as JSON. */
export interface OverheadSetup {
  readonly role: 'submitter' | 'worker';
  readonly name: string;
  /** Plane name to CIDR. */
  readonly planes: Readonly<Record<string, string>>;
  readonly port: number;
  readonly keyFile: string;
}

/** Whose tasks are measured: those of nodes, or those of piscina with one thread. */
export type OverheadSide = 'ours' | 'piscina';

export type OverheadCommand =
  | {
      readonly type: 'connect';
      readonly name: string;
      readonly addresses: readonly string[];
      readonly port: number;
    }
  /** Tasks that do nothing, so many under way at a time. */
  | {
      readonly type: 'measure';
      readonly side: OverheadSide;
      readonly count: number;
      readonly width: number;
    }
  | { readonly type: 'finish' };

export type OverheadReport =
  | { readonly type: 'ready' }
  /** Linked, and piscina is there or is not installed. */
  | { readonly type: 'linked'; readonly hasPiscina: boolean }
  | { readonly type: 'measured'; readonly usPerTask: number }
  | { readonly type: 'event' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

export const OVERHEAD_POOL = 'nothing';
/** Tasks under way at once, at most. */
export const OVERHEAD_WIDTH = 64;
