/**
 * One link: drives the handshake and then the liveness machine over a carrier, and carries
 * messages. It decides nothing that a machine could decide, and nothing a peer sends makes it
 * throw.
 */
import createDebug from 'debug';
import { BackplaneError, type ErrorCode, LinkError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { aes256Gcm } from '../runtime/crypto.js';
import type { Timer } from '../runtime/index.js';
import type { Profile } from '../timing/profiles.js';
import { isRefusalCode, SecurityLevel } from '../wire/handshake-frames.js';
import type { Carrier, CarrierEnd, CarrierPath, CarrierPathEvent } from './carrier.js';
import { Exchange } from './exchange.js';
import { Handshake, type HandshakeInput, type HandshakeOutput, type Session } from './handshake.js';
import { Liveness, type LivenessInput } from './liveness.js';
import { Probes } from './probes.js';
import { LINK_STREAM } from './streams.js';
import { type LinkTraffic, NO_TRAFFIC } from './traffic.js';
import type {
  Link,
  LinkEnd,
  LinkOptions,
  MessageOptions,
  Outcome,
  PeerIdentity,
  UserMessage,
} from './types.js';
import { Wakes } from './wakes.js';

const log = createDebug('backplane:link');

const TICK = { type: 'tick' } as const;
const DRAINED = { type: 'drained' } as const;

/** How the link will have ended once its carrier has. */
interface Ending {
  readonly end: LinkEnd;
  readonly error: BackplaneError | null;
}

/**
 * `leaving`: nothing new is sent; what was is delivered and acknowledged. `ending`: the carrier is
 * given time to deliver the last of it.
 */
type Phase = 'handshake' | 'waiting' | 'up' | 'leaving' | 'ending' | 'ended';

/**
 * Makes a link over a carrier. The dialler begins the handshake as soon as the carrier is up.
 *
 * @throws LinkError ERR_KEY_SHORT, ERR_ARGUMENT: `local` or `linkNumber` cannot be used.
 */
export function createLink(options: LinkOptions): Link {
  return new CarriedLink(options);
}

class CarriedLink implements Link {
  readonly role: 'dialler' | 'acceptor';
  readonly #options: LinkOptions;
  readonly #carrier: Carrier;
  readonly #handshake: Handshake;
  readonly #probes: Probes;
  #phase: Phase = 'handshake';
  #session: Session | null = null;
  #liveness: Liveness | null = null;
  #exchange: Exchange | null = null;
  #ending: Ending | null = null;
  readonly #wakes: Wakes;
  /** When it is woken; Infinity when not. */
  #wakeAtMs = Number.POSITIVE_INFINITY;
  readonly #wake = (nowMs: number): void => {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    // Timers run before the poll for I/O: what the handshake waits for may be in the socket.
    if (this.#liveness === null) this.#carrier.drain();
    if (this.#liveness === null) {
      this.#stepHandshake({ type: 'tick', pathActive: this.#hasActivePath() });
    } else {
      this.#stepLiveness(TICK, nowMs);
    }
  };
  #endTimer: Timer | null = null;
  /** The peer has asked for a sign of life. */
  #isProbed = false;

  constructor(options: LinkOptions) {
    const { role, carrier, local, runtime, expectedName, linkNumber, profileFor } = options;
    const secrets = runtime.random.bytes(64);
    this.role = role;
    this.#options = options;
    this.#carrier = carrier;
    this.#wakes = Wakes.of(runtime);
    this.#probes = new Probes(runtime.timers, () => carrier.drain());
    this.#handshake = new Handshake({
      role,
      local,
      nonce: secrets.subarray(0, 32),
      keySeed: secrets.subarray(32),
      ...(expectedName === undefined ? {} : { expectedName }),
      ...(linkNumber === undefined ? {} : { linkNumber }),
      ...(profileFor === undefined ? {} : { profileFor }),
    });
    carrier.attach({
      onUp: () => {
        options.handlers.onAssociation?.();
        this.#stepHandshake({ type: 'up' });
      },
      onMessage: (stream, data) => this.#receive(stream, data),
      onUnsent: (context, bytes) => this.#exchange?.givenBack(context, bytes),
      onPath: (event) => this.#path(event),
      onEnd: (end, error) => this.#carrierEnded(end, error),
      onDrain: () => this.#exchange?.drained(),
    });
  }

  get state(): Link['state'] {
    return this.#phase === 'leaving' || this.#phase === 'ending' ? 'ended' : this.#phase;
  }

  get peer(): PeerIdentity | null {
    return this.#session?.peer ?? null;
  }

  get linkNumber(): number {
    return this.#session?.linkNumber ?? this.#options.linkNumber ?? 0;
  }

  get profile(): Profile {
    return this.#session?.profile ?? this.#options.local.profile;
  }

  get stalled(): boolean {
    return this.#liveness?.stalled ?? false;
  }

  get paths(): readonly CarrierPath[] {
    return this.#carrier.paths;
  }

  get traffic(): LinkTraffic {
    return this.#exchange?.traffic ?? NO_TRAFFIC;
  }

  get remoteAddress(): string {
    return this.#carrier.remoteAddress;
  }

  get ending(): LinkEnd | null {
    return this.#ending?.end ?? null;
  }

  accept(): void {
    if (this.#isOver()) return;
    if (this.#phase !== 'waiting' || this.role !== 'acceptor') {
      throw new LinkError('ERR_STATE', 'only an authenticated peer can be accepted');
    }
    this.#stepHandshake({ type: 'accept' });
  }

  refuse(code: ErrorCode): void {
    if (this.#isOver()) return;
    if (!isRefusalCode(code)) {
      throw new LinkError('ERR_ARGUMENT', `${code} is not a reason to refuse a link`);
    }
    if (this.#phase === 'up') throw new LinkError('ERR_STATE', 'the link is up');
    this.#stepHandshake({ type: 'refuse', code });
  }

  send(message: UserMessage, options: MessageOptions, done?: (outcome: Outcome) => void): boolean {
    if (this.#phase !== 'up' || this.#ending !== null || this.#exchange === null) {
      throw new LinkError('ERR_NO_LINK', 'the link is not up');
    }
    return this.#exchange.send(message, options, done);
  }

  probe(withinMs: number, done: (alive: boolean) => void): void {
    if (this.#phase !== 'up') {
      this.#options.runtime.timers.after(0, () => done(false));
      return;
    }
    this.#probes.add(withinMs, done);
    this.#exchange?.sign('probe');
  }

  leave(): void {
    if (this.#isOver()) return;
    const error = new LinkError(
      'ERR_TIMEOUT',
      `the peer did not let go within ${limits.leaveMs} ms`,
    );
    const wasUp = this.#phase === 'up';
    this.#ending ??= { end: 'closed', error: null };
    this.#stopTimer();
    this.#phase = 'leaving';
    this.#endWithin(limits.leaveMs, { end: this.#ending.end, error });
    if (!wasUp || this.#exchange?.isSettled === true) this.#shutdown();
    // The answer brings the acknowledgements that would wait for a beat.
    else this.#exchange?.sign('probe');
  }

  /** Everything is acknowledged: the orderly end. */
  #shutdown(): void {
    if (this.#phase !== 'leaving') return;
    this.#exchange?.sign('leave');
    this.#phase = 'ending';
    this.#carrier.shutdown();
  }

  abort(): void {
    if (this.#phase === 'ended') return;
    this.#stop();
    this.#carrier.abort();
    this.#exchange?.end(this.#carrier.queuedBytes);
  }

  #isOver(): boolean {
    return this.#phase === 'leaving' || this.#phase === 'ending' || this.#phase === 'ended';
  }

  // --- handshake

  #stepHandshake(input: HandshakeInput): void {
    const nowMs = this.#options.runtime.clock.turnMs();
    this.#handshake.step(nowMs, input);
    for (;;) {
      const output = this.#isOver() ? null : this.#handshake.poll();
      if (output === null) break;
      this.#handshakeOutput(output);
    }
    this.#arm(nowMs);
  }

  #handshakeOutput(output: HandshakeOutput): void {
    switch (output.type) {
      case 'send':
        this.#sendFrame(output.frame);
        return;
      case 'authenticated':
        this.#phase = 'waiting';
        this.#session = output.session;
        this.#options.handlers.onAuthenticated(output.session.peer, output.session.linkNumber);
        return;
      case 'up':
        this.#up(output.session);
        return;
      case 'end':
        log('%s %s: %s %s', this.role, this.remoteAddress, output.end, output.error.code);
        this.#endByHandshake(output);
        return;
    }
  }

  #up(session: Session): void {
    const { runtime, handlers } = this.#options;
    try {
      this.#exchange = this.#newExchange(session);
    } catch (error) {
      this.#protocolError(error as ProtocolError);
      return;
    }
    this.#session = session;
    this.#phase = 'up';
    const { profile } = session;
    const seed = profile.beatJitterMs === 0 ? 0 : runtime.random.bytes(4).readUInt32LE();
    this.#liveness = new Liveness(runtime.clock.turnMs(), profile, this.#hasActivePath(), seed);
    log(
      '%s %s: up with %s, link %d',
      this.role,
      this.remoteAddress,
      session.peer.name,
      this.linkNumber,
    );
    // The acceptor waits for the dialler's first frame.
    if (this.role === 'dialler') this.#exchange.sign('beat');
    handlers.onUp(session.peer);
  }

  #newExchange(session: Session): Exchange {
    const { runtime, handlers, aead } = this.#options;
    const isSealed = session.security >= SecurityLevel.sealed;
    return new Exchange({
      role: this.role,
      carrier: this.#carrier,
      session,
      aead: isSealed ? (aead ?? aes256Gcm) : null,
      runtime,
      handlers: {
        onMessage: (message) => handlers.onMessage(message),
        onSign: (sign) => this.#sign(sign),
        onSpoke: () => this.#liveness?.spoke(),
        onDrain: () => {
          if (this.#phase === 'up') handlers.onDrain();
        },
        onSettled: () => this.#shutdown(),
        isOver: () => this.#phase === 'ended',
      },
    });
  }

  #endByHandshake(ending: Ending): void {
    if (ending.end !== 'refused') {
      this.#carrier.abort();
      this.#finish(ending);
      return;
    }
    // An orderly end lets the REFUSE arrive; the link is over when the carrier is.
    this.#ending = ending;
    this.#stopTimer();
    this.#phase = 'ending';
    this.#endWithin(limits.refuseLingerMs, ending);
    this.#carrier.shutdown();
  }

  // --- receiving

  /** Returns whether the memory of `data` may still be in use. */
  #receive(stream: number, data: Buffer): boolean {
    if (this.#phase === 'handshake' || this.#phase === 'waiting') {
      this.#stepHandshake({ type: 'frame', data });
      // The frame that told the acceptor that the dialler is up is the link's first.
      const isFirst = this.role === 'acceptor' && this.state === 'up';
      if (!isFirst) return true;
    }
    if (this.#phase === 'ended' || this.#exchange === null) return false;
    let isKept: boolean;
    try {
      isKept = this.#exchange.receive(stream, data);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#protocolError(error);
      return true;
    }
    // One answer for all probes of a bundle: each costs us more than it costs the peer.
    if (this.#isProbed && (this.#phase === 'up' || this.#phase === 'leaving'))
      this.#exchange.sign('beat');
    this.#isProbed = false;
    // Only what could be opened is a sign of the peer's life.
    if (this.#liveness?.heard() === true) this.#stepLiveness(TICK);
    this.#probes.answered();
    return isKept;
  }

  #sign(sign: 'beat' | 'probe' | 'leave'): void {
    switch (sign) {
      case 'probe':
        this.#isProbed = true;
        return;
      case 'leave':
        this.#peerLeaves();
        return;
      case 'beat':
        return;
    }
  }

  #protocolError(error: ProtocolError): void {
    log('%s %s: %s %s', this.role, this.remoteAddress, error.code, error.message);
    this.#carrier.abort();
    this.#finish(this.#ending ?? { end: 'lost', error });
  }

  /** LEAVE may overtake messages on other streams: they are handled until the carrier ends. */
  #peerLeaves(): void {
    if (this.#ending !== null) return;
    this.#ending = { end: 'left', error: null };
    this.#endWithin(limits.leaveMs, this.#ending);
  }

  // --- liveness

  #path(event: CarrierPathEvent): void {
    if (this.#phase === 'ended') return;
    this.#stepLiveness({ type: 'paths', active: this.#hasActivePath() });
    // The step may have ended the link.
    if (!this.#isOver()) this.#options.handlers.onPath(event);
  }

  /** A carrier that knows of no paths has one that works as long as it does. */
  #hasActivePath(): boolean {
    const { paths } = this.#carrier;
    return paths.length === 0 || paths.some((path) => path.state === 'active');
  }

  #stepLiveness(input: LivenessInput, nowMs = this.#options.runtime.clock.turnMs()): void {
    const liveness = this.#liveness;
    if (liveness === null || this.#phase !== 'up') return;
    const { handlers, runtime } = this.#options;
    liveness.step(nowMs, input);
    this.#exchange?.tick(nowMs);
    for (;;) {
      const output = this.state === 'up' ? liveness.poll() : null;
      if (output === null) break;
      switch (output) {
        case 'beat':
          this.#exchange?.sign('beat');
          break;
        case 'drain':
          this.#carrier.drain();
          liveness.step(runtime.clock.nowMs(), DRAINED);
          break;
        case 'stalled':
          log('%s: stalled', this.peer?.name);
          handlers.onStalled();
          break;
        case 'resumed':
          log('%s: resumed', this.peer?.name);
          handlers.onResumed();
          break;
        case 'lost':
          this.#outage();
          break;
      }
    }
    this.#arm(nowMs);
  }

  #outage(): void {
    const { outageMs } = this.profile;
    const error = new LinkError('ERR_LINK_DOWN', `no active path and no frame for ${outageMs} ms`);
    log('%s: %s', this.peer?.name, error.message);
    this.#carrier.abort();
    this.#finish(this.#ending ?? { end: 'lost', error });
  }

  /** A frame of the handshake. A carrier that does not take it will say how it ends. */
  #sendFrame(frame: Buffer): void {
    try {
      this.#carrier.send(LINK_STREAM, frame);
    } catch (error) {
      // Full, closed, or on its way there because the peer is shutting it down.
      if (!(error instanceof BackplaneError)) throw error;
    }
  }

  // --- time and end

  /**
   * Deadlines move away with every frame, so a timer that fires early is the rule, and is cheaper
   * than moving it each time.
   */
  #arm(nowMs: number): void {
    if (this.#isOver()) return;
    const deadlineMs = (this.#liveness ?? this.#handshake).deadline();
    if (deadlineMs >= this.#wakeAtMs) return;
    this.#stopTimer();
    this.#wakeAtMs = deadlineMs;
    this.#wakes.add(nowMs, deadlineMs, this.#wake);
  }

  #stopTimer(): void {
    this.#wakes.remove(this.#wakeAtMs, this.#wake);
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
  }

  /** Gives the carrier this long to end by itself. */
  #endWithin(delayMs: number, ending: Ending): void {
    this.#endTimer?.cancel();
    this.#endTimer = this.#options.runtime.timers.after(delayMs, () => {
      this.#carrier.abort();
      this.#finish(ending);
    });
  }

  #carrierEnded(end: CarrierEnd, error: Error | null): void {
    if (this.#phase === 'ended') return;
    // The kernel keeps a restarted association alive, but keys and sequences never survive one.
    if (end === 'restarted') this.#carrier.abort();
    this.#finish(this.#ending ?? { end, error: asBackplaneError(error) });
  }

  #finish(ending: Ending): void {
    this.#stop();
    log('%s %s: ended, %s', this.role, this.remoteAddress, ending.end);
    this.#exchange?.end(this.#carrier.queuedBytes);
    this.#options.handlers.onEnd(ending.end, ending.error);
  }

  #stop(): void {
    this.#phase = 'ended';
    this.#stopTimer();
    this.#endTimer?.cancel();
    this.#endTimer = null;
    this.#probes.stop();
  }
}

function asBackplaneError(error: Error | null): BackplaneError | null {
  if (error === null || error instanceof BackplaneError) return error;
  return new LinkError('ERR_ASSOCIATION_LOST', error.message, { cause: error });
}
