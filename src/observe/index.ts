/** The public names of `backplane/observe`: log, metrics, health, alarms, the control socket. */
export type { Logger, LogLevel, LogMethod } from '../node/logger.js';
export { type AlarmCode, alarmCodes, type Severity, severities } from './alarm-codes.js';
export {
  type AlarmEvents,
  AlarmWatch,
  type AlarmWatchOptions,
  watchAlarms,
} from './alarm-watch.js';
export type { Alarm, AlarmSignal } from './alarms.js';
export {
  type AlarmsAnswer,
  type ControlOptions,
  type ControlPost,
  type ControlSelf,
  type ControlServer,
  type NodePath,
  type NodesAnswer,
  type PathsAnswer,
  serveControl,
} from './control.js';
export { askControl } from './control-client.js';
export { type PostOptions, postControl } from './control-post-client.js';
export { type Health, type HealthOptions, nodeHealth } from './health.js';
export { type HttpOptions, type HttpServer, serveHttp } from './http.js';
export { type LineLoggerOptions, lineLogger } from './log.js';
export { METRIC_PREFIX, type MetricsOptions, metricsText, observeMetrics } from './metrics.js';
export type { ObservedConfig, ObservedFigures, ObservedStatus } from './observed-config.js';
