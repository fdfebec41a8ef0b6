/** Runs the tools of the set-up: quietly, and with everything they said when they fail. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { constants as system } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** Something the set-up cannot go on without. `exitCode` becomes that of the process. */
export class SetupError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.name = 'SetupError';
    this.exitCode = exitCode;
  }
}

/**
 * Exit code when only a person can go on, by the command printed (EX_UNAVAILABLE of sysexits.h).
 */
export const EXIT_UNAVAILABLE = 69;

/** A line for a person. Standard output belongs to the command: programs read its last line. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** Ordinary users of Debian have no sbin in their PATH, where modprobe and ip lie. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** Where the program `name` lies, or null. */
export function findProgram(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of [...folders, ...SYSTEM_FOLDERS]) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/**
 * The environment of a tool: the running Node first in PATH (node-gyp starts `node` by that name,
 * and another version may come first there).
 */
export function toolEnvironment(extra = {}) {
  const path = [dirname(process.execPath), process.env.PATH ?? '', ...SYSTEM_FOLDERS];
  return { ...process.env, PATH: path.filter((part) => part !== '').join(delimiter), ...extra };
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a program in a process group of its own, so that a signal reaches what it started too (make,
 * the compiler).
 *
 * @param {readonly string[]} command program and arguments
 * @param {object} [options]
 * @param {string} [options.cwd] folder to run in
 * @param {NodeJS.ProcessEnv} [options.env] default: toolEnvironment()
 * @param {NodeJS.Signals} [options.stopWith] what the group gets when a signal comes to us;
 *   default: the same signal
 * @param {number} [options.timeoutMs] ends the group after this time; default: none
 * @param {(chunk: Buffer) => void} [options.onOutput] gets both outputs as they come
 * @returns {Promise<{ code: number, stdout: string, output: string, timedOut: boolean }>} `code` is
 *   128 + n after signal n; `output` is standard output and standard error as they came
 */
export function run(command, options = {}) {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? toolEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let interrupted = null;
    let timedOut = false;
    const stdout = [];
    const output = [];
    const signalGroup = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // The group has ended already.
      }
    };
    const forward = (signal) => {
      interrupted = signal;
      signalGroup(options.stopWith ?? signal);
    };
    for (const signal of SIGNALS) process.on(signal, forward);
    const timer = setTimeout(
      () => {
        timedOut = true;
        signalGroup('SIGKILL');
      },
      options.timeoutMs ?? 2 ** 31 - 1,
    );
    const collect = (chunk) => {
      output.push(chunk);
      options.onOutput?.(chunk);
    };
    child.stdout.on('data', (chunk) => stdout.push(chunk));
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const finish = () => {
      clearTimeout(timer);
      for (const signal of SIGNALS) process.off(signal, forward);
    };
    child.on('error', (cause) => {
      finish();
      reject(new SetupError(`${program} cannot be started: ${cause.message}`));
    });
    child.on('close', (code, signal) => {
      finish();
      if (interrupted !== null) {
        reject(new Interrupted(interrupted));
        return;
      }
      resolve({
        code: code ?? 128 + system.signals[signal],
        stdout: Buffer.concat(stdout).toString(),
        output: Buffer.concat(output).toString(),
        timedOut,
      });
    });
  });
}

/**
 * A signal came while a tool ran. The tool has ended; whoever catches this cleans up and ends too.
 */
export class Interrupted extends SetupError {
  constructor(signal) {
    super(`ended by ${signal}`, 128 + system.signals[signal]);
    this.name = 'Interrupted';
  }
}

/**
 * One step of the set-up: says what it does and how long it took.
 * @throws SetupError with all the tool said when it fails.
 */
export async function step(title, command, options = {}) {
  const startedMs = performance.now();
  process.stderr.write(`setup: ${title} ... `);
  let result;
  try {
    result = await run(command, options);
  } catch (error) {
    say('failed');
    throw error;
  }
  if (result.code !== 0) {
    say(`failed\n\n${result.output}`);
    throw new SetupError(`${command.join(' ')} ended with code ${result.code}`);
  }
  say(`${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return result;
}

/** The last `lines` lines of a text. */
export function tail(text, lines) {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
