/** The public names of `backplane`. */
export {
  BackplaneError,
  type ErrorCode,
  type ErrorDetails,
  LinkError,
  NodeError,
  ProfileError,
  ProtocolError,
  SctpError,
} from './errors.js';
export type { PathState } from './link/carrier.js';
export type { Outcome } from './link/types.js';
export { CallError, CallLostError } from './node/calls.js';
export type { CallTrace, HandleTrace } from './node/diagnostics.js';
export type {
  DialFailed,
  DownReason,
  GroupChanged,
  HandlerFailed,
  NodeDown,
  NodeEvents,
  NodeGone,
  NodeUp,
  NodeView,
  PathChanged,
  PathView,
  RedundancyChanged,
  Refused,
} from './node/events.js';
export type { MessageContext } from './node/handling.js';
export { IncomingStream } from './node/incoming-stream.js';
export type { Handler } from './node/messages.js';
export { ClusterNode } from './node/node.js';
export { DEFAULT_PORT, type NodeOptions, type PeerOptions } from './node/options.js';
export type { PeerAddresses, PlanesOption } from './node/planes.js';
export type {
  CallOptions,
  PublishOptions,
  SendOptions,
  StreamOptions,
  TellOptions,
} from './node/send-options.js';
export { startNode } from './node/start.js';
export type { Published } from './node/subscriptions.js';
export {
  defineTopic,
  type ItemOf,
  type ReplyOf,
  type RequestOf,
  type Topic,
} from './node/topic.js';
export { type Profile, type ProfileName, profiles } from './timing/profiles.js';
export { type ProfileOverrides, type ProfileWish, resolveProfile } from './timing/resolve.js';
export { type Circumstances, type WorstCase, worstCase } from './timing/worst-case.js';
