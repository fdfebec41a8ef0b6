import { limits } from '../limits.js';

/** A consistent set of all timers of one node (or one link). Times in milliseconds. */
export interface Profile {
  readonly name: string;
  /** RTO.Initial, RTO.Min, RTO.Max (RFC 9260, 16). */
  readonly rtoInitialMs: number;
  readonly rtoMinMs: number;
  readonly rtoMaxMs: number;
  /**
   * Delayed SACK (RFC 9260, 6.2): one for so many packets, or after this time. Frequency 1: every
   * message is acknowledged at once, and of its packets every second.
   */
  readonly sackDelayMs: number;
  readonly sackFrequency: number;
  /** HB.interval (RFC 9260, 8.3). */
  readonly heartbeatIntervalMs: number;
  /** Path.Max.Retrans. */
  readonly pathMaxRetransmits: number;
  /** PFMR, the threshold of potentially failed (RFC 7829). */
  readonly pfThreshold: number;
  /**
   * PSMR, primary path switch-over (RFC 7829, 5); 65535 is off: traffic returns to the primary when
   * it heals.
   */
  readonly primarySwitchover: number;
  /** Association.Max.Retrans. */
  readonly associationMaxRetransmits: number;
  /** Max.Init.Retransmits and its longest timeout. */
  readonly initMaxAttempts: number;
  readonly initMaxTimeoutMs: number;
  /** A frame leaves at least this often. */
  readonly beatMs: number;
  /**
   * A beat leaves by chance up to this much earlier, so that those of many links do not keep step.
   */
  readonly beatJitterMs: number;
  /** No frame for this long while a path is active: stalled. */
  readonly stallMs: number;
  /** No frame for this long and no path active: lost. */
  readonly outageMs: number;
  /** A call waits so long for its answer, unless told otherwise. */
  readonly callDeadlineMs: number;
  /**
   * The same for a change of the configuration, for those who keep one; no timer of a node or link
   * is set by it.
   */
  readonly configurationDeadlineMs: number;
}

/** The names of the profiles that come with the package. */
export type ProfileName = 'lan' | 'wan' | 'rfc' | 'mesh';

/**
 * Where this is the threshold of the primary's switch-over, traffic always returns to the primary.
 */
export const SWITCHOVER_OFF = 65535;

/**
 * The profiles that come with the package.
 *
 * - `lan`: planes of switches, round trips under 10 ms. A path failure is a gap of about 50 ms;
 *   SACKs are not delayed, since a delay of 200 ms against RTO.Min 50 ms makes every lone message
 *   look lost. RTO.Max is low, because one slow round trip can leave RTO far above RTO.Min for good
 *   (STUCK_RTO_TICKS in worst-case.ts).
 * - `wan`: round trips up to about 100 ms.
 * - `rfc`: the kernel's defaults, with potentially failed at once; for peers that are not ours to
 *   set.
 * - `mesh`: for many nodes, each with a link to each. Beats and heartbeats are ten and four times
 *   rarer than those of `lan` and do not keep step; a path under traffic still fails in less than
 *   half a second.
 */
export const profiles: Readonly<Record<ProfileName, Profile>> = {
  lan: {
    name: 'lan',
    rtoInitialMs: 100,
    rtoMinMs: 50,
    rtoMaxMs: 100,
    sackDelayMs: 20,
    sackFrequency: 1,
    heartbeatIntervalMs: 500,
    pathMaxRetransmits: 3,
    pfThreshold: 0,
    primarySwitchover: SWITCHOVER_OFF,
    associationMaxRetransmits: 200,
    initMaxAttempts: 4,
    initMaxTimeoutMs: 400,
    beatMs: 200,
    beatJitterMs: 0,
    stallMs: 1000,
    outageMs: 1600,
    callDeadlineMs: limits.callDeadlineMs,
    configurationDeadlineMs: 10_000,
  },
  wan: {
    name: 'wan',
    rtoInitialMs: 500,
    rtoMinMs: 200,
    rtoMaxMs: 5000,
    sackDelayMs: 50,
    sackFrequency: 2,
    heartbeatIntervalMs: 2000,
    pathMaxRetransmits: 4,
    pfThreshold: 0,
    primarySwitchover: SWITCHOVER_OFF,
    associationMaxRetransmits: 40,
    initMaxAttempts: 5,
    initMaxTimeoutMs: 2000,
    beatMs: 500,
    beatJitterMs: 0,
    stallMs: 3000,
    outageMs: 8000,
    callDeadlineMs: limits.callDeadlineMs,
    configurationDeadlineMs: 10_000,
  },
  rfc: {
    name: 'rfc',
    rtoInitialMs: 3000,
    rtoMinMs: 1000,
    rtoMaxMs: 60000,
    sackDelayMs: 200,
    sackFrequency: 2,
    heartbeatIntervalMs: 30000,
    pathMaxRetransmits: 5,
    pfThreshold: 0,
    primarySwitchover: SWITCHOVER_OFF,
    associationMaxRetransmits: 10,
    initMaxAttempts: 8,
    initMaxTimeoutMs: 60000,
    beatMs: 2000,
    beatJitterMs: 0,
    stallMs: 10000,
    outageMs: 20000,
    callDeadlineMs: 20_000,
    configurationDeadlineMs: 30_000,
  },
  mesh: {
    name: 'mesh',
    rtoInitialMs: 300,
    rtoMinMs: 150,
    rtoMaxMs: 600,
    sackDelayMs: 50,
    sackFrequency: 2,
    heartbeatIntervalMs: 2000,
    pathMaxRetransmits: 4,
    pfThreshold: 0,
    primarySwitchover: SWITCHOVER_OFF,
    associationMaxRetransmits: 200,
    initMaxAttempts: 5,
    initMaxTimeoutMs: 2000,
    beatMs: 2000,
    beatJitterMs: 500,
    stallMs: 6000,
    outageMs: 10_000,
    callDeadlineMs: 12_000,
    configurationDeadlineMs: 18_000,
  },
};
