/**
 * Options of an association, their defaults, and the checks that need no kernel. Every default is
 * written here and set explicitly, so that an association behaves the same whatever the host's
 * sysctls say. Times are milliseconds, sizes bytes.
 */
import { SctpError } from '../errors.js';
import { limits } from '../limits.js';

/**
 * The value that turns `pfThreshold` or `primarySwitchover` off (the largest the kernel's field
 * holds).
 */
export const THRESHOLD_OFF = 65535;

/**
 * Options of one association, or of all that a server accepts. Each left out has the default named
 * with it.
 */
export interface SctpOptions {
  /**
   * Streams asked for in each direction; the peer may grant fewer. Default 64 each
   * (limits.streams).
   */
  readonly streams?: { readonly outbound?: number; readonly inbound?: number };
  /**
   * How often INIT is repeated and how long one try may take (Max.Init.Retransmits). Defaults 8 and
   * 60000 (RFC 9260, section 16: 8 attempts, RTO.Max).
   */
  readonly init?: { readonly maxAttempts?: number; readonly maxTimeoutMs?: number };
  /**
   * RTO.Initial, RTO.Min, RTO.Max. Defaults 1000, 1000, 60000 (RFC 9260, section 16). A kernel with
   * 100 ticks a second does not go below 40 to 50 ms. With a minimum below 200 ms the peer's
   * `sack.delayMs` must be lowered to half of it or less, or each lone message is retransmitted.
   */
  readonly rto?: {
    readonly initialMs?: number;
    readonly minMs?: number;
    readonly maxMs?: number;
  };
  /**
   * Association.Max.Retrans (default 10) and Valid.Cookie.Life (default 60000), RFC 9260, section
   * 16. May exceed the sum of the paths' limits here, before the association exists; the kernel
   * refuses that later.
   */
  readonly association?: { readonly maxRetransmits?: number; readonly cookieLifeMs?: number };
  /** HEARTBEATs on idle paths: default enabled, every 30000 (HB.interval, RFC 9260, section 16). */
  readonly heartbeat?: { readonly enabled?: boolean; readonly intervalMs?: number };
  /**
   * Path.Max.Retrans: errors beyond which a path is inactive. Default 5 (RFC 9260, section 16). At
   * least 1.
   */
  readonly pathMaxRetransmits?: number;
  /**
   * PFMR: errors beyond which a path is potentially failed and new data goes elsewhere. Default 0
   * (RFC 7829, section 3). The kernel acts on it only while PFMR < errors < Path.Max.Retrans, so it
   * must be at most `pathMaxRetransmits` - 2; THRESHOLD_OFF turns the state off.
   */
  readonly pfThreshold?: number;
  /**
   * PSMR: errors beyond which another path becomes the primary for good (RFC 7829, section 5).
   * Default THRESHOLD_OFF: traffic returns to the primary path when it has healed. Not below
   * `pfThreshold`.
   */
  readonly primarySwitchover?: number;
  /**
   * Delayed SACK: at most `delayMs` (0 to 500) or `frequency` packets wait for it. Defaults 200 and
   * 2 (RFC 9260, section 6.2). Frequency 1 acknowledges each packet at once.
   */
  readonly sack?: { readonly delayMs?: number; readonly frequency?: number };
  /**
   * Sends at once instead of waiting for a full packet. Default true: Nagle's wait and a delayed
   * SACK together hold a message for 200 ms.
   */
  readonly noDelay?: boolean;
  /**
   * Which stream's message leaves next of those the kernel holds (RFC 8260, 3): `fcfs`, first come,
   * first served, or `round-robin`, a message of each stream in turn. Default `fcfs`.
   */
  readonly streamScheduler?: StreamScheduler;
  /**
   * SO_SNDBUF; also the limit of one message. Default 4 MiB (limits.socketBufferBytes): the kernel
   * charges a small message 1024 bytes, so its own default holds 208 of them.
   */
  readonly sendBufferBytes?: number;
  /**
   * SO_RCVBUF. Default 4 MiB: with the kernel's own 208 KiB a burst of small messages overruns the
   * receiver and 400 to 980 a second remain of 50000 (measured).
   */
  readonly receiveBufferBytes?: number;
  /** UDP port of the peer's encapsulation (RFC 6951). Default 0: SCTP directly on IP. */
  readonly udpEncapsulationPort?: number;
  /**
   * Largest message that is sent or reassembled. Default 16 MiB (limits.sctpMessageBytes), which is
   * also the most. Sending is bounded by the send buffer besides, see
   * `Association.maxMessageBytes`.
   */
  readonly maxMessageBytes?: number;
  /**
   * `send` returns false while more than this waits in our own queue; `drain` comes when it has
   * fallen to a quarter. Default 4 MiB (limits.sendQueueHighWaterBytes).
   */
  readonly sendQueueHighWaterBytes?: number;
}

/** What can still be changed while an association lives, see `Association.retime`. */
export type TimerOptions = Pick<
  SctpOptions,
  | 'rto'
  | 'association'
  | 'heartbeat'
  | 'pathMaxRetransmits'
  | 'pfThreshold'
  | 'primarySwitchover'
  | 'sack'
  | 'sendBufferBytes'
>;

/** Schedulers of RFC 8260 that need no further settings. */
export type StreamScheduler = 'fcfs' | 'round-robin';

/** How one message is sent. */
export interface SendOptions {
  /** 0 to `outboundStreams` - 1. Default 0. */
  readonly stream?: number;
  /** Payload protocol identifier for the peer, 32 bits. Default 0, "unspecified". */
  readonly ppid?: number;
  /** May overtake other messages of its stream. Default false. */
  readonly unordered?: boolean;
  /** Asks the peer to acknowledge at once (RFC 7053). Default false. */
  readonly sackNow?: boolean;
  /** A number of yours, 32 bits, that comes back in `sendFailed`. Default 0. */
  readonly context?: number;
}

/** The same with nothing left out. */
export interface ResolvedOptions {
  readonly streams: { readonly outbound: number; readonly inbound: number };
  readonly init: { readonly maxAttempts: number; readonly maxTimeoutMs: number };
  readonly rto: { readonly initialMs: number; readonly minMs: number; readonly maxMs: number };
  readonly association: { readonly maxRetransmits: number; readonly cookieLifeMs: number };
  readonly heartbeat: { readonly enabled: boolean; readonly intervalMs: number };
  readonly pathMaxRetransmits: number;
  readonly pfThreshold: number;
  readonly primarySwitchover: number;
  readonly sack: { readonly delayMs: number; readonly frequency: number };
  readonly noDelay: boolean;
  readonly streamScheduler: StreamScheduler;
  readonly sendBufferBytes: number;
  readonly receiveBufferBytes: number;
  readonly udpEncapsulationPort: number;
  readonly maxMessageBytes: number;
  readonly sendQueueHighWaterBytes: number;
}

/** What holds where nothing is said. */
export const defaultOptions: ResolvedOptions = {
  streams: { outbound: limits.streams, inbound: limits.streams },
  init: { maxAttempts: 8, maxTimeoutMs: 60_000 },
  rto: { initialMs: 1000, minMs: 1000, maxMs: 60_000 },
  association: { maxRetransmits: 10, cookieLifeMs: 60_000 },
  heartbeat: { enabled: true, intervalMs: 30_000 },
  pathMaxRetransmits: 5,
  pfThreshold: 0,
  primarySwitchover: THRESHOLD_OFF,
  sack: { delayMs: 200, frequency: 2 },
  noDelay: true,
  streamScheduler: 'fcfs',
  sendBufferBytes: limits.socketBufferBytes,
  receiveBufferBytes: limits.socketBufferBytes,
  udpEncapsulationPort: 0,
  maxMessageBytes: limits.sctpMessageBytes,
  sendQueueHighWaterBytes: limits.sendQueueHighWaterBytes,
};

const STREAM_SCHEDULERS: readonly StreamScheduler[] = ['fcfs', 'round-robin'];

function rejected(option: string, why: string): SctpError {
  return new SctpError('ERR_OPTION_REJECTED', `option ${option}: ${why}`);
}

type Range = readonly [option: string, value: unknown, min: number, max: number];

/** Bounds of the fields the kernel keeps them in, where no RFC sets closer ones. */
function ranges(options: ResolvedOptions): readonly Range[] {
  const { streams, init, rto, association, heartbeat, sack } = options;
  const ms = 0x7fffffff;
  return [
    ['streams.outbound', streams.outbound, 1, 65535],
    ['streams.inbound', streams.inbound, 1, 65535],
    ['init.maxAttempts', init.maxAttempts, 1, 65535],
    ['init.maxTimeoutMs', init.maxTimeoutMs, 1, 65535],
    ['rto.initialMs', rto.initialMs, 1, ms],
    ['rto.minMs', rto.minMs, 1, ms],
    ['rto.maxMs', rto.maxMs, 1, ms],
    ['association.maxRetransmits', association.maxRetransmits, 1, 65535],
    ['association.cookieLifeMs', association.cookieLifeMs, 1, ms],
    ['heartbeat.intervalMs', heartbeat.intervalMs, 0, ms],
    ['pathMaxRetransmits', options.pathMaxRetransmits, 1, 65535],
    ['pfThreshold', options.pfThreshold, 0, THRESHOLD_OFF],
    ['primarySwitchover', options.primarySwitchover, 0, THRESHOLD_OFF],
    ['sack.delayMs', sack.delayMs, 0, 500],
    ['sack.frequency', sack.frequency, 1, 65535],
    ['sendBufferBytes', options.sendBufferBytes, 1, 0x3fffffff],
    ['receiveBufferBytes', options.receiveBufferBytes, 1, 0x3fffffff],
    ['udpEncapsulationPort', options.udpEncapsulationPort, 0, 65535],
    ['maxMessageBytes', options.maxMessageBytes, 1, limits.sctpMessageBytes],
    ['sendQueueHighWaterBytes', options.sendQueueHighWaterBytes, 1, limits.sendQueueHardBytes],
  ];
}

/** What single ranges cannot say. */
function checkTogether(options: ResolvedOptions): void {
  const { rto, sack, pathMaxRetransmits, pfThreshold, primarySwitchover } = options;
  if (rto.minMs > rto.maxMs || rto.initialMs > rto.maxMs || rto.initialMs < rto.minMs) {
    throw rejected('rto', 'minMs <= initialMs <= maxMs must hold');
  }
  if (sack.delayMs === 0 && sack.frequency !== 1) {
    throw rejected('sack', 'to acknowledge at once set frequency to 1, not delayMs to 0');
  }
  if (pfThreshold !== THRESHOLD_OFF && pfThreshold > pathMaxRetransmits - 2) {
    const most = pathMaxRetransmits - 2;
    const remedy = most < 0 ? 'pathMaxRetransmits must be 2 or more' : `at most ${most} works`;
    throw rejected(
      'pfThreshold',
      `${pfThreshold} has no effect with pathMaxRetransmits ${pathMaxRetransmits}: ${remedy}; ` +
        `${THRESHOLD_OFF} turns the state off`,
    );
  }
  if (primarySwitchover < pfThreshold) {
    throw rejected('primarySwitchover', `${primarySwitchover} is below pfThreshold ${pfThreshold}`);
  }
}

/** Lays what was given over a group of defaults; undefined counts as left out. */
function over<T extends object>(defaults: T, given: Partial<T> | undefined): T {
  const defined = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(defined) };
}

/**
 * Fills in the defaults and checks everything that can be known without the kernel.
 * @throws SctpError ERR_OPTION_REJECTED, naming the option.
 */
export function resolveOptions(given: SctpOptions = {}): ResolvedOptions {
  const base = defaultOptions;
  const options: ResolvedOptions = {
    streams: over(base.streams, given.streams),
    init: over(base.init, given.init),
    rto: over(base.rto, given.rto),
    association: over(base.association, given.association),
    heartbeat: over(base.heartbeat, given.heartbeat),
    pathMaxRetransmits: given.pathMaxRetransmits ?? base.pathMaxRetransmits,
    pfThreshold: given.pfThreshold ?? base.pfThreshold,
    primarySwitchover: given.primarySwitchover ?? base.primarySwitchover,
    sack: over(base.sack, given.sack),
    noDelay: given.noDelay ?? base.noDelay,
    streamScheduler: given.streamScheduler ?? base.streamScheduler,
    sendBufferBytes: given.sendBufferBytes ?? base.sendBufferBytes,
    receiveBufferBytes: given.receiveBufferBytes ?? base.receiveBufferBytes,
    udpEncapsulationPort: given.udpEncapsulationPort ?? base.udpEncapsulationPort,
    maxMessageBytes: given.maxMessageBytes ?? base.maxMessageBytes,
    sendQueueHighWaterBytes: given.sendQueueHighWaterBytes ?? base.sendQueueHighWaterBytes,
  };
  for (const [option, value, min, max] of ranges(options)) {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      throw rejected(option, `${String(value)} is not a whole number from ${min} to ${max}`);
    }
  }
  for (const [option, value] of [
    ['noDelay', options.noDelay],
    ['heartbeat.enabled', options.heartbeat.enabled],
  ] as const) {
    if (typeof value !== 'boolean') throw rejected(option, `${String(value)} is not a boolean`);
  }
  if (!STREAM_SCHEDULERS.includes(options.streamScheduler)) {
    const known = STREAM_SCHEDULERS.join(' or ');
    throw rejected('streamScheduler', `${String(options.streamScheduler)} is not ${known}`);
  }
  checkTogether(options);
  return options;
}
