/**
 * Which process this is, told apart from every other that had or will have its number: boot, number
 * and start time, as Linux has them. Elsewhere the number alone has to do.
 */
import { readFileSync } from 'node:fs';

/** Fields of /proc/<pid>/stat after the name: the state is the first, the start time the 20th. */
const STATE = 0;
const START_TICKS = 19;

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return otherwise;
  }
}

const bootId = (): string => readOr('/proc/sys/kernel/random/boot_id', '');

/** Start time of a process, in ticks since boot; null when there is none, or it has ended. */
function startTicks(pid: number): string | null {
  // The name in brackets may hold anything, brackets too.
  const fields = readOr(`/proc/${pid}/stat`, '')
    .replace(/^.*\) /s, '')
    .split(' ');
  const state = fields[STATE] ?? '';
  if (state === '' || state === 'Z' || state === 'X') return null;
  return fields[START_TICKS] ?? null;
}

/** This process, in a few words without a newline. */
export function processIdentity(): string {
  return [process.pid, startTicks(process.pid) ?? '', bootId()].join(' ');
}

/** Whether the process of such an identity is running, as far as can be seen from here. */
export function isRunning(identity: string): boolean {
  const [pid, ticks, boot] = identity.split(' ');
  if (pid === undefined || !/^[1-9]\d*$/.test(pid) || boot !== bootId()) return false;
  if (ticks !== '') return startTicks(Number(pid)) === ticks;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
