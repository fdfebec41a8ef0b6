/** A consistent set of all timers of one node (or one link). Times in milliseconds. */
export interface Profile {
  readonly name: string;
  /** RTO.Initial, RTO.Min, RTO.Max (RFC 9260, 16). */
  readonly rtoInitialMs: number;
  readonly rtoMinMs: number;
  readonly rtoMaxMs: number;
  /** Delayed SACK (RFC 9260, 6.2). Frequency 1 acknowledges every packet at once. */
  readonly sackDelayMs: number;
  readonly sackFrequency: number;
  /** HB.interval (RFC 9260, 8.3). */
  readonly heartbeatIntervalMs: number;
  /** Path.Max.Retrans. */
  readonly pathMaxRetransmits: number;
  /** PFMR, the threshold of potentially failed (RFC 7829). */
  readonly pfThreshold: number;
  /** PSMR, primary path switch-over (RFC 7829, 5); 65535 is off: traffic returns to the primary when it heals. */
  readonly primarySwitchover: number;
  /** Association.Max.Retrans. */
  readonly associationMaxRetransmits: number;
  /** Max.Init.Retransmits and its longest timeout. */
  readonly initMaxAttempts: number;
  readonly initMaxTimeoutMs: number;
  /** A frame leaves at least this often. */
  readonly beatMs: number;
  /** No frame for this long while a path is active: stalled. */
  readonly stallMs: number;
  /** No frame for this long and no path active: lost. */
  readonly outageMs: number;
}
