/** How long calls took, from the recordings of the sender: what it sent, and which replies came. */
import type { Recording } from '../recording/recorder.js';

/** One call that was answered. */
export interface CallTime {
  /** When it was made, in milliseconds on the recordings' clock. */
  readonly atMs: number;
  readonly tookMs: number;
}

/** All calls that were answered, in the order in which they were made. */
export function callTimes(sent: Recording, replied: Recording): CallTime[] {
  const answered = new Map<number, bigint>();
  replied.numbers.forEach((number, i) => void answered.set(number, replied.timesNs[i]!));
  const calls: CallTime[] = [];
  sent.numbers.forEach((number, i) => {
    const replyNs = answered.get(number);
    if (replyNs === undefined) return;
    const atNs = sent.timesNs[i]!;
    calls.push({ atMs: Number(atNs) / 1e6, tookMs: Number(replyNs - atNs) / 1e6 });
  });
  return calls;
}

/**
 * The time that 99 of 100 calls made from `fromMs` on and before `untilMs` did not exceed; null
 * where none was made.
 */
export function p99Ms(calls: readonly CallTime[], fromMs: number, untilMs: number): number | null {
  const times = calls
    .filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
    .map(({ tookMs }) => tookMs)
    .sort((a, b) => a - b);
  return times[Math.ceil(times.length * 0.99) - 1] ?? null;
}
