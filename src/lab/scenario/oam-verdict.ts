/** What the scenario `oam` must show, and its figures. */
import type { Compared, OamResult } from './oam.js';

const CALLS_RATIO_LIMIT = 1.2;
const COMMITS_RATIO_LIMIT = 2;
const GAP_LIMIT_MS = 100;
/** So many of an operator's questions may come to nothing: that operator asks again. */
const UNANSWERED_SHARE = 0.01;

/** The time that so large a share of all do not exceed; 0 where there is none. */
function percentile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
}

const hundredths = (value: number): number => Math.round(100 * value) / 100;

function compared({ plain, loaded }: Compared) {
  const of = (times: readonly number[]) => ({
    count: times.length,
    p50Ms: hundredths(percentile(times, 0.5)),
    p99Ms: hundredths(percentile(times, 0.99)),
  });
  const ratio = hundredths(percentile(loaded, 0.99) / percentile(plain, 0.99));
  return { plain: of(plain), loaded: of(loaded), ratio };
}

/**
 * How much longer commits may take beside all traffic there can be. Where there is one processor,
 * what is done for a commit takes as much longer as there is less of it left; where there are more,
 * traffic is to leave as much as a commit needs.
 */
export function commitsRatioLimit({ processors, shareLeft }: OamResult): number {
  if (processors > 1) return COMMITS_RATIO_LIMIT;
  return hundredths(COMMITS_RATIO_LIMIT / shareLeft);
}

/** How the figures were taken, for who reads them. */
export const oamMeasured = {
  calls:
    'from each call of one worker to another to its answer, all windows of a kind together; ' +
    'windows with and without alternate in one run, after one that is not counted, and each with ' +
    'has a whole snapshot in it',
  commits:
    'from each write to its being seen by a watch at another host, all windows of a kind ' +
    'together; windows with and without traffic alternate in one run; stores are in memory',
  shareLeft:
    'while workers send as much as they can: of all ticks of the processors, those that neither ' +
    'of the two had (/proc/PID/stat, /proc/stat). On one processor the limit is 2 / shareLeft',
  nice: 'of controllers, as their unit has it, and of all programs beside them; workers have 0',
  isDivided:
    'controllers, with all programs beside them, and workers are in the two parts of one control ' +
    'group, as their unit has it; where not, there is priority alone',
} as const;

/** All figures. */
export function oamFigures(result: OamResult) {
  const { delivery, done, gone, shareLeft, callsMs, commitsMs, ...rest } = result;
  const { sent, received, lost, duplicated, reordered } = delivery;
  const { snapshotsMs, ...counts } = done;
  return {
    sent,
    received,
    lost,
    duplicated,
    reordered,
    reconnects: rest.reconnects,
    nodedown: rest.nodedown,
    longestGapMs: hundredths(Math.max(...gone.map(({ gapMs }) => gapMs))),
    longestGapLimitMs: GAP_LIMIT_MS,
    unanswered: rest.unanswered,
    calls: { ...compared(callsMs), ratioLimit: CALLS_RATIO_LIMIT },
    commits: { ...compared(commitsMs), ratioLimit: commitsRatioLimit(result) },
    shareLeft: hundredths(shareLeft),
    processors: rest.processors,
    nice: rest.nice,
    isDivided: rest.isDivided,
    floodPerSecond: Math.round(rest.floodPerSecond),
    floodLost: rest.floodLost,
    snapshots: snapshotsMs.length,
    snapshotMs: Math.round(percentile(snapshotsMs, 0.5)),
    ...counts,
    controllersGone: gone.map(({ how, awayMs, gapMs }) => {
      return { how, awayMs: Math.round(awayMs), gapMs: hundredths(gapMs) };
    }),
    workersReplaced: rest.workersReplaced,
    measured: oamMeasured,
  };
}

/** What has to be none or some, however fast the machine is. */
export function oamCountViolations(result: OamResult): string[] {
  const { delivery, done, unanswered, reconnects, nodedown, floodLost, workersReplaced } = result;
  const none: readonly (readonly [string, number])[] = [
    ['calls lost', delivery.lost],
    ['calls duplicated', delivery.duplicated],
    ['calls reordered', delivery.reordered],
    ['calls without an answer', unanswered],
    ['messages of the flood lost', floodLost],
    ['reconnects of workers', reconnects],
    ['nodedown at workers', nodedown],
    ['workers replaced', workersReplaced],
    ['writes refused', done.refused],
    ['processes in the wrong control group', result.misplaced],
  ];
  const some: readonly (readonly [string, number])[] = [
    ['calls', delivery.sent],
    ['commits with traffic', result.commitsMs.loaded.length],
    ['snapshots', done.snapshotsMs.length],
    ['watch events', done.watchEvents],
    ['bytes of logs read', done.logBytes],
    ['metrics read', done.scrapes],
  ];
  return [
    ...none.filter(([, n]) => n !== 0).map(([what, n]) => `${what}: ${n}, not 0`),
    ...some.filter(([, n]) => n === 0).map(([what]) => `${what}: none`),
  ];
}

/** All that it did not show, as sentences. */
export function oamViolations(result: OamResult): string[] {
  const text = oamCountViolations(result);
  const { calls, commits } = oamFigures(result);
  const exceeds = (what: string, ratio: number, limit: number) => {
    if (!(ratio <= limit)) text.push(`${what}: p99 ${ratio} times, not at most ${limit}`);
  };
  exceeds('calls beside operation and maintenance', calls.ratio, calls.ratioLimit);
  exceeds('commits beside traffic', commits.ratio, commits.ratioLimit);
  const { logReads, statuses, scrapes, unansweredQuestions } = result.done;
  const open = unansweredQuestions.length;
  const asked = logReads + statuses + scrapes + open;
  if (open > UNANSWERED_SHARE * asked) {
    const which = [...new Set(unansweredQuestions)].join(', ');
    text.push(`questions without an answer: ${open} of ${asked} (${which})`);
  }
  for (const { how, gapMs } of result.gone) {
    if (gapMs <= GAP_LIMIT_MS) continue;
    text.push(`controllers ${how}: a gap of ${gapMs.toFixed(1)} ms, not at most ${GAP_LIMIT_MS}`);
  }
  return text;
}
