/** Where the time of the longest silence goes. */

/**
 * The silence that a cut caused, in the three parts that can be told apart from outside the kernel.
 * Milliseconds.
 */
export interface GapParts {
  readonly gapMs: number;
  /**
   * From the last message received to the cut: the spacing of the traffic, and what was under way.
   */
  readonly beforeCutMs: number;
  /**
   * From the cut to the sending node's report of the path: the kernel's retransmission timer, and
   * reading the event.
   */
  readonly noticeMs: number;
  /**
   * From that report to the next message received: retransmission on the other path, and waking the
   * receiver.
   */
  readonly resumeMs: number;
}

/**
 * Splits the longest gap between receptions that touches the time after `cutMs` and before
 * `untilMs`. All times in milliseconds on one clock; `noticedMs` is null when no path event came
 * within the gap, and its part is then counted to `resumeMs`.
 */
export function splitGap(
  receivedMs: ArrayLike<number>,
  cutMs: number,
  untilMs: number,
  noticedMs: number | null,
): GapParts {
  let start = cutMs;
  let end = cutMs;
  for (let i = 1; i < receivedMs.length; i++) {
    const from = receivedMs[i - 1]!;
    const to = receivedMs[i]!;
    if (to < cutMs || from > untilMs) continue;
    if (to - from > end - start) {
      start = from;
      end = to;
    }
  }
  const cut = Math.min(Math.max(cutMs, start), end);
  const noticed = noticedMs === null ? cut : Math.min(Math.max(noticedMs, cut), end);
  return {
    gapMs: end - start,
    beforeCutMs: cut - start,
    noticeMs: noticed - cut,
    resumeMs: end - noticed,
  };
}
