/**
 * Which processor a guest gets. It uses one at a time, and its kernel is a process that traces the
 * processes of the guest: each system call in there is two switches between the two. Where the
 * host's scheduler spreads them over processors, each switch wakes one processor from another; on
 * one they cost half as much or less.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long is looked at who is busy. */
const LOOK_MS = 100;

/** The numbers in a list as the kernel writes it: `0-2,5`. */
export function parseList(text: string): number[] {
  return text.split(',').flatMap((range) => {
    const [first, last] = range.split('-').map(Number) as [number, number | undefined];
    return Array.from({ length: (last ?? first) - first + 1 }, (_, i) => first + i);
  });
}

/** Ticks each processor has been idle, by number; `text` is /proc/stat. */
export function idleTicks(text: string): Map<number, number> {
  // Columns: user, nice, system, idle, ...
  const lines = text.matchAll(/^cpu(\d+) \d+ \d+ \d+ (\d+)/gm);
  return new Map([...lines].map(([, number, ticks]) => [Number(number), Number(ticks)]));
}

/**
 * The processor that idled most during the last moment, of those this process may use; null where
 * there is no choice, or nothing tells.
 */
export async function idlestProcessor(): Promise<number | null> {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const allowed = parseList(/^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '');
    if (allowed.length < 2) return null;
    const before = idleTicks(readFileSync('/proc/stat', 'utf8'));
    await sleep(LOOK_MS);
    const after = idleTicks(readFileSync('/proc/stat', 'utf8'));
    const idled = (number: number) => (after.get(number) ?? 0) - (before.get(number) ?? 0);
    return allowed.reduce((best, number) => (idled(number) > idled(best) ? number : best));
  } catch {
    return null;
  }
}
