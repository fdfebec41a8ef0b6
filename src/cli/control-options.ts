/** Options of the commands that ask a running node through its control socket. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
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
    .option('--config <file>', 'JSON file with `control`')
    .option('--json', 'print one JSON object as the last line');
}

/**
 * Path of the control socket.
 * @throws (rejects) NodeError ERR_CONFIG: neither the option nor the file tells.
 */
export async function controlPath({ control, config }: ControlCommandOptions): Promise<string> {
  if (control !== undefined) return resolve(control);
  const file = config === undefined ? {} : await readConfigFile(config);
  const { control: told } = file;
  if (typeof told === 'string' && told !== '') return told;
  throw new NodeError('ERR_CONFIG', 'control: give --control PATH, or a file that has it');
}
