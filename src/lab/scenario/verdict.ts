/** What every scenario promises of its traffic. */
import type { Delivery } from '../recording/analysis.js';
import type { Replies } from './protocol.js';

/** The counts every scenario is judged by. */
export interface Verdict {
  readonly sctp: Delivery;
  readonly replies: Replies;
  readonly reconnects: number;
  readonly nodedown: number;
}

/** The counts, as every command reports them. */
export function trafficFigures({ sctp, replies, reconnects, nodedown }: Verdict) {
  const { sent, received, lost, duplicated, reordered, longestGapMs } = sctp;
  return {
    sent,
    received,
    lost,
    duplicated,
    reordered,
    reconnects,
    nodedown,
    longestGapMs,
    repliesAsked: replies.asked,
    repliesAnswered: replies.answered,
  };
}

/** Everything that should be zero and is not, as sentences. */
export function trafficViolations({ sctp, replies, reconnects, nodedown }: Verdict): string[] {
  const zero: readonly (readonly [string, number])[] = [
    ['messages lost', sctp.lost],
    ['messages duplicated', sctp.duplicated],
    ['messages reordered', sctp.reordered],
    ['replies lost', replies.asked - replies.answered],
    ['reconnects', reconnects],
    ['nodedown', nodedown],
  ];
  const violations = zero.filter(([, n]) => n !== 0).map(([what, n]) => `${what}: ${n}, not 0`);
  return sctp.sent === 0 ? ['nothing was sent', ...violations] : violations;
}

/** The silence as a sentence when it is longer than allowed. */
export function gapViolations(what: string, gapMs: number, limitMs: number): string[] {
  return gapMs <= limitMs ? [] : [`${what} ${gapMs.toFixed(1)} ms, not at most ${limitMs} ms`];
}
