/** The rules a set of timers must keep, for one end and between two ends. */
import { ProfileError } from '../errors.js';
import { limits } from '../limits.js';
import { type Profile, SWITCHOVER_OFF } from './profiles.js';
import { firstToAct } from './reroute.js';
import { type Circumstances, worstCase } from './worst-case.js';

/** Under what circumstances a profile is judged. */
export interface CheckCircumstances extends Circumstances {
  /**
   * One tick of the kernel's clock. Not given: the rule about ticks is not judged, and 10 is used
   * for the others.
   */
  readonly tickMs?: number;
  /** The network under a plane heals itself within this time. Not given: it does not. */
  readonly rerouteMs?: number;
}

/**
 * The timers the other end has to know, as they are compared in the handshake. All in milliseconds.
 */
export interface PeerTiming {
  readonly rtoMinMs: number;
  readonly sackDelayMs: number;
  readonly beatMs: number;
  /** How long a path failure can hold a frame back: F of the rules. */
  readonly gapMs: number;
  readonly stallMs: number;
}

/** Number fields and the least and greatest value the kernel, or we, can take. */
const ranges: readonly (readonly [keyof Profile, number, number])[] = [
  ['rtoInitialMs', 1, 600_000],
  ['rtoMinMs', 1, 600_000],
  ['rtoMaxMs', 1, 600_000],
  ['sackDelayMs', 1, 500],
  ['sackFrequency', 1, 1000],
  ['heartbeatIntervalMs', 1, 3_600_000],
  ['pathMaxRetransmits', 1, 1000],
  ['pfThreshold', 0, 1000],
  ['primarySwitchover', 0, SWITCHOVER_OFF],
  ['associationMaxRetransmits', 1, 60_000],
  ['initMaxAttempts', 1, 1000],
  ['initMaxTimeoutMs', 1, 65_535],
  ['beatMs', 10, 3_600_000],
  ['beatJitterMs', 0, 3_600_000],
  ['stallMs', 10, 3_600_000],
  ['outageMs', 10, 3_600_000],
  ['callDeadlineMs', 1, limits.deadlineMaxMs],
  ['configurationDeadlineMs', 1, limits.deadlineMaxMs],
];

/**
 * Refuses a profile that contradicts itself.
 *
 * @throws ProfileError ERR_PROFILE_INVALID; the message is one sentence that names the rule and
 *   both values.
 */
export function checkProfile(profile: Profile, circumstances: CheckCircumstances = {}): void {
  const problem = outOfRange(profile) ?? brokenRule(profile, circumstances);
  if (problem !== null) {
    throw new ProfileError('ERR_PROFILE_INVALID', `profile '${profile.name}': ${problem}`);
  }
}

function outOfRange(profile: Profile): string | null {
  if (typeof profile.name !== 'string' || profile.name === '') return 'name must be a string';
  for (const [field, least, greatest] of ranges) {
    const value: unknown = profile[field];
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > greatest) {
      return `${field} must be a whole number from ${least} to ${greatest}, not ${String(value)}`;
    }
  }
  return null;
}

/** A rule: whether it holds, and what is wrong where it does not. */
type Rule = readonly [holds: boolean, problem: string];

function brokenRule(p: Profile, circumstances: CheckCircumstances): string | null {
  const rules = [...kernelRules(p, circumstances), ...linkRules(p, circumstances)];
  return rules.find(([holds]) => !holds)?.[1] ?? null;
}

/** What the kernel's timers must keep among themselves. */
function kernelRules(p: Profile, { tickMs, rttMs = 0 }: CheckCircumstances): readonly Rule[] {
  return [
    [
      tickMs === undefined || p.rtoMinMs >= 5 * tickMs,
      `rtoMinMs ${p.rtoMinMs} is under 5 ticks of this kernel (${5 * (tickMs ?? 0)} ms) and ` +
        'would have no effect',
    ],
    [
      p.rtoMinMs <= p.rtoInitialMs && p.rtoInitialMs <= p.rtoMaxMs,
      `rtoMinMs ${p.rtoMinMs} <= rtoInitialMs ${p.rtoInitialMs} <= ` +
        `rtoMaxMs ${p.rtoMaxMs} does not hold`,
    ],
    [
      rttMs < p.rtoMaxMs,
      `rtoMaxMs ${p.rtoMaxMs} must be over the round trip of ${rttMs} ms: ` +
        'every message would look lost',
    ],
    [
      p.sackDelayMs <= p.rtoMinMs / 2,
      `sackDelayMs ${p.sackDelayMs} is over half of rtoMinMs ${p.rtoMinMs}: ` +
        'lone messages would look lost',
    ],
    [
      p.pfThreshold + 2 <= p.pathMaxRetransmits,
      `pathMaxRetransmits ${p.pathMaxRetransmits} must exceed pfThreshold ${p.pfThreshold} ` +
        'by 2 or more: with less no path ever becomes potentially failed',
    ],
    [
      p.primarySwitchover >= p.pfThreshold,
      `primarySwitchover ${p.primarySwitchover} is under pfThreshold ${p.pfThreshold}`,
    ],
  ];
}

/** What the link's timers must keep, among themselves and towards the kernel's. */
function linkRules(p: Profile, circumstances: CheckCircumstances): readonly Rule[] {
  const { planes = 2, rerouteMs } = circumstances;
  const promise = worstCase(p, circumstances);
  const { lossHoldMs } = promise;
  const gapMs = promise.backedOffGapMs;
  const limitMs = Math.floor(promise.associationLimitMs);
  const losses = lossHoldMs === 0 ? '' : ` + losses in a row ${lossHoldMs}`;
  return [
    [
      p.beatJitterMs <= p.beatMs / 2,
      `beatJitterMs ${p.beatJitterMs} is over half of beatMs ${p.beatMs}`,
    ],
    [
      p.beatMs + gapMs + p.sackDelayMs + lossHoldMs < p.stallMs,
      `stallMs ${p.stallMs} must be over beatMs ${p.beatMs} + ` +
        `one backed-off failover gap ${gapMs} + sackDelayMs ${p.sackDelayMs}${losses}: ` +
        'a path failure would look like a stalled process',
    ],
    [p.stallMs <= p.outageMs, `stallMs ${p.stallMs} is over outageMs ${p.outageMs}`],
    [
      planes * gapMs + lossHoldMs < p.outageMs,
      `outageMs ${p.outageMs} must be over ${planes} planes x ` +
        `one backed-off failover gap ${gapMs}${losses}: ` +
        'the link would be given up while a path is still to be tried',
    ],
    [
      p.outageMs < limitMs,
      `outageMs ${p.outageMs} must be under the time after which the kernel gives the ` +
        `association up, ${limitMs} ms with ` +
        `associationMaxRetransmits ${p.associationMaxRetransmits}`,
    ],
    [
      p.callDeadlineMs > p.stallMs,
      `callDeadlineMs ${p.callDeadlineMs} must be over stallMs ${p.stallMs}: ` +
        'calls would fail before it is known that the peer does not answer',
    ],
    [
      p.configurationDeadlineMs > p.stallMs,
      `configurationDeadlineMs ${p.configurationDeadlineMs} must be over stallMs ${p.stallMs}: ` +
        'changes would fail before it is known that a peer does not answer',
    ],
    [
      rerouteMs === undefined || firstToAct(p, rerouteMs, circumstances) !== 'both',
      `both would act: the network, which heals itself within ${rerouteMs} ms, and SCTP, which ` +
        `may leave a path before or after that (within ${promise.busyPathMs} ms)`,
    ],
  ];
}

/** What the other end has to know of a profile. */
export function timingOf(profile: Profile): PeerTiming {
  return {
    rtoMinMs: profile.rtoMinMs,
    sackDelayMs: profile.sackDelayMs,
    beatMs: profile.beatMs,
    gapMs: Math.ceil(worstCase(profile).backedOffGapMs),
    stallMs: profile.stallMs,
  };
}

/**
 * Whether two ends go together, judged the same at both. A SACK that comes later than half of the
 * other end's RTO.Min makes its lone messages time out; beats that come too seldom make the other
 * end report a stall.
 *
 * @returns null, or a ProfileError ERR_PROFILE_MISMATCH whose message names both values.
 */
export function compatible(local: PeerTiming, peer: PeerTiming): ProfileError | null {
  const problem =
    mismatch('our', local, "the peer's", peer) ?? mismatch("the peer's", peer, 'our', local);
  return problem === null ? null : new ProfileError('ERR_PROFILE_MISMATCH', problem);
}

function mismatch(mine: string, a: PeerTiming, theirs: string, b: PeerTiming): string | null {
  if (b.sackDelayMs > a.rtoMinMs / 2) {
    return (
      `${theirs} SACK delay of ${b.sackDelayMs} ms is over half of ` +
      `${mine} RTO.Min of ${a.rtoMinMs} ms`
    );
  }
  if (b.beatMs + b.gapMs + a.sackDelayMs >= a.stallMs) {
    return (
      `${theirs} beats every ${b.beatMs} ms, held back by a failover for ${b.gapMs} ms, ` +
      `are too seldom for ${mine} stall time of ${a.stallMs} ms`
    );
  }
  return null;
}
