/** The public names of `backplane/cluster`: the replicated configuration, and tasks. */
export {
  Config,
  type ConfigEvents,
  type ConfigFigures,
  type ConfigPutOptions,
  type ConfigReadOptions,
  type ConfigStatus,
  type ConfigWaitOptions,
  type ConfigWriteOptions,
  type ConfigWritten,
} from './config/config.js';
export { ConfigDiff } from './config/config-diff.js';
export {
  type ConfigCommandOptions,
  type ConfigEpoch,
  type ConfigMaster,
  ConfigMasters,
} from './config/config-masters.js';
export { ConfigSession } from './config/config-session.js';
export {
  ConfigWatch,
  type ConfigWatchEvent,
  type ConfigWatchOptions,
} from './config/config-watch.js';
export { CONFIG_CONTROL, configControl } from './config/control.js';
export type { Position } from './config/entry.js';
export type { EpochCause, EpochRecord, Master, Origin } from './config/epoch-record.js';
export { openConfig } from './config/open.js';
export type { ConfigOptions } from './config/options.js';
export type { MastersCommand, MastersPlan } from './config/plan.js';
export type { ReplicaRole, ReplicaStatus, Seen, Trouble } from './config/replica-io.js';
export type { AsideEntry, AsideSet } from './config/set-aside.js';
export type { TextFormat } from './config/text.js';
export type { Compare, Transaction, Write } from './config/transaction.js';
export {
  type ConfigChange,
  type ConfigItem,
  type ConfigRangeOptions,
  ConfigView,
  type EffectiveItem,
} from './config/view.js';
export {
  BackplaneError,
  ConfigError,
  type ErrorCode,
  NodeError,
  TaskError,
  type TaskErrorDetails,
  type TaskRan,
  type UnknownRequest,
} from './errors.js';
export type { Delivery } from './tasks/dispatch-io.js';
export type { TaskView } from './tasks/dispatcher.js';
export type { PoolView, TaskContext, TaskHandler } from './tasks/pool.js';
export { TaskHandle } from './tasks/task-handle.js';
export type { ServeOptions, TaskOptions } from './tasks/task-options.js';
export { type ServedPool, startTasks, Tasks } from './tasks/tasks.js';
