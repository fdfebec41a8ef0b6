/** Options as a program gives them, checked before anything is begun. */
import { NodeError } from '../errors.js';
import { limits } from '../limits.js';
import { isFullName } from './names.js';

/** The names of all options of a kind: the compiler sees to it that none is left out. */
export function optionNames<T>(names: Readonly<Record<keyof T, true>>): ReadonlySet<string> {
  return new Set(Object.keys(names));
}

/**
 * That options are an object, and all of them known: one with a misspelt name would have no effect,
 * and nobody would be told.
 * @throws NodeError ERR_ARGUMENT
 */
export function checkOptions(options: unknown, known: ReadonlySet<string>): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const what = options === null ? 'null' : typeof options;
    throw new NodeError('ERR_ARGUMENT', `options must be an object of ${list(known)}, not ${what}`);
  }
  for (const name in options) {
    if (known.has(name)) continue;
    throw new NodeError('ERR_ARGUMENT', `there is no option ${name}; there are ${list(known)}`);
  }
}

const list = (names: ReadonlySet<string>) => [...names].join(', ');

/**
 * A time a program may set.
 * @param name of the option, for the error
 * @throws NodeError ERR_ARGUMENT: not a number from 0 to limits.deadlineMaxMs.
 */
export function checkTimeMs(name: string, timeMs: unknown): number {
  const isTime = typeof timeMs === 'number' && timeMs >= 0;
  if (isTime && timeMs <= limits.deadlineMaxMs) return timeMs;
  throw new NodeError(
    'ERR_ARGUMENT',
    `${name} must be a number from 0 to ${limits.deadlineMaxMs}, not ${String(timeMs)}`,
  );
}

/** @throws NodeError ERR_ARGUMENT: neither left out nor a boolean. */
export function checkFlag(name: string, flag: unknown): boolean {
  if (flag === undefined || typeof flag === 'boolean') return flag === true;
  throw new NodeError('ERR_ARGUMENT', `${name} must be a boolean, not ${typeof flag}`);
}

/** @throws NodeError ERR_ARGUMENT */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw new NodeError('ERR_ARGUMENT', `${name} must be a function, not ${typeof value}`);
}

/** The name of another node. @throws NodeError ERR_ARGUMENT: no full name. */
export function checkPeerName(name: unknown): string {
  if (isFullName(name)) return name;
  const given = typeof name === 'string' ? JSON.stringify(name) : typeof name;
  throw new NodeError('ERR_ARGUMENT', `a node is told by its full name, name@host, not ${given}`);
}
