/** What became of the messages of a run, from what both sides recorded. */
import type { Recording } from './recorder.js';

/** Counts are messages. */
export interface Delivery {
  readonly sent: number;
  /** Different messages that arrived. */
  readonly received: number;
  readonly lost: number;
  /** Arrivals of a message that had arrived before, or that nobody sent. */
  readonly duplicated: number;
  /** Messages that arrived after one that was sent later. */
  readonly reordered: number;
  /** The longest silence at the receiver: see `analyse`. 0 where nothing was sent. */
  readonly longestGapMs: number;
  /**
   * When that silence began, in nanoseconds on the recordings' clock; null where there was none.
   */
  readonly longestGapAtNs: bigint | null;
  /** From sending to first arrival; null where nothing arrived. */
  readonly latency: {
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
  } | null;
}

const ms = (ns: bigint): number => Number(ns) / 1e6;

/** The smallest value that at least `share` of the sorted values do not exceed. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;
}

/** Position of each number in the order of sending. */
function positions(sent: Recording): Map<number, number> {
  const byNumber = new Map<number, number>();
  sent.numbers.forEach((number, i) => void byNumber.set(number, i));
  return byNumber;
}

interface Arrivals {
  received: number;
  duplicated: number;
  reordered: number;
  readonly latenciesMs: number[];
  /** Moments of first arrivals, in order. */
  readonly timesNs: bigint[];
}

function sortOut(sent: Recording, received: Recording): Arrivals {
  const byNumber = positions(sent);
  const seen = new Uint8Array(sent.numbers.length);
  const arrivals: Arrivals = {
    received: 0,
    duplicated: 0,
    reordered: 0,
    latenciesMs: [],
    timesNs: [],
  };
  let newest = -1;
  received.numbers.forEach((number, i) => {
    const position = byNumber.get(number);
    if (position === undefined || seen[position] === 1) {
      arrivals.duplicated++;
      return;
    }
    seen[position] = 1;
    arrivals.received++;
    if (position < newest) arrivals.reordered++;
    newest = Math.max(newest, position);
    const timeNs = received.timesNs[i]!;
    arrivals.latenciesMs.push(ms(timeNs - sent.timesNs[position]!));
    arrivals.timesNs.push(timeNs);
  });
  return arrivals;
}

/** The longest step from one moment to the next; the earliest of several. */
function longestStep(momentsNs: readonly bigint[]): { ns: bigint; atNs: bigint | null } {
  let longest: { ns: bigint; atNs: bigint | null } = { ns: 0n, atNs: null };
  for (let i = 1; i < momentsNs.length; i++) {
    const ns = momentsNs[i]! - momentsNs[i - 1]!;
    if (ns > longest.ns) longest = { ns, atNs: momentsNs[i - 1]! };
  }
  return longest;
}

/**
 * Compares what was sent with what was received. Numbers must differ within a run.
 *
 * The silence that counts is the longest time between two arrivals, from the first sending on: so
 * the wait for the first arrival counts, and after the last one, where messages are missing, the
 * time until the end.
 * @param untilNs the end of the run for messages still missing. Default: the last sending or
 *   arrival.
 */
export function analyse(sent: Recording, received: Recording, untilNs?: bigint): Delivery {
  const count = sent.numbers.length;
  const arrivals = sortOut(sent, received);
  const lost = count - arrivals.received;
  const moments = count === 0 ? [] : [sent.timesNs[0]!, ...arrivals.timesNs];
  if (lost > 0) {
    const lastNs = arrivals.timesNs.at(-1) ?? 0n;
    const lastSentNs = sent.timesNs[count - 1]!;
    moments.push(untilNs ?? (lastNs > lastSentNs ? lastNs : lastSentNs));
  }
  const gap = longestStep(moments);
  const latencies = Float64Array.from(arrivals.latenciesMs).sort();
  return {
    sent: count,
    received: arrivals.received,
    lost,
    duplicated: arrivals.duplicated,
    reordered: arrivals.reordered,
    longestGapMs: ms(gap.ns),
    longestGapAtNs: gap.atNs,
    latency:
      latencies.length === 0
        ? null
        : {
            p50Ms: percentile(latencies, 0.5),
            p99Ms: percentile(latencies, 0.99),
            maxMs: latencies.at(-1)!,
          },
  };
}
