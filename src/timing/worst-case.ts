/**
 * What a profile promises, computed from how Linux retransmits: a T3 expiry adds an error to its
 * path and doubles that path's RTO; the path is potentially failed once its errors exceed the
 * threshold, and inactive once they exceed Path.Max.Retrans (RFC 9260, 6.3.3 and 8.2; RFC 7829, 3).
 */
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

/** The shortest pause between two heartbeats of a path in trouble, in Linux. */
const HEARTBEAT_FLOOR_MS = 200;

/**
 * Computes what `profile` promises. The profile is taken as it is; `checkProfile` says whether it
 * holds together.
 *
 * @param circumstances see there; all have defaults.
 */
export function worstCase(profile: Profile, circumstances: Circumstances = {}): WorstCase {
  const { rttMs = 0, tickMs = 10, planes = 2 } = circumstances;
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

  const stuckMs = Math.min(Math.max(profile.rtoMinMs, STUCK_RTO_TICKS * tickMs) + tickMs, cap);
  const backedOffGapMs = Math.max(backedOff(last + 1), Math.min(stuckMs * 2 ** last, cap));
  const errorsPerPlane = Math.ceil((profile.associationMaxRetransmits + 1) / planes);
  // Frames go at least every beat, and the driver looks every half beat.
  const lookMs = profile.beatMs / 2;
  return {
    rtoMs: r,
    busyGapMs: backedOff(last),
    busySwitchMs: sum(0, last, backedOff),
    backedOffGapMs,
    idlePotentiallyFailedMs: potentiallyFailedWorks
      ? idleFirst + idleFurther(1, profile.pfThreshold)
      : idleInactiveMs,
    idleInactiveMs,
    recoveryMs: profile.heartbeatIntervalMs + 1.5 * cap,
    stalledMs: profile.stallMs + lookMs,
    allPathsDeadMs: profile.beatMs + planes * backedOffGapMs + profile.outageMs + lookMs,
    associationLimitMs: sum(0, errorsPerPlane - 1, backedOff),
  };
}
