/**
 * The handshake as a pure machine: mutual proof that both ends hold the same cluster key, bound to
 * everything they said.
 *
 * ```
 * dialler                                   acceptor
 *   HELLO      who I am, nonce, public key  ->
 *              <-  CHALLENGE  who I am, nonce, public key
 *   RESPONSE   MAC(dialler)                 ->
 *                                             its owner is asked, and answers now or later
 *              <-  WELCOME    MAC(acceptor)
 *   any frame of a link                     ->
 * ```
 *
 * The last line is there because streams do not wait for each other: a message that the acceptor
 * sent right after its WELCOME could overtake it. So the acceptor's end is up only when it has
 * heard that the dialler's is. It waits for that as long as a path is active: the dialler has
 * proven who it is, and may be up by now; that its process is slow is a stall, and no end.
 *
 * Both MACs are HMAC-SHA-256 under a key derived from the cluster key, the X25519 secret and both
 * introductions as they were on the wire, over the role of the one who sends it. So neither can be
 * replayed in another session or reflected in the same. A REFUSE proves nothing: whoever receives
 * one gives this attempt up, and believes nothing else of it.
 */
import { type BackplaneError, type ErrorCode, LinkError, ProtocolError } from '../errors.js';
import { limits } from '../limits.js';
import { EphemeralKey, equalInConstantTime, hmacSha256, sha256 } from '../runtime/crypto.js';
import { compatible, type PeerTiming, timingOf } from '../timing/check.js';
import type { Profile } from '../timing/profiles.js';
import { FrameType, frameType } from '../wire/frame.js';
import {
  decodeHandshakeFrame,
  encodeIntroduction,
  encodeProof,
  encodeRefuse,
  type HandshakeFrame,
  type Introduction,
  isRefusalCode,
  NONCE_BYTES,
  type Offer,
} from '../wire/handshake-frames.js';
import { checkIdentity, disagreement, keyId, offerOf, otherCluster } from './agreement.js';
import type { LinkEnd, LocalIdentity, PeerIdentity } from './types.js';

/** What both ends know once the peer is authenticated. */
export interface Session {
  readonly peer: PeerIdentity;
  readonly linkNumber: number;
  readonly peerTiming: PeerTiming;
  /** Our timers for a link with this peer. */
  readonly profile: Profile;
  /** Level of security both ends agreed on. */
  readonly security: number;
  /**
   * What only the two ends know, made of the cluster key and the X25519 secret, and the hash of
   * both introductions: what keys of this session are derived from.
   */
  readonly secret: Buffer;
  readonly transcriptHash: Buffer;
}

export interface HandshakeOptions {
  readonly role: 'dialler' | 'acceptor';
  readonly local: LocalIdentity;
  /** 32 fresh random bytes each. */
  readonly nonce: Uint8Array;
  readonly keySeed: Uint8Array;
  /** Dialler only. */
  readonly expectedName?: string;
  readonly linkNumber?: number;
  /** The profile of a link with the peer of this name. Default: `local`'s for all. */
  readonly profileFor?: (peerName: string) => Profile;
}

export type HandshakeInput =
  /** The association is up: the time begins to count. */
  | { readonly type: 'up' }
  /** One SCTP message as it arrived. */
  | { readonly type: 'frame'; readonly data: Buffer }
  /** The owner's answer to 'authenticated'. */
  | { readonly type: 'accept' }
  | { readonly type: 'refuse'; readonly code: ErrorCode }
  /** The deadline may have passed. Whether any path of the association is active now. */
  | { readonly type: 'tick'; readonly pathActive: boolean };

export type HandshakeOutput =
  | { readonly type: 'send'; readonly frame: Buffer }
  /**
   * Acceptor: the peer has proven that it holds the key; the owner is to answer by 'accept' or
   * 'refuse'.
   */
  | { readonly type: 'authenticated'; readonly session: Session }
  /**
   * The link is up at this end. Nothing follows. At the acceptor the frame that led here is the
   * link's first, and is still to be read as such.
   */
  | { readonly type: 'up'; readonly session: Session }
  /**
   * It came to nothing. A 'send' of the REFUSE has come before, if there is one: let it leave, then
   * end the association. Nothing follows.
   */
  | { readonly type: 'end'; readonly end: LinkEnd; readonly error: BackplaneError };

type Phase = 'idle' | 'hello' | 'challenge' | 'response' | 'waiting' | 'confirm' | 'over';

const INTRODUCTION_CONTEXT = 'backplane handshake 1\n';
const SESSION_CONTEXT = 'backplane session 1\n';

/**
 * The machine. `step` takes inputs, `poll` gives outputs until null, `deadline` says when a 'tick'
 * is wanted.
 */
export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #offer: Offer;
  #profile: Profile;
  #timing: PeerTiming;
  #keyPair: EphemeralKey | null = null;
  readonly #outputs: HandshakeOutput[] = [];
  #phase: Phase = 'idle';
  #deadlineMs = Number.POSITIVE_INFINITY;
  #frames = 0;
  #bytes = 0;
  /**
   * The cluster key of this session: the dialler's first, or the acceptor's that has the id it was
   * given.
   */
  #key: Uint8Array;
  #mine: Introduction | null = null;
  #mineFrame: Buffer | null = null;
  #theirs: Introduction | null = null;
  #session: Session | null = null;
  #authKey: Buffer | null = null;
  /** SHA-256 of HELLO and CHALLENGE as they were on the wire. */
  #transcriptHash: Buffer = Buffer.alloc(0);

  /** @throws LinkError ERR_KEY_SHORT, ERR_ARGUMENT: an identity that cannot be put into a frame. */
  constructor(options: HandshakeOptions) {
    checkIdentity(options.local, options.linkNumber);
    if (options.nonce.length !== NONCE_BYTES) {
      throw new RangeError(`a nonce has ${NONCE_BYTES} bytes`);
    }
    this.#options = options;
    this.#offer = options.local.offer ?? offerOf(options.local.security ?? 'sealed');
    this.#profile = this.#profileFor(options.expectedName);
    this.#timing = timingOf(this.#profile);
    this.#key = options.local.keys[0] as Uint8Array;
  }

  /** Made when it is first needed: a stranger who says nothing is to cost as little as he can. */
  get #ephemeral(): EphemeralKey {
    this.#keyPair ??= new EphemeralKey(this.#options.keySeed);
    return this.#keyPair;
  }

  #profileFor(peerName: string | undefined): Profile {
    const { local, profileFor } = this.#options;
    if (profileFor === undefined || peerName === undefined) return local.profile;
    return profileFor(peerName);
  }

  /** When a 'tick' is wanted; Infinity when never. */
  deadline(): number {
    return this.#deadlineMs;
  }

  /** The next output, or null. */
  poll(): HandshakeOutput | null {
    return this.#outputs.shift() ?? null;
  }

  step(nowMs: number, input: HandshakeInput): void {
    if (this.#phase === 'over') return;
    switch (input.type) {
      case 'up':
        if (this.#phase === 'idle') this.#begin(nowMs);
        return;
      case 'frame':
        this.#frame(nowMs, input.data);
        return;
      case 'accept':
        if (this.#phase === 'waiting') this.#welcome(nowMs);
        return;
      case 'refuse':
        this.#refuse(input.code, new LinkError(input.code, 'refused by this end'));
        return;
      case 'tick':
        if (nowMs < this.#deadlineMs) return;
        if (this.#phase === 'confirm' && input.pathActive) this.#awaitConfirmation(nowMs);
        else this.#tooLate();
        return;
    }
  }

  #begin(nowMs: number): void {
    this.#deadlineMs = nowMs + limits.handshakeMs;
    if (this.#options.role === 'acceptor') {
      this.#phase = 'hello';
      return;
    }
    this.#phase = 'challenge';
    this.#introduce('hello', this.#options.linkNumber ?? 1);
  }

  #introduce(type: 'hello' | 'challenge', linkNumber: number): void {
    const { local, nonce } = this.#options;
    this.#mine = {
      offer: this.#offer,
      timing: this.#timing,
      linkNumber,
      incarnation: local.incarnation,
      nonce: Buffer.from(nonce),
      publicKey: this.#ephemeral.publicKey,
      keyId: keyId(this.#key),
      name: local.name,
      label: local.label,
    };
    this.#mineFrame = encodeIntroduction(type, this.#mine);
    this.#outputs.push({ type: 'send', frame: this.#mineFrame });
  }

  #frame(nowMs: number, data: Buffer): void {
    if (this.#phase === 'confirm') {
      this.#confirmation(data);
      return;
    }
    this.#frames++;
    this.#bytes += data.length;
    if (this.#frames > limits.handshakeFrames || this.#bytes > limits.handshakeBytes) {
      this.#refuse(
        'ERR_HANDSHAKE_LIMIT',
        new ProtocolError(
          'ERR_HANDSHAKE_LIMIT',
          `a peer that is not authenticated may send ${limits.handshakeFrames} frames and ` +
            `${limits.handshakeBytes} bytes`,
        ),
      );
      return;
    }
    let frame: HandshakeFrame;
    try {
      frame = decodeHandshakeFrame(data);
    } catch (error) {
      this.#refuse('ERR_PROTOCOL', error as ProtocolError);
      return;
    }
    if (frame.type === 'refuse') {
      this.#refusedByPeer(frame.code);
      return;
    }
    // Before versions are agreed on, a frame of a newer version is no error; the limits above count
    // it.
    if (frame.type === 'unknown') return;
    if (frame.type === 'hello' && this.#phase === 'hello') {
      this.#hello(data, frame.introduction);
      return;
    }
    if (frame.type === 'challenge' && this.#phase === 'challenge') {
      this.#challenge(nowMs, data, frame.introduction);
      return;
    }
    if (frame.type === 'response' && this.#phase === 'response') {
      this.#response(nowMs, frame.mac);
      return;
    }
    if (frame.type === 'welcome' && this.#phase === 'waiting') {
      this.#welcomed(frame.mac);
      return;
    }
    this.#refuseProtocol(`a ${frame.type} that nobody asked for`);
  }

  /** Acceptor. */
  #hello(data: Buffer, theirs: Introduction): void {
    // Only a claim as yet. What it gets for a false one are timers that nobody else's link has.
    this.#profile = this.#profileFor(theirs.name);
    this.#timing = timingOf(this.#profile);
    if (!this.#fits(theirs)) return;
    this.#phase = 'response';
    this.#introduce('challenge', theirs.linkNumber);
    this.#theirs = theirs;
    this.#transcript(data, this.#mineFrame as Buffer);
  }

  /** Dialler. */
  #challenge(nowMs: number, data: Buffer, theirs: Introduction): void {
    const { expectedName } = this.#options;
    if (!this.#fits(theirs)) return;
    if (expectedName !== undefined && theirs.name !== expectedName) {
      const error = new LinkError(
        'ERR_NAME_MISMATCH',
        `dialled ${JSON.stringify(expectedName)}, answered by ${JSON.stringify(theirs.name)}`,
      );
      this.#refuse('ERR_NAME_MISMATCH', error);
      return;
    }
    if (theirs.linkNumber !== this.#mine?.linkNumber) {
      this.#refuseProtocol('a CHALLENGE for another link');
      return;
    }
    this.#theirs = theirs;
    this.#transcript(this.#mineFrame as Buffer, data);
    if (!this.#derive()) return;
    this.#outputs.push({ type: 'send', frame: encodeProof('response', this.#mac('dialler')) });
    this.#wait(nowMs);
  }

  /** Acceptor. */
  #response(nowMs: number, mac: Buffer): void {
    if (!this.#derive()) return;
    if (!equalInConstantTime(mac, this.#mac('dialler'))) {
      this.#wrongKey();
      return;
    }
    const session = this.#session as Session;
    if (session.peer.name === this.#options.local.name) {
      const error = new LinkError('ERR_NAME_TAKEN', 'the peer has our own name');
      this.#refuse('ERR_NAME_TAKEN', error);
      return;
    }
    this.#wait(nowMs);
    this.#outputs.push({ type: 'authenticated', session });
  }

  /**
   * The acceptor's owner may have to ask another link first, for one stall time. Either end's,
   * whichever is longer.
   */
  #wait(nowMs: number): void {
    const stallMs = Math.max(this.#timing.stallMs, this.#theirs?.timing.stallMs ?? 0);
    this.#phase = 'waiting';
    this.#deadlineMs = nowMs + limits.handshakeMs + stallMs;
  }

  /** Acceptor. */
  #welcome(nowMs: number): void {
    if (this.#options.role !== 'acceptor') return;
    this.#outputs.push({ type: 'send', frame: encodeProof('welcome', this.#mac('acceptor')) });
    this.#awaitConfirmation(nowMs);
  }

  /** Acceptor. */
  #awaitConfirmation(nowMs: number): void {
    this.#phase = 'confirm';
    this.#deadlineMs = nowMs + limits.handshakeMs;
  }

  /** Acceptor: the peer is authenticated, so its first frame may be of any size. */
  #confirmation(data: Buffer): void {
    try {
      if (frameType(data) !== FrameType.refuse) {
        this.#over({ type: 'up', session: this.#session as Session });
        return;
      }
      const frame = decodeHandshakeFrame(data);
      if (frame.type === 'refuse') this.#refusedByPeer(frame.code);
    } catch (error) {
      this.#refuse('ERR_PROTOCOL', error as ProtocolError);
    }
  }

  #refusedByPeer(code: ErrorCode): void {
    this.#end('refused', new LinkError(code, 'refused by the peer'));
  }

  /** Dialler. */
  #welcomed(mac: Buffer): void {
    if (this.#options.role !== 'dialler') {
      this.#refuseProtocol('a WELCOME to an acceptor');
      return;
    }
    if (!equalInConstantTime(mac, this.#mac('acceptor'))) {
      this.#wrongKey();
      return;
    }
    this.#over({ type: 'up', session: this.#session as Session });
  }

  /** Whether we and the peer go together. When not, the peer has been told why. */
  #fits(theirs: Introduction): boolean {
    const { local, nonce } = this.#options;
    const publicKey = this.#ephemeral.publicKey;
    const isReflection = theirs.nonce.equals(nonce) || theirs.publicKey.equals(publicKey);
    const isOurself = theirs.name === local.name && theirs.incarnation === local.incarnation;
    if (isReflection || isOurself) {
      this.#refuseProtocol('our own words came back to us');
      return false;
    }
    const error =
      disagreement(this.#offer, theirs.offer) ??
      otherCluster(local.label, theirs.label) ??
      this.#chooseKey(theirs) ??
      compatible(this.#timing, theirs.timing);
    if (error !== null) this.#refuse(error.code, error);
    return error === null;
  }

  /** The key of the session: the dialler has chosen, the acceptor takes whichever it has. */
  #chooseKey(theirs: Introduction): BackplaneError | null {
    const { local, role } = this.#options;
    const candidates = role === 'acceptor' ? local.keys : [this.#key];
    const key = candidates.find((candidate) => keyId(candidate).equals(theirs.keyId));
    if (key === undefined) {
      return new LinkError('ERR_KEY_MISMATCH', 'the peer uses a cluster key that is not ours');
    }
    this.#key = key;
    return null;
  }

  #transcript(hello: Buffer, challenge: Buffer): void {
    // Both frames carry their own length, so one after the other they can be read in one way only.
    this.#transcriptHash = sha256(hello, challenge);
  }

  /**
   * Derives the key of both MACs; false, and refused, when the peer's public key contributes
   * nothing.
   */
  #derive(): boolean {
    const theirs = this.#theirs as Introduction;
    const sharedSecret = this.#ephemeral.sharedSecret(theirs.publicKey);
    if (sharedSecret === null) {
      this.#refuseProtocol('a public key of small order');
      return false;
    }
    const transcriptHash = this.#transcriptHash;
    const authParts = [INTRODUCTION_CONTEXT, sharedSecret, transcriptHash] as const;
    this.#authKey = hmacSha256(this.#key, ...authParts);
    this.#session = {
      peer: {
        name: theirs.name,
        incarnation: theirs.incarnation,
        version: Math.min(this.#offer.versionMax, theirs.offer.versionMax),
        features: (this.#offer.featuresSupported & theirs.offer.featuresSupported) >>> 0,
      },
      linkNumber: theirs.linkNumber,
      peerTiming: theirs.timing,
      profile: this.#profile,
      security: Math.min(this.#offer.securityMax, theirs.offer.securityMax),
      secret: hmacSha256(this.#key, SESSION_CONTEXT, sharedSecret, transcriptHash),
      transcriptHash,
    };
    return true;
  }

  #mac(role: 'dialler' | 'acceptor'): Buffer {
    return hmacSha256(this.#authKey as Buffer, role);
  }

  #wrongKey(): void {
    const error = new LinkError('ERR_KEY_MISMATCH', 'the peer does not hold our cluster key');
    this.#refuse('ERR_KEY_MISMATCH', error);
  }

  #refuseProtocol(what: string): void {
    this.#refuse('ERR_PROTOCOL', new ProtocolError('ERR_PROTOCOL', what));
  }

  #tooLate(): void {
    if (this.#options.role === 'dialler' || this.#phase === 'confirm') {
      this.#end('lost', new LinkError('ERR_TIMEOUT', 'the peer did not answer in time'));
      return;
    }
    if (this.#phase === 'waiting') {
      const error = new LinkError('ERR_TIMEOUT', 'the owner of this end did not answer in time');
      this.#refuse('ERR_TIMEOUT', error);
      return;
    }
    const error = new ProtocolError(
      'ERR_HANDSHAKE_LIMIT',
      `the peer was not authenticated within ${limits.handshakeMs} ms`,
    );
    this.#refuse('ERR_HANDSHAKE_LIMIT', error);
  }

  #refuse(code: ErrorCode, error: BackplaneError): void {
    const told = isRefusalCode(code) ? code : 'ERR_PROTOCOL';
    this.#outputs.push({ type: 'send', frame: encodeRefuse(told) });
    this.#end('refused', error);
  }

  #end(end: LinkEnd, error: BackplaneError): void {
    this.#over({ type: 'end', end, error });
  }

  #over(output: HandshakeOutput): void {
    this.#outputs.push(output);
    this.#phase = 'over';
    this.#deadlineMs = Number.POSITIVE_INFINITY;
  }
}
