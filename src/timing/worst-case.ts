/**
 * What a profile promises, computed from how Linux retransmits: a T3 expiry adds an error to its
 * path and doubles that path's RTO; the path is potentially failed once its errors exceed the
 * threshold, and inactive once they exceed Path.Max.Retrans (RFC 9260, 6.3.3 and 8.2; RFC 7829, 3).
 */
import { ProfileError } from '../errors.js';
import type { Profile } from './profiles.js';

/** Under what circumstances the worst case is computed. */
export interface Circumstances {
  /** Round-trip time of the slowest plane. Default 0: planes of switches, where RTO.Min decides. */
  readonly rttMs?: number;
  /**
   * One tick of the kernel's clock; RTO has a floor of 4 ticks and a timer fires up to one late.
   * Default 10 (HZ=100).
   */
  readonly tickMs?: number;
  /** Planes that can fail together. Default 2. */
  readonly planes?: number;
  /** Part of its packets that each plane loses though it is up: 0.01 is one in 100. Default 0. */
  readonly lossRate?: number;
}

/** What a profile promises, in milliseconds. */
export interface WorstCase {
  /**
   * R: the RTO of a path that has been measured and lost nothing lately, as the timer really fires:
   * the larger of RTO.Min and rtt + 4 ticks, at most RTO.Max, and one tick for the timer's
   * rounding.
   */
  readonly rtoMs: number;
  /** Under traffic, one path fails: the longest gap between two deliveries. */
  readonly busyGapMs: number;
  /** Under traffic, one path fails: from the failure until all new traffic takes another path. */
  readonly busySwitchMs: number;
  /**
   * The same gap where the path's RTO was raised before: doubled once by an earlier loss, or held
   * up by one slow round trip (see STUCK_RTO_TICKS). The rules call it F.
   */
  readonly backedOffGapMs: number;
  /**
   * From the failure until all new traffic takes another path, where the path's RTO was raised
   * before in that way. With PF threshold 0 it is the same as the gap.
   */
  readonly backedOffSwitchMs: number;
  /**
   * Losses in a row without any failure: the longest time they hold one frame up, with a chance of
   * less than 1 in 10^9 that it is longer. 0 where nothing is lost.
   */
  readonly lossHoldMs: number;
  /**
   * Under traffic, one path fails, whatever was before: until all new traffic takes another path
   * and what the failure held up has arrived there, in spite of losses (but for 1 cut in 10^4).
   */
  readonly busyPathMs: number;
  /** Without traffic, one path fails: until it is reported potentially failed. */
  readonly idlePotentiallyFailedMs: number;
  /** Without traffic, one path fails: until it is reported inactive. */
  readonly idleInactiveMs: number;
  /**
   * A failed path heals: until it is reported active again. Its RTO may have backed off to RTO.Max.
   */
  readonly recoveryMs: number;
  /** The peer's process stops: until `stalled` is reported. */
  readonly stalledMs: number;
  /** All paths fail: until each end reports the link as lost. */
  readonly allPathsDeadMs: number;
  /**
   * All paths fail: the soonest the kernel itself gives the association up. An estimate from below:
   * errors of all planes count together, each plane adding one per backed-off RTO.
   */
  readonly associationLimitMs: number;
}

/**
 * Linux keeps SRTT and RTTVAR in whole ticks and takes an eighth and a quarter of them by shifting:
 * below 8 ticks an eighth is nothing, so after one slow round trip (560 ms at HZ=100 is enough)
 * both stay at 7 ticks however fast the path is, and RTO = 7 + 4 x 7 ticks. At HZ=100 that is 350
 * ms, at HZ=1000 35 ms. Only RTO.Max bounds it. Measured: a HEARTBEAT that waited for ARP while a
 * switch was off left RTO at 350 ms for good.
 */
const STUCK_RTO_TICKS = 35;

/** The four figures of a profile that an operator asks for first, in milliseconds. */
export interface Promises {
  /** One path fails under traffic: until it is noticed and all goes another way. */
  readonly busyPathMs: number;
  /** One path fails without traffic: until it is reported potentially failed. */
  readonly idlePathMs: number;
  /** All paths fail: until each end reports the link as lost. */
  readonly allPathsMs: number;
  /** The peer's process stops, its host goes on: until `stalled` is reported. */
  readonly stallMs: number;
}

/** So many cuts and frames in all suffer more losses in a row than are counted with. */
const RARE_CUT = 1e-4;
const RARE_FRAME = 1e-9;

/** The shortest pause between two heartbeats of a path in trouble, in Linux. */
const HEARTBEAT_FLOOR_MS = 200;

/**
 * Computes what `profile` promises. The profile is taken as it is; `checkProfile` says whether it
 * holds together.
 *
 * @param circumstances see there; all have defaults.
 * @throws ProfileError ERR_ARGUMENT: no profile (a name is none), or one that lacks a timer.
 */
export function worstCase(profile: Profile, circumstances: Circumstances = {}): WorstCase {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null;
  if (isObject(profile) && isObject(circumstances)) {
    const worst = compute(profile, circumstances);
    if (!Object.values(worst).some(Number.isNaN)) return worst;
  }
  const message = 'worstCase takes a whole profile, as profiles.lan is one, and numbers beside it';
  throw new ProfileError('ERR_ARGUMENT', message);
}

function compute(profile: Profile, circumstances: Circumstances): WorstCase {
  const { rttMs = 0, tickMs = 10, planes = 2, lossRate = 0 } = circumstances;
  const r = Math.min(Math.max(profile.rtoMinMs, rttMs + 4 * tickMs), profile.rtoMaxMs) + tickMs;
  const cap = profile.rtoMaxMs + tickMs;
  const backedOff = (times: number): number => Math.min(r * 2 ** times, cap);
  const sum = (from: number, to: number, term: (index: number) => number): number => {
    let total = 0;
    for (let index = from; index <= to; index++) total += term(index);
    return total;
  };

  // Linux enters potentially failed only where an error lies between the threshold and
  // Path.Max.Retrans.
  const potentiallyFailedWorks = profile.pathMaxRetransmits >= profile.pfThreshold + 2;
  const last = potentiallyFailedWorks ? profile.pfThreshold : profile.pathMaxRetransmits;

  const idleFirst = 2 * (profile.heartbeatIntervalMs + 1.5 * r);
  const idleFurther = (from: number, to: number): number =>
    sum(from, to, (i) => Math.max(backedOff(i) / 2, HEARTBEAT_FLOOR_MS) + backedOff(i));
  const idleInactiveMs = idleFirst + idleFurther(1, profile.pathMaxRetransmits);

  const stuckMs = Math.max(profile.rtoMinMs, STUCK_RTO_TICKS * tickMs) + tickMs;
  const stuck = (times: number): number => Math.min(stuckMs * 2 ** times, cap);
  const backedOffGapMs = Math.max(backedOff(last + 1), stuck(last));
  const backedOffSwitchMs = Math.max(sum(1, last + 1, backedOff), sum(0, last, stuck));
  // Each loss on the path that is left makes that one potentially failed too, and the next try may
  // take the dead one.
  const triesAfterCut = 2 * lossesInARow(lossRate, RARE_CUT);
  const busyPathMs = backedOffSwitchMs + sum(0, triesAfterCut - 1, backedOff);
  const errorsPerPlane = Math.ceil((profile.associationMaxRetransmits + 1) / planes);
  // Frames go at least every beat, and the driver looks every half beat.
  const lookMs = profile.beatMs / 2;
  return {
    rtoMs: r,
    busyGapMs: backedOff(last),
    busySwitchMs: sum(0, last, backedOff),
    backedOffGapMs,
    backedOffSwitchMs,
    lossHoldMs: sum(0, lossesInARow(lossRate, RARE_FRAME) - 1, backedOff),
    busyPathMs,
    idlePotentiallyFailedMs: potentiallyFailedWorks
      ? idleFirst + idleFurther(1, profile.pfThreshold)
      : idleInactiveMs,
    idleInactiveMs,
    recoveryMs: profile.heartbeatIntervalMs + 1.5 * cap,
    stalledMs: profile.stallMs + lookMs,
    allPathsDeadMs: profile.beatMs + planes * backedOffSwitchMs + profile.outageMs + lookMs,
    associationLimitMs: sum(0, errorsPerPlane - 1, backedOff),
  };
}

/** Of the whole worst case, what an operator asks for first. */
export function promisesOf(worst: WorstCase): Promises {
  return {
    busyPathMs: worst.busyPathMs,
    idlePathMs: worst.idlePotentiallyFailedMs,
    allPathsMs: worst.allPathsDeadMs,
    stallMs: worst.stalledMs,
  };
}

/** So many losses in a row happen with a chance of `rare` at most. */
function lossesInARow(lossRate: number, rare: number): number {
  // Rounding must not make four of what is 3.9999 or 4.0001.
  return lossRate <= 0 ? 0 : Math.max(1, Math.ceil(Math.log(rare) / Math.log(lossRate) - 1e-9));
}
