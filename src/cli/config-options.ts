/** What the commands about the configuration have in common. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { toPlain } from '../config/plain.js';
import { decodeValue } from '../config/value.js';
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { RemoteConfig } from './config-remote.js';
import type { ConfirmOptions } from './confirm.js';
import { addControlOptions, type ControlCommandOptions, controlPath } from './control-options.js';
import { wholeNumber } from './whole-number.js';

/** What commander makes of the options of a command that changes something. */
export interface ChangeOptions extends ControlCommandOptions, ConfirmOptions {
  readonly deadlineMs: number;
}

/** How long a change may take. */
const DEADLINE_MS = 10_000;

/** The configuration of the node that the options name. */
export async function remoteConfig(options: ControlCommandOptions): Promise<RemoteConfig> {
  return new RemoteConfig(await controlPath(options));
}

/** Adds the options of a command that changes something. */
export function addChangeOptions(command: Command, deadlineMs: number = DEADLINE_MS): Command {
  return addControlOptions(command)
    .option('--yes', 'do it without asking')
    .option(
      '--deadline-ms <ms>',
      'how long it may take',
      wholeNumber(1, limits.deadlineMaxMs),
      deadlineMs,
    );
}

/**
 * Reads a file that somebody named.
 * @throws (rejects) NodeError ERR_CONFIG: it cannot be read.
 */
export async function readInput(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new NodeError('ERR_CONFIG', `${file}: ${(cause as Error).message}`, { cause });
  }
}

/** Prints the last line that a program reads. */
export function printJson(command: string, fields: object): void {
  console.log(JSON.stringify({ command, ok: true, violations: [], ...fields }));
}

/** An encoded value as JSON has it. */
export function plainOf(value: Buffer): unknown {
  return toPlain(decodeValue(value));
}
