/** `backplane serve`: a node that tells what happens to it, until it is interrupted. */
import type { Command } from 'commander';
import { BackplaneError, type ClusterNode, dnsPeers, startNode } from '../index.js';
import { fullName } from '../node/names.js';
import { hostName } from '../runtime/network.js';
import type { Config } from './config-file.js';
import { type EventFields, eventText, onEachEvent } from './node-events.js';
import { addNodeOptions, configOf, type NodeCommandOptions } from './node-options.js';
import { interrupted } from './signals.js';

interface ServeOptions extends NodeCommandOptions {
  readonly name?: string;
}

/**
 * The name of a node that was given none: that of the only peer on this host, else `node@HOST`. So
 * one file with all nodes in it fits all hosts.
 */
export function nameFor({ peers }: Pick<Config, 'peers'>, host: string): string {
  const [here, ...more] = peers.filter(({ name }) => name.endsWith(`@${host}`));
  return here === undefined || more.length > 0 ? fullName('node', host) : here.name;
}

type Print = (event: string, fields: EventFields) => void;

function printer(json: boolean): Print {
  return (event, fields) => {
    const time = new Date().toISOString();
    console.log(
      json ? JSON.stringify({ time, event, ...fields }) : `${time} ${eventText(event, fields)}`,
    );
  };
}

/** Links stay up, and the keys from before hold where the file cannot be used. */
async function reloadKeys(node: ClusterNode, print: Print): Promise<void> {
  try {
    await node.reloadKeys();
    print('keys', { keys: node.keyIds });
  } catch (error) {
    if (!(error instanceof BackplaneError)) throw error;
    const { code, message } = error;
    print('keysKept', { keys: node.keyIds, error: { code, message } });
  }
}

async function serve(options: ServeOptions): Promise<void> {
  const { peers, dns, ...config } = await configOf(options);
  const host = hostName();
  const name = options.name === undefined ? nameFor({ peers }, host) : options.name;
  const peerSources = dns === undefined ? [] : [dnsPeers(dns)];
  const node = await startNode({ ...config, name, peerSources });
  const end = interrupted();
  const print = printer(options.json === true);
  onEachEvent(node, print);
  // Before `listening` is told: whoever reads that may signal at once, and unhandled it would kill.
  process.on('SIGHUP', () => void reloadKeys(node, print));
  const { port, engine, incarnation } = node;
  const planes = Object.fromEntries(node.planes.map((plane) => [plane.name, plane.address]));
  print('listening', { name: node.name, incarnation, planes, port, engine, keys: node.keyIds });
  const others = peers.filter((peer) => peer.name !== node.name);
  try {
    // Each resolves when the peer is up, which may be never; only a refusal to try is of interest.
    const links = Promise.all(others.map((peer) => node.connect(peer)));
    await Promise.race([end, links.then(() => end)]);
  } finally {
    await node.close();
  }
  print('closed', { name: node.name });
}

/** Adds the command to the program. */
export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .description('run a node and print its events; SIGHUP reads the keys again, SIGTERM ends')
    .option('--name <name>', "name or name@host; default: that of this host's entry in peers");
  addNodeOptions(command).action(serve);
}
