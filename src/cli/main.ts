#!/usr/bin/env node
/** The command `backplane`: parses, calls, prints. */
import { Command, CommanderError } from 'commander';
import { BackplaneError, ControllerError } from '../errors.js';
import { refused } from './usage.js';
import { version } from './version.js';

type Add = (program: Command) => void;

/** The commands, in the order of the help. Each loads what it needs itself: some is large. */
const commands: Readonly<Record<string, () => Promise<Add>>> = {
  start: async () => (await import('./start.js')).addStart,
  status: async () => (await import('./status.js')).addStatus,
  alarms: async () => (await import('./alarms.js')).addAlarms,
  workers: async () => (await import('./workers.js')).addWorkers,
  task: async () => (await import('./task.js')).addTask,
  drain: async () => (await import('./drain.js')).addDrain,
  serve: async () => (await import('./serve.js')).addServe,
  ping: async () => (await import('./ping.js')).addPing,
  nodes: async () => (await import('./nodes.js')).addNodes,
  paths: async () => (await import('./paths.js')).addPaths,
  config: async () => (await import('./config.js')).addConfig,
  masters: async () => (await import('./masters.js')).addMasters,
  keygen: async () => (await import('./keygen.js')).addKeygen,
  tune: async () => (await import('./tune.js')).addTune,
  demo: async () => (await import('./demo.js')).addDemo,
  'demo:cluster': async () => (await import('./demo-cluster.js')).addDemoCluster,
  'demo:typical': async () => (await import('./demo-typical.js')).addDemoTypical,
  lab: async () => (await import('./lab.js')).addLab,
  soak: async () => (await import('./soak.js')).addSoak,
  completion: async () => (await import('./completion.js')).addCompletion,
};

/** What runs, for the report of a failure. */
interface Running {
  readonly command: string;
  readonly json: boolean;
}

/** The command that is asked for, or all of them for the help about them. */
async function wanted(): Promise<Add[]> {
  const [, , name = ''] = process.argv;
  // Completion has to know all of them.
  const isOne = Object.hasOwn(commands, name) && name !== 'completion';
  const names = isOne ? [name] : Object.keys(commands);
  return Promise.all(names.map((each) => (commands[each] as () => Promise<Add>)()));
}

async function createProgram(starts: (running: Running) => void): Promise<Command> {
  const program = new Command('backplane')
    .description('node-to-node messaging over multi-homed SCTP')
    .version(version())
    .showHelpAfterError()
    // Thrown to whoever parses, by each of the commands, too.
    .exitOverride();
  for (const add of await wanted()) add(program);
  return program.hook('preAction', (_, action) => {
    let command = action;
    while (command.parent !== null && command.parent !== program) command = command.parent;
    starts({ command: command.name(), json: action.opts()['json'] === true });
  });
}

async function main(): Promise<void> {
  let running: Running = { command: '', json: false };
  try {
    const program = await createProgram((started) => {
      running = started;
    });
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      const [, , command = '', ...args] = process.argv;
      return refused(error, command, args);
    }
    // Anything else is a fault of this program, and wants its stack.
    if (!(error instanceof BackplaneError)) throw error;
    const { code, message } = error;
    process.stderr.write(`backplane: ${code}: ${message}\n`);
    if (running.json) {
      const { command } = running;
      const pid = error instanceof ControllerError ? error.pid : undefined;
      console.log(JSON.stringify({ command, ok: false, violations: [message], code, pid }));
    }
    process.exitCode = 1;
  }
}

void main();
