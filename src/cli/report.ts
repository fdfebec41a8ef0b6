/**
 * How a command tells what it found: with `--json` the last line of standard output is one JSON
 * object, without it a text for people. Progress of a run goes to standard error, by `progress`.
 */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { sctpSupport } from '../sctp/index.js';

export { type Cell, table } from './table.js';

/** Where and on what the figures were taken. */
export interface Environment {
  /** Left out where no addon is built. */
  readonly engine?: 'kernel' | 'usrsctp';
  /** The machine itself, or a User Mode Linux guest on it. */
  readonly where: 'host' | 'uml';
  /** Version of Node.js. */
  readonly node: string;
  /** Release of the kernel. */
  readonly kernel: string;
}

/**
 * What a command found. Counts and sizes are plain numbers (bytes), other figures have the unit in
 * their names. A field whose value is undefined is left out.
 */
export interface Findings {
  /** The command's name: `demo`, `lab`, `bench`. */
  readonly command: string;
  /** Each broken promise, in a sentence. None means that the command is content. */
  readonly violations: readonly string[];
  readonly [figure: string]: unknown;
}

/** The findings with the verdict, as they are printed. */
export interface Report extends Findings, Environment {
  /** No violations. */
  readonly ok: boolean;
}

export interface FinishOptions {
  /** Prints the JSON line instead of the text. */
  readonly json: boolean;
  /**
   * What a person reads instead, usually made of `table`s. Its violations and the verdict are added
   * below.
   */
  readonly text?: string | (() => string);
  /** Default: this process's standard output. */
  readonly write?: (text: string) => void;
}

/** This process's surroundings. Costs one system call at first, for the engine. */
export function environment(): Environment {
  const { engine } = sctpSupport();
  return {
    ...(engine === null ? {} : { engine }),
    where: isUserModeLinux() ? 'uml' : 'host',
    node: process.version,
    kernel: release(),
  };
}

function isUserModeLinux(): boolean {
  try {
    return /^vendor_id\s*:\s*User Mode Linux$/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}

/**
 * Ends a command: prints the report and sets the exit code, 0 when there is no violation, else 1.
 * Call it once, last.
 * @returns What was printed.
 */
export function finish(findings: Findings, options: FinishOptions): Report {
  const { command, violations, ...figures } = findings;
  const ok = violations.length === 0;
  const place = environment();
  // Keys keep the place of their first mention; named again, no figure stands in for them.
  const report: Report = Object.assign(
    { command, ok, violations, ...place },
    figures,
    { ok },
    place,
  );
  const write = options.write ?? ((text: string) => void process.stdout.write(text));
  if (options.json) {
    write(`${JSON.stringify(report)}\n`);
  } else {
    const text = typeof options.text === 'function' ? options.text() : (options.text ?? '');
    const complaints = violations.map((violation) => `  - ${violation}\n`).join('');
    const verdict = ok ? 'All promises kept.\n' : `Promises broken:\n${complaints}`;
    write(`${text === '' ? '' : `${text.trimEnd()}\n\n`}${verdict}`);
  }
  process.exitCode = ok ? 0 : 1;
  return report;
}

/** A line about the run, for a person; never part of the report. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
