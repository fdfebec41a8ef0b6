/**
 * `backplane/sctp`: SCTP associations over multi-homed kernel sockets, for any program. Loads
 * nothing of the rooms above it, and the addon not before the first use.
 */
export { BackplaneError, type ErrorCode, type ErrorDetails, SctpError } from '../errors.js';
export {
  Association,
  type AssociationState,
  type AssociationStatistics,
  type AssociationStatus,
} from './association.js';
export { type ConnectOptions, connect } from './connect.js';
export type {
  AssociationEvents,
  Loss,
  LossReason,
  MessageInfo,
  SendFailure,
  ServerEvents,
  StreamCounts,
} from './events.js';
export { type SctpSupport, sctpSupport } from './load-addon.js';
export {
  defaultOptions,
  type ResolvedOptions,
  type SctpOptions,
  type SendOptions,
  THRESHOLD_OFF,
  type TimerOptions,
} from './options.js';
export type { Path, PathChange, PathEvent, PathState } from './path.js';
export { type ListenOptions, listen, Server } from './server.js';
