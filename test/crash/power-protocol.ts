/** What the program in the guest and the one on the host say to each other. */
import type { Acknowledged } from './masters-judge.js';
import type { Loss } from './subject.js';

/** What the guest is to do; in a file, whose path is the program's argument. */
export interface PowerSetup {
  readonly masters: readonly string[];
  readonly seed: number;
  /** What was acknowledged so far, and has to be on the disk. */
  readonly written: readonly Acknowledged[];
  /** A module to be put in the place of another: see test/sim/overlay.ts. */
  readonly overlay: { readonly url: string; readonly source: string } | null;
}

/** What the guest says, each a line of JSON. */
export type PowerReport =
  /** What it has found on the disk. After a loss it begins anew. */
  | { readonly type: 'looked'; readonly loss: Loss }
  /** It begins to open the stores. */
  | { readonly type: 'opening' }
  | { readonly type: 'acknowledged'; readonly acknowledged: Acknowledged }
  | { readonly type: 'failed'; readonly message: string };
