/** Carries a link's frames over an SCTP association, and says which options a profile means. */
import { SctpError } from '../errors.js';
import type { Association, PathEvent, SctpOptions, TimerOptions } from '../sctp/index.js';
import type { Profile } from '../timing/profiles.js';
import type {
  Carrier,
  CarrierEnd,
  CarrierHandlers,
  CarrierPath,
  CarrierSendOptions,
  CarrierStatistics,
} from './carrier.js';

/** A SACK for every message, not for every packet of it: see `SctpCarrier.send`. */
const AT_ONCE = 1;
const LEAST_SACK_FREQUENCY = 2;

/**
 * The options of an association that runs by this profile; for `connect` and `listen` alike. Beat,
 * stall and outage are the link's own and have no option.
 */
export function associationOptions(profile: Profile): SctpOptions {
  return {
    rto: { initialMs: profile.rtoInitialMs, minMs: profile.rtoMinMs, maxMs: profile.rtoMaxMs },
    sack: {
      delayMs: profile.sackDelayMs,
      frequency: Math.max(LEAST_SACK_FREQUENCY, profile.sackFrequency),
    },
    heartbeat: { intervalMs: profile.heartbeatIntervalMs },
    pathMaxRetransmits: profile.pathMaxRetransmits,
    pfThreshold: profile.pfThreshold,
    primarySwitchover: profile.primarySwitchover,
    // Small messages of other keys pass the pieces of a large one that the kernel holds already.
    streamScheduler: 'round-robin',
    association: { maxRetransmits: profile.associationMaxRetransmits },
    init: { maxAttempts: profile.initMaxAttempts, maxTimeoutMs: profile.initMaxTimeoutMs },
  };
}

/** A Carrier over one association, which it takes over: nobody else sends on it or ends it. */
export class SctpCarrier implements Carrier {
  readonly #association: Association;
  readonly #optionsOf: (profile: Profile) => TimerOptions;
  #sackNow: boolean;
  #handlers: CarrierHandlers | null = null;
  #isUp = false;
  #ended = false;
  /** As they were read in this turn. */
  #paths: readonly CarrierPath[] | null = null;
  readonly #forgetPaths = (): void => {
    this.#paths = null;
  };

  /**
   * @param profile what the association was made with
   * @param optionsOf What a profile means for this association.
   */
  constructor(
    association: Association,
    profile: Profile,
    optionsOf: (profile: Profile) => TimerOptions = associationOptions,
  ) {
    this.#association = association;
    this.#optionsOf = optionsOf;
    this.#sackNow = profile.sackFrequency === AT_ONCE;
  }

  get outboundStreams(): number {
    return this.#association.outboundStreams;
  }

  get inboundStreams(): number {
    return this.#association.inboundStreams;
  }

  get queuedBytes(): number {
    return this.#association.queuedBytes;
  }

  get remoteAddress(): string {
    return this.#association.remoteAddress;
  }

  /** Read once in a turn, and after what changes them: it is several system calls. */
  get paths(): readonly CarrierPath[] {
    if (this.#paths === null) {
      this.#paths = this.#readPaths();
      process.nextTick(this.#forgetPaths);
    }
    return this.#paths;
  }

  #readPaths(): readonly CarrierPath[] {
    return this.#association.paths.map(({ address, state, primary, rttMs, rtoMs, cwndBytes }) => ({
      address,
      // What the engine cannot name does not count as usable.
      state: state === 'unknown' ? 'inactive' : state,
      primary,
      rttMs,
      rtoMs,
      cwndBytes,
    }));
  }

  /**
   * Gives the handlers; once.
   * @throws SctpError ERR_STATE at the second time.
   */
  attach(handlers: CarrierHandlers): void {
    if (this.#handlers !== null) throw new SctpError('ERR_STATE', 'the carrier has its handlers');
    this.#handlers = handlers;
    const association = this.#association;
    association.on('message', (data, info) => {
      const isKept = !this.#ended && handlers.onMessage(info.stream, data);
      if (!isKept) info.release();
    });
    association.on('path', (event) => {
      this.#forgetPaths();
      this.#path(event);
    });
    association.on('drain', () => {
      if (!this.#ended) handlers.onDrain();
    });
    association.on('sendFailed', ({ sent, context, data }) => {
      if (!this.#ended && !sent) handlers.onUnsent(context, data.length);
    });
    association.on('up', () => this.#up());
    association.on('restart', () => this.#restarted());
    association.on('lost', (loss) => this.#end('lost', loss.error));
    association.on('close', () => this.#end('closed', null));
    if (association.state === 'up') this.#up();
    if (association.state === 'closed') this.#end('closed', null);
  }

  /**
   * Where a profile wants SACKs at once, each message asks for its own with its last packet (RFC
   * 7053). A receiver that sent one for every packet would send dozens for 64 KiB.
   */
  send(stream: number, data: Uint8Array, options: CarrierSendOptions = {}): boolean {
    return this.#association.send(data, { stream, sackNow: this.#sackNow, ...options });
  }

  drain(): void {
    this.#association.drain();
  }

  retime(profile: Profile): void {
    this.#sackNow = profile.sackFrequency === AT_ONCE;
    this.#association.retime(this.#optionsOf(profile));
  }

  shutdown(): void {
    void this.#association.shutdown();
  }

  abort(): void {
    this.#forgetPaths();
    this.#ended = true;
    this.#association.abort();
  }

  statistics(): CarrierStatistics | null {
    try {
      const { sentChunks, retransmittedChunks } = this.#association.statistics();
      return { sentChunks, retransmittedChunks };
    } catch (error) {
      // The association is over, or this kernel does not count.
      if (!(error instanceof SctpError)) throw error;
      return null;
    }
  }

  setPrimary(address: string): void {
    this.#forgetPaths();
    this.#association.setPrimary(address);
  }

  get localAddresses(): readonly string[] {
    return this.#association.localAddresses;
  }

  addLocalAddresses(addresses: readonly string[]): void {
    this.#association.addLocalAddresses(addresses);
  }

  removeLocalAddresses(addresses: readonly string[]): void {
    this.#association.removeLocalAddresses(addresses);
  }

  #up(): void {
    if (this.#isUp || this.#ended) return;
    this.#forgetPaths();
    this.#isUp = true;
    this.#handlers!.onUp();
  }

  #path(event: PathEvent): void {
    const { address, change } = event;
    if (!this.#ended && change !== 'unknown') this.#handlers!.onPath({ address, change });
  }

  /**
   * Neither keys nor sequences survive a restart, so this association is of no more use to a link.
   */
  #restarted(): void {
    const { remoteAddress } = this.#association;
    const error = new SctpError(
      'ERR_ASSOCIATION_RESTARTED',
      `peer ${remoteAddress} restarted the association`,
      { address: remoteAddress },
    );
    this.#association.abort();
    this.#end('restarted', error);
  }

  #end(end: CarrierEnd, error: Error | null): void {
    if (this.#ended) return;
    this.#forgetPaths();
    this.#ended = true;
    this.#handlers!.onEnd(end, error);
  }
}
