/** Options of the commands that start a node, over the values of the configuration file. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { type Config, checkConfig } from './config-file.js';
import { readConfigFile } from './read-config-file.js';
import { wholeNumber } from './whole-number.js';

/** What commander makes of the options below. */
export interface NodeCommandOptions {
  readonly config?: string;
  readonly planes?: Readonly<Record<string, string>>;
  readonly port?: number;
  readonly keyFile?: string;
  readonly profile?: string;
  readonly peer?: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  readonly json?: boolean;
}

/** Reads `NAME=VALUE`. */
function assignment(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('not NAME=VALUE');
  return [text.slice(0, at), text.slice(at + 1)];
}

type Peers = NonNullable<NodeCommandOptions['peer']>;

function addPeer(text: string, before: Peers = []): Peers {
  const [name, addresses] = assignment(text);
  return [...before, { name, addresses: addresses.split(',') }];
}

/** Adds the options to a command. */
export function addNodeOptions(command: Command): Command {
  return command
    .option(
      '--config <file>',
      'JSON file: planes, port, keyFile, profile, profiles, security, steering, switchover, ' +
        'label, control, peers, dns, configuration',
    )
    .option(
      '--planes <a=CIDR,b=CIDR>',
      'networks of this node, by name: a CIDR or an address',
      (text: string) => Object.fromEntries(text.split(',').map(assignment)),
    )
    .option('--port <number>', 'port of the nodes', wholeNumber(0, 65535))
    .option('--key-file <file>', 'file with the cluster key, mode 0600')
    .option('--profile <name>', 'set of timers: lan, wan, rfc, mesh')
    .option('--peer <name=address,address>', 'a node to link with (repeatable)', addPeer)
    .option('--json', 'print JSON');
}

/**
 * The configuration file with the options over it. A `--peer` takes the place of the file's peer
 * of the same name.
 * @throws NodeError ERR_CONFIG
 */
export async function configOf(options: NodeCommandOptions): Promise<Config> {
  const { config, planes, port, keyFile, profile, peer = [] } = options;
  const file = config === undefined ? {} : await readConfigFile(config);
  const { peers, ...base } = checkConfig(
    {
      ...file,
      ...(planes === undefined ? {} : { planes }),
      ...(port === undefined ? {} : { port }),
      ...(keyFile === undefined ? {} : { keyFile: resolve(keyFile) }),
      ...(profile === undefined ? {} : { profile }),
    },
    process.cwd(),
  );
  const added = checkConfig({ ...base, peers: peer }, process.cwd()).peers;
  const names = added.map(({ name }) => name);
  return { ...base, peers: [...peers.filter(({ name }) => !names.includes(name)), ...added] };
}
