#!/usr/bin/env node
/** The command `backplane`: parses, calls, prints. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { BackplaneError } from '../errors.js';
import { addConfig } from './config.js';
import { addDemo } from './demo.js';
import { addKeygen } from './keygen.js';
import { addLab } from './lab.js';
import { addMasters } from './masters.js';
import { addNodes } from './nodes.js';
import { addPaths } from './paths.js';
import { addPing } from './ping.js';
import { addServe } from './serve.js';
import { addSoak } from './soak.js';
import { addTune } from './tune.js';

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Of wrong use; what is used as it should be, and fails, ends with 1. */
const USAGE_STATUS = 2;

/** What runs, for the report of a failure. */
interface Running {
  readonly command: string;
  readonly json: boolean;
}

function createProgram(starts: (running: Running) => void): Command {
  const program = new Command('backplane')
    .description('node-to-node messaging over multi-homed SCTP')
    .version(version())
    .showHelpAfterError()
    // Thrown to whoever parses, by each of the commands, too.
    .exitOverride();
  const commands = [
    addServe,
    addPing,
    addNodes,
    addPaths,
    addConfig,
    addMasters,
    addKeygen,
    addTune,
  ];
  for (const add of [...commands, addDemo, addLab, addSoak]) add(program);
  return program.hook('preAction', (_, action) => {
    let command = action;
    while (command.parent !== null && command.parent !== program) command = command.parent;
    starts({ command: command.name(), json: action.opts()['json'] === true });
  });
}

/** The command line was not understood, as commander has told; or help was all that was asked. */
function refused({ exitCode, message }: CommanderError): void {
  if (exitCode === 0) return;
  process.exitCode = USAGE_STATUS;
  const [, , command = '', ...options] = process.argv;
  if (!options.includes('--json')) return;
  const violations = [message.replace(/^error: /, '')];
  console.log(JSON.stringify({ command, ok: false, violations, code: 'ERR_ARGUMENT' }));
}

async function main(): Promise<void> {
  let running: Running = { command: '', json: false };
  try {
    await createProgram((started) => {
      running = started;
    }).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) return refused(error);
    // Anything else is a fault of this program, and wants its stack.
    if (!(error instanceof BackplaneError)) throw error;
    const { code, message } = error;
    process.stderr.write(`backplane: ${code}: ${message}\n`);
    if (running.json) {
      const { command } = running;
      console.log(JSON.stringify({ command, ok: false, violations: [message], code }));
    }
    process.exitCode = 1;
  }
}

void main();
