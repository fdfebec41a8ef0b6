/** Options of the commands that ask a running node through its control socket. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { controlSocketOf, HOST_FILE } from '../controller/host-yaml.js';
import { NodeError } from '../errors.js';
import { readConfigFile } from './read-config-file.js';

/** What commander makes of the options below. */
export interface ControlCommandOptions {
  readonly control?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** Adds the options to a command. */
export function addControlOptions(command: Command): Command {
  return command
    .option('--control <path>', 'control socket of the node, as `serve` was given it')
    .option(
      '--config <file>',
      'JSON file with `control`, or a host file (.yaml); default: that of this host',
    )
    .option('--json', 'print one JSON object as the last line');
}

/**
 * Path of the control socket: where nothing is said, that of the host's controller.
 * @throws (rejects) NodeError ERR_CONFIG: neither the option nor the file tells; ControllerError
 *   ERR_HOST_FILE.
 */
export async function controlPath({ control, config }: ControlCommandOptions): Promise<string> {
  if (control !== undefined) return resolve(control);
  if (config === undefined && existsSync(HOST_FILE)) return controlSocketOf();
  if (config !== undefined && /\.ya?ml$/.test(config)) return controlSocketOf(config);
  const file = config === undefined ? {} : await readConfigFile(config);
  const { control: told } = file;
  if (typeof told === 'string' && told !== '') return told;
  throw new NodeError('ERR_CONFIG', 'control: give --control PATH, or a file that has it');
}
