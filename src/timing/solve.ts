/**
 * From one wish, "notice within 300 ms", to every timer of both ends. Under traffic a failed path
 * costs one RTO, or RTO.Max where an earlier loss has backed it off; so the wish bounds RTO.Max,
 * and all other timers follow. What is promised is what `worstCase` says of the result.
 */
import { ProfileError } from '../errors.js';
import { checkProfile } from './check.js';
import { type Profile, SWITCHOVER_OFF } from './profiles.js';
import { type WholeWish, type Wish, type WishInWords, wholeWish } from './wish.js';
import { type Promises, promisesOf, type WorstCase, worstCase } from './worst-case.js';

/** A set of timers that keeps a wish. */
export interface Solution {
  /** The wish, with its defaults. */
  readonly wish: WholeWish;
  /** For both ends: give it to every node of the cluster. */
  readonly profile: Profile;
  /**
   * Where the network heals itself: which of the two acts, SCTP or the network. Null where it does
   * not.
   */
  readonly actsFirst: 'sctp' | 'network' | null;
  /** The worst cases in short. */
  readonly promised: Promises;
  /** All of them. */
  readonly worstCase: WorstCase;
}

/** RTO.Min need not be longer than RFC 9260 has it (16), unless round trips are. */
const CALM_RTO_MS = 1000;

/** More retransmissions than these on a path that may heal wait longer and gain little. */
const THRESHOLDS = [1, 2, 3] as const;

/** Below this the kernel's heartbeats of a healthy path are taken for lost too easily. */
const PATH_RETRANSMITS_MIN = 3;

/** So many heartbeats in a row may be lost by chance before a path counts as inactive. */
const RARE_HEARTBEATS = 1e-6;

/**
 * The complete set of timers for a wish.
 *
 * @param wish in numbers (`detectMs`, `rttMs`, `lossRate`, `planes`, `rerouteMs`, `tickMs`) or in
 *   words (`detect`, `rtt`, `loss`, `planes`, `reroute`, `tick`).
 * @returns A profile that passes all rules, and what it promises: `promised.busyPathMs` is never
 *   over `detectMs`.
 * @throws ProfileError ERR_PROFILE_INVALID: the wish itself cannot be read; ERR_PROFILE_UNSOLVABLE:
 *   no set keeps it, `constraint` and `leastDetectMs` tell why and what could be had.
 */
export function solve(wish: Wish | WishInWords): Solution {
  const whole = wholeWish(wish);
  const { detectMs, rerouteMs = Number.POSITIVE_INFINITY } = whole;
  const quickestMs = busyPathMs(quickest(whole), whole);
  // SCTP must be through before the network may have healed.
  const isSctpFirst = quickestMs <= rerouteMs - 1;
  const least = isSctpFirst ? quickest(whole) : patient(whole, rerouteMs);
  const leastMs = busyPathMs(least, whole);
  if (quickestMs > detectMs) throw tooShort(whole, leastMs);
  if (leastMs > detectMs) throw bothWouldAct(whole, rerouteMs, quickestMs, leastMs);
  if (!isSctpFirst) return solution(whole, least, 'network');
  const profile = calmest(whole, Math.min(detectMs, rerouteMs - 1));
  return solution(whole, profile, whole.rerouteMs === undefined ? null : 'sctp');
}

function busyPathMs(profile: Profile, wish: WholeWish): number {
  return worstCase(profile, wish).busyPathMs;
}

/** The kernel's RTO has a floor of 4 ticks over the round trip; RTO.Min under 5 does nothing. */
function leastRtoMs({ rttMs, tickMs }: Pick<WholeWish, 'rttMs' | 'tickMs'>): number {
  return tickMs * Math.max(5, Math.ceil(rttMs / tickMs) + 4);
}

/**
 * The kernel's part: everything the time of a switch depends on. RTO.Max leaves room for one
 * back-off and for no more: it is what bounds the gap whatever was before.
 */
function draft(wish: WholeWish, pfThreshold: number, rtoMinMs: number): Profile {
  const { detectMs, rttMs, tickMs, lossRate } = wish;
  const sackDelayMs = Math.max(1, Math.min(200, Math.floor(rtoMinMs / 4)));
  // Held back SACKs save packets, but are part of what the kernel measures as the round trip.
  const mayDelay = rtoMinMs >= 200 && rttMs + sackDelayMs + 4 * tickMs <= rtoMinMs;
  const heartbeatLoss = 1 - (1 - lossRate) ** 2;
  const heartbeats = lossRate === 0 ? 0 : Math.log(RARE_HEARTBEATS) / Math.log(heartbeatLoss);
  return {
    name: `solved-${Math.round(detectMs)}ms`,
    rtoInitialMs: 2 * rtoMinMs,
    rtoMinMs,
    rtoMaxMs: 2 * rtoMinMs,
    sackDelayMs,
    sackFrequency: mayDelay ? 2 : 1,
    heartbeatIntervalMs: 1,
    pathMaxRetransmits: Math.max(PATH_RETRANSMITS_MIN, pfThreshold + 2, Math.ceil(heartbeats)),
    pfThreshold,
    primarySwitchover: SWITCHOVER_OFF,
    associationMaxRetransmits: 1,
    initMaxAttempts: 4,
    initMaxTimeoutMs: Math.min(65_535, Math.max(400, 4 * rtoMinMs)),
    beatMs: 1,
    beatJitterMs: 0,
    stallMs: 1,
    outageMs: 1,
    callDeadlineMs: 1,
    configurationDeadlineMs: 1,
  };
}

/** The set with which SCTP is as quick as kernel and round trips let it be. */
function quickest(wish: WholeWish): Profile {
  return draft(wish, 0, leastRtoMs(wish));
}

/** The longest RTO with which the switch still keeps within the time: fewest false alarms. */
function calmest(wish: WholeWish, withinMs: number): Profile {
  const { tickMs } = wish;
  const leastMs = leastRtoMs(wish);
  let fits = leastMs / tickMs;
  // In ticks: what lies between two of them the kernel rounds up.
  let beyond = Math.ceil(Math.max(CALM_RTO_MS, 2 * leastMs) / tickMs) + 1;
  while (beyond - fits > 1) {
    const middle = Math.floor((fits + beyond) / 2);
    if (busyPathMs(draft(wish, 0, middle * tickMs), wish) <= withinMs) fits = middle;
    else beyond = middle;
  }
  return draft(wish, 0, fits * tickMs);
}

/**
 * The quickest set with which SCTP leaves a path alone for as long as the network may take to heal
 * it. A path that fails for good is noticed later for it.
 */
function patient(wish: WholeWish, rerouteMs: number): Profile {
  const { rttMs, tickMs } = wish;
  const quietMs = rerouteMs + rttMs + tickMs;
  const sets = THRESHOLDS.map((threshold) => {
    // What is sent after the last tolerated expiry must find the path healed. Expiries come after
    // 1, 3, 5 RTO.Min: the first back-off doubles it, then RTO.Max bounds it.
    const needMs = quietMs / (2 * threshold - 1);
    const rtoMinMs = Math.max(leastRtoMs(wish), Math.ceil(needMs / tickMs) * tickMs);
    return draft(wish, threshold, rtoMinMs);
  });
  return sets.reduce((best, set) => (busyPathMs(set, wish) < busyPathMs(best, wish) ? set : best));
}

/** The link's part, which follows from the time of a switch. */
function complete(profile: Profile, wish: WholeWish): Profile {
  const { planes, tickMs } = wish;
  const worst = worstCase(profile, wish);
  const switchMs = worst.busyPathMs;
  // Without heartbeats in between, an idle path that fails is noticed after this time.
  const knownMs = worst.idlePotentiallyFailedMs - 2 * profile.heartbeatIntervalMs;
  const heartbeatIntervalMs = Math.floor((500 + 6 * switchMs - knownMs) / 2);
  const beatMs = Math.min(5000, Math.max(200, 2 * switchMs));
  // A process pauses (collects garbage, reads a large file): no stall under a second.
  const stallMs = Math.max(1000, 2 * beatMs + 5 * switchMs);
  const outageMs = Math.max(Math.ceil(1.5 * stallMs), 2 * planes * switchMs);
  // Ours to judge, with a wide margin, before the kernel does: three times over.
  const errorsPerPlane = Math.ceil((3 * outageMs) / (profile.rtoMaxMs + tickMs)) + 1;
  return {
    ...profile,
    heartbeatIntervalMs,
    associationMaxRetransmits: errorsPerPlane * planes - 1,
    beatMs,
    beatJitterMs: Math.floor(beatMs / 4),
    stallMs,
    outageMs,
    callDeadlineMs: Math.max(5000, 2 * stallMs),
    configurationDeadlineMs: Math.max(10_000, 3 * stallMs),
  };
}

function solution(wish: WholeWish, kernels: Profile, actsFirst: Solution['actsFirst']): Solution {
  const profile = complete(kernels, wish);
  checkProfile(profile, wish);
  const worst = worstCase(profile, wish);
  return { wish, profile, actsFirst, promised: promisesOf(worst), worstCase: worst };
}

/** The first of tick, round trip and losses for which the time is too short. */
function tooShort(wish: WholeWish, leastDetectMs: number): ProfileError {
  const { detectMs, rttMs, lossRate, tickMs } = wish;
  const lossless = { ...wish, lossRate: 0 };
  const near = { ...lossless, rttMs: 0 };
  const nearMs = busyPathMs(quickest(near), near);
  const losslessMs = busyPathMs(quickest(lossless), lossless);
  const refuse = (constraint: 'tick' | 'rtt' | 'loss', why: string, remedy: string) =>
    new ProfileError(
      'ERR_PROFILE_UNSOLVABLE',
      `a path failure cannot be noticed within ${detectMs} ms: ${why}. ` +
        `Ask for ${leastDetectMs} ms or more, or ${remedy}`,
      { constraint, leastDetectMs },
    );
  if (nearMs > detectMs) {
    return refuse(
      'tick',
      `RTO.Min has to be 5 ticks of the kernel or more, ${5 * tickMs} ms, and RTO doubles after ` +
        `an earlier loss: ${nearMs} ms`,
      'use a kernel with more ticks a second',
    );
  }
  if (losslessMs > detectMs) {
    return refuse(
      'rtt',
      `with round trips of ${rttMs} ms RTO is ${leastRtoMs(wish)} ms at least, and doubles after ` +
        `an earlier loss: ${losslessMs} ms`,
      'use planes with shorter round trips',
    );
  }
  return refuse(
    'loss',
    `where ${percent(lossRate)} of the packets are lost, what is sent again after a failure is ` +
      `lost again: ${busyPathMs(quickest(wish), wish)} ms`,
    'use planes that lose less',
  );
}

function percent(rate: number): string {
  return `${Number((rate * 100).toPrecision(6))} %`;
}

function bothWouldAct(
  { detectMs }: WholeWish,
  rerouteMs: number,
  quickestMs: number,
  patientMs: number,
): ProfileError {
  return new ProfileError(
    'ERR_PROFILE_UNSOLVABLE',
    `both would act: a network that heals itself within ${rerouteMs} ms may be before SCTP, ` +
      `which needs up to ${quickestMs} ms, or after it; and to wait for the network SCTP needs ` +
      `${patientMs} ms, not ${detectMs}. Ask for ${patientMs} ms or more, let the network heal ` +
      `itself sooner, or let it take ${quickestMs + 1} ms or longer and leave the start ` +
      'to SCTP',
    { constraint: 'reroute', leastDetectMs: patientMs },
  );
}
