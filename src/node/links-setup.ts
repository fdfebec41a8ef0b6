/** What the links of a node need of it, and what they tell it. */
import type { BackplaneError } from '../errors.js';
import type { LinkHandlers, LinkOptions, ReceivedMessage } from '../link/types.js';
import type { DialFailed, NodeDown, PathChanged, RedundancyChanged } from './events.js';
import type { LiveLink } from './live-link.js';
import type { Plane } from './planes.js';
import type { ProfileRules } from './profile-rules.js';
import type { Transport } from './transport.js';

/** What a node is made of, seen from here. */
export interface LinksSetup extends Pick<LinkOptions, 'local' | 'runtime' | 'aead'> {
  readonly planes: readonly Plane[];
  /** Which profile a link has. Default: `local`'s. */
  readonly profiles?: ProfileRules;
  readonly transport: Transport;
  readonly handlers: LinksHandlers;
}

/** What is told. Nothing that a handler throws comes back here. */
export interface LinksHandlers {
  onUp(live: LiveLink): void;
  onDown(live: LiveLink, event: NodeDown): void;
  /** As that of a link. May throw: then the link ends with reason 'refused' and that error. */
  onMessage(live: LiveLink, message: ReceivedMessage): ReturnType<LinkHandlers['onMessage']>;
  onPath(event: PathChanged): void;
  onRedundancy(event: RedundancyChanged): void;
  onStalled(name: string): void;
  onResumed(name: string): void;
  onDrain(name: string): void;
  onDialFailed(event: DialFailed): void;
  /** `name` is null for one that had not proven who it is. */
  onRefused(address: string, name: string | null, error: BackplaneError): void;
}
