/** The public names of `backplane`. */
export {
  BackplaneError,
  type ErrorCode,
  type ErrorDetails,
  LinkError,
  NodeError,
  ProfileError,
  type ProfileErrorDetails,
  ProtocolError,
  SctpError,
  type WishConstraint,
} from './errors.js';
export type { PathState } from './link/carrier.js';
export type { GrayReason } from './link/path-monitor.js';
export type { Outcome } from './link/types.js';
export { CallError, CallLostError } from './node/calls.js';
export type { CallTrace, HandleTrace } from './node/diagnostics.js';
export { type DnsPeersOptions, dnsPeers } from './node/dns-peers.js';
export type {
  DialFailed,
  DownReason,
  GrayFigures,
  GroupChanged,
  HandlerFailed,
  NodeDown,
  NodeEvents,
  NodeGone,
  NodeUp,
  NodeView,
  PartitionChanged,
  PathChanged,
  PathView,
  PeersChanged,
  PeersFailed,
  PlaneDeferred,
  ReachabilityView,
  RedundancyChanged,
  Refused,
  UnreachedNodes,
} from './node/events.js';
export type { MessageContext } from './node/handling.js';
export { IncomingStream } from './node/incoming-stream.js';
export type { PlaneChange } from './node/live-planes.js';
export type { Logger, LogLevel, LogMethod } from './node/logger.js';
export type { Handler } from './node/messages.js';
export { ClusterNode, type NodeState } from './node/node.js';
export type {
  Listening,
  Observed,
  ObservedEvent,
  ObservedEvents,
  Observer,
} from './node/observers.js';
export { DEFAULT_PORT, type NodeOptions, type PeerOptions } from './node/options.js';
export type { SteeringMode } from './node/path-watch.js';
export type { PeerSource, PeerWatch, PeerWatcher } from './node/peer-source.js';
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
export { type NodeTraffic, OTHER_PEERS } from './node/traffic.js';
export type { DnsResolver, SrvRecord } from './runtime/dns.js';
export type { Clock, Random, Runtime, Timer, Timers } from './runtime/index.js';
export { type Profile, type ProfileName, profiles } from './timing/profiles.js';
export { type ProfileOverrides, type ProfileWish, resolveProfile } from './timing/resolve.js';
export { type Solution, solve } from './timing/solve.js';
export type { Switchover } from './timing/switchover.js';
export type { WholeWish, Wish, WishInWords } from './timing/wish.js';
export {
  type Circumstances,
  type Promises,
  promisesOf,
  type WorstCase,
  worstCase,
} from './timing/worst-case.js';
