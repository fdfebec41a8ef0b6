/** Who writes a node's log: pino's shape, so that pino itself, or any object like it, will do. */
import { NodeError } from '../errors.js';

/** From the most talkative to the most serious. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** One of them. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Writes one line. `fields` are plain data; an error among them is named `err`, as pino wants it.
 * `message` is for people and may change.
 */
export type LogMethod = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** The methods of a logger that a node calls. What they throw is of no consequence to it. */
export type Logger = Readonly<Record<LogLevel, LogMethod>>;

/**
 * A logger a program gives.
 * @throws NodeError ERR_ARGUMENT: one of its methods is missing.
 */
export function checkLogger(logger: unknown): Logger {
  const methods = (logger ?? {}) as Partial<Record<LogLevel, unknown>>;
  const missing = LOG_LEVELS.find((level) => typeof methods[level] !== 'function');
  if (missing === undefined) return logger as Logger;
  throw new NodeError(
    'ERR_ARGUMENT',
    `logger must have the methods ${LOG_LEVELS.join(', ')}; it has no ${missing}`,
  );
}
