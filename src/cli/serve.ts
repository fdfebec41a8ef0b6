/** `backplane serve`: a node that tells what happens to it, until it is interrupted. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { openConfig, type Config as Replica } from '../cluster.js';
import { CONFIG_CONTROL, configControl } from '../config/control.js';
import { type ClusterNode, dnsPeers, NodeError, startNode } from '../index.js';
import { LOG_LEVELS } from '../node/logger.js';
import { fullName } from '../node/names.js';
import { checkPeerAddresses } from '../node/planes.js';
import {
  type LogLevel,
  lineLogger,
  metricsText,
  serveControl,
  watchAlarms,
} from '../observe/index.js';
import { hostName } from '../runtime/network.js';
import type { Config } from './config-file.js';
import { logConfig } from './config-log.js';
import { logAlarms, reloadKeys } from './node-log.js';
import { addNodeOptions, configOf, type NodeCommandOptions } from './node-options.js';
import { interrupted } from './signals.js';

interface ServeOptions extends NodeCommandOptions {
  readonly name?: string;
  readonly control?: string;
  readonly logLevel: LogLevel;
}

/**
 * The name of a node that was given none: that of the only peer on this host, else `node@HOST`. So
 * one file with all nodes in it fits all hosts.
 */
export function nameFor({ peers }: Pick<Config, 'peers'>, host: string): string {
  const [here, ...more] = peers.filter(({ name }) => name.endsWith(`@${host}`));
  return here === undefined || more.length > 0 ? fullName('node', host) : here.name;
}

/**
 * The peers to link with. An entry under another name with the address and port of this node is
 * this node itself, started with `--name`: it would be dialled for ever.
 */
export function peersOf(
  { name, port, planes }: Pick<ClusterNode, 'name' | 'port' | 'planes'>,
  peers: Config['peers'],
): { readonly others: Config['peers']; readonly aliases: Config['peers'] } {
  const own = planes.map(({ address }) => address);
  const isHere = (peer: Config['peers'][number]) => {
    const addresses = [...checkPeerAddresses(peer.addresses).keys()];
    return peer.port === port && addresses.some((address) => own.includes(address));
  };
  const rest = peers.filter((peer) => peer.name !== name);
  return {
    others: rest.filter((peer) => !isHere(peer)),
    aliases: rest.filter(isHere),
  };
}

/** Answers what is asked of a configuration where there is none. */
async function noConfig(): Promise<never> {
  throw new NodeError('ERR_STATE', 'this node keeps no configuration: its file has none');
}

async function serve(options: ServeOptions): Promise<void> {
  const { peers, dns, control, configuration, ...config } = await configOf(options);
  const host = hostName();
  const name = options.name === undefined ? nameFor({ peers }, host) : options.name;
  const peerSources = dns === undefined ? [] : [dnsPeers(dns)];
  const isForPeople = options.json !== true && process.stdout.isTTY;
  const logger = lineLogger({ format: isForPeople ? 'text' : 'json', level: options.logLevel });
  // Before the node says that it listens: whoever reads that may signal at once.
  const end = interrupted();
  let served: ClusterNode | undefined;
  process.on('SIGHUP', () => {
    if (served !== undefined) void reloadKeys(served, logger);
  });
  const node = await startNode({ ...config, name, logger, peerSources });
  served = node;
  const alarms = watchAlarms(node);
  logAlarms(node, alarms, logger);
  const path = options.control === undefined ? control : resolve(options.control);
  let replica: Replica | null = null;
  const { others, aliases } = peersOf(node, peers);
  for (const { name: peer } of aliases) {
    const text = `peer ${peer} is this node, which is called ${node.name}: it is not dialled`;
    logger.warn({ event: 'peerIsSelf', node: node.name, peer }, text);
  }
  try {
    if (configuration !== undefined) {
      replica = await openConfig(node, configuration);
      logConfig(replica, configuration.store, logger);
      alarms.watchConfiguration(replica);
    }
    const metrics = metricsText(node, alarms, replica ?? undefined);
    const seen = replica === null ? {} : { configuration: replica };
    const posts = { [CONFIG_CONTROL]: replica === null ? noConfig : configControl(replica) };
    const socket =
      path === undefined
        ? null
        : await serveControl(node, { path, alarms, metrics, posts, ...seen });
    // Each resolves when the peer is up, which may be never; only a refusal to try is of interest.
    const links = Promise.all(others.map((peer) => node.connect(peer)));
    await Promise.race([end, links.then(() => end)]).finally(() => socket?.close());
  } finally {
    alarms.close();
    await replica?.close();
    await node.close();
  }
}

/** Adds the command to the program. */
export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .description('run a node and log its events; SIGHUP reads the keys again, SIGTERM ends')
    .option('--name <name>', "name or name@host; default: that of this host's entry in peers")
    .option('--control <path>', 'Unix socket where nodes, paths and probes can ask')
    .addOption(
      new Option('--log-level <level>', 'lines below it are left out')
        .choices(LOG_LEVELS)
        .default('info'),
    );
  addNodeOptions(command).action(serve);
}
