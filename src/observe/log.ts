/** A logger for those who bring none: lines of JSON for programs, or of text for people. */
import { stripVTControlCharacters } from 'node:util';
import { LOG_LEVELS, type Logger, type LogLevel, type LogMethod } from '../node/logger.js';

/** How lines are written. */
export interface LineLoggerOptions {
  /** 'json': one object per line, `{ time, level, msg, ...fields }`. 'text': for a terminal. */
  readonly format: 'json' | 'text';
  /** Lines below it are not written. Default 'info'. */
  readonly level?: LogLevel;
  /** Writes one line, its end included. Default: this process's standard output. */
  readonly write?: (line: string) => void;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly wallMs?: () => number;
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields that are in the message already. */
const TOLD = ['event', 'node', 'peer'];

/** An error as data. The stack is of use only where it is not one of ours, which have a code. */
function plainError(error: Error): Fields {
  const { code } = error as { readonly code?: unknown };
  const { message, stack } = error;
  return code === undefined ? { message, stack } : { code, message };
}

/** What JSON cannot hold, as something it can. */
function replace(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Error ? plainError(value) : value;
}

function jsonLine(time: string, level: LogLevel, msg: string, fields: Fields): string {
  // Keys keep the place of their first mention; no field stands in for them.
  const own = { time, level, msg };
  const whole = Object.assign({ ...own }, fields, own);
  try {
    return JSON.stringify(whole, replace);
  } catch {
    // A circle, or a toJSON that throws: the line must not be lost for it.
    return JSON.stringify(own);
  }
}

/** One value in a line for people: lists by commas, an error as its code and message. */
export function fieldText(value: unknown): string {
  if (Array.isArray(value)) return value.map(fieldText).join(',') || '-';
  if (typeof value === 'object' && value !== null) {
    const { code, message } = value as { code?: unknown; message?: unknown };
    if (message !== undefined) return code === undefined ? `${message}` : `${code}: ${message}`;
    const entries = Object.entries(value).map(([key, one]) => `${key}:${fieldText(one)}`);
    return entries.join(',');
  }
  return String(value);
}

/** Strangers have a part in some texts: they must not get at the terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken away
  return stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

function textLine(time: string, level: LogLevel, msg: string, fields: Fields): string {
  const told = Object.entries(fields)
    .filter(([key, value]) => !TOLD.includes(key) && value !== null && value !== undefined)
    .map(([key, value]) => `${key}=${fieldText(value)}`);
  return printable([time, level.padEnd(5), msg, ...told].join(' '));
}

/** Makes a logger, as `startNode` takes one. */
export function lineLogger(options: LineLoggerOptions): Logger {
  const { format, level: least = 'info', wallMs = Date.now } = options;
  const write = options.write ?? ((line: string) => void process.stdout.write(line));
  const toLine = format === 'json' ? jsonLine : textLine;
  const method = (level: LogLevel): LogMethod => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return () => {};
    return (fields, message) =>
      write(`${toLine(new Date(wallMs()).toISOString(), level, message, fields)}\n`);
  };
  return {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
  };
}
