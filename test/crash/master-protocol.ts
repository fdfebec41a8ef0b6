/** What the process of a master and the one that watches it say to each other. */
import type { ClientWrite, WriteAnswer } from './clients.js';

/** How a master is started. */
export interface MasterSetup {
  readonly name: string;
  readonly masters: readonly string[];
  /** Of its store. */
  readonly path: string;
}

/** To a master. A link has a number that none before it had. */
export type ToMaster =
  | { readonly type: 'up'; readonly name: string; readonly link: number }
  | { readonly type: 'down'; readonly name: string }
  | { readonly type: 'part'; readonly name: string; readonly body: Uint8Array }
  | { readonly type: 'write'; readonly id: number; readonly write: ClientWrite };

/** From a master. */
export type FromMaster =
  /** It begins to open its store. */
  | { readonly type: 'opening' }
  /** It has opened it, and begins to read what is in it into a tree. */
  | { readonly type: 'opened' }
  /** Its replica runs. */
  | { readonly type: 'ready' }
  | {
      readonly type: 'send';
      readonly to: string;
      readonly link: number;
      readonly body: Uint8Array;
    }
  | { readonly type: 'answer'; readonly id: number; readonly answer: WriteAnswer }
  | { readonly type: 'failed'; readonly message: string };
