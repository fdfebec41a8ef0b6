/** `backplane start`: the controller of this host, until it is told to end. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { CONFIG_CONTROL, configControl } from '../config/control.js';
import type { ClusterCondition, ClusterView } from '../controller/cluster-state.js';
import { controllerControl } from '../controller/control.js';
import { CONTROLLER_CONTROL } from '../controller/control-path.js';
import { type Controller, startController } from '../controller/controller.js';
import { readHostFile } from '../controller/host-file.js';
import { HOST_FILE } from '../controller/host-yaml.js';
import { claimHost } from '../controller/one-per-host.js';
import type { Logger } from '../index.js';
import { limits } from '../limits.js';
import { LOG_LEVELS } from '../node/logger.js';
import {
  type AlarmWatch,
  type HttpServer,
  type LogLevel,
  lineLogger,
  metricsText,
  serveControl,
  serveHttp,
  watchAlarms,
} from '../observe/index.js';
import { divideGroup } from '../runtime/control-groups.js';
import { type ServiceManager, serviceManager } from '../runtime/service-manager.js';
import { logConfig } from './config-log.js';
import { logAlarms, reloadKeys } from './node-log.js';
import { interrupted } from './signals.js';
import { version } from './version.js';

interface StartOptions {
  readonly config: string;
  readonly logLevel: LogLevel;
  readonly delegated?: boolean;
  readonly json?: boolean;
}

/** One line for each change of the cluster, as this host sees it. */
function logCluster(controller: Controller, logger: Logger): void {
  const node = controller.node.name;
  const tell = ({ condition, why, missing }: ClusterView, before: ClusterCondition) => {
    const fields = { event: 'cluster', node, condition, before, missing };
    const text = `the cluster is ${condition}: ${why}`;
    if (condition === 'up') logger.info(fields, text);
    else if (condition === 'down') logger.error(fields, text);
    else logger.warn(fields, text);
  };
  controller.on('condition', tell);
  // Where all masters were met while its store was opened, it has been so from the beginning.
  if (controller.view.condition !== 'starting') tell(controller.view, 'starting');
}

/** Groups of workers that have failed too often are an alarm as long as they are given up. */
function watchWorkers(controller: Controller, alarms: AlarmWatch, logger: Logger): void {
  const code = 'workers-given-up';
  let raised: readonly string[] = [];
  const look = () => {
    const { givenUp } = controller.workers;
    const groups = givenUp.map(({ group }) => group);
    for (const group of raised) if (!groups.includes(group)) alarms.clear({ code, object: group });
    for (const { group, worker } of givenUp) {
      if (raised.includes(group)) continue;
      alarms.raise({ code, object: group, text: `${worker} has failed too often` });
    }
    raised = groups;
  };
  // An event is told within the step that it comes from.
  controller.on('worker', () => setImmediate(look));
  controller.on('problem', (err) => {
    logger.error({ event: 'workerRefused', node: controller.node.name, err }, err.message);
  });
}

/** Tells the service manager that this process turns, twice as often as it wants to know. */
function keepWatchdog({ watchdogMs, tell }: ServiceManager): () => void {
  if (watchdogMs === null) return () => {};
  const timer = setInterval(() => void tell('WATCHDOG=1'), watchdogMs / 2);
  return () => clearInterval(timer);
}

/**
 * Divides the control group of this process between the controller and its workers, and says so.
 * @returns the part of workers; null: they are where the controller is.
 */
async function divideProcessors(logger: Logger): Promise<string | null> {
  const own = limits.controllerCpuWeight;
  const divided = await divideGroup({ own, started: limits.workersCpuWeight });
  const event = 'processors';
  if ('why' in divided) {
    const text = `workers share the processors with the controller: ${divided.why}`;
    logger.warn({ event, group: null, why: divided.why }, text);
    return null;
  }
  const { group, started } = divided;
  const weights = { controller: own, workers: limits.workersCpuWeight };
  const text = `workers have their own share of the processors, in ${group}`;
  logger.info({ event, group, weights }, text);
  return started;
}

interface Doors {
  close(): Promise<void>;
}

/** Opens what the controller is asked through: the control socket, and HTTP. */
async function openDoors(
  controller: Controller,
  alarms: AlarmWatch,
  { control, http }: Awaited<ReturnType<typeof readHostFile>>,
): Promise<Doors> {
  const { node, config } = controller;
  const metrics = metricsText(node, alarms, config);
  const posts = {
    [CONFIG_CONTROL]: configControl(config),
    [CONTROLLER_CONTROL]: controllerControl(controller),
  };
  await mkdir(dirname(control), { recursive: true });
  const seen = { alarms, metrics, configuration: config };
  const socket = await serveControl(node, { path: control, posts, ...seen });
  let server: HttpServer | null = null;
  try {
    if (http !== null) server = await serveHttp(node, { ...http, ...seen });
  } catch (error) {
    await socket.close();
    throw error;
  }
  return {
    close: async () => {
      await server?.close();
      await socket.close();
    },
  };
}

async function run(options: StartOptions): Promise<void> {
  const hostFile = await readHostFile(options.config);
  const manager = serviceManager();
  const isForPeople = options.json !== true && process.stdout.isTTY;
  const logger = lineLogger({ format: isForPeople ? 'text' : 'json', level: options.logLevel });
  const claim = await claimHost();
  const end = interrupted();
  let controller: Controller | null = null;
  process.on('SIGHUP', () => {
    if (controller !== null) void reloadKeys(controller.node, logger);
  });
  try {
    const cgroup = options.delegated === true ? await divideProcessors(logger) : null;
    controller = await startController({ hostFile, version: version(), logger, cgroup });
    const { node, config } = controller;
    const alarms = watchAlarms(node);
    controller.alarms = () => alarms.active;
    logAlarms(node, alarms, logger);
    logConfig(config, hostFile.store, logger);
    logCluster(controller, logger);
    watchWorkers(controller, alarms, logger);
    alarms.watchConfiguration(config);
    const doors = await openDoors(controller, alarms, hostFile);
    await manager.tell('READY=1', `STATUS=controller of ${hostFile.host}`);
    const endWatchdog = keepWatchdog(manager);
    logger.info({ event: 'controller', node: node.name, pid: process.pid }, 'the controller runs');
    await end;
    endWatchdog();
    await manager.tell('STOPPING=1');
    await doors.close();
    alarms.close();
  } finally {
    await controller?.close();
    await claim.release();
  }
}

/** Adds the command to the program. */
export function addStart(program: Command): void {
  program
    .command('start')
    .description('run the controller of this host; SIGHUP reads the keys again, SIGTERM ends it')
    .option('--config <file>', 'the host file', HOST_FILE)
    .addOption(
      new Option('--log-level <level>', 'lines below it are left out')
        .choices(LOG_LEVELS)
        .default('info'),
    )
    .option('--delegated', 'divide the control group it is in: it was delegated to it')
    .option('--json', 'log as JSON, also to a terminal')
    .action(run);
}
