/** Wrong use of a command line: what is told of it, and with which exit status. */
import { Command, CommanderError } from 'commander';

/** Of wrong use; what is used as it should be, and fails, ends with 1. */
export const USAGE_STATUS = 2;

/**
 * The command line was not understood, as commander has told on standard error; or help was all
 * that was asked. Sets the exit status; with `--json` the same is a line on standard output.
 */
export function refused(
  { exitCode, message }: CommanderError,
  command: string,
  args: readonly string[],
): void {
  if (exitCode === 0) return;
  process.exitCode = USAGE_STATUS;
  if (!args.includes('--json')) return;
  const violations = [message.replace(/^error: /, '')];
  console.log(JSON.stringify({ command, ok: false, violations, code: 'ERR_ARGUMENT' }));
}

/** A program of its own that refuses wrong use as `backplane` does; run it by `runProgram`. */
export function programNamed(name: string): Command {
  return new Command(name).exitOverride();
}

/** Parses this process's command line and runs what it asks for. Rejects with what that throws. */
export async function runProgram(program: Command): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    refused(error, program.name(), process.argv.slice(2));
  }
}
