/**
 * The public names of `backplane/cluster`: the replicated configuration, controllers, workers and
 * tasks.
 */
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
export type { ClusterCondition, ClusterView } from './controller/cluster-state.js';
export type {
  ClusterAlarm,
  ClusterHost,
  ClusterPlane,
  ClusterStatus,
  ClusterWorker,
  PlaneFault,
} from './controller/cluster-status.js';
export { controllerControl } from './controller/control.js';
export { CONTROLLER_CONTROL } from './controller/control-path.js';
export {
  Controller,
  type ControllerEvents,
  type ControllerOptions,
  startController,
} from './controller/controller.js';
export { type HostFile, readHostFile } from './controller/host-file.js';
export type {
  AlarmStatus,
  HostStatus,
  LinkStatus,
  PathStatus,
  WorkerStatus,
} from './controller/host-status.js';
export {
  HostWorkers,
  type WorkerAnswer,
  type WorkerCommand,
  type WorkerOrder,
} from './controller/host-workers.js';
export type { TaskLine, TaskOrder } from './controller/operator-tasks.js';
export type { HostTasks, TaskStatus } from './controller/task-status.js';
export {
  BackplaneError,
  ConfigError,
  ControllerError,
  type ControllerErrorDetails,
  type ErrorCode,
  NodeError,
  TaskError,
  type TaskErrorDetails,
  type TaskRan,
  type UnknownRequest,
  WorkerError,
} from './errors.js';
export { type JoinOptions, joinCluster } from './join/join.js';
export { JoinedWorker } from './join/joined-worker.js';
export { type SettingChange, Settings, type SettingsEvents } from './join/settings.js';
export type { Delivery } from './tasks/dispatch-io.js';
export type { TaskView } from './tasks/dispatcher.js';
export type { PoolView, TaskContext, TaskHandler } from './tasks/pool.js';
export { TaskHandle } from './tasks/task-handle.js';
export type { ServeOptions, TaskOptions } from './tasks/task-options.js';
export { type ServedPool, startTasks, Tasks } from './tasks/tasks.js';
export type {
  WorkerEvent,
  WorkersOptions,
  WorkersView,
  WorkerView,
} from './workers/options.js';
export type { StopSignal } from './workers/signals.js';
export type {
  Ending,
  GroupView,
  KillReason,
  SupervisedView,
  SupervisorEvent,
  SupervisorView,
  SuspendReason,
  WorkerState,
} from './workers/supervisor-io.js';
export { WorkerNotify, workerNotify } from './workers/worker-notify.js';
export { groupSchema, workerSchema } from './workers/worker-schema.js';
export {
  type Desired,
  type GroupSpec,
  groupSpec,
  type Launch,
  type ReadDesired,
  type Restart,
  readDesired,
  type Strategy,
  type WorkerLimits,
  type WorkerSpec,
  workerSpec,
} from './workers/worker-spec.js';
export { startWorkers, type Workers } from './workers/workers.js';
