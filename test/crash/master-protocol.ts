/** What the process of a master and the one that watches it say to each other. */
import type { Answer, Request } from '../../src/config/replica-io.js';

/** How a master is started. */
export interface MasterSetup {
  readonly name: string;
  readonly masters: readonly string[];
  /** Of its store. */
  readonly path: string;
  readonly storeId: string;
  readonly instance: string;
}

/** To a master. A link has a number that none before it had. */
export type ToMaster =
  | { readonly type: 'up'; readonly name: string; readonly link: number }
  | { readonly type: 'down'; readonly name: string }
  | { readonly type: 'message'; readonly name: string; readonly body: Uint8Array }
  | {
      readonly type: 'request';
      readonly id: number;
      readonly request: Request;
      readonly waitMs: number;
    };

/** From a master. */
export type FromMaster =
  /** It begins to open its store. */
  | { readonly type: 'opening' }
  /** Its machine runs. */
  | { readonly type: 'ready' }
  | {
      readonly type: 'send';
      readonly to: string;
      readonly link: number;
      readonly body: Uint8Array;
    }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly type: 'failed'; readonly message: string };
